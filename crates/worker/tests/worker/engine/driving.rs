//! The driver: what makes an epoch, in which order things leave, and what happens when one of them fails.

mod paced;
mod slow_sink;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use worker::epoch::{
    Accounting, CommitPace, Driver, DriverError, EpochKind, EpochLog, EpochRecord, Feed, History, LineClock, LogError,
    LogSummary, LogSync, Outputs, Pipeline, Progress, Records, Timeline,
};
use worker::sink::{MemorySink, PacedSink, Sink, SinkError};
use worker::state::{
    Commit, MemoryStateStore, OutboxKey, SinkProgress, StateKey, StateStore, StoreError, Visit, VisitTimer,
};
use worker::time::TimeMode;
use worker::time::clock::ManualClock;

use super::day::{End, MORNING_MS, Scripted, Turn, day};
use super::repeatable::KeptLog;
use super::{executor, json, pipeline};

/// The windows of these tests end at whole minutes: the first 58 seconds after the morning's 04:57:02.
const FIRST_END_MS: i64 = MORNING_MS + 58_000;

/// A driver over a manual clock, with parts that a test may replace.
struct Parts<'a> {
    pipeline: Pipeline,
    clock: &'a ManualClock,
    log: Box<dyn EpochLog>,
    store: Arc<dyn StateStore>,
    sinks: Vec<Box<dyn Sink>>,
    paced: Vec<PacedSink>,
    stop: Arc<AtomicBool>,
    progress: Arc<Progress>,
}

impl<'a> Parts<'a> {
    fn new(clock: &'a ManualClock, sink: impl Sink + 'static) -> Self {
        Self {
            pipeline: pipeline(TimeMode::Processing, 0),
            clock,
            log: Box::new(KeptLog::default()),
            store: Arc::new(MemoryStateStore::default()),
            sinks: vec![Box::new(sink)],
            paced: Vec::new(),
            stop: Arc::default(),
            progress: Arc::default(),
        }
    }

    fn driver(self) -> Driver<'a> {
        let Self { pipeline, clock, log, store, sinks, paced, stop, progress } = self;
        let executor = executor(&pipeline, LineClock::Epoch, 2);
        let (history, config_id, parallelism) = (History::new(Timeline(1)), 0, 2);
        let (pace, checkpoints, control) = (CommitPace::EACH, None, Arc::default());
        Driver {
            executor,
            clock,
            log,
            store,
            hot_symbols: 1_000,
            sinks,
            paced,
            history,
            pace,
            patient: true,
            checkpoints,
            control,
            config_id,
            parallelism,
            stop,
            progress,
        }
    }

    fn run(self, feed: &mut dyn Feed) -> Result<(), DriverError> {
        self.driver().run(feed)
    }
}

/// The epochs that had lines: kind, clock since the morning, and the lines' streams with their symbols.
fn told(sink: &MemorySink) -> Vec<(EpochKind, i64, Vec<String>)> {
    let word = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        format!("{} {}", line["stream"].as_str().unwrap(), line["symbol"].as_str().unwrap())
    };
    sink.epochs()
        .into_iter()
        .filter(|(_, lines)| !lines.is_empty())
        .map(|(epoch, lines)| {
            let lines = String::from_utf8(lines).unwrap().lines().map(word).collect();
            (epoch.kind, epoch.clock_ms - MORNING_MS, lines)
        })
        .collect()
}

/// Runs turns to their end by the stop flag.
fn played(parts: Parts<'_>, turns: &[Turn]) -> Result<(), DriverError> {
    let (clock, stop) = (parts.clock, Arc::clone(&parts.stop));
    parts.run(&mut Scripted::new(turns, clock, End::Stop(stop)))
}

