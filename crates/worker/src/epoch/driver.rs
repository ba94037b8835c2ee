//! The one loop: gather, log, execute, deliver, commit. Execution of an epoch overlaps the delivery of the one before;
//! commits keep their order. Threads start here, in [`super::feed`] and in [`super::paced`], nowhere else in the engine.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{channel, sync_channel};

use super::delivery::{CommitPace, Delivering, Delivery};
use super::feed::{Feed, FeedError};
use super::gather::{Gather, Stage};
use super::keeper::{Keeper, Keeping, told};
use super::paced;
use super::patience::Patience;
use super::recovery::{Plan, Policy, Position, Refusal, plan};
use super::standpoint::Standpoint;
use super::{
    Control, EPOCH_FORMAT, EpochKind, EpochLog, EpochRecord, Executor, LogError, Progress, RequestId, Timeline,
};
use crate::sink::{Known, PacedSink, Sender, Sink, SinkError, Standing};
use crate::source::PartitionId;
use crate::state::{Commit, SinkProgress, StateStore, StoreError};
use crate::time::clock::{Clock, EpochClock};

/// How many executed epochs may wait for delivery (I7).
pub(super) const DELIVERIES: usize = 2;

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The source failed.
    #[error("{0}")]
    Source(FeedError),
    /// The epoch log failed: nothing leaves that it does not hold.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A sink failed.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The state store failed, or held what cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Going on would not be exactly once.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Threads are not to be had.
    #[error("no threads: {0}")]
    Threads(String),
}

impl DriverError {
    /// Whether waiting may mend it: the state's disk does not give what it should.
    pub(super) fn may_mend(&self) -> bool {
        matches!(self, Self::Store(error) if error.may_mend())
    }
}

/// What a person has accepted, and what is known of the state beside the state.
#[derive(Clone, Copy, Debug)]
pub struct History {
    /// The name of a history that begins now.
    pub fresh: Timeline,
    /// What has been accepted.
    pub policy: Policy,
    /// Outputs of an earlier run may be lost or written over.
    pub accept_lost_output: bool,
    /// The state comes from a drained savepoint.
    pub drained: bool,
}

impl History {
    /// A history that begins, with nothing accepted.
    pub fn new(fresh: Timeline) -> Self {
        Self { fresh, policy: Policy::default(), accept_lost_output: false, drained: false }
    }
}

/// Makes checkpoints, and how often.
pub struct Checkpoints {
    /// Makes them.
    pub keeper: Box<dyn Keeper>,
    /// The time between two, in milliseconds.
    pub interval_ms: i64,
}

/// What makes a run: the engine and everything around it.
pub struct Driver<'a> {
    /// Executes epochs; its state is empty, the store's is put into it.
    pub executor: Executor,
    /// The machine's clocks.
    pub clock: &'a dyn Clock,
    /// Where epochs are logged.
    pub log: Box<dyn EpochLog>,
    /// Where state is committed to.
    pub store: Arc<dyn StateStore>,
    /// About how many symbols stay in memory.
    pub hot_symbols: usize,
    /// Where results go, in this order.
    pub sinks: Vec<Box<dyn Sink>>,
    /// Where they go besides, at a pace of its own each.
    pub paced: Vec<PacedSink>,
    /// The history that the epochs belong to.
    pub history: History,
    /// How commits are grouped.
    pub pace: CommitPace,
    /// Whether to wait where a disk is full, read-only or fails, until it is well again; else that ends the run.
    pub patient: bool,
    /// Checkpoints and savepoints, where the state is on disk.
    pub checkpoints: Option<Checkpoints>,
    /// What is asked for from outside.
    pub control: Arc<Control>,
    /// Fingerprint of the configuration.
    pub config_id: u64,
    /// Shards.
    pub parallelism: u16,
    /// Set to stop: what is in work is committed, open windows stay open.
    pub stop: Arc<AtomicBool>,
    /// For whoever watches.
    pub progress: Arc<Progress>,
}

/// Where a run begins.
struct Begin {
    timeline: Timeline,
    /// The last epoch that the state contains.
    state: u64,
    /// The last epoch in the log.
    last: u64,
    clock_ms: i64,
}

