//! The delivering side: nothing leaves before its epoch record is durable, nothing is committed before it has left.
//! Commits of several epochs are made as one: what they name as durable is made so once for all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender};
use std::time::Duration;

use super::patience::Patience;
use super::{Accounting, DriverError, Executed, LogError, LogSync, Outputs, Timeline};
use crate::sink::{Sink, SinkError};
use crate::state::{Commit, SinkProgress, StateStore, StoreError};
use crate::telemetry::Step;

/// A sink at its own pace that has not acknowledged an epoch after a second is behind: the commit carries its outputs.
const BEHIND_AFTER_MS: i64 = 1_000;
/// Or before, where they are so much.
const BEHIND_BYTES: usize = 32 << 20;
/// How often it is asked meanwhile.
const ASK_EVERY_MS: i64 = 5;
/// How long nothing may come before it is looked whether the sinks are well, and what has left since the last commit.
const IDLE: Duration = Duration::from_secs(1);

/// How long commits may wait for each other.
#[derive(Clone, Copy, Debug)]
pub struct CommitPace {
    /// At most so long after the first of them where nothing more comes; 0: each epoch has a commit of its own.
    pub delay_ms: i64,
    /// At most so long where the next epoch always waits, the time in which the first was delivered included.
    pub busy_ms: i64,
    /// At most so many epochs.
    pub epochs_max: usize,
    /// At most so many changed symbols: what is not committed is kept in memory.
    pub symbols_max: usize,
}

impl CommitPace {
    /// Every epoch has a commit of its own.
    pub const EACH: Self = Self { delay_ms: 0, busy_ms: 0, epochs_max: 1, symbols_max: 1 };
    /// For a state on disk: a file is synced and a batch written some dozen times a second, not for every event.
    pub const GROUPED: Self = Self { delay_ms: 20, busy_ms: 1_000, epochs_max: 256, symbols_max: 100_000 };
}

/// What the gathering side hands over.
pub(super) enum Handed {
    /// An epoch to deliver and commit.
    Epoch(Box<Executed>),
    /// Say when everything handed over before is committed.
    Barrier(SyncSender<()>),
}

/// What it gets back.
pub(super) enum Returned {
    /// An epoch has left: its memory, and how far the sinks are that keep no account themselves.
    Delivered(Outputs, Vec<SinkProgress>),
    /// Everything up to this epoch is committed.
    Committed(u64),
}

/// A sink, and the last epoch that it has.
pub(super) struct Delivering {
    pub(super) sink: Box<dyn Sink>,
    pub(super) has: u64,
}

impl Delivering {
    /// Whether something that it was given has not left.
    pub(super) fn is_behind(&self) -> bool {
        self.sink.progress().is_some_and(|progress| progress < self.has)
    }

    /// How far it is, for a commit.
    fn progress(&self, timeline: Timeline, file_length_bytes: Option<u64>) -> SinkProgress {
        let epoch = self.sink.progress().unwrap_or(self.has);
        SinkProgress { sink: self.sink.name().to_owned(), timeline, epoch, file_length_bytes }
    }
}

pub(super) struct Delivery<'a> {
    pub(super) handed: Receiver<Handed>,
    pub(super) sinks: Vec<Delivering>,
    pub(super) store: Arc<dyn StateStore>,
    pub(super) log: Arc<dyn LogSync>,
    /// The last epoch whose record was appended.
    pub(super) appended: Arc<AtomicU64>,
    /// The last epoch whose record is durable, as far as this side knows.
    pub(super) synced: u64,
    pub(super) patience: Patience<'a>,
    pub(super) committed: Arc<AtomicU64>,
    pub(super) pace: CommitPace,
    pub(super) give_back: Sender<Returned>,
    pub(super) pending: Option<Pending>,
}

/// What has left and is not committed yet.
pub(super) struct Pending {
    commit: Commit,
    counts: Accounting,
    epochs: usize,
    /// When the first of them began to leave.
    since_ms: i64,
}

