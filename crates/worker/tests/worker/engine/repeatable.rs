//! I3 where records come live: the same epoch records over the same data give the same bytes, at any parallelism, also
//! after a stop or a crash, from what the state store holds.

use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use worker::epoch::{
    Accounting, CommitPace, Driver, EpochKind, EpochLog, EpochRecord, Executed, Executor, History, LineClock, LogError,
    LogSummary, LogSync, MemoryEpochLog, Pipeline, Progress, Records, Timeline,
};
use worker::sink::MemorySink;
use worker::source::Batch;
use worker::state::{Commit, MemoryStateStore, SinkProgress, StateStore};
use worker::time::clock::ManualClock;

use super::day::{End, MORNING_MS, Scripted, Turn, day};
use super::stores::{symbols, timers};
use super::{executor, json, lines_of, partitions, pipelines};

/// A log that forgets nothing, shared with the test.
#[derive(Clone, Default)]
pub(super) struct KeptLog(pub(super) Arc<Mutex<Vec<EpochRecord>>>);

impl EpochLog for KeptLog {
    fn summary(&self) -> LogSummary {
        let records = self.0.lock().unwrap();
        let ends = records.first().zip(records.last());
        LogSummary {
            timeline: ends.map(|(first, _)| first.timeline),
            epochs: ends.map(|(first, last)| (first.id, last.id)),
            ..LogSummary::default()
        }
    }

    fn append(&mut self, record: &EpochRecord) -> Result<(), LogError> {
        self.0.lock().unwrap().push(record.clone());
        Ok(())
    }

    fn note(&mut self, _progress: &SinkProgress) -> Result<(), LogError> {
        Ok(())
    }

    fn syncer(&self) -> Arc<dyn LogSync> {
        MemoryEpochLog::default().syncer()
    }

    fn after(&self, epoch: u64) -> Result<Records, LogError> {
        let records: Vec<_> =
            self.0.lock().unwrap().iter().filter(|record| record.id > epoch).cloned().map(Ok).collect();
        Ok(Box::new(records.into_iter()))
    }

    fn set_aside(&mut self, _name: &str) -> Result<(), LogError> {
        self.0.lock().unwrap().clear();
        Ok(())
    }

    fn forget_through(&mut self, _epoch: u64) -> Result<(), LogError> {
        Ok(())
    }
}

/// A day as it was lived: every epoch's record, with its data and its lines.
struct Lived {
    epochs: Vec<(EpochRecord, Option<Turn>, Vec<u8>)>,
    counts: Accounting,
    store: Arc<MemoryStateStore>,
}

/// Lives a day through the driver, at parallelism 2.
fn live(pipeline: &Pipeline, turns: &[Turn]) -> Lived {
    let clock = ManualClock::at(MORNING_MS);
    let (log, sink, stop) = (KeptLog::default(), MemorySink::new(json()), Arc::new(AtomicBool::new(false)));
    let (store, progress) = (Arc::new(MemoryStateStore::default()), Arc::new(Progress::default()));
    let driver = Driver {
        executor: executor(pipeline, LineClock::Epoch, 2),
        clock: &clock,
        log: Box::new(log.clone()),
        store: store.clone(),
        hot_symbols: 1_000,
        sinks: vec![Box::new(sink.clone())],
        paced: Vec::new(),
        history: History::new(Timeline(7)),
        pace: CommitPace::EACH,
        patient: false,
        checkpoints: None,
        control: Arc::default(),
        config_id: 0,
        parallelism: 2,
        stop: Arc::clone(&stop),
        progress: Arc::clone(&progress),
    };
    driver.run(&mut Scripted::new(turns, &clock, End::Stop(stop))).unwrap();
    let mut data = turns.iter().filter(|turn| !turn.records.is_empty());
    let delivered = sink.epochs();
    let logged = log.0.lock().unwrap().clone();
    assert_eq!(logged.len(), delivered.len(), "every logged epoch is delivered");
    let epochs = logged
        .into_iter()
        .zip(delivered)
        .map(|(record, delivered)| {
            let turn = (record.kind == EpochKind::Data).then(|| data.next().expect("a turn with data").clone());
            (record, turn, delivered.1)
        })
        .collect();
    Lived { epochs, counts: progress.counts(), store }
}

fn batch(turn: Option<&Turn>) -> Batch {
    turn.map_or_else(|| Batch::of(partitions()), Turn::batch)
}

impl Lived {
    fn execute(&self, executor: &mut Executor, index: usize) -> Executed {
        let (record, turn, lines) = &self.epochs[index];
        let executed = executor.execute(record.clone(), batch(turn.as_ref())).unwrap();
        assert!(lines_of(&executed) == *lines, "epoch {} gives other bytes", record.id);
        executed
    }
}

const SEEDS: std::ops::Range<u64> = 0..6;
const TURNS: usize = 120;

