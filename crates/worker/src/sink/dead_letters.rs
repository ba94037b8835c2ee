//! Dead letters, kept in a file: topic, partition, offset, reason and the raw bytes, one JSON object a line.

use std::path::Path;

use super::json::write_dead_letter;
use super::output_file::{Earlier, OutputFile};
use super::{Known, Sink, SinkError};
use crate::epoch::{EpochRecord, OutputKind, Outputs};
use crate::source::give_back;

/// Appends dead letters to a file, behind those of earlier runs. A run that starts over appends them again: topic,
/// partition and offset tell.
pub struct DeadLettersSink {
    file: OutputFile,
    bytes: Vec<u8>,
}

impl DeadLettersSink {
    /// A sink on `path`. Whether it can be written is found out now, not at the first dead letter.
    pub fn open(path: &Path) -> Result<Self, SinkError> {
        Ok(Self { file: OutputFile::open("dead letters", path)?, bytes: Vec::new() })
    }
}

impl Sink for DeadLettersSink {
    fn name(&self) -> &'static str {
        "dead letters"
    }

    fn resume(&mut self, known: Known<'_>) -> Result<u64, SinkError> {
        self.file.resume(known, Earlier::Kept)
    }

    fn deliver(&mut self, _epoch: &EpochRecord, outputs: &Outputs) -> Result<(), SinkError> {
        self.bytes.clear();
        for line in outputs.lines.iter().filter(|line| line.kind == OutputKind::DeadLetter) {
            write_dead_letter(outputs, line, &mut self.bytes);
        }
        let appended = self.file.append(&self.bytes);
        give_back(&mut self.bytes);
        appended
    }

    fn takes_notes(&self) -> bool {
        false
    }

    fn settle(&mut self) -> Result<Option<u64>, SinkError> {
        self.file.settle()
    }
}