#[test]
fn a_window_fires_by_the_clock_alone() {
    let clock = ManualClock::at(MORNING_MS);
    let sink = MemorySink::new(json());
    let turns = [
        Turn::order(0, 0, "B", MORNING_MS),
        Turn::order(10, 1, "A", MORNING_MS),
        Turn::pause(57_989),
        Turn::pause(1),
        Turn::pause(100_000),
    ];
    played(Parts::new(&clock, sink.clone()), &turns).unwrap();
    let word = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        told(&sink),
        [
            (EpochKind::Data, 0, word(&["raw B"])),
            (EpochKind::Data, 10, word(&["raw A"])),
            // Not at 57,999 ms; at 58,000 both, by symbol; and never again.
            (EpochKind::Timer, FIRST_END_MS - MORNING_MS, word(&["agg A", "agg B"])),
        ]
    );
}

// An event that comes when a window is over stands behind the window's line, in one epoch.
#[test]
fn a_window_stands_before_the_event_that_comes_after_its_end() {
    let clock = ManualClock::at(MORNING_MS);
    let sink = MemorySink::new(json());
    played(Parts::new(&clock, sink.clone()), &[Turn::order(0, 0, "A", 0), Turn::order(58_000, 1, "A", 0)]).unwrap();
    assert_eq!(told(&sink)[1], (EpochKind::Data, 58_000, vec!["agg A".into(), "raw A".into()]));
}

// Partition 1 had one order and is caught up: after 30 s of that it holds the watermark no longer, and partition 0's
// window fires, although no record comes. A silent partition that is not known to be caught up holds it for ever.
#[test]
fn in_event_time_a_partition_that_becomes_idle_fires_windows() {
    for (caught_up, fires) in [(true, true), (false, false)] {
        let clock = ManualClock::at(MORNING_MS);
        let sink = MemorySink::new(json());
        let state = [false, caught_up, true];
        let mut other = Turn::order(0, 0, "B", MORNING_MS);
        other.records[0].partition = 1;
        let ahead = Turn { caught_up: state, ..Turn::order(0, 1, "A", MORNING_MS + 70_000) };
        let quiet = |pause_ms| Turn { caught_up: state, ..Turn::pause(pause_ms) };
        let turns =
            [Turn::order(0, 0, "A", MORNING_MS), other, ahead, quiet(29_999), quiet(1), quiet(0), quiet(60_000)];
        let mut parts = Parts::new(&clock, sink.clone());
        parts.pipeline = pipeline(TimeMode::Event, 0);
        played(parts, &turns).unwrap();
        let timers: Vec<_> = told(&sink).into_iter().filter(|(kind, ..)| *kind == EpochKind::Timer).collect();
        let expected = (EpochKind::Timer, 30_000, vec!["agg A".to_owned(), "agg B".to_owned()]);
        assert_eq!(timers, if fires { vec![expected] } else { vec![] }, "caught up: {caught_up}");
    }
}

#[test]
fn the_clock_of_epochs_never_goes_backwards() {
    let clock = ManualClock::at(MORNING_MS);
    let log = KeptLog::default();
    let mut parts = Parts::new(&clock, MemorySink::new(json()));
    parts.log = Box::new(log.clone());
    played(parts, &[Turn::order(5_000, 0, "A", 0), Turn::order(-3_000, 1, "A", 0), Turn::order(4_000, 2, "A", 0)])
        .unwrap();
    let clocks: Vec<i64> = log.0.lock().unwrap().iter().map(|record| record.clock_ms - MORNING_MS).collect();
    assert_eq!(clocks, [0, 5_000, 5_000, 6_000]);
    let ids: Vec<u64> = log.0.lock().unwrap().iter().map(|record| record.id).collect();
    assert_eq!(ids, [1, 2, 3, 4]);
}