#[test]
fn i3_the_same_epoch_records_give_the_same_bytes() {
    for seed in SEEDS {
        for pipeline in pipelines() {
            let lived = live(&pipeline, &day(seed, TURNS));
            for parallelism in [1, 2, 3, 8] {
                let mut executor = executor(&pipeline, LineClock::Epoch, parallelism);
                let mut counts = Accounting::default();
                for index in 0..lived.epochs.len() {
                    counts.add(&lived.execute(&mut executor, index).counts);
                }
                assert_eq!(counts, lived.counts, "seed {seed}, parallelism {parallelism}");
            }
        }
    }
}

// What the test above is for happens on these days: or nothing was compared.
#[test]
fn the_days_hold_what_is_to_be_repeated() {
    for pipeline in pipelines() {
        let mut counts = Accounting::default();
        let (mut timers, mut small, mut large) = (0, 0, 0);
        for seed in SEEDS {
            let lived = live(&pipeline, &day(seed, TURNS));
            counts.add(&lived.counts);
            for (record, turn, lines) in &lived.epochs {
                timers += usize::from(record.kind == EpochKind::Timer && !lines.is_empty());
                match turn {
                    Some(turn) if turn.records.len() < 100 => small += 1,
                    Some(_) => large += 1,
                    None => {}
                }
            }
        }
        let event_time = pipeline.time == worker::time::TimeMode::Event;
        // In event time only partitions that become idle make one.
        assert!(timers >= if event_time { 1 } else { 3 }, "{timers}");
        assert!(small > 100 && large > 50, "{small} {large}");
        assert!(counts.windows > 200 && counts.duplicate > 100 && counts.dead_letter > 50, "{counts:?}");
        assert!(counts.alerts.iter().all(|&alerts| alerts > 20), "{counts:?}");
        assert_eq!(counts.late > 20, event_time, "{counts:?}");
        assert!(counts.ignored.iter().filter(|&&ignored| ignored > 0).count() >= 3, "{counts:?}");
    }
}

pub(super) fn same_state(left: &dyn StateStore, right: &dyn StateStore) {
    // Sinks are the driver's: an executor by itself knows of none.
    let bare =
        |store: &dyn StateStore| store.last_commit().unwrap().map(|commit| Commit { sinks: Vec::new(), ..commit });
    assert_eq!(bare(left), bare(right));
    for (left, right) in symbols(left).into_iter().zip(symbols(right)) {
        assert!(left == right, "{:?} and {:?} differ: {left:?} {right:?}", left.0.symbol(), right.0.symbol());
    }
    assert_eq!(symbols(left).len(), symbols(right).len());
    assert!(timers(left) == timers(right), "timers differ");
}

/// Goes on with epochs of a day over a store, committing each. Three of the day's twelve symbols may stay in memory.
fn go_on(lived: &Lived, pipeline: &Pipeline, store: &Arc<dyn StateStore>, epochs: Range<usize>, parallelism: usize) {
    let mut executor = executor(pipeline, LineClock::Epoch, parallelism);
    let partitions = executor.restore(store, 3).unwrap();
    assert!(epochs.start == 0 || partitions == super::partitions());
    for index in epochs {
        let executed = lived.execute(&mut executor, index);
        store.commit(&executed.commit).unwrap();
        executor.committed(executed.epoch.id);
        // Each shard has its share, rounded up.
        assert!(executor.symbols() <= 3_usize.div_ceil(parallelism) * parallelism, "{} in memory", executor.symbols());
    }
}

/// A store of each kind.
fn stores() -> Vec<(Arc<dyn StateStore>, Option<tempfile::TempDir>)> {
    let memory: Arc<dyn StateStore> = Arc::new(MemoryStateStore::default());
    #[cfg(not(feature = "rocksdb"))]
    return vec![(memory, None)];
    #[cfg(feature = "rocksdb")]
    {
        let folder = tempfile::tempdir().unwrap();
        let options = worker::state::RocksOptions { memory_bytes: 8 * 1024 * 1024 };
        let rocksdb = worker::state::RocksStateStore::open(folder.path(), options).unwrap();
        vec![(memory, None), (Arc::new(rocksdb), Some(folder))]
    }
}

// Stopped after any epoch, gone on at another parallelism: the same bytes, and at the end the same state.
#[test]
fn i3_a_restored_engine_goes_on_as_if_it_had_never_stopped() {
    for pipeline in pipelines() {
        let lived = live(&pipeline, &day(3, TURNS));
        let all = lived.epochs.len();
        // Where it stops, and at which parallelism it goes on.
        let runs: [&[(usize, usize)]; 4] = [
            &[(0, 1), (30, 2), (60, 8), (90, 3)],
            &[(0, 1), (1, 8)],
            &[(0, 2), (17, 1), (40, 8)],
            &[(0, 2), (all - 1, 8)],
        ];
        for run in runs {
            for (store, _folder) in stores() {
                for (index, &(from, parallelism)) in run.iter().enumerate() {
                    let to = run.get(index + 1).map_or(all, |next| next.0);
                    go_on(&lived, &pipeline, &store, from..to, parallelism);
                }
                same_state(store.as_ref(), lived.store.as_ref());
            }
        }
    }
}

