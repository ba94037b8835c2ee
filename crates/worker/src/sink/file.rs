//! A file of result lines. One worker a file: a second one is refused by a lock.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Renderer, Sink, SinkError};
use crate::epoch::{EpochRecord, Outputs};

/// Writes each epoch's results to a file.
pub struct FileSink {
    renderer: Renderer,
    file: File,
    path: PathBuf,
    bytes: Vec<u8>,
    aside: Vec<u8>,
}

impl FileSink {
    /// Opens the file and takes its lock; what stood in it is gone, since a run in memory starts from the beginning.
    pub fn create(path: &Path, renderer: Renderer) -> Result<Self, SinkError> {
        let file = open_locked("file", path, true)?;
        Ok(Self { renderer, file, path: path.to_owned(), bytes: Vec::new(), aside: Vec::new() })
    }
}

impl Sink for FileSink {
    fn name(&self) -> &'static str {
        "file"
    }

    fn deliver(&mut self, _epoch: &EpochRecord, outputs: &Outputs) -> Result<(), SinkError> {
        self.bytes.clear();
        self.aside.clear();
        self.renderer.render(outputs, &mut self.bytes, &mut self.aside);
        self.file.write_all(&self.bytes).map_err(|source| write_error("file", &self.path, source))
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        if is_file(&self.file) {
            self.file.sync_data().map_err(|source| write_error("file", &self.path, source))?;
        }
        Ok(())
    }
}

/// Opens a file for writing under an exclusive lock that ends with the process.
pub(super) fn open_locked(sink: &'static str, path: &Path, truncate: bool) -> Result<File, SinkError> {
    let open = || {
        // Truncated only once the lock is ours: the file may be another worker's.
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok::<_, std::io::Error>(file)
    };
    let file = open().map_err(|source| write_error(sink, path, source))?;
    if !is_file(&file) {
        return Ok(file);
    }
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(SinkError::InUse { sink, target: path.display().to_string() }),
        Err(TryLockError::Error(source)) => return Err(write_error(sink, path, source)),
    }
    if truncate {
        file.set_len(0).map_err(|source| write_error(sink, path, source))?;
    }
    Ok(file)
}

/// What is no file (a terminal, `/dev/null`, a pipe) can be written by several, and can neither be shortened nor synced.
fn is_file(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file())
}

pub(super) fn write_error(sink: &'static str, path: &Path, source: std::io::Error) -> SinkError {
    SinkError::Write { sink, target: path.display().to_string(), source }
}
