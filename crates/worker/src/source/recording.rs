//! Recordings: newline-delimited JSON, one record a line, read to the end and then over.
//!
//! `{"topic": …, "partition": …, "offset": …, "timestamp": …, "key": …, "value": …}`, key and value as strings or null.
//! Several files are one stream in argument order; lines apply in line order. Memory is bounded by the longest line
//! allowed and the batch.

mod input;
mod line;
mod quick;
mod writer;

use std::collections::{HashMap, VecDeque};
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::input::{Input, STDIN};
use self::line::Line;
use super::{Batch, PartitionId};

pub(crate) use self::input::{MultiZstdDecoder, is_truncated};
pub use self::writer::RecordingWriter;

/// The longest line that can be allowed, in bytes: a batch addresses its values with 32 bits.
const LINE_BYTES_MAX: usize = 1 << 30;
/// The most bytes that a batch takes before its last line, for the same reason.
const BATCH_BYTES_MAX: usize = 1 << 31;

/// Whether a recording has more to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// The batch is as full as was asked for, or there is no more for the moment.
    More,
    /// That was the last of it.
    End,
}

/// Why a recording cannot be read on. The records before the place were delivered.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// A file is not there, or is not a file that can be opened.
    #[error("{}: {error}; give the path of a recording, or - for standard input", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Standard input can be read once.
    #[error("-: standard input is named twice; it can be read once")]
    StdinTwice,
    /// The system failed in the middle.
    #[error("{}:{line}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The line that could not be read.
        line: u64,
        /// What the system said.
        error: io::Error,
    },
    /// The packed bytes end too early.
    #[error("{}:{line}: the {packing} data ends in the middle: the file is truncated; copy or record it again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// The line in which it ends.
        line: u64,
        /// `gzip` or `zstd`.
        packing: &'static str,
    },
    /// The packed bytes are no such bytes.
    #[error("{}:{line}: the {packing} data is damaged: {error}; copy or record the file again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line that could not be unpacked.
        line: u64,
        /// `gzip` or `zstd`.
        packing: &'static str,
        /// What the unpacker said.
        error: io::Error,
    },
    /// A line is no record.
    #[error("{}:{line}: {reason}; a line is {{\"topic\":…,\"partition\":…,\"offset\":…,\"timestamp\":…,\"key\":…,\"value\":…}}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1.
        line: u64,
        /// Field, and what is wrong with its value.
        reason: String,
    },
    /// A line does not fit the bound.
    #[error("{}:{line}: the line is longer than {line_bytes_max} bytes; raise the limit for a line", path.display())]
    LineTooLong {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1.
        line: u64,
        /// The bound.
        line_bytes_max: usize,
    },
}

/// Reads recordings into batches.
pub struct RecordingSource {
    waiting: VecDeque<PathBuf>,
    current: Option<Current>,
    line: Vec<u8>,
    line_bytes_max: usize,
    partitions: Partitions,
    /// What went wrong after records that the last call delivered.
    failed: Option<RecordingError>,
}

/// The file being read.
struct Current {
    path: PathBuf,
    input: Input,
    line_number: u64,
}

impl RecordingSource {
    /// Opens recordings as one stream, in argument order; `-` is standard input. `max_line_bytes` bounds a line (at
    /// most 1 GiB).
    ///
    /// # Errors
    /// A file that does not exist, before anything is read of any.
    pub fn open(paths: &[PathBuf], max_line_bytes: usize) -> Result<Self, RecordingError> {
        let mut stdin = false;
        for path in paths {
            if path.as_os_str() != STDIN {
                check_file(path)?;
            } else if std::mem::replace(&mut stdin, true) {
                return Err(RecordingError::StdinTwice);
            }
        }
        Ok(Self {
            waiting: paths.iter().cloned().collect(),
            current: None,
            line: Vec::new(),
            line_bytes_max: max_line_bytes.min(LINE_BYTES_MAX),
            partitions: Partitions::default(),
            failed: None,
        })
    }

    /// Appends records to `batch` in line order until it has `max_records` or `max_bytes` of values (the last record
    /// may go past that), or there are none left. `batch` keeps this source's table of partitions.
    ///
    /// # Errors
    /// A line that is no record, or bytes that cannot be read. The records before it are delivered first: then the
    /// next call fails.
    pub fn read(
        &mut self,
        batch: &mut Batch,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<ReadOutcome, RecordingError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let outcome = self.fill(batch, max_records, max_bytes.min(BATCH_BYTES_MAX));
        self.partitions.complete(&mut batch.partitions);
        match outcome {
            Err(error) if !batch.records.is_empty() => {
                self.failed = Some(error);
                Ok(ReadOutcome::More)
            }
            outcome => outcome,
        }
    }

