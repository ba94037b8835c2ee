//! Keeps what it is given, for tests: every epoch's bytes, by the epoch's id.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Renderer, Sink, SinkError};
use crate::epoch::{EpochRecord, Outputs};

/// A sink whose content a test can read while it is in use. Cloning shares the content.
#[derive(Clone)]
pub struct MemorySink {
    renderer: Renderer,
    content: Arc<Mutex<Vec<Delivered>>>,
}

/// An epoch and its lines.
pub type Delivered = (EpochRecord, Vec<u8>);

impl MemorySink {
    /// An empty sink.
    pub fn new(renderer: Renderer) -> Self {
        Self { renderer, content: Arc::default() }
    }

    /// Every epoch delivered so far, with its lines (results, then what text keeps apart).
    pub fn epochs(&self) -> Vec<Delivered> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All lines in order.
    pub fn bytes(&self) -> Vec<u8> {
        self.epochs().into_iter().flat_map(|(_, bytes)| bytes).collect()
    }
}

impl Sink for MemorySink {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn deliver(&mut self, epoch: &EpochRecord, outputs: &Outputs) -> Result<(), SinkError> {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        self.renderer.render(outputs, &mut out, &mut err);
        out.append(&mut err);
        self.content.lock().unwrap_or_else(PoisonError::into_inner).push((epoch.clone(), out));
        Ok(())
    }
}
