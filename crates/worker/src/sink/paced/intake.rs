//! The delivering side's part of a sink at its own pace: packs, hands over, and says what a commit must carry.

use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use super::queue::Full;
use crate::epoch::{EpochRecord, Outputs, Progress};
use crate::sink::{Pack, Parcel, Sink, SinkError};
use crate::state::OutboxKey;
use crate::time::clock::Clock;

/// A sink that takes nothing for a second is behind: the others do not wait for it any longer (`design.md`, rule 3).
const BEHIND_AFTER_MS: i64 = 1_000;
/// How long a stop waits for what would leave by itself in a moment: what does not is in the outbox.
const LAST_MS: i64 = 3_000;
const PAUSE: Duration = Duration::from_millis(5);

/// Takes epochs for a sink that sends them at its own pace.
pub struct Intake {
    pub(super) shared: Arc<Shared>,
    pub(super) pack: Box<dyn Pack>,
    /// What an epoch gave that was refused: it comes again.
    pub(super) packed: Option<(u64, Parcel)>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) progress: Arc<Progress>,
}

impl Intake {
    fn waits(&self) -> bool {
        self.shared.inner().queue.epochs() > 0
    }

    /// Waits a moment for room in memory: what goes through memory need not be written to the state.
    fn wait_for_room(&self, bytes: usize) {
        let since_ms = self.clock.boot_ms();
        loop {
            let mut inner = self.shared.inner();
            if inner.behind || inner.failed.is_some() || inner.queue.has_room(bytes) {
                return;
            }
            if self.clock.boot_ms() - since_ms >= BEHIND_AFTER_MS {
                inner.behind = true;
                return;
            }
            drop(inner);
            self.clock.pause(PAUSE);
        }
    }
}

impl Sink for Intake {
    fn name(&self) -> &'static str {
        self.shared.name
    }

    fn deliver(&mut self, epoch: &EpochRecord, outputs: &Outputs) -> Result<(), SinkError> {
        let parcel = match self.packed.take() {
            Some((id, parcel)) if id == epoch.id => parcel,
            _ => self.pack.pack(epoch, outputs),
        };
        self.wait_for_room(parcel.stored_bytes());
        let mut inner = self.shared.inner();
        if let Some(failed) = inner.failed.take() {
            return Err(failed);
        }
        if let Err(Full { waiting_bytes, outbox_bytes, parcel }) =
            inner.queue.deliver(epoch.id, parcel, self.clock.boot_ms())
        {
            self.packed = Some((epoch.id, parcel));
            return Err(SinkError::OutboxFull { sink: self.shared.name, waiting_bytes, outbox_bytes });
        }
        drop(inner);
        self.shared.changed.notify_one();
        self.shared.tell(&self.progress, self.clock.as_ref());
        self.progress.telemetry.sink_misfits(self.shared.name, self.pack.misfits());
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
        self.shared.inner().queue.changes()
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
