//! The gathering side: reads, logs, executes, hands over; at a start it first executes again what the state lacks.

use std::iter::Peekable;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use super::delivery::{Handed, Returned};
use super::feed::{Feed, Read};
use super::patience::Patience;
use super::recovery::Refusal;
use super::{
    DriverError, EpochKind, EpochLog, EpochRecord, Executed, Executor, LogError, RecordRange, Records, Unexecuted,
    ranges_of, reread,
};
use crate::source::Batch;
use crate::state::StateStore;
use crate::telemetry::Step;
use crate::time::clock::EpochClock;

/// How long a read waits at most before the stop flag is looked at.
const PATIENCE: Duration = Duration::from_millis(100);
/// How often watchers of the consumer group are told how far we are.
const GROUP_OFFSETS_EVERY_MS: i64 = 5_000;
/// How often it is looked up where the partitions end.
const ENDS_EVERY_MS: i64 = 1_000;

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stepped {
    /// There is more to do.
    GoOn,
    /// The feed has ended, or delivery has failed and says why itself.
    Ended,
}

pub(super) struct Gather<'a> {
    pub(super) executor: Executor,
    pub(super) store: Arc<dyn StateStore>,
    pub(super) hot_symbols: usize,
    pub(super) log: Box<dyn EpochLog>,
    pub(super) patience: Patience<'a>,
    pub(super) epoch_clock: EpochClock,
    /// The next epoch's record, as far as it is known.
    pub(super) next: EpochRecord,
    /// The parallelism that the configuration asks for; epochs executed again have that of their time.
    pub(super) parallelism: u16,
    pub(super) stage: Stage,
    /// Somebody waits for what this tells: everything before is committed.
    pub(super) barrier: Option<Receiver<()>>,
    /// An epoch that is logged and could not be executed.
    pub(super) stalled: Option<Box<Unexecuted>>,
    /// The source goes on elsewhere, and no epoch has said so yet.
    pub(super) moved: bool,
    /// How many partitions of the source's table the records have named so far.
    pub(super) announced: usize,
    pub(super) to_deliver: SyncSender<Handed>,
    /// How many things were handed over.
    pub(super) handed_over: u64,
    /// Bytes of values that were handed over and are not delivered.
    pub(super) in_flight_bytes: usize,
    pub(super) returned: Receiver<Returned>,
    /// The last epoch whose record was appended, for the one who syncs.
    pub(super) appended: Arc<AtomicU64>,
    /// The log is needed behind this epoch, for checkpoints.
    pub(super) needed_after: Arc<AtomicU64>,
    pub(super) group_told_ms: i64,
    pub(super) ends_told_ms: i64,
}

/// What the gathering side is at.
pub(super) enum Stage {
    /// Executing again what was logged; the record that waits for other shards.
    Again(Peekable<Records>),
    /// Reading on.
    Live {
        /// The first epoch after a start was made.
        started: bool,
    },
}

