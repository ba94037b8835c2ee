//! The one loop: gather, log, execute, deliver, commit. Execution of an epoch overlaps the delivery of the one before;
//! commits keep their order. Threads start here and in [`super::feed`], nowhere else in the engine.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::feed::{Feed, FeedError, Read};
use super::{
    Accounting, EPOCH_FORMAT, EpochKind, EpochLog, EpochRecord, Executed, Executor, LogError, Outputs, RecordRange,
    Timeline, ranges_of,
};
use crate::sink::{Sink, SinkError};
use crate::source::{Batch, PartitionId};
use crate::state::{StateStore, StoreError};
use crate::time::clock::{Clock, EpochClock};

/// How many executed epochs may wait for delivery (I7).
const DELIVERIES: usize = 2;
/// How long a read waits at most before the stop flag is looked at.
const PATIENCE: Duration = Duration::from_millis(100);
/// How often watchers of the consumer group are told how far we are.
const GROUP_OFFSETS_EVERY_MS: i64 = 5_000;

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
}

/// What a run shows while it goes on: counts of what was committed, and where the partitions stand.
#[derive(Debug, Default)]
pub struct Progress {
    counts: Mutex<(Accounting, Vec<(PartitionId, i64)>)>,
}

impl Progress {
    /// The counts of everything committed so far.
    pub fn counts(&self) -> Accounting {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// The offsets to read next, as committed.
    pub fn next_offsets(&self) -> Vec<(PartitionId, i64)> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    fn committed(&self, counts: &Accounting, next_offsets: Vec<(PartitionId, i64)>) {
        let mut inner = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        inner.0.add(counts);
        inner.1 = next_offsets;
    }
}

/// What makes a run: the engine and everything around it.
pub struct Driver<'a> {
    /// Executes epochs.
    pub executor: Executor,
    /// The machine's clocks.
    pub clock: &'a dyn Clock,
    /// Where epochs are logged.
    pub log: Box<dyn EpochLog>,
    /// Where state is committed to.
    pub store: Arc<dyn StateStore>,
    /// Where results go, in this order.
    pub sinks: Vec<Box<dyn Sink>>,
    /// The history that the epochs belong to.
    pub timeline: Timeline,
    /// Fingerprint of the configuration.
    pub config_id: u64,
    /// Shards.
    pub parallelism: u16,
    /// Set to stop: what is in work is committed, open windows stay open.
    pub stop: Arc<AtomicBool>,
    /// For whoever watches.
    pub progress: Arc<Progress>,
}

impl Driver<'_> {
    /// Runs until the feed ends (then open windows fire), the stop flag is set, or something fails.
    pub fn run(self, feed: &mut dyn Feed) -> Result<(), DriverError> {
        let Driver { executor, clock, log, store, sinks, timeline, config_id, parallelism, stop, progress } = self;
        let (to_deliver, deliveries) = sync_channel(DELIVERIES);
        let (give_back, returned) = channel();
        let mut gather = Gather {
            executor,
            log,
            clock,
            epoch_clock: EpochClock::starting_at(0),
            next: EpochRecord {
                format: EPOCH_FORMAT,
                timeline,
                id: 1,
                clock_ms: 0,
                kind: EpochKind::Start,
                config_id,
                parallelism,
                ranges: Vec::new(),
            },
            to_deliver,
            returned,
            group_told_ms: 0,
        };
        std::thread::scope(|scope| {
            let deliver = std::thread::Builder::new().name("deliver".into()).spawn_scoped(scope, {
                let progress = &progress;
                move || deliver_all(sinks, store.as_ref(), progress, &deliveries, &give_back)
            });
            let gathered = gather.run(feed, &stop, &progress);
            drop(gather);
            let delivered = match deliver {
                Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                Err(error) => Err(DriverError::Source(error.into())),
            };
            feed.committed(&progress.next_offsets());
            // A failed delivery ends gathering too, and is the cause.
            delivered.and(gathered)
        })
    }
}

/// The gathering side: reads, logs, executes, hands over.
struct Gather<'a> {
    executor: Executor,
    log: Box<dyn EpochLog>,
    clock: &'a dyn Clock,
    epoch_clock: EpochClock,
    next: EpochRecord,
    to_deliver: SyncSender<Executed>,
    /// Epochs that are delivered and committed, by id, with the memory that they stood in.
    returned: Receiver<(u64, Outputs)>,
    group_told_ms: i64,
}

