//! Stdout: what people and pipes read. At least once on a crash, with stable ids in JSON.

use std::io::{ErrorKind, Write};

use super::{Renderer, Sink, SinkError};
use crate::epoch::{EpochRecord, Outputs};
use crate::source::give_back;

/// Writes each epoch's lines at once: results to stdout, the rest to stderr.
pub struct StdoutSink<O, E> {
    renderer: Renderer,
    out: O,
    err: E,
    out_bytes: Vec<u8>,
    err_bytes: Vec<u8>,
}

impl<O: Write + Send, E: Write + Send> StdoutSink<O, E> {
    /// A sink over the two streams, which the caller names so that tests can look at them.
    pub fn new(renderer: Renderer, out: O, err: E) -> Self {
        Self { renderer, out, err, out_bytes: Vec::new(), err_bytes: Vec::new() }
    }
}

impl<O: Write + Send, E: Write + Send> Sink for StdoutSink<O, E> {
    fn name(&self) -> &'static str {
        "stdout"
    }

    fn deliver(&mut self, _epoch: &EpochRecord, outputs: &Outputs) -> Result<(), SinkError> {
        self.out_bytes.clear();
        self.err_bytes.clear();
        self.renderer.render(outputs, &mut self.out_bytes, &mut self.err_bytes);
        write_all("stdout", &mut self.out, &self.out_bytes)?;
        write_all("stderr", &mut self.err, &self.err_bytes)?;
        give_back(&mut self.out_bytes);
        Ok(())
    }
}

fn write_all(target: &str, to: &mut impl Write, bytes: &[u8]) -> Result<(), SinkError> {
    if bytes.is_empty() {
        return Ok(());
    }
    to.write_all(bytes).and_then(|()| to.flush()).map_err(|source| {
        if source.kind() == ErrorKind::BrokenPipe {
            SinkError::Closed
        } else {
            SinkError::Write { sink: "stdout", target: target.to_owned(), source }
        }
    })
}
