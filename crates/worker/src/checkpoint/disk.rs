//! The file operations that decide whether a checkpoint survives a crash, behind a seam: tests record them, fail them
//! one by one, and forget what was not synced.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// What changes the disk. Reading needs no seam: it changes nothing.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Makes a directory.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Writes a new file. Not durable before [`Disk::sync_file`].
    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Gives a file a second name.
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Copies a file.
    fn copy(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// A file's content survives the machine from now on.
    fn sync_file(&self, path: &Path) -> io::Result<()>;
    /// A directory's entries survive the machine from now on.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Renames a file or directory; what had that name and is a file is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes an empty directory.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
    /// Removes a directory with all that is in it. A crash may leave a part of it.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
}

/// The machine's own file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        File::create_new(path)?.write_all(bytes)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        io::copy(&mut File::open(from)?, &mut File::create_new(to)?).map(drop)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}