impl Gather<'_> {
    fn run(&mut self, feed: &mut dyn Feed, stop: &AtomicBool, progress: &Progress) -> Result<(), DriverError> {
        let mut going = self.epoch(EpochKind::Start, Batch::of(feed.partitions()), Vec::new())?;
        while going && !stop.load(Ordering::Relaxed) && self.recycle(feed) {
            self.tell_group(feed, progress);
            if self.is_behind() {
                going = self.timer_epoch(feed)?;
                continue;
            }
            let wait = self.until_due();
            going = match feed.read(wait).map_err(DriverError::Source)? {
                Read::Records(batch, ranges) => self.epoch(EpochKind::Data, batch, ranges)?,
                Read::Nothing if self.is_due() => self.timer_epoch(feed)?,
                Read::Nothing => true,
                Read::End => {
                    self.epoch(EpochKind::Flush, Batch::of(feed.partitions()), Vec::new())?;
                    false
                }
            };
        }
        Ok(())
    }

    /// Time alone makes an epoch.
    fn timer_epoch(&mut self, feed: &dyn Feed) -> Result<bool, DriverError> {
        let batch = Batch::of(feed.partitions());
        let ranges = ranges_of(&batch, |slot| feed.facts(slot));
        self.epoch(EpochKind::Timer, batch, ranges)
    }

    /// Logs and executes one epoch and hands it over. `false`: delivery has failed, and says why itself.
    fn epoch(&mut self, kind: EpochKind, batch: Batch, ranges: Vec<RecordRange>) -> Result<bool, DriverError> {
        self.next.kind = kind;
        self.next.clock_ms = self.epoch_clock.next_ms(self.clock);
        self.next.ranges = ranges;
        self.log.append(&self.next)?;
        let executed = self.executor.execute(self.next.clone(), batch)?;
        self.next.id += 1;
        Ok(self.to_deliver.send(executed).is_ok())
    }

    /// Takes back what delivered epochs need no more: their memory, and their records in the log (I7). `false`: delivery
    /// has ended, which it does by itself only when it failed; an idle pipeline would notice with the next record only.
    fn recycle(&mut self, feed: &mut dyn Feed) -> bool {
        loop {
            match self.returned.try_recv() {
                Ok((epoch, outputs)) => {
                    self.log.forget_through(epoch);
                    self.executor.committed(epoch);
                    self.executor.recycle(outputs.decoded);
                    feed.recycle(outputs.batch);
                }
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn tell_group(&mut self, feed: &mut dyn Feed, progress: &Progress) {
        let now_ms = self.clock.boot_ms();
        if now_ms - self.group_told_ms >= GROUP_OFFSETS_EVERY_MS {
            self.group_told_ms = now_ms;
            feed.committed(&progress.next_offsets());
        }
    }

    fn is_behind(&mut self) -> bool {
        let now_ms = self.epoch_clock.next_ms(self.clock);
        self.executor.next_due_ms().is_some_and(|due_ms| due_ms <= now_ms) && self.executor.is_behind(now_ms)
    }

    fn is_due(&mut self) -> bool {
        let now_ms = self.epoch_clock.next_ms(self.clock);
        self.executor.next_due_ms().is_some_and(|due_ms| due_ms <= now_ms)
    }

    fn until_due(&mut self) -> Duration {
        let now_ms = self.epoch_clock.next_ms(self.clock);
        let due_in = |due_ms: i64| Duration::from_millis((due_ms - now_ms).max(0) as u64);
        self.executor.next_due_ms().map_or(PATIENCE, due_in).min(PATIENCE)
    }
}

/// The delivering side: sinks first, then the commit.
fn deliver_all(
    mut sinks: Vec<Box<dyn Sink>>,
    store: &dyn StateStore,
    progress: &Progress,
    deliveries: &Receiver<Executed>,
    give_back: &Sender<(u64, Outputs)>,
) -> Result<(), DriverError> {
    for executed in deliveries {
        for sink in &mut sinks {
            sink.deliver(&executed.epoch, &executed.outputs)?;
        }
        let next_offsets = executed.commit.next_offsets();
        store.commit(&executed.commit)?;
        progress.committed(&executed.counts, next_offsets);
        // The gathering side may have ended; then nobody needs the memory.
        let _ended = give_back.send((executed.epoch.id, executed.outputs));
    }
    sinks.iter_mut().try_for_each(|sink| sink.finish()).map_err(DriverError::from)
}