    fn fill(&mut self, batch: &mut Batch, max_records: usize, max_bytes: usize) -> Result<ReadOutcome, RecordingError> {
        while batch.records.len() < max_records && batch.bytes() < max_bytes {
            let Some(current) = &mut self.current else {
                let Some(path) = self.waiting.pop_front() else { return Ok(ReadOutcome::End) };
                self.current = Some(Current::open(path)?);
                continue;
            };
            if !batch.records.is_empty() && current.would_wait() {
                return Ok(ReadOutcome::More);
            }
            if !current.next_line(&mut self.line, self.line_bytes_max)? {
                self.current = None;
                continue;
            }
            let text = trimmed(&self.line, current.line_number == 1);
            if text.is_empty() {
                continue;
            }
            let start = batch.bytes();
            let line = match quick::parse(text, batch.arena()) {
                Some(line) => line,
                None => line::parse(text, batch.arena()).map_err(|reason| current.bad_line(reason))?,
            };
            let Line { partition, offset, timestamp_ms, .. } = line;
            let partition = self.partitions.index(&line.topic, partition);
            if line.value_is_null {
                batch.push(partition, offset, timestamp_ms, None);
            } else {
                batch.push_appended(partition, offset, timestamp_ms, start);
            }
        }
        Ok(ReadOutcome::More)
    }
}

impl Current {
    fn open(path: PathBuf) -> Result<Self, RecordingError> {
        match Input::open(&path) {
            Ok(input) => Ok(Self { path, input, line_number: 0 }),
            Err(error) => Err(RecordingError::Open { path, error }),
        }
    }

    /// Whether the next line may still have to be written by someone.
    fn would_wait(&self) -> bool {
        self.input.live && !self.input.reader.buffer().contains(&b'\n')
    }

    /// Reads the next line with its end into `line`; false at the end of the file.
    fn next_line(&mut self, line: &mut Vec<u8>, line_bytes_max: usize) -> Result<bool, RecordingError> {
        line.clear();
        self.line_number += 1;
        // Two more for the line's end.
        let read = (&mut self.input.reader).take(line_bytes_max as u64 + 2).read_until(b'\n', line);
        let read = read.map_err(|error| self.unreadable(error))?;
        if trimmed(line, false).len() > line_bytes_max {
            return Err(RecordingError::LineTooLong {
                path: self.path.clone(),
                line: self.line_number,
                line_bytes_max,
            });
        }
        Ok(read > 0)
    }

    fn unreadable(&self, error: io::Error) -> RecordingError {
        let (path, line, packing) = (self.path.clone(), self.line_number, self.input.packing);
        match packing {
            input::Packing::Plain => RecordingError::Read { path, line, error },
            _ if is_truncated(&error) => RecordingError::Truncated { path, line, packing: packing.name() },
            _ => RecordingError::Damaged { path, line, packing: packing.name(), error },
        }
    }

    fn bad_line(&self, reason: String) -> RecordingError {
        RecordingError::Line { path: self.path.clone(), line: self.line_number, reason }
    }
}

/// Asked now, so that a missing last file does not show after an hour of replaying the ones before. Not opened: a pipe
/// that is opened and closed is gone.
fn check_file(path: &Path) -> Result<(), RecordingError> {
    let failed = |error| RecordingError::Open { path: path.to_owned(), error };
    if std::fs::metadata(path).map_err(failed)?.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    Ok(())
}

/// A line without its end, the blanks around it and, at a file's start, the byte order mark.
fn trimmed(line: &[u8], first: bool) -> &[u8] {
    let line = if first { line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line) } else { line };
    line.trim_ascii()
}

/// The table of partitions, in order of first appearance.
#[derive(Default)]
struct Partitions {
    known: Vec<PartitionId>,
    index: HashMap<Arc<str>, HashMap<i32, u32>>,
    /// The last answer: neighbouring lines are often of one partition.
    last: u32,
}

impl Partitions {
    fn index(&mut self, topic: &str, partition: i32) -> u32 {
        let last = self.known.get(self.last as usize);
        if !last.is_some_and(|id| id.partition == partition && &*id.topic == topic) {
            let found = self.index.get(topic).and_then(|partitions| partitions.get(&partition)).copied();
            self.last = found.unwrap_or_else(|| self.add(topic, partition));
        }
        self.last
    }

    fn add(&mut self, topic: &str, partition: i32) -> u32 {
        let topic = self.index.get_key_value(topic).map_or_else(|| Arc::from(topic), |(topic, _)| Arc::clone(topic));
        let index = self.known.len() as u32;
        self.known.push(PartitionId { topic: Arc::clone(&topic), partition });
        self.index.entry(topic).or_default().insert(partition, index);
        index
    }

    /// Brings a batch's table up to date: batches take turns.
    fn complete(&self, table: &mut Vec<PartitionId>) {
        if table.len() < self.known.len() {
            table.clone_from(&self.known);
        }
    }
}

#[cfg(test)]
mod tests;