impl Delivery<'_> {
    /// Delivers and commits until nothing more is handed over.
    pub(super) fn run(mut self) -> Result<(), DriverError> {
        loop {
            let wait = self.pending.as_ref().map(|pending| self.commit_may_wait(pending));
            if !self.step(wait.unwrap_or(IDLE))? {
                return self.end();
            }
        }
    }

    /// How long the commit may wait: for others, and for sinks that are about to acknowledge what it would have to carry.
    fn commit_may_wait(&self, pending: &Pending) -> Duration {
        let age_ms = self.patience.clock.boot_ms() - pending.since_ms;
        let mut wait_ms = self.pace.delay_ms - age_ms;
        if wait_ms <= 0 && self.pace.delay_ms > 0 && self.uncommitted_bytes() > 0 {
            wait_ms = ASK_EVERY_MS.min(BEHIND_AFTER_MS - age_ms);
        }
        Duration::from_millis(wait_ms.max(0) as u64)
    }

    fn uncommitted_bytes(&self) -> usize {
        self.sinks.iter().map(|delivering| delivering.sink.uncommitted_bytes()).max().unwrap_or(0)
    }

    /// Takes the next thing handed over, waiting at most `wait` for it; commits what has waited long enough where nothing
    /// came. `false`: nothing more will come.
    pub(super) fn step(&mut self, wait: Duration) -> Result<bool, DriverError> {
        let steps = &self.patience.progress.telemetry.steps;
        let next = steps.timed(Step::Wait, self.patience.clock, || self.handed.recv_timeout(wait));
        match next {
            Ok(Handed::Epoch(executed)) => self.epoch(*executed)?,
            Ok(Handed::Barrier(done)) => {
                self.commit()?;
                // Who asked may have ended.
                let _gone = done.send(());
            }
            Err(RecvTimeoutError::Timeout) if wait == IDLE => {
                self.settle()?;
                self.empty_outboxes()?;
            }
            Err(RecvTimeoutError::Timeout) => {
                let due = |pending| wait.is_zero() || self.commit_may_wait(pending).is_zero();
                if self.pending.as_ref().is_some_and(due) {
                    self.commit()?;
                }
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(false),
        }
        Ok(true)
    }

    /// Commits what is left; the sinks end.
    pub(super) fn end(&mut self) -> Result<(), DriverError> {
        self.commit()?;
        self.sinks.iter_mut().try_for_each(|delivering| delivering.sink.finish())?;
        self.empty_outboxes()
    }

    fn epoch(&mut self, executed: Executed) -> Result<(), DriverError> {
        let (epoch, outputs) = (&executed.epoch, &executed.outputs);
        // Design, rule 2: stdout included, or lines would be seen that never happened. What was appended while one sync
        // ran is durable with the next: epochs that wait share it.
        if epoch.id > self.synced {
            let appended = self.appended.load(Ordering::Acquire);
            self.patience.until_done(LogError::may_pass, || self.log.sync())?;
            self.synced = appended;
        }
        let (telemetry, clock) = (&self.patience.progress.telemetry, self.patience.clock);
        let mut notes = Vec::new();
        let begun_ms = clock.boot_ms();
        for Delivering { sink, has } in &mut self.sinks {
            if epoch.id <= *has {
                continue;
            }
            telemetry.delivers_to(Some(sink.name()));
            telemetry.steps.timed(Step::Deliver, clock, || {
                self.patience.until_done(SinkError::may_pass, || sink.deliver(epoch, outputs))
            })?;
            telemetry.delivers_to(None);
            *has = epoch.id;
            if sink.progress().is_none() {
                telemetry.delivered(sink.name(), epoch.id, clock);
            }
            if sink.takes_notes() {
                let (sink, timeline) = (sink.name().to_owned(), epoch.timeline);
                notes.push(SinkProgress { sink, timeline, epoch: epoch.id, file_length_bytes: None });
            }
        }
        telemetry.left(&executed, clock);
        let Executed { outputs, commit, counts, .. } = executed;
        // The gathering side may have ended; then nobody needs the memory.
        let _ended = self.give_back.send(Returned::Delivered(outputs, notes));
        if let Some(pending) = &mut self.pending {
            pending.commit.absorb(commit);
            pending.counts.add(&counts);
            pending.epochs += 1;
        } else {
            self.pending = Some(Pending { commit, counts, epochs: 1, since_ms: begun_ms });
        }
        let now_ms = clock.boot_ms();
        let full = |pending: &Pending| {
            pending.epochs >= self.pace.epochs_max
                || pending.commit.symbols.len() >= self.pace.symbols_max
                || now_ms - pending.since_ms >= self.pace.busy_ms
        };
        if self.pending.as_ref().is_some_and(full) || self.uncommitted_bytes() >= BEHIND_BYTES {
            self.commit()
        } else {
            Ok(())
        }
    }

    /// Makes durable what the sinks have. Gives how long each file is, in the sinks' order.
    fn settle(&mut self) -> Result<Vec<Option<u64>>, SinkError> {
        let patience = &self.patience;
        self.sinks
            .iter_mut()
            .map(|Delivering { sink, .. }| patience.until_done(SinkError::may_pass, || sink.settle()))
            .collect()
    }

    fn commit(&mut self) -> Result<(), DriverError> {
        let Some(Pending { mut commit, counts, .. }) = self.pending.take() else { return Ok(()) };
        let lengths = self.settle()?;
        for (delivering, file_length_bytes) in self.sinks.iter_mut().zip(lengths) {
            commit.outbox.extend(delivering.sink.outbox());
            commit.sinks.push(delivering.progress(commit.timeline, file_length_bytes));
        }
        let next_offsets = commit.next_offsets();
        self.apply(&commit)?;
        self.patience.progress.committed(commit.epoch, &counts, next_offsets);
        self.committed.store(commit.epoch, Ordering::Release);
        let _ended = self.give_back.send(Returned::Committed(commit.epoch));
        Ok(())
    }

    fn apply(&mut self, commit: &Commit) -> Result<(), DriverError> {
        let mut tried = false;
        let steps = &self.patience.progress.telemetry.steps;
        steps.timed(Step::Commit, self.patience.clock, || {
            self.patience.until_done(StoreError::may_mend, || {
                if std::mem::replace(&mut tried, true) {
                    self.store.resume()?;
                }
                self.store.commit(commit)
            })
        })?;
        self.sinks.iter_mut().for_each(|delivering| delivering.sink.committed());
        Ok(())
    }

    /// What has left after the last commit need not wait in the outbox until a next one.
    fn empty_outboxes(&mut self) -> Result<(), DriverError> {
        let changes: Vec<_> = self.sinks.iter_mut().flat_map(|delivering| delivering.sink.outbox()).collect();
        if changes.is_empty() {
            return Ok(());
        }
        let Some(mut commit) = self.store.last_commit()? else { return Ok(()) };
        for known in &mut commit.sinks {
            if let Some(delivering) = self.sinks.iter().find(|delivering| delivering.sink.name() == known.sink) {
                *known = delivering.progress(commit.timeline, known.file_length_bytes);
            }
        }
        commit.outbox = changes;
        self.apply(&commit)
    }
}