impl Driver<'_> {
    /// Executes again what the state lacks, then runs until the feed ends (then open windows fire), the stop flag is set,
    /// or something fails.
    pub fn run(mut self, feed: &mut dyn Feed) -> Result<(), DriverError> {
        let checkpoints = self.checkpoints.take();
        let (clock, control, store) = (self.clock, Arc::clone(&self.control), Arc::clone(&self.store));
        let (mut gather, delivery, senders) = self.prepare(feed, checkpoints.is_some())?;
        let at_their_pace: Vec<_> = senders.iter().map(Sender::name).collect();
        paced::start(senders)?;
        let (stop, progress) = (Arc::clone(&gather.patience.stop), Arc::clone(&gather.patience.progress));
        let ended = AtomicBool::new(false);
        let (mut keeper, interval_ms) = match checkpoints {
            Some(Checkpoints { keeper, interval_ms }) => (Some(keeper), interval_ms),
            None => (None, 0),
        };
        let (committed, needed_after) = (Arc::clone(&delivery.committed), Arc::clone(&gather.needed_after));
        let keeping = Keeping {
            control: &control,
            clock,
            telemetry: &progress.telemetry,
            interval_ms,
            stop: &stop,
            ended: &ended,
            committed: &committed,
            needed_after: &needed_after,
        };
        let (result, stopping) = std::thread::scope(|scope| {
            let thread = |name: &str| std::thread::Builder::new().name(name.into());
            let delivering = thread("deliver").spawn_scoped(scope, move || delivery.run());
            let keeping = keeper.as_mut().map(|keeper| {
                let keeping = &keeping;
                thread("keep").spawn_scoped(scope, move || keeping.run(keeper.as_mut()))
            });
            // Set also where one of the threads panics: the others end, and the panic ends the process.
            let over = SetWhenDropped(&ended);
            let gathered = gather.run(feed);
            drop(gather);
            let delivered = match delivering {
                Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                Err(error) => Err(DriverError::Threads(error.to_string())),
            };
            progress.all_delivered();
            drop(over);
            let stopping = match keeping {
                Some(Ok(thread)) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                Some(Err(error)) => return (Err(DriverError::Threads(error.to_string())), None),
                None => None,
            };
            feed.committed(&progress.next_offsets());
            // A failed delivery ends gathering too, and is the cause.
            (delivered.and(gathered), stopping)
        });
        if let (Some(keeper), Some(asked)) = (&mut keeper, stopping) {
            let drained = paced::nothing_waits(&store, &at_their_pace)?;
            last_savepoint(&keeping, keeper.as_mut(), asked, &result, drained);
        }
        result
    }

    /// The two sides of the pipeline, as they stand at a start.
    pub(super) fn prepare<'a>(
        mut self,
        feed: &mut dyn Feed,
        checkpointed: bool,
    ) -> Result<(Gather<'a>, Delivery<'a>, Vec<Sender>), DriverError>
    where
        Self: 'a,
    {
        self.progress.telemetry.attach(&self.store);
        let committed = self.store.last_commit()?;
        let mut begin = self.begin(committed.as_ref(), feed)?;
        let standpoint = self.standpoint(committed.as_ref(), &begin)?;
        if !standpoint.positions.is_empty() {
            let found = feed.seek(&standpoint.positions, standpoint.topic_id).map_err(DriverError::Source)?;
            let there = if standpoint.reads_again() {
                standpoint.is_there(&feed.beginnings().map_err(DriverError::Source)?)
            } else {
                Ok(())
            };
            if let Err(refusal) = standpoint.fits(found).and(there) {
                if !self.history.policy.accept_lost_log {
                    return Err(refusal.into());
                }
                begin = self.without_log(begin.state, begin.clock_ms)?;
            }
        }
        // Only now: what is refused leaves them as they are.
        let mut sinks = self.resume_sinks(committed.as_ref(), &begin)?;
        let standing = Standing {
            timeline: begin.timeline,
            state: begin.state,
            last: begin.last,
            state_timeline: committed.as_ref().map(|commit| commit.timeline),
            accept_lost_output: self.history.accept_lost_output,
            logged: &self.log.summary(),
            store: &self.store,
            log: self.log.syncer(),
            progress: Arc::clone(&self.progress),
        };
        let senders = paced::begin(std::mem::take(&mut self.paced), &mut sinks, &standing)?;
        self.executor.restore(&self.store, self.hot_symbols)?;
        let stage = if begin.last > begin.state {
            Stage::Again(self.log.after(begin.state)?.peekable())
        } else {
            Stage::Live { started: false }
        };
        let (to_deliver, handed) = sync_channel(DELIVERIES);
        let (give_back, returned) = channel();
        let appended = Arc::new(AtomicU64::new(0));
        let patience = Patience { clock: self.clock, stop: self.stop, patient: self.patient, progress: self.progress };
        let delivery = Delivery {
            handed,
            sinks,
            store: Arc::clone(&self.store),
            log: self.log.syncer(),
            appended: Arc::clone(&appended),
            synced: 0,
            patience: patience.clone(),
            committed: Arc::new(AtomicU64::new(begin.state)),
            pace: self.pace,
            give_back,
            pending: None,
        };
        let gather = Gather {
            executor: self.executor,
            store: self.store,
            hot_symbols: self.hot_symbols,
            log: self.log,
            patience,
            epoch_clock: EpochClock::starting_at(begin.clock_ms),
            next: EpochRecord {
                format: EPOCH_FORMAT,
                timeline: begin.timeline,
                id: begin.state + 1,
                clock_ms: 0,
                kind: EpochKind::Start,
                config_id: self.config_id,
                parallelism: self.parallelism,
                ranges: Vec::new(),
            },
            parallelism: self.parallelism,
            stage,
            barrier: None,
            stalled: None,
            moved: false,
            announced: committed.as_ref().map_or(0, |commit| commit.partitions.len()),
            to_deliver,
            handed_over: 0,
            in_flight_bytes: 0,
            returned,
            appended,
            // Without checkpoints the log is needed for what is not committed only.
            needed_after: Arc::new(AtomicU64::new(if checkpointed { 0 } else { u64::MAX })),
            group_told_ms: 0,
            ends_told_ms: 0,
        };
        Ok((gather, delivery, senders))
    }

    /// What there is, and what follows from it.
    fn begin(&mut self, committed: Option<&Commit>, feed: &mut dyn Feed) -> Result<Begin, DriverError> {
        let History { fresh, policy, drained, .. } = self.history;
        let position = committed.map(|commit| Position { timeline: commit.timeline, epoch: commit.epoch, drained });
        let clock_ms = committed.map_or(0, |commit| commit.clock_ms);
        let answers: Vec<SinkProgress> = self.paced.iter().filter_map(|paced| paced.outlet.answer()).collect();
        let decided = plan(position, &self.log.summary(), &answers, policy)?;
        Ok(match decided {
            Plan::Fresh => {
                if !policy.start_over {
                    refuse_if_group_was_further(feed)?;
                }
                Begin { timeline: fresh, state: 0, last: 0, clock_ms }
            }
            Plan::Resume { timeline, epoch, last } => {
                if last > epoch {
                    tracing::info!(from = epoch + 1, to = last, "executing logged epochs again");
                }
                Begin { timeline, state: epoch, last, clock_ms }
            }
            Plan::NewTimeline { epoch } => self.without_log(epoch, clock_ms)?,
        })
    }

    /// The state goes on under a new timeline; the log is set aside.
    fn without_log(&mut self, epoch: u64, clock_ms: i64) -> Result<Begin, DriverError> {
        let fresh = self.history.fresh;
        tracing::warn!(epoch, timeline = fresh.0, "the state goes on under a new timeline, without a log");
        self.log.set_aside(&format!("set-aside-{}", fresh.0))?;
        Ok(Begin { timeline: fresh, state: epoch, last: epoch, clock_ms })
    }

    /// Where reading goes on, as state and log say.
    fn standpoint(&self, committed: Option<&Commit>, begin: &Begin) -> Result<Standpoint, DriverError> {
        let mut standpoint = Standpoint::of(committed);
        if begin.last > begin.state {
            for record in self.log.after(begin.state)? {
                standpoint.add(&record?);
            }
        }
        Ok(standpoint)
    }

    fn resume_sinks(&mut self, committed: Option<&Commit>, begin: &Begin) -> Result<Vec<Delivering>, DriverError> {
        let noted = self.log.summary().sinks;
        let mut resumed = Vec::new();
        for mut sink in std::mem::take(&mut self.sinks) {
            let of_sink = |progress: &&SinkProgress| progress.sink == sink.name();
            let known = Known {
                timeline: begin.timeline,
                committed: committed.and_then(|commit| commit.sinks.iter().find(of_sink)),
                noted: noted.iter().filter(of_sink).find(|progress| progress.timeline == begin.timeline),
                accept_lost_output: self.history.accept_lost_output,
            };
            let has = sink.resume(known)?;
            // Until the first commit only the log can tell what stood in a file when the history began.
            if committed.is_none()
                && known.noted.is_none()
                && let Some(length_bytes) = sink.settle()?
            {
                let (sink, timeline) = (sink.name().to_owned(), begin.timeline);
                self.log.note(&SinkProgress { sink, timeline, epoch: has, file_length_bytes: Some(length_bytes) })?;
            }
            resumed.push(Delivering { sink, has });
        }
        Ok(resumed)
    }
}

