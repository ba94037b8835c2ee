//! A file that results are appended to. One worker a file: a second one is refused by a lock. What a commit did not name
//! is cut off at the next start, so that an epoch executed again stands in it once.

use std::fs::{OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::{Known, SinkError};
use crate::append_file::AppendFile;

/// What becomes of a file's content where there is no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Earlier {
    /// It belongs to an earlier run: not to be written over unasked.
    Refused,
    /// It is written over: a run in memory starts from the beginning.
    Truncated,
    /// It stays, and what comes stands behind it.
    Kept,
}

/// A file under its lock, which ends with the process.
pub(super) struct OutputFile {
    sink: &'static str,
    path: PathBuf,
    file: Box<dyn AppendFile>,
    /// Bytes that are whole epochs; `None` where it is no file but a device or a pipe, which can neither be cut nor synced.
    length: Option<u64>,
    /// Written to since it was last made durable.
    unsettled: bool,
    /// Bytes that do not count stand behind those that do.
    torn: bool,
}

impl OutputFile {
    /// Opens a file and takes its lock; its content is not touched yet.
    pub(super) fn open(sink: &'static str, path: &Path) -> Result<Self, SinkError> {
        let error = |source| write_error(sink, path, source);
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(error)?;
        let metadata = file.metadata().map_err(error)?;
        let length = metadata.is_file().then_some(metadata.len());
        if length.is_some() {
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(SinkError::InUse { sink, target: path.display().to_string() });
                }
                Err(TryLockError::Error(source)) => return Err(error(source)),
            }
        }
        Ok(Self::over(sink, path, Box::new(file), length))
    }

    /// The same over a file that is open, and nobody else's.
    pub(super) fn over(sink: &'static str, path: &Path, file: Box<dyn AppendFile>, length: Option<u64>) -> Self {
        Self { sink, path: path.to_owned(), file, length, unsettled: false, torn: false }
    }

    /// Goes back to where the state stands. Gives the last epoch that the file has.
    pub(super) fn resume(&mut self, known: Known<'_>, earlier: Earlier) -> Result<u64, SinkError> {
        let epoch = known.committed.map_or(0, |progress| progress.epoch);
        let Some(found_bytes) = self.length else { return Ok(epoch) };
        let target = self.path.display().to_string();
        // Before the first commit, what was noted when the history began.
        let keep = match known.committed.or(known.noted).and_then(|progress| progress.file_length_bytes) {
            Some(committed) if committed <= found_bytes => committed,
            Some(_) if known.accept_lost_output => found_bytes,
            Some(committed_bytes) => {
                return Err(SinkError::Shorter { sink: self.sink, target, committed_bytes, found_bytes });
            }
            None => match earlier {
                Earlier::Kept => found_bytes,
                Earlier::Refused if found_bytes > 0 && !known.accept_lost_output => {
                    return Err(SinkError::LeftOver { sink: self.sink, target, found_bytes });
                }
                Earlier::Refused | Earlier::Truncated => 0,
            },
        };
        self.length = Some(keep);
        self.cut()?;
        Ok(epoch)
    }

    /// Appends an epoch's bytes: all of them, or none that count.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.torn {
            self.cut()?;
        }
        self.unsettled = true;
        match self.file.append(bytes) {
            Ok(()) => {
                if let Some(length) = &mut self.length {
                    *length += bytes.len() as u64;
                }
                Ok(())
            }
            Err(source) => {
                self.torn = true;
                Err(write_error(self.sink, &self.path, source))
            }
        }
    }

    /// Makes what was appended durable, and says how long the file is.
    pub(super) fn settle(&mut self) -> Result<Option<u64>, SinkError> {
        if self.unsettled && self.length.is_some() {
            let target = || self.path.display().to_string();
            // Not to be asked again: the kernel tells of a failed write-back once, and what is lost then nobody knows.
            let synced = self.file.sync();
            synced.map_err(|source| SinkError::Unsettled { sink: self.sink, target: target(), source })?;
            self.unsettled = false;
        }
        Ok(self.length)
    }

    /// Takes away what stands behind the bytes that count.
    fn cut(&mut self) -> Result<(), SinkError> {
        if let Some(length) = self.length {
            self.file.cut(length).map_err(|source| write_error(self.sink, &self.path, source))?;
        }
        self.torn = false;
        Ok(())
    }
}

fn write_error(sink: &'static str, path: &Path, source: std::io::Error) -> SinkError {
    SinkError::Write { sink, target: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_worker_on_the_same_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results");
        let first = OutputFile::open("file", &path).unwrap();
        let refusal = OutputFile::open("file", &path).map(drop).unwrap_err();
        assert!(matches!(refusal, SinkError::InUse { .. }) && refusal.is_refusal(), "{refusal}");
        drop(first);
        OutputFile::open("file", &path).map(drop).unwrap();
    }
}