#[test]
fn at_a_recordings_end_open_windows_fire_and_offsets_are_told() {
    let clock = ManualClock::at(MORNING_MS);
    let sink = MemorySink::new(json());
    let mut feed = Scripted::new(&[Turn::order(0, 41, "A", 0)], &clock, End::Flush);
    Parts::new(&clock, sink.clone()).run(&mut feed).unwrap();
    assert_eq!(told(&sink)[1], (EpochKind::Flush, 0, vec!["agg A".into()]));
    let offsets: Vec<(i32, i64)> = feed.told.iter().map(|(id, offset)| (id.partition, *offset)).collect();
    assert_eq!(offsets, [(0, 42), (1, 0), (2, 0)]);
}

/// What happened, in order.
type Journal = Arc<Mutex<Vec<(&'static str, u64)>>>;

struct Journaled<T> {
    inner: T,
    journal: Journal,
    /// Fails from this epoch on.
    fails_at: u64,
}

impl<T> Journaled<T> {
    fn wrote(&self, what: &'static str, epoch: u64) -> bool {
        self.journal.lock().unwrap().push((what, epoch));
        epoch >= self.fails_at
    }
}

impl EpochLog for Journaled<KeptLog> {
    fn append(&mut self, record: &EpochRecord) -> Result<(), LogError> {
        if self.wrote("log", record.id) {
            return Err(LogError::Gap { last: 0, found: record.id });
        }
        self.inner.append(record)
    }

    fn summary(&self) -> LogSummary {
        self.inner.summary()
    }

    fn note(&mut self, progress: &SinkProgress) -> Result<(), LogError> {
        self.inner.note(progress)
    }

    fn syncer(&self) -> Arc<dyn LogSync> {
        self.inner.syncer()
    }

    fn after(&self, epoch: u64) -> Result<Records, LogError> {
        self.inner.after(epoch)
    }

    fn set_aside(&mut self, name: &str) -> Result<(), LogError> {
        self.inner.set_aside(name)
    }

    fn forget_through(&mut self, epoch: u64) -> Result<(), LogError> {
        self.journal.lock().unwrap().push(("forget", epoch));
        Ok(())
    }
}

impl Sink for Journaled<MemorySink> {
    fn name(&self) -> &'static str {
        "journaled"
    }

    fn deliver(&mut self, epoch: &EpochRecord, outputs: &Outputs) -> Result<(), SinkError> {
        if self.wrote("deliver", epoch.id) {
            return Err(SinkError::InUse { sink: "journaled", target: "the sink's target".into() });
        }
        self.inner.deliver(epoch, outputs)
    }
}

impl StateStore for Journaled<MemoryStateStore> {
    fn last_commit(&self) -> Result<Option<Commit>, StoreError> {
        self.inner.last_commit()
    }

    fn symbol(&self, key: &StateKey) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.symbol(key)
    }

    fn for_each_symbol(&self, visit: Visit<'_, StateKey>) -> Result<(), StoreError> {
        self.inner.for_each_symbol(visit)
    }

    fn for_each_timer(&self, visit: VisitTimer<'_>) -> Result<(), StoreError> {
        self.inner.for_each_timer(visit)
    }

    fn for_each_in_outbox(&self, sink: &str, visit: Visit<'_, OutboxKey>) -> Result<(), StoreError> {
        self.inner.for_each_in_outbox(sink, visit)
    }

    fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        if self.wrote("commit", commit.epoch) {
            return Err(StoreError::Key(vec![1]));
        }
        self.inner.commit(commit)
    }
}

const NEVER: u64 = u64::MAX;

/// A driver whose log, sink and store write a journal and fail from the given epochs on.
fn journaled(clock: &ManualClock, fails_at: [u64; 3]) -> (Parts<'_>, Journal) {
    let journal = Journal::default();
    let [log, sink, store] = fails_at;
    let keep = || Arc::clone(&journal);
    let mut parts = Parts::new(clock, Journaled { inner: MemorySink::new(json()), journal: keep(), fails_at: sink });
    parts.log = Box::new(Journaled { inner: KeptLog::default(), journal: keep(), fails_at: log });
    parts.store = Arc::new(Journaled { inner: MemoryStateStore::default(), journal: keep(), fails_at: store });
    (parts, journal)
}

