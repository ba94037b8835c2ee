//! Dead letters, kept in a file: topic, partition, offset, reason and the raw bytes, one JSON object a line.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::file::{open_locked, write_error};
use super::json::write_dead_letter;
use super::{Sink, SinkError};
use crate::epoch::{EpochRecord, OutputKind, Outputs};

/// Appends dead letters to a file. A run that starts over appends them again: topic, partition and offset tell.
pub struct DeadLettersSink {
    path: PathBuf,
    file: File,
    bytes: Vec<u8>,
}

impl DeadLettersSink {
    /// A sink on `path`. Whether it can be written is found out now, not at the first dead letter.
    pub fn open(path: &Path) -> Result<Self, SinkError> {
        let file = open_locked("dead letters", path, false)?;
        Ok(Self { path: path.to_owned(), file, bytes: Vec::new() })
    }
}

impl Sink for DeadLettersSink {
    fn name(&self) -> &'static str {
        "dead letters"
    }

    fn deliver(&mut self, _epoch: &EpochRecord, outputs: &Outputs) -> Result<(), SinkError> {
        self.bytes.clear();
        for line in outputs.lines.iter().filter(|line| line.kind == OutputKind::DeadLetter) {
            write_dead_letter(outputs, line, &mut self.bytes);
        }
        self.file.write_all(&self.bytes).map_err(|source| write_error("dead letters", &self.path, source))
    }
}
