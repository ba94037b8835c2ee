//! A file of result lines, each epoch in it once.

use std::path::Path;

use super::output_file::{Earlier, OutputFile};
use super::{Known, Renderer, Sink, SinkError};
use crate::append_file::AppendFile;
use crate::epoch::{EpochRecord, Outputs};
use crate::source::give_back;

/// Writes each epoch's results to a file.
pub struct FileSink {
    renderer: Renderer,
    file: OutputFile,
    earlier: Earlier,
    bytes: Vec<u8>,
    aside: Vec<u8>,
}

impl FileSink {
    /// A sink on `path`, locked, for a run whose state lasts: content without a state behind it is an earlier run's, and
    /// refused.
    pub fn open(path: &Path, renderer: Renderer) -> Result<Self, SinkError> {
        Self::with(path, renderer, Earlier::Refused)
    }

    /// The same for a run in memory, which starts from the beginning: what stood in the file goes.
    pub fn create(path: &Path, renderer: Renderer) -> Result<Self, SinkError> {
        Self::with(path, renderer, Earlier::Truncated)
    }

    /// The same as [`Self::open`] over a file that is open, nobody else's, and has so many bytes: one that a test makes up.
    pub fn over(file: Box<dyn AppendFile>, length: u64, renderer: Renderer) -> Self {
        let file = OutputFile::over("file", Path::new("results"), file, Some(length));
        Self { renderer, file, earlier: Earlier::Refused, bytes: Vec::new(), aside: Vec::new() }
    }

    fn with(path: &Path, renderer: Renderer, earlier: Earlier) -> Result<Self, SinkError> {
        let file = OutputFile::open("file", path)?;
        Ok(Self { renderer, file, earlier, bytes: Vec::new(), aside: Vec::new() })
    }
}

impl Sink for FileSink {
    fn name(&self) -> &'static str {
        "file"
    }

    fn resume(&mut self, known: Known<'_>) -> Result<u64, SinkError> {
        self.file.resume(known, self.earlier)
    }

    fn deliver(&mut self, _epoch: &EpochRecord, outputs: &Outputs) -> Result<(), SinkError> {
        self.bytes.clear();
        self.aside.clear();
        self.renderer.render(outputs, &mut self.bytes, &mut self.aside);
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
