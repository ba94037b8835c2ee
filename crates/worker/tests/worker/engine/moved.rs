//! The source goes on elsewhere while the worker runs: its topic was created anew. What came before is committed first, the
//! epoch that says so names every partition, and executed again it leads to the same place.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use worker::epoch::{
    CommitPace, Driver, DriverError, EpochKind, EpochLog, EpochRecord, Feed, FeedError, History, LineClock, LogError,
    LogSummary, LogSync, Moved, PartitionFacts, Progress, Read, RecordRange, Records, Refusal, Timeline, TopicId,
    ranges_of,
};
use worker::sink::MemorySink;
use worker::source::{Batch, PartitionId};
use worker::state::{MemoryStateStore, SinkProgress, StateStore as _};
use worker::time::TimeMode;
use worker::time::clock::ManualClock;

use super::day::{MORNING_MS, Turn};
use super::repeatable::KeptLog;
use super::{executor, json, partitions, pipeline};

const OLD: TopicId = [1; 16];
const NEW: TopicId = [2; 16];
/// Where the new topic's partition 0 begins, and where it ends at first.
const NEW_BEGINNING: i64 = 3;
const NEW_END: i64 = 11;

/// A log that may be appended a Start epoch only when everything before is committed, and that fails from an epoch on.
struct Strict {
    log: KeptLog,
    store: Arc<MemoryStateStore>,
    fails_at: u64,
}

impl EpochLog for Strict {
    fn append(&mut self, record: &EpochRecord) -> Result<(), LogError> {
        if record.id >= self.fails_at {
            return Err(LogError::Gap { last: 0, found: record.id });
        }
        if record.kind == EpochKind::Start && !record.ranges.is_empty() {
            let committed = self.store.last_commit().unwrap().map_or(0, |commit| commit.epoch);
            assert_eq!(committed + 1, record.id, "what came before is not committed");
        }
        self.log.append(record)
    }

    fn summary(&self) -> LogSummary {
        self.log.summary()
    }

    fn note(&mut self, progress: &SinkProgress) -> Result<(), LogError> {
        self.log.note(progress)
    }

    fn syncer(&self) -> Arc<dyn LogSync> {
        self.log.syncer()
    }

    fn after(&self, epoch: u64) -> Result<Records, LogError> {
        self.log.after(epoch)
    }

    fn set_aside(&mut self, name: &str) -> Result<(), LogError> {
        self.log.set_aside(name)
    }

    fn forget_through(&mut self, epoch: u64) -> Result<(), LogError> {
        self.log.forget_through(epoch)
    }
}

/// Orders 0 to 9 of the old topic, then the new one's from 3 on; then it stops the run.
struct TwoTopics {
    topic_id: TopicId,
    next: i64,
    /// Up to which order the new topic has records.
    end: i64,
    stop: Arc<AtomicBool>,
    said: Arc<Mutex<Vec<String>>>,
}

impl TwoTopics {
    fn order(offset: i64, symbol: &str) -> Batch {
        Turn::order(0, offset, symbol, MORNING_MS + offset).batch()
    }

    fn say(&self, what: String) {
        self.said.lock().unwrap().push(what);
    }
}

impl Feed for TwoTopics {
    fn read(&mut self, _wait: Duration) -> Result<Read, FeedError> {
        if self.topic_id == OLD && self.next == 10 {
            (self.topic_id, self.next) = (NEW, NEW_BEGINNING);
            return Ok(Read::Moved(Moved { recreated: true, lost_records: 0 }));
        }
        if self.topic_id == NEW && self.next == self.end {
            self.stop.store(true, Ordering::Relaxed);
            return Ok(Read::Nothing);
        }
        let batch = Self::order(self.next, if self.topic_id == OLD { "old" } else { "new" });
        self.next += 1;
        let ranges = ranges_of(&batch, |slot| self.facts(slot));
        Ok(Read::Records(batch, ranges))
    }

    fn partitions(&self) -> Vec<PartitionId> {
        partitions()
    }

    fn facts(&self, slot: usize) -> PartitionFacts {
        let position = if slot == 0 { self.next } else { 0 };
        PartitionFacts { topic_id: Some(self.topic_id), position, ..PartitionFacts::default() }
    }

    fn seek(
        &mut self,
        next_offsets: &[(PartitionId, i64)],
        was: Option<TopicId>,
    ) -> Result<Option<TopicId>, FeedError> {
        self.next = next_offsets[0].1;
        self.say(format!("seek {} {}", self.next, if was == Some(OLD) { "old" } else { "new" }));
        self.topic_id = was.unwrap();
        Ok(Some(NEW))
    }

    fn goes_on_at(&mut self, named: &[RecordRange]) {
        if let Some(range) = named.first() {
            (self.next, self.topic_id) = (range.from, range.topic_id.unwrap());
            self.say(format!("goes on at {}", self.next));
        }
    }

