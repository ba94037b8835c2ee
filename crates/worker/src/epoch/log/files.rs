//! Where a log's segments stand: a directory of the machine, or one that a test makes up.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FallocateFlags, fallocate};

use crate::append_file::AppendFile;

const RESERVE: &str = "reserve";

/// A directory of segments.
pub trait LogFiles: Send + Sync {
    /// Its path, for people.
    fn directory(&self) -> &Path;

    /// Makes it, if it is not there.
    fn prepare(&self) -> io::Result<()>;

    /// The names in it.
    fn names(&self) -> io::Result<Vec<String>>;

    /// Opens a file from its beginning.
    fn read(&self, name: &str) -> io::Result<Box<dyn Read + Send>>;

    /// Makes an empty file, also where an earlier attempt has left one.
    fn create(&self, name: &str) -> io::Result<Arc<dyn AppendFile>>;

    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// When it returns, the names of files that were made last.
    fn sync(&self) -> io::Result<()>;

    /// Gives the directory another name, beside its own; it is to be prepared again.
    fn set_aside(&self, name: &str) -> io::Result<()>;

    /// Keeps some room for the day on which the disk is full. Without it the log only stops earlier.
    fn make_reserve(&self) {}

    /// Whether there was such room, which is free now.
    fn give_up_reserve(&self) -> bool {
        false
    }
}

/// A directory of the machine.
pub(super) struct Directory {
    path: PathBuf,
    reserve_bytes: u64,
}

impl Directory {
    pub(super) fn new(path: &Path, reserve_bytes: u64) -> Self {
        Self { path: path.to_owned(), reserve_bytes }
    }
}

impl LogFiles for Directory {
    fn directory(&self) -> &Path {
        &self.path
    }

    fn prepare(&self) -> io::Result<()> {
        fs::create_dir_all(&self.path)
    }

    fn names(&self) -> io::Result<Vec<String>> {
        fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn read(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(self.path.join(name))?))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn AppendFile>> {
        let path = self.path.join(name);
        File::create(&path)?;
        // At the end, wherever that is after half an entry was cut off.
        Ok(Arc::new(OpenOptions::new().append(true).open(path)?))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    fn set_aside(&self, name: &str) -> io::Result<()> {
        fs::rename(&self.path, self.path.with_extension(name))
    }

    fn make_reserve(&self) {
        let path = self.path.join(RESERVE);
        let made =
            File::create(&path).and_then(|file| Ok(fallocate(&file, FallocateFlags::empty(), 0, self.reserve_bytes)?));
        if made.is_err() {
            let _not_there = fs::remove_file(&path);
        }
    }

    fn give_up_reserve(&self) -> bool {
        fs::remove_file(self.path.join(RESERVE)).is_ok()
    }
}
