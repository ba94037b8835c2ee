//! Where results go. Renderers turn outputs into bytes; sinks write them. A sink makes a repeated epoch harmless, or
//! says that it cannot (stdout).

mod dead_letters;
mod file;
mod json;
mod memory;
mod message;
mod render;
mod stdout;
mod text;

pub use dead_letters::DeadLettersSink;
pub use file::FileSink;
pub use json::JsonRenderer;
pub use memory::{Delivered, MemorySink};
pub use message::Language;
pub use render::{Format, Render, Renderer};
pub use stdout::StdoutSink;
pub use text::TextRenderer;

use crate::epoch::{EpochRecord, Outputs};

/// A sink could not take an epoch's outputs.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// Whoever read our stdout has gone (`| head`): not a failure of ours.
    #[error("stdout was closed by its reader")]
    Closed,
    /// Writing failed.
    #[error("{sink}: cannot write {target}: {source}")]
    Write {
        /// The sink's name.
        sink: &'static str,
        /// What was written to.
        target: String,
        /// Why not.
        source: std::io::Error,
    },
    /// Another process has the file.
    #[error("{sink}: {target} is in use by another worker: stop that one, or give this one another path")]
    InUse {
        /// The sink's name.
        sink: &'static str,
        /// The file.
        target: String,
    },
}

/// Takes the outputs of epochs, in order.
pub trait Sink: Send {
    /// The sink's name in logs and progress.
    fn name(&self) -> &'static str;

    /// Takes the outputs of an epoch. When it returns, they are out (stdout) or in the file.
    fn deliver(&mut self, epoch: &EpochRecord, outputs: &Outputs) -> Result<(), SinkError>;

    /// No more epochs will come.
    fn finish(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}