    fn reread(&mut self, ranges: &[RecordRange]) -> Result<Batch, FeedError> {
        assert_eq!(ranges[0].topic_id, Some(NEW), "nothing of the old topic is to be read again");
        self.next = ranges[0].to;
        Ok(Self::order(ranges[0].from, "new"))
    }
}

/// A worker's disk.
#[derive(Default)]
struct Kept {
    log: KeptLog,
    store: Arc<MemoryStateStore>,
}

impl Kept {
    fn run(&self, end: i64, fails_at: u64) -> (Result<(), DriverError>, Vec<String>, MemorySink) {
        let clock = ManualClock::at(MORNING_MS);
        let (stop, said): (Arc<AtomicBool>, Arc<Mutex<Vec<String>>>) = <_>::default();
        let sink = MemorySink::new(json());
        let driver = Driver {
            executor: executor(&pipeline(TimeMode::Processing, 0), LineClock::Epoch, 2),
            clock: &clock,
            log: Box::new(Strict { log: self.log.clone(), store: Arc::clone(&self.store), fails_at }),
            store: self.store.clone(),
            hot_symbols: 1_000,
            sinks: vec![Box::new(sink.clone())],
            paced: Vec::new(),
            history: History::new(Timeline(1)),
            pace: CommitPace::EACH,
            patient: false,
            checkpoints: None,
            control: Arc::default(),
            config_id: 0,
            parallelism: 2,
            stop: Arc::clone(&stop),
            progress: Arc::<Progress>::default(),
        };
        let mut feed = TwoTopics { topic_id: OLD, next: 0, end, stop, said: Arc::clone(&said) };
        let result = driver.run(&mut feed);
        let said = said.lock().unwrap().clone();
        (result, said, sink)
    }

    fn next_offsets(&self) -> Vec<i64> {
        let commit = self.store.last_commit().unwrap().unwrap();
        assert!(commit.partitions.iter().all(|partition| partition.topic_id == Some(NEW)), "{commit:?}");
        commit.next_offsets().into_iter().map(|(_, next)| next).collect()
    }
}

#[test]
fn a_topic_created_anew_is_named_once_everything_before_is_committed() {
    let kept = Kept::default();
    let (result, _, sink) = kept.run(NEW_END, u64::MAX);
    result.unwrap();
    assert_eq!(kept.next_offsets(), [NEW_END, 0, 0]);
    let log = kept.log.0.lock().unwrap();
    let named: Vec<_> = log.iter().filter(|record| record.kind == EpochKind::Start && record.id > 1).cloned().collect();
    assert_eq!((named.len(), named[0].ranges.len()), (1, 3), "one epoch names all partitions: {named:?}");
    // Repeats of positions are repeats, whatever topic they come in: of the new one only its last order is new.
    let lines = String::from_utf8(sink.bytes()).unwrap();
    let raw: Vec<&str> = lines.lines().filter(|line| line.contains(r#""stream":"raw""#)).collect();
    assert_eq!((raw.len(), raw[10].contains(r#""offset":10"#)), (11, true), "{lines}");
}

#[test]
fn epochs_that_name_the_new_topic_are_executed_again_and_lead_to_the_same_place() {
    let whole = Kept::default();
    let (result, _, _) = whole.run(NEW_END, u64::MAX);
    result.unwrap();
    let log = whole.log.0.lock().unwrap().clone();
    let names = log.iter().find(|record| record.kind == EpochKind::Start && record.id > 1).unwrap().id;
    // A state that was committed right before the epoch that names the topic, with all that was logged since.
    let kept = Kept::default();
    let (result, _, _) = kept.run(NEW_END, names);
    assert!(matches!(result, Err(DriverError::Log(_))), "{result:?}");
    assert_eq!(kept.store.last_commit().unwrap().unwrap().epoch, names - 1);
    kept.log.0.lock().unwrap().clone_from(&log);
    let (result, said, _) = kept.run(NEW_END + 2, u64::MAX);
    result.unwrap();
    assert_eq!(said, ["seek 10 new", &format!("goes on at {NEW_BEGINNING}")]);
    assert_eq!(kept.next_offsets(), [NEW_END + 2, 0, 0]);
}

#[test]
fn epochs_over_the_topic_that_is_gone_stop_the_start_before_anything_is_touched() {
    let whole = Kept::default();
    let (result, _, _) = whole.run(NEW_END, u64::MAX);
    result.unwrap();
    let kept = Kept { log: whole.log.clone(), ..Kept::default() };
    let (result, said, sink) = kept.run(NEW_END, u64::MAX);
    let Err(DriverError::Refused(Refusal::TopicRecreated { first, last, .. })) = result else {
        panic!("it is not refused: {result:?}")
    };
    assert!(first <= 2 && last >= 10, "epochs {first} to {last}");
    assert_eq!((said.len(), sink.epochs().len()), (1, 0));
}
