//! What the web room sees of a run: a seam, so that it knows neither the engine nor its threads.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::{Entry, Settings, StateBackend, Values};
use crate::epoch::{Accounting, Control, Progress, Trouble};
use crate::sink::Language;
use crate::source::PartitionId;
use crate::telemetry::{PartitionStatus, Telemetry};
use crate::time::clock::Clock;

/// What is shown of a run. Every method answers at once: the server's only thread asks.
pub trait View: Send + Sync + 'static {
    /// The counts of everything committed so far.
    fn counts(&self) -> Accounting;
    /// The offsets to read next, as committed.
    fn next_offsets(&self) -> Vec<(PartitionId, i64)>;
    /// When the worker started, in milliseconds since the Unix epoch.
    fn started_ms(&self) -> i64;
    /// Now, on the same axis; it goes on evenly from the start, whatever is done to the wall clock meanwhile.
    fn now_ms(&self) -> i64;
    /// Milliseconds since boot.
    fn boot_ms(&self) -> i64;
    /// Shards.
    fn parallelism(&self) -> u16;
    /// Whether the run has its partitions, and an epoch of theirs has come through to its commit, or there is nothing to read.
    fn ready(&self) -> bool;
    /// The last epoch committed; 0 before the first.
    fn epoch(&self) -> u64;
    /// What keeps the run from going on, if anything does.
    fn trouble(&self) -> Option<Trouble>;
    /// What the engine tells of itself.
    fn telemetry(&self) -> &Telemetry;
    /// What is run.
    fn about(&self) -> &About;
    /// Where to ask for checkpoints and savepoints; `None` where none can be made.
    fn control(&self) -> Option<&Control>;
}

/// What is run, as configured.
#[derive(Clone, Debug)]
pub struct About {
    /// The topic that is read.
    pub topic: String,
    /// The consumer group.
    pub group: String,
    /// Width of a window in milliseconds.
    pub window_ms: i64,
    /// Language of the alerts' messages.
    pub language: Language,
    /// Where the state is, if on disk.
    pub state_directory: Option<PathBuf>,
    /// Every key with its value and origin. Secrets hide themselves.
    pub configuration: Vec<Entry>,
}

impl About {
    /// What these settings run.
    pub fn new(settings: &Settings, values: &Values) -> Self {
        Self {
            topic: settings.kafka.topic.clone(),
            group: settings.kafka.group.clone(),
            window_ms: settings.agg.window_ms,
            language: settings.language,
            state_directory: (settings.state.backend == StateBackend::Rocksdb)
                .then(|| settings.state.directory.clone()),
            configuration: values.entries().to_vec(),
        }
    }
}

/// The view of a running [`crate::epoch::Driver`].
pub struct ProgressView {
    progress: Arc<Progress>,
    control: Option<Arc<Control>>,
    about: About,
    clock: Box<dyn Clock>,
    started_wall_ms: i64,
    started_boot_ms: i64,
    parallelism: u16,
}

impl ProgressView {
    /// Shows a run that starts now, by this clock. `control`: where to ask it for checkpoints, if it makes any.
    pub fn new(
        progress: Arc<Progress>,
        control: Option<Arc<Control>>,
        about: About,
        clock: Box<dyn Clock>,
        parallelism: u16,
    ) -> Self {
        let (started_wall_ms, started_boot_ms) = (clock.wall_ms(), clock.boot_ms());
        Self { progress, control, about, clock, started_wall_ms, started_boot_ms, parallelism }
    }
}

impl View for ProgressView {
    fn counts(&self) -> Accounting {
        self.progress.counts()
    }

    fn next_offsets(&self) -> Vec<(PartitionId, i64)> {
        self.progress.next_offsets()
    }

    fn started_ms(&self) -> i64 {
        self.started_wall_ms
    }

    fn now_ms(&self) -> i64 {
        self.started_wall_ms + (self.clock.boot_ms() - self.started_boot_ms)
    }

    fn boot_ms(&self) -> i64 {
        self.clock.boot_ms()
    }

    fn parallelism(&self) -> u16 {
        self.parallelism
    }

    fn ready(&self) -> bool {
        !self.progress.next_offsets().is_empty() || is_at_end(&self.telemetry().partitions(self.boot_ms()))
    }

    fn epoch(&self) -> u64 {
        self.progress.epoch()
    }

    fn trouble(&self) -> Option<Trouble> {
        self.progress.trouble()
    }

    fn telemetry(&self) -> &Telemetry {
        &self.progress.telemetry
    }

    fn about(&self) -> &About {
        &self.about
    }

    fn control(&self) -> Option<&Control> {
        self.control.as_deref()
    }
}