impl Gather<'_> {
    /// Steps until the feed ends, the run is told to stop, or something fails.
    pub(super) fn run(&mut self, feed: &mut dyn Feed) -> Result<(), DriverError> {
        while !self.patience.stop.load(Ordering::Relaxed) {
            if self.step(feed, PATIENCE)? == Stepped::Ended {
                break;
            }
        }
        Ok(())
    }

    /// One epoch, or one look for something to do, waiting for it at most `wait`.
    pub(super) fn step(&mut self, feed: &mut dyn Feed, wait: Duration) -> Result<Stepped, DriverError> {
        if !self.take_back(feed)? {
            return Ok(Stepped::Ended);
        }
        if let Some(stalled) = self.stalled.take() {
            return self.execute_anew(stalled, wait);
        }
        if self.moved {
            return self.name_anew(feed, wait);
        }
        let wanted = match &mut self.stage {
            Stage::Again(records) => match records.peek() {
                Some(Ok(record)) => record.parallelism,
                Some(Err(_)) | None => self.parallelism,
            },
            Stage::Live { .. } => self.parallelism,
        };
        if self.executor.parallelism() != usize::from(wanted) {
            return self.scale(wanted, wait);
        }
        let going = match &mut self.stage {
            Stage::Again(records) => {
                if let Some(record) = records.next() {
                    self.again(record?, feed)?
                } else {
                    self.stage = Stage::Live { started: false };
                    true
                }
            }
            Stage::Live { started: started @ false } => {
                *started = true;
                self.epoch(EpochKind::Start, Batch::of(feed.partitions()), Vec::new(), feed)?
            }
            Stage::Live { started: true } => self.live(feed, wait)?,
        };
        Ok(if going { Stepped::GoOn } else { Stepped::Ended })
    }

    fn live(&mut self, feed: &mut dyn Feed, wait: Duration) -> Result<bool, DriverError> {
        self.tell_group(feed);
        if !self.has_room() {
            return Ok(self.wait_for_room(feed, wait));
        }
        if self.is_behind() {
            return self.timer_epoch(feed);
        }
        let wait = self.until_due().min(wait);
        let steps = &self.patience.progress.telemetry.steps;
        match steps.timed(Step::Read, self.patience.clock, || feed.read(wait)).map_err(DriverError::Source)? {
            Read::Records(batch, ranges) => self.epoch(EpochKind::Data, batch, ranges, feed),
            Read::Moved(moved) => {
                self.patience.progress.telemetry.moved(moved);
                self.moved = true;
                Ok(true)
            }
            Read::Nothing if self.is_due() => self.timer_epoch(feed),
            Read::Nothing => Ok(true),
            Read::End => {
                self.epoch(EpochKind::Flush, Batch::of(feed.partitions()), Vec::new(), feed)?;
                Ok(false)
            }
        }
    }

    fn again(&mut self, record: EpochRecord, feed: &mut dyn Feed) -> Result<bool, DriverError> {
        let (logged, now) = (record.config_id, self.next.config_id);
        if logged != now {
            return Err(Refusal::OtherConfiguration { epoch: record.id, logged, now }.into());
        }
        if record.id != self.next.id {
            return Err(LogError::Gap { last: self.next.id - 1, found: record.id }.into());
        }
        if record.kind == EpochKind::Start {
            feed.goes_on_at(&record.ranges);
        }
        let table = reread::table(self.executor.partitions(), &record.ranges);
        self.announced = self.announced.max(table.len());
        let batch = if record.ranges.iter().any(|range| range.records > 0) {
            let read = match feed.reread(&record.ranges) {
                Ok(read) => read,
                // It says so in words of its own; a stop is none of its failures.
                Err(_) if self.patience.stop.load(Ordering::Relaxed) => return Ok(false),
                Err(error) => return Err(DriverError::Source(error)),
            };
            let batch = reread::in_table(read, table);
            reread::compare(&record, &batch)?;
            batch
        } else {
            Batch::of(table)
        };
        self.epoch_clock.is_at_least(record.clock_ms);
        self.execute(record, batch)
    }

    /// Executes an epoch that is logged and hands it over, or keeps it for later. `false`: delivery has ended.
    fn execute(&mut self, record: EpochRecord, batch: Batch) -> Result<bool, DriverError> {
        let (executor, telemetry) = (&mut self.executor, &self.patience.progress.telemetry);
        let executed = telemetry.steps.timed(Step::Execute, self.patience.clock, || executor.execute(record, batch));
        telemetry.holds(executor.symbols(), executor.timers(), executor.cache_use());
        match executed {
            Ok(executed) => Ok(self.executed(executed)),
            Err(stalled) if self.patience.patient && stalled.error.may_mend() => {
                self.stalled = Some(stalled);
                Ok(true)
            }
            Err(failed) => Err(failed.error.into()),
        }
    }

    fn executed(&mut self, executed: Executed) -> bool {
        self.next.id = executed.epoch.id + 1;
        self.in_flight_bytes += executed.outputs.batch.bytes();
        self.hand_over(Handed::Epoch(Box::new(executed)))
    }

    /// Executes an epoch with shards that are made anew, once everything before is committed: those that have failed may
    /// have executed half of it.
    fn execute_anew(&mut self, stalled: Box<Unexecuted>, wait: Duration) -> Result<Stepped, DriverError> {
        match self.everything_is_committed(wait) {
            Some(true) => {}
            Some(false) => return Ok(Stepped::Ended),
            None => {
                self.stalled = Some(stalled);
                return Ok(Stepped::GoOn);
            }
        }
        let Unexecuted { error, epoch, batch } = *stalled;
        tracing::warn!("{error}; epoch {} is executed once more", epoch.id);
        let (executor, store, hot_symbols) = (&mut self.executor, &self.store, self.hot_symbols);
        let mut waiting = Some((epoch, batch));
        let executed = self.patience.until_done(DriverError::may_mend, || {
            *executor = over(executor, executor.parallelism(), store, hot_symbols)?;
            let Some((epoch, batch)) = waiting.take() else { return Ok(None) };
            executor.execute(epoch, batch).map(Some).map_err(|failed| {
                let Unexecuted { error, epoch, batch } = *failed;
                waiting = Some((epoch, batch));
                DriverError::from(error)
            })
        })?;
        Ok(if executed.is_none_or(|executed| self.executed(executed)) { Stepped::GoOn } else { Stepped::Ended })
    }

    /// An epoch that says where each partition goes on, once everything before is committed: those who execute it again
    /// must not have to read what is gone by then.
    fn name_anew(&mut self, feed: &mut dyn Feed, wait: Duration) -> Result<Stepped, DriverError> {
        match self.everything_is_committed(wait) {
            Some(true) => {}
            Some(false) => return Ok(Stepped::Ended),
            None => return Ok(Stepped::GoOn),
        }
        self.moved = false;
        self.announced = 0;
        let going = self.epoch(EpochKind::Start, Batch::of(feed.partitions()), Vec::new(), feed)?;
        Ok(if going { Stepped::GoOn } else { Stepped::Ended })
    }

    /// Goes on with so many shards, once everything before is committed: what they hold is put into them from the store.
    fn scale(&mut self, parallelism: u16, wait: Duration) -> Result<Stepped, DriverError> {
        match self.everything_is_committed(wait) {
            Some(true) => {}
            Some(false) => return Ok(Stepped::Ended),
            None => return Ok(Stepped::GoOn),
        }
        self.executor = over(&self.executor, usize::from(parallelism), &self.store, self.hot_symbols)?;
        self.next.parallelism = parallelism;
        Ok(Stepped::GoOn)
    }

    /// Whether all that was handed over is committed; `None`: not within `wait`, `Some(false)`: delivery has ended.
    fn everything_is_committed(&mut self, wait: Duration) -> Option<bool> {
        let committed = if let Some(committed) = self.barrier.take() {
            committed
        } else {
            let (done, committed) = sync_channel(1);
            if !self.hand_over(Handed::Barrier(done)) {
                return Some(false);
            }
            committed
        };
        match committed.recv_timeout(wait) {
            Ok(()) => Some(true),
            Err(RecvTimeoutError::Timeout) => {
                self.barrier = Some(committed);
                None
            }
            Err(RecvTimeoutError::Disconnected) => Some(false),
        }
    }

    /// Time alone makes an epoch.
    fn timer_epoch(&mut self, feed: &mut dyn Feed) -> Result<bool, DriverError> {
        let batch = Batch::of(feed.partitions());
        let ranges = ranges_of(&batch, |slot| feed.facts(slot));
        self.epoch(EpochKind::Timer, batch, ranges, feed)
    }

    /// Logs and executes one epoch and hands it over. `false`: delivery has failed, and says why itself.
    fn epoch(
        &mut self,
        kind: EpochKind,
        batch: Batch,
        mut ranges: Vec<RecordRange>,
        feed: &dyn Feed,
    ) -> Result<bool, DriverError> {
        self.announce(&batch, &mut ranges, feed);
        self.next.kind = kind;
        self.next.clock_ms = self.epoch_clock.next_ms(self.patience.clock);
        self.next.ranges = ranges;
        let (log, next) = (&mut self.log, &self.next);
        let steps = &self.patience.progress.telemetry.steps;
        let append = || self.patience.until_done(LogError::may_pass, || log.append(next));
        steps.timed(Step::Log, self.patience.clock, append)?;
        self.appended.store(self.next.id, Ordering::Release);
        self.execute(self.next.clone(), batch)
    }

    /// `false`: delivery has ended.
    fn hand_over(&mut self, handed: Handed) -> bool {
        self.handed_over += 1;
        let steps = &self.patience.progress.telemetry.steps;
        steps.timed(Step::HandOver, self.patience.clock, || self.to_deliver.send(handed).is_ok())
    }

    /// A partition that is new to the source's table is named once, read or not: whoever executes the epochs again knows
    /// the same table, and where reading it began.
    fn announce(&mut self, batch: &Batch, ranges: &mut Vec<RecordRange>, feed: &dyn Feed) {
        if self.announced >= batch.partitions.len() {
            return;
        }
        let table = &batch.partitions;
        for (slot, id) in table.iter().enumerate().skip(self.announced) {
            if !ranges.iter().any(|range| range.is_of(id)) {
                ranges.push(RecordRange::unread(id, feed.facts(slot)));
            }
        }
        // In the table's order: it is made of them again.
        ranges.sort_by_key(|range| table.iter().position(|id| range.is_of(id)));
        self.announced = batch.partitions.len();
    }

    fn tell_group(&mut self, feed: &mut dyn Feed) {
        let now_ms = self.patience.clock.boot_ms();
        if now_ms - self.group_told_ms >= GROUP_OFFSETS_EVERY_MS {
            self.group_told_ms = now_ms;
            feed.committed(&self.patience.progress.next_offsets());
        }
        if now_ms - self.ends_told_ms >= ENDS_EVERY_MS {
            self.ends_told_ms = now_ms;
            self.patience.progress.telemetry.partitions_seen(&feed.seen(), self.patience.clock);
        }
    }

    fn is_behind(&mut self) -> bool {
        let now_ms = self.epoch_clock.next_ms(self.patience.clock);
        self.executor.next_due_ms().is_some_and(|due_ms| due_ms <= now_ms) && self.executor.is_behind(now_ms)
    }

    fn is_due(&mut self) -> bool {
        let now_ms = self.epoch_clock.next_ms(self.patience.clock);
        self.executor.next_due_ms().is_some_and(|due_ms| due_ms <= now_ms)
    }

    fn until_due(&mut self) -> Duration {
        let now_ms = self.epoch_clock.next_ms(self.patience.clock);
        let due_in = |due_ms: i64| Duration::from_millis((due_ms - now_ms).max(0) as u64);
        self.executor.next_due_ms().map_or(PATIENCE, due_in).min(PATIENCE)
    }
}

/// The same engine with so many shards, over what the store holds.
fn over(
    executor: &Executor,
    parallelism: usize,
    store: &Arc<dyn StateStore>,
    hot_symbols: usize,
) -> Result<Executor, DriverError> {
    let mut executor = executor.sibling(parallelism).map_err(|error| DriverError::Threads(error.to_string()))?;
    executor.restore(store, hot_symbols)?;
    Ok(executor)
}