// Nothing leaves before its epoch record is kept, nothing is committed before it has left, and the log forgets only what
// is committed (I7: it does forget).
#[test]
fn i1_epochs_are_logged_then_delivered_then_committed_then_forgotten() {
    let clock = ManualClock::at(MORNING_MS);
    let (parts, journal) = journaled(&clock, [NEVER; 3]);
    played(parts, &day(1, 60)).unwrap();
    let journal = journal.lock().unwrap();
    let mut last = [0; 4];
    for &(what, epoch) in journal.iter() {
        let stage = ["log", "deliver", "commit", "forget"].iter().position(|&stage| stage == what).unwrap();
        // The log keeps the last committed record, so that it still says which history it is: the first time nothing goes.
        let first = stage == 3 && epoch == 0;
        assert!(first || epoch == last[stage] + 1, "{what} {epoch}: in order, none left out");
        assert!(stage == 0 || epoch <= last[stage - 1], "{what} {epoch} came before the stage before it");
        assert!(stage != 3 || epoch < last[2], "the last committed record is forgotten");
        last[stage] = epoch;
    }
    assert!(last[0] > 40 && last[1] == last[0] && last[2] == last[0], "{last:?}");
    assert!(last[3] + 10 > last[0], "the log holds what is under way, no more: {last:?}");
}

fn stages(journal: &Journal, what: &str) -> Vec<u64> {
    journal.lock().unwrap().iter().filter(|(stage, _)| *stage == what).map(|&(_, epoch)| epoch).collect()
}

#[test]
fn what_cannot_be_logged_does_not_leave() {
    let clock = ManualClock::at(MORNING_MS);
    let (parts, journal) = journaled(&clock, [4, NEVER, NEVER]);
    let error = played(parts, &day(1, 60)).unwrap_err();
    assert!(matches!(error, DriverError::Log(_)), "{error}");
    assert_eq!((stages(&journal, "deliver"), stages(&journal, "commit")), (vec![1, 2, 3], vec![1, 2, 3]));
}

#[test]
fn what_did_not_leave_is_not_committed() {
    let clock = ManualClock::at(MORNING_MS);
    let (parts, journal) = journaled(&clock, [NEVER, 4, NEVER]);
    let progress = Arc::clone(&parts.progress);
    let error = played(parts, &day(1, 60)).unwrap_err();
    assert!(matches!(error, DriverError::Sink(_)), "{error}");
    assert_eq!(stages(&journal, "commit"), [1, 2, 3]);
    assert!(progress.counts().adds_up(), "I4: of what was committed");
}

#[test]
fn a_store_that_fails_ends_the_run() {
    let clock = ManualClock::at(MORNING_MS);
    let (parts, journal) = journaled(&clock, [NEVER, NEVER, 2]);
    let progress = Arc::clone(&parts.progress);
    let error = played(parts, &[Turn::order(0, 0, "A", 0)]).unwrap_err();
    assert!(matches!(error, DriverError::Store(_)), "{error}");
    assert_eq!(stages(&journal, "deliver"), [1, 2], "what comes after it does not leave");
    assert_eq!(progress.counts(), Accounting::default());
}

// A sink fails and then nothing comes any more: the run ends all the same, or nobody would know.
#[test]
fn a_failure_is_noticed_while_nothing_comes() {
    let (ended, end) = mpsc::channel();
    thread::spawn(move || {
        let clock = ManualClock::at(MORNING_MS);
        let (parts, _) = journaled(&clock, [NEVER, 2, NEVER]);
        let result = parts.run(&mut Scripted::new(&[Turn::order(0, 0, "A", 0)], &clock, End::Never));
        ended.send(result.is_err()).unwrap();
    });
    assert!(end.recv_timeout(Duration::from_secs(10)).expect("the run ends"));
}