/// Of a topic that nobody wrote to nothing is ever committed: that brokers told its ends is as far as one can be.
fn is_at_end(partitions: &[PartitionStatus]) -> bool {
    !partitions.is_empty() && partitions.iter().all(|partition| partition.lag_records == Some(0))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    use super::*;
    use crate::anomaly::Rules;
    use crate::decode::DecodeSettings;
    use crate::epoch::{
        CommitPace, Driver, Executor, Feed, FeedError, History, LineClock, MemoryEpochLog, Pipeline, Read, Timeline,
    };
    use crate::event::OpSet;
    use crate::source::{Batch, PartitionId, PartitionSeen};
    use crate::state::MemoryStateStore;
    use crate::time::clock::ManualClock;
    use crate::time::{TimeMode, WatermarkSettings};
    use crate::window::TumblingWindows;

    /// Two tombstones, then nothing more.
    struct Tombstones(bool);

    impl Feed for Tombstones {
        fn read(&mut self, _wait: Duration) -> Result<Read, FeedError> {
            if std::mem::replace(&mut self.0, true) {
                return Ok(Read::End);
            }
            let mut batch = Batch::of(self.partitions());
            for offset in [40, 41] {
                batch.push(0, offset, 1_000, None);
            }
            Ok(Read::Records(batch, Vec::new()))
        }

        fn partitions(&self) -> Vec<PartitionId> {
            vec![PartitionId { topic: "cdc.orders_db.orders".into(), partition: 3 }]
        }
    }

    fn pipeline() -> Pipeline {
        Pipeline {
            time: TimeMode::Processing,
            watermarks: WatermarkSettings { out_of_orderness_ms: 0, idle_after_ms: 30_000, max_ahead_ms: 3_600_000 },
            windows: TumblingWindows { size_ms: 300_000, ops: OpSet::ALL, allowed_lateness_ms: 0 },
            rules: Rules { large_order: None, high_amount: None, price_spike: None, rapid_orders: None },
            raw: true,
            snapshot_rows_once: false,
        }
    }

    fn about() -> About {
        let (topic, group) = ("cdc.orders_db.orders".into(), "worker".into());
        About {
            topic,
            group,
            window_ms: 300_000,
            language: Language::English,
            state_directory: None,
            configuration: Vec::new(),
        }
    }

    fn run_to_the_end(progress: &Arc<Progress>) {
        let clock = ManualClock::at(5_000);
        let driver = Driver {
            executor: Executor::new(pipeline(), &DecodeSettings::default(), LineClock::Epoch, 1).unwrap(),
            clock: &clock,
            log: Box::new(MemoryEpochLog::default()),
            store: Arc::new(MemoryStateStore::default()),
            hot_symbols: 1_000,
            sinks: Vec::new(),
            paced: Vec::new(),
            history: History::new(Timeline(1)),
            pace: CommitPace::EACH,
            patient: false,
            checkpoints: None,
            control: Arc::default(),
            config_id: 1,
            parallelism: 1,
            stop: Arc::new(AtomicBool::new(false)),
            progress: Arc::clone(progress),
        };
        driver.run(&mut Tombstones(false)).unwrap();
    }

    #[test]
    fn a_run_is_ready_once_an_epoch_of_its_partitions_has_come_through() {
        let progress = Arc::new(Progress::default());
        let view = ProgressView::new(Arc::clone(&progress), None, about(), Box::new(ManualClock::at(0)), 1);
        assert!(!view.ready(), "nothing has been read");
        run_to_the_end(&progress);
        assert!(view.ready());
        assert_eq!((view.counts().consumed, view.epoch(), view.trouble()), (2, 3, None));
        let [(id, next_offset)] = &view.next_offsets()[..] else { panic!("one partition") };
        assert_eq!((&*id.topic, id.partition, *next_offset), ("cdc.orders_db.orders", 3, 42));
    }

    #[test]
    fn a_run_is_ready_where_there_is_nothing_to_read() {
        let progress = Arc::new(Progress::default());
        let view = ProgressView::new(Arc::clone(&progress), None, about(), Box::new(ManualClock::at(0)), 1);
        let end = |partition, end_offset| PartitionSeen {
            id: PartitionId { topic: "cdc.orders_db.orders".into(), partition },
            end_offset,
            replicas: None,
        };
        let clock = ManualClock::at(0);
        progress.telemetry.partitions_seen(&[end(0, 0), end(1, 0)], &clock);
        assert!(view.ready(), "both are empty");
        progress.telemetry.partitions_seen(&[end(1, 5)], &clock);
        assert!(!view.ready(), "five records are there to be read");
    }

    #[test]
    fn time_since_the_start_does_not_follow_the_wall_clock() {
        let clock = Arc::new(ManualClock::at(1_770_872_100_000));
        let view = ProgressView::new(Arc::default(), None, about(), Box::new(Shared(Arc::clone(&clock))), 2);
        clock.advance(2_500);
        clock.set_wall(0);
        assert_eq!((view.started_ms(), view.now_ms()), (1_770_872_100_000, 1_770_872_102_500));
        assert_eq!(view.parallelism(), 2);
    }

    /// A clock that the test keeps a hand on.
    struct Shared(Arc<ManualClock>);

    impl Clock for Shared {
        fn wall_ms(&self) -> i64 {
            self.0.wall_ms()
        }

        fn boot_ms(&self) -> i64 {
            self.0.boot_ms()
        }

        fn pause(&self, duration: std::time::Duration) {
            self.0.pause(duration);
        }
    }
}
