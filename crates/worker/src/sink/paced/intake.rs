//! The delivering side's part of a sink at its own pace: packs, hands over, and says what a commit must carry.

use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use crate::epoch::{EpochRecord, Outputs};
use crate::sink::{Known, Pack, Sink, SinkError};
use crate::state::OutboxKey;
use crate::time::clock::Clock;

/// How long a stop waits for what would leave by itself in a moment: what does not is in the outbox.
const LAST_MS: i64 = 3_000;
const PAUSE: Duration = Duration::from_millis(5);

/// Takes epochs for a sink that sends them at its own pace.
pub struct Intake {
    pub(super) shared: Arc<Shared>,
    pub(super) pack: Box<dyn Pack>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Intake {
    /// How much waits, in epochs and bytes.
    fn waits(&self) -> bool {
        self.shared.inner().queue.epochs() > 0
    }
}

impl Sink for Intake {
    fn name(&self) -> &'static str {
        self.shared.name
    }

    fn resume(&mut self, _known: Known<'_>) -> Result<u64, SinkError> {
        Ok(self.shared.inner().queue.delivered())
    }

    fn deliver(&mut self, epoch: &EpochRecord, outputs: &Outputs) -> Result<(), SinkError> {
        let parcel = self.pack.pack(epoch, outputs);
        let mut inner = self.shared.inner();
        if let Some(failed) = inner.failed.take() {
            return Err(failed);
        }
        let outbox_bytes = inner.queue.outbox_bytes_max();
        inner.queue.deliver(epoch.id, parcel, self.clock.boot_ms()).map_err(|full| SinkError::OutboxFull {
            sink: self.shared.name,
            waiting_bytes: full.bytes,
            outbox_bytes,
        })?;
        drop(inner);
        self.shared.changed.notify_one();
        Ok(())
    }

    fn takes_notes(&self) -> bool {
        false
    }

    fn settle(&mut self) -> Result<Option<u64>, SinkError> {
        self.shared.inner().failed.take().map_or(Ok(None), Err)
    }

    fn uncommitted_bytes(&self) -> usize {
        self.shared.inner().queue.uncommitted_bytes()
    }

    fn outbox(&mut self) -> Vec<(OutboxKey, Option<Vec<u8>>)> {
        self.shared.inner().queue.to_commit()
    }

    fn committed(&mut self) {
        self.shared.inner().queue.committed();
        self.shared.changed.notify_one();
    }

    fn progress(&self) -> Option<u64> {
        Some(self.shared.inner().queue.progress())
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.shared.inner().closing = true;
        self.shared.changed.notify_one();
        let since_ms = self.clock.boot_ms();
        while self.waits() && self.clock.boot_ms() - since_ms < LAST_MS {
            self.clock.pause(PAUSE);
        }
        let mut inner = self.shared.inner();
        if let Some(failed) = inner.failed.take() {
            return Err(failed);
        }
        if inner.queue.epochs() > 0 {
            let (epochs, bytes) = (inner.queue.epochs(), inner.queue.bytes());
            tracing::warn!(
                epochs,
                bytes,
                "{}: not everything has left; the next start sends the rest",
                self.shared.name
            );
        }
        Ok(())
    }
}