/// Sets a flag when it goes, whatever the reason.
struct SetWhenDropped<'a>(&'a AtomicBool);

impl Drop for SetWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Where there is no state nobody should have read on either.
fn refuse_if_group_was_further(feed: &mut dyn Feed) -> Result<(), DriverError> {
    let Some((group, offsets)) = feed.group_offsets().map_err(DriverError::Source)? else { return Ok(()) };
    match offsets.first() {
        Some((PartitionId { topic, partition }, offset)) => {
            let (partition, offset) = (format!("{topic}-{partition}"), *offset);
            Err(Refusal::GroupWasFurther { group, partition, offset }.into())
        }
        None => Ok(()),
    }
}

/// A stop with savepoint was asked for and everything has been delivered: the savepoint restores anywhere, if nothing waits
/// in an outbox.
fn last_savepoint(
    keeping: &Keeping<'_>,
    keeper: &mut dyn Keeper,
    (id, directory): (RequestId, Option<PathBuf>),
    result: &Result<(), DriverError>,
    drained: bool,
) {
    let made = match result {
        Ok(()) => {
            let make = || keeper.savepoint(directory.as_deref(), drained);
            told("savepoint", keeping.telemetry.checkpoints.noted(true, keeping.clock, make))
        }
        Err(error) => Err(format!("the worker failed while it stopped: {error}")),
    };
    keeping.answer(id, made);
}
