//! A sink at its own pace (`design.md`, rules 3 to 6). What epochs give it is packed on the delivering side and waits in
//! memory; what it has not acknowledged at a commit is committed with it, in the outbox, so that no commit waits for it. A
//! thread of its own sends batches of several epochs, whose borders are durable before the first attempt.
//!
//! `intake` is the delivering side's part, `sender` the thread's, `queue` what they share: plain data.

mod intake;
mod queue;
mod sender;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

pub use intake::Intake;
use queue::Queue;
pub use sender::{Sender, Sent};

use super::{Outlet, OutletKnown, Pack, SinkError};
use crate::epoch::{DriverError, LogSummary, LogSync, Progress, Timeline};
use crate::state::{OutboxKey, StateStore};
use crate::time::clock::Clock;

/// When a batch is full, and how much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacedLimits {
    /// A batch has no more rows, but for one epoch that has more alone.
    pub batch_rows: u64,
    /// Likewise in bytes.
    pub batch_bytes: usize,
    /// A batch that is not full waits so long for more, in milliseconds.
    pub batch_ms: i64,
    /// More than this is waited for, and then waits in the state only.
    pub memory_bytes: usize,
    /// More than this does not wait anywhere: the sources pause.
    pub outbox_bytes: u64,
}

/// A sink that is not yet part of a run.
pub struct PacedSink {
    /// Packs what is for it.
    pub pack: Box<dyn Pack>,
    /// Where it goes.
    pub outlet: Box<dyn Outlet>,
    /// How much at once, and how much may wait.
    pub limits: PacedLimits,
    /// The machine's clock, for the thread that sends.
    pub clock: Arc<dyn Clock>,
}

/// What both sides see.
struct Shared {
    name: &'static str,
    inner: Mutex<Inner>,
    /// Something came, or the end is near.
    changed: Condvar,
}

struct Inner {
    queue: Queue,
    /// Nothing more will come: what waits leaves now.
    closing: bool,
    /// It did not take what was waited for: it is not waited for again before it has taken something.
    behind: bool,
    /// What ends the run.
    failed: Option<SinkError>,
}

impl Shared {
    /// Shows how far the sink is.
    fn tell(&self, progress: &Progress, clock: &dyn Clock) {
        let (epoch, bytes) = {
            let queue = &self.inner().queue;
            (queue.progress(), queue.bytes())
        };
        progress.telemetry.waits_for(self.name, epoch, bytes, clock);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here is half-changed when a panic could happen.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a start knows.
pub struct Standing<'a> {
    /// The history that goes on.
    pub timeline: Timeline,
    /// The last epoch that the state contains: what it gave has left or is in the outbox.
    pub state: u64,
    /// The last epoch of the history, in the state or in the log.
    pub last: u64,
    /// The state's own history, if there is a state.
    pub state_timeline: Option<Timeline>,
    /// A person has accepted that outputs of an earlier run are lost or come twice.
    pub accept_lost_output: bool,
    /// What the log says of the sinks.
    pub logged: &'a LogSummary,
    /// The state, with the outbox.
    pub store: &'a Arc<dyn StateStore>,
    /// Takes the borders of batches.
    pub log: Arc<dyn LogSync>,
    /// Told how far the sink is.
    pub progress: Arc<Progress>,
}

impl PacedSink {
    /// Both its sides, as they stand at a start; and the last epoch that it needs no more.
    ///
    /// # Errors
    /// The outbox cannot be read, or going on would not be exactly once.
    pub fn begin(mut self, standing: &Standing<'_>) -> Result<(Intake, Sender, u64), DriverError> {
        let (name, timeline) = (self.outlet.name(), standing.timeline);
        let noted = standing.logged.sinks.iter().find(|noted| noted.sink == name);
        let borders = standing.logged.batches.iter().find(|borders| borders.sink == name);
        let logged = [
            noted.map(|noted| (noted.timeline, noted.epoch)),
            // A batch begins only when everything before it is acknowledged: the note of that may be lost.
            borders.map(|borders| (borders.timeline, borders.first.saturating_sub(1))),
        ];
        let logged = logged.into_iter().flatten().max();
        self.outlet.resume(&OutletKnown {
            timeline,
            state: standing.state_timeline.map(|of| (of, standing.state)),
            last: standing.last,
            acknowledged: logged,
            accept_lost_output: standing.accept_lost_output,
        })?;
        // Its own answer wins where it is further.
        let answer = self.outlet.answer().map(|answer| (answer.timeline, answer.epoch));
        let acknowledged = logged.max(answer).unwrap_or((timeline, 0));
        let has = if acknowledged.0 == timeline { standing.state.max(acknowledged.1) } else { standing.state };
        let batch = borders.map(|borders| (borders.timeline, borders.first, borders.last));
        let batch = batch.filter(|&(timeline, _, last)| (timeline, last) > acknowledged);
        let mut queue = Queue::new(name, timeline, has, acknowledged, batch, self.limits);
        standing.store.for_each_in_outbox(name, &mut |key, outputs| {
            queue.found_in_outbox(key, outputs);
            Ok(())
        })?;
        let inner = Inner { queue, closing: false, behind: false, failed: None };
        let shared = Arc::new(Shared { name, inner: Mutex::new(inner), changed: Condvar::new() });
        let sender = Sender {
            shared: Arc::clone(&shared),
            outlet: self.outlet,
            limits: self.limits,
            clock: Arc::clone(&self.clock),
            store: Arc::clone(standing.store),
            log: Arc::clone(&standing.log),
            progress: Arc::clone(&standing.progress),
            begun: None,
            not_before_ms: 0,
            pause_ms: 0,
            said_ms: None,
            over: false,
        };
        let progress = Arc::clone(&standing.progress);
        let intake = Intake { shared, pack: self.pack, packed: None, clock: self.clock, progress };
        Ok((intake, sender, has))
    }
}

/// The key that an epoch's outputs have in the outbox.
fn key(name: &str, (timeline, epoch): (Timeline, u64)) -> OutboxKey {
    OutboxKey::of(name, timeline, epoch)
}
