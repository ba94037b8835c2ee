//! All that answers are made of.

use std::sync::Arc;

use super::guard::Guard;
use super::live::Live;
use super::view::View;
use crate::telemetry::Stage;

/// The run that is shown, who may look, and what is told every second.
pub(super) struct Site {
    pub(super) view: Arc<dyn View>,
    pub(super) guard: Guard,
    pub(super) live: Live,
}

impl Site {
    /// What the job graph shows of a stage: shards where they work, one thread elsewhere.
    pub(super) fn subtasks(&self, stage: Stage) -> u32 {
        match stage {
            Stage::Execute => u32::from(self.view.parallelism()),
            Stage::Source | Stage::Deliver => 1,
        }
    }
}
