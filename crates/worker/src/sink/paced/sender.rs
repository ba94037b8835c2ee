//! The thread's part of a sink at its own pace: takes the next batch, makes its borders durable, sends it until there is an
//! answer, and notes that.

use std::sync::Arc;
use std::time::Duration;

use super::queue::{Batch, Next, Place};
use super::{PacedLimits, Shared, key};
use crate::epoch::{BatchBorders, LogError, LogSync, Progress, Timeline};
use crate::sink::{Outlet, Parcel, SinkBatch, SinkError};
use crate::state::{SinkProgress, StateStore, StoreError};
use crate::time::clock::Clock;

/// The first pause before a batch is sent again, and the longest.
const PAUSES_MS: (i64, i64) = (100, 10_000);
/// How often it is said again what is wrong.
const SAY_EVERY_MS: i64 = 30_000;
/// How long the thread sleeps at most where nothing tells it to look.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// There may be more to do.
    GoOn,
    /// Nothing to do for so long, unless something comes.
    Wait(Duration),
    /// It is over: everything has left, or the run ends with an error.
    Over,
}

/// Sends what waits.
pub struct Sender {
    pub(super) shared: Arc<Shared>,
    pub(super) outlet: Box<dyn Outlet>,
    pub(super) limits: PacedLimits,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) store: Arc<dyn StateStore>,
    pub(super) log: Arc<dyn LogSync>,
    pub(super) progress: Arc<Progress>,
    /// The batch whose borders this process has made durable.
    pub(super) begun: Option<(Timeline, u64, u64)>,
    /// Not before this time, after something went wrong.
    pub(super) not_before_ms: i64,
    pub(super) pause_ms: i64,
    pub(super) said_ms: Option<i64>,
    /// It has failed for good, and tries no more, whoever has taken notice of that.
    pub(super) over: bool,
}

/// Why a batch has not left.
enum Trouble {
    Sink(SinkError),
    Log(LogError),
    Store(StoreError),
}

impl Sender {
    /// The sink's name.
    pub fn name(&self) -> &'static str {
        self.shared.name
    }

    /// Steps until everything has left after the last epoch came, or nothing more can.
    pub fn run(mut self) {
        loop {
            match self.step() {
                Sent::GoOn => {}
                Sent::Wait(wait) => {
                    let inner = self.shared.inner();
                    // Woken early or not, it looks again.
                    drop(self.shared.changed.wait_timeout(inner, wait.min(LOOK_EVERY)));
                }
                Sent::Over => return,
            }
        }
    }

    /// The next thing to do, if there is one.
    pub fn step(&mut self) -> Sent {
        if self.over {
            return Sent::Over;
        }
        let now_ms = self.clock.boot_ms();
        if now_ms < self.not_before_ms {
            return Sent::Wait(Duration::from_millis((self.not_before_ms - now_ms) as u64));
        }
        let mut idle = None;
        let (next, closing) = {
            let inner = self.shared.inner();
            if inner.queue.epochs() == 0 {
                idle = Some((inner.queue.timeline(), inner.queue.delivered()));
            }
            (inner.queue.next(now_ms, inner.closing), inner.closing)
        };
        let done = match next {
            Next::Batch(batch) => self.send(&batch),
            Next::Read(behind) => self.read(behind, now_ms),
            Next::Wait(None) if closing => return Sent::Over,
            Next::Wait(due_ms) => {
                if let Some(error) = idle.and_then(|(timeline, epoch)| self.outlet.idle(timeline, epoch).err()) {
                    self.failed(Trouble::Sink(error));
                }
                let wait = due_ms.map_or(LOOK_EVERY, |due_ms| Duration::from_millis((due_ms - now_ms).max(0) as u64));
                return Sent::Wait(wait);
            }
        };
        match done {
            Ok(()) => self.well(),
            Err(trouble) => self.failed(trouble),
        }
        Sent::GoOn
    }

    fn send(&mut self, batch: &Batch) -> Result<(), Trouble> {
        let &Batch { timeline, first, last, ref parcels } = batch;
        let sink = self.shared.name;
        self.shared.inner().queue.begins(timeline, first, last);
        if self.begun != Some((timeline, first, last)) {
            let borders = BatchBorders { sink: sink.to_owned(), timeline, first, last };
            self.log.begin_batch(&borders).and_then(|()| self.log.sync()).map_err(Trouble::Log)?;
            self.begun = Some((timeline, first, last));
        }
        self.outlet.send(&SinkBatch { timeline, first, last, parcels }).map_err(Trouble::Sink)?;
        let progress = SinkProgress { sink: sink.to_owned(), timeline, epoch: last, file_length_bytes: None };
        // One that is lost costs a repetition, under the same borders.
        if let Err(error) = self.log.note(&progress) {
            tracing::debug!("{sink}: {error}");
        }
        {
            let mut inner = self.shared.inner();
            inner.queue.left(timeline, last);
            inner.behind = false;
        }
        self.shared.tell(&self.progress, self.clock.as_ref());
        Ok(())
    }

    /// Takes what is next from the outbox into memory.
    fn read(&mut self, behind: Place, now_ms: i64) -> Result<(), Trouble> {
        let sink = self.shared.name;
        let bytes_max = self.limits.memory_bytes / 2;
        let page = self.store.outbox_page(sink, Some(&key(sink, behind)), bytes_max).map_err(Trouble::Store)?;
        let lost = || Trouble::Sink(SinkError::OutboxUnreadable { sink });
        let parcels = page.into_iter().map(|(key, stored)| Some((key, Parcel::of_stored(&stored)?)));
        let parcels = parcels.collect::<Option<Vec<_>>>().filter(|page| !page.is_empty()).ok_or_else(lost)?;
        self.shared.inner().queue.was_read(parcels, now_ms);
        Ok(())
    }

    fn well(&mut self) {
        self.pause_ms = 0;
        if self.said_ms.take().is_some() {
            tracing::info!("{}: well again", self.shared.name);
            self.progress.telemetry.sink_trouble(self.shared.name, None);
        }
    }

    /// Waits a little before the next attempt where that may mend it, and ends the run where it does not.
    fn failed(&mut self, trouble: Trouble) {
        let (text, may_pass) = match &trouble {
            Trouble::Sink(error) => (error.to_string(), error.may_pass()),
            Trouble::Log(error) => (error.to_string(), error.may_pass()),
            Trouble::Store(error) => (error.to_string(), error.may_mend()),
        };
        let sink = self.shared.name;
        if !may_pass {
            let error = match trouble {
                Trouble::Sink(error) => error,
                Trouble::Log(_) | Trouble::Store(_) => SinkError::Pace { sink, reason: text },
            };
            self.shared.inner().failed = Some(error);
            self.over = true;
            return;
        }
        self.progress.telemetry.sink_trouble(sink, Some(text.clone()));
        let now_ms = self.clock.boot_ms();
        if self.said_ms.is_none_or(|said_ms| now_ms - said_ms >= SAY_EVERY_MS) {
            self.said_ms = Some(now_ms);
            tracing::warn!("{text}; its results wait, the other sinks go on; trying again");
        }
        let (shortest, longest) = PAUSES_MS;
        self.pause_ms = (self.pause_ms * 2).clamp(shortest, longest);
        self.not_before_ms = now_ms + self.pause_ms;
    }
}