// Epochs run ahead of their commits. A crash loses what was not committed: executed again from the commit before, it
// gives the same bytes. A delta that held what later epochs changed would break that.
#[test]
fn i1_a_commit_holds_its_epoch_and_no_later_one() {
    const AHEAD: usize = 3;
    for pipeline in pipelines() {
        let lived = live(&pipeline, &day(5, TURNS));
        let store: Arc<dyn StateStore> = Arc::new(MemoryStateStore::default());
        let mut waiting = std::collections::VecDeque::new();
        let mut ahead = executor(&pipeline, LineClock::Epoch, 2);
        // Next to nothing may stay in memory: what is not committed yet must.
        ahead.restore(&store, 1).unwrap();
        for index in 0..lived.epochs.len() {
            waiting.push_back(lived.execute(&mut ahead, index).commit);
            if waiting.len() > AHEAD {
                let commit = waiting.pop_front().unwrap();
                store.commit(&commit).unwrap();
                ahead.committed(commit.epoch);
            }
            if index % 10 == 9 {
                let mut restored = executor(&pipeline, LineClock::Epoch, 3);
                restored.restore(&store, 2).unwrap();
                for again in index + 1 - AHEAD..=index {
                    lived.execute(&mut restored, again);
                }
            }
        }
        for commit in waiting {
            store.commit(&commit).unwrap();
        }
        same_state(store.as_ref(), lived.store.as_ref());
    }
}

// I4 after every epoch, and the counts are those of the lines.
#[test]
fn i4_every_epoch_adds_up_and_its_lines_are_its_counts() {
    for pipeline in pipelines() {
        let lived = live(&pipeline, &day(11, TURNS));
        let mut executor = executor(&pipeline, LineClock::Epoch, 3);
        for index in 0..lived.epochs.len() {
            let executed = lived.execute(&mut executor, index);
            let counts = &executed.counts;
            assert!(counts.adds_up(), "{counts:?}");
            let lines = String::from_utf8(lines_of(&executed)).unwrap();
            let stream = |name: &str| {
                let start = format!(r#"{{"stream":"{name}""#);
                lines.lines().filter(|line| line.starts_with(&start)).count() as u64
            };
            assert_eq!(counts.consumed as usize, executed.outputs.batch.records.len());
            assert_eq!(stream("raw"), counts.applied + counts.late);
            assert_eq!(stream("late"), counts.late);
            assert_eq!(stream("dead_letter"), counts.dead_letter);
            assert_eq!(stream("agg"), counts.windows);
            assert_eq!(stream("alert"), counts.alerts.iter().sum::<u64>());
        }
    }
}

// Across partitions of an epoch: by the running maximum of the record timestamp within the partition, then by partition.
// The windows and rules of one symbol see that order too, at any parallelism.
#[test]
fn records_of_several_partitions_are_taken_by_their_timestamps() {
    let order = |partition, offset, timestamp_ms| {
        let mut record = Turn::order(0, offset, "A", MORNING_MS).records.remove(0);
        (record.partition, record.timestamp_ms) = (partition, timestamp_ms);
        record
    };
    // Partition 0: 50, then 10 (which stands at 50); partition 1: 40, 50; partition 2: 60.
    let records = vec![order(2, 5, 60), order(1, 3, 40), order(0, 1, 50), order(0, 2, 10), order(1, 4, 50)];
    let turn = Turn { records, ..Turn::default() };
    for parallelism in [1, 8] {
        let mut executor = executor(&pipelines()[0], LineClock::Epoch, parallelism);
        let executed = executor.execute(super::epoch(1, EpochKind::Data, MORNING_MS), turn.batch()).unwrap();
        let lines = String::from_utf8(lines_of(&executed)).unwrap();
        let raw = lines.lines().filter(|line| line.starts_with(r#"{"stream":"raw""#));
        let offsets: Vec<&str> = raw.map(|line| line.rsplit_once(':').unwrap().1).collect();
        assert_eq!(offsets, ["3}", "1}", "2}", "4}", "5}"]);
        // The fifth order of the symbol within ten seconds is the last one taken.
        assert!(lines.contains(r#""id":"RAPID_ORDERS-cdc.orders_db.orders-2-5""#), "{lines}");
    }
}

// Within a partition always offset order, whatever the timestamps; and what is committed to be read next is behind it.
#[test]
fn a_partitions_records_stay_in_order() {
    let lived = live(&pipelines()[0], &day(2, TURNS));
    let mut last = [-1; 3];
    for (_, _, lines) in &lived.epochs {
        for line in String::from_utf8_lossy(lines).lines().filter(|line| line.starts_with(r#"{"stream":"raw""#)) {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let partition = line["partition"].as_u64().unwrap() as usize;
            let offset = line["offset"].as_i64().unwrap();
            assert!(offset > last[partition], "{line}");
            last[partition] = offset;
        }
    }
    let commit = lived.store.last_commit().unwrap().unwrap();
    for (partition, &last) in commit.partitions.iter().zip(&last) {
        assert!(partition.next_offset > last, "{partition:?}");
    }
}
