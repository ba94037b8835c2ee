//! The Kafka sink as its readers see it: `read_committed`, while the worker is killed, fenced, or finds that what it
//! remembers of the topics is gone.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rdkafka::admin::AdminOptions;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;
use worker::source::generate::GenerateSettings;
use worker::source::market::MarketSettings;

use super::LONG;
use super::support::{Real, block_on, generate, unique};
use crate::engine::day::Dice;
use crate::program::{end_of, signal, wait_until, worker};
use crate::recordings::insert;

const KILLS: u64 = 20;
const MESSAGES: u64 = 30_000;
const A_SECOND: u32 = 1_500;
const STREAMS: [&str; 4] = ["raw", "agg", "alerts", "dlq"];

/// A worker's place: its directory, the topic that it reads, and a name that its own topics begin with.
pub(super) struct Place<'a> {
    pub(super) folder: &'a Path,
    pub(super) topic: &'a str,
    pub(super) name: &'a str,
}

impl Place<'_> {
    pub(super) fn begin(&self, more: &[&str]) -> Child {
        self.command(more).spawn().unwrap()
    }

    fn command(&self, more: &[&str]) -> Command {
        let set = |key: &str, value: &str| ["--set".to_owned(), format!("{key}={value}")];
        let mut arguments = vec!["run".to_owned()];
        arguments.extend(set("kafka.bootstrap", &std::env::var("CDC_TEST_KAFKA").unwrap()));
        arguments.extend(set("kafka.topic", self.topic));
        arguments.extend(set("kafka.group", &format!("{}-{}", self.name, self.folder.display()).replace('/', "-")));
        for (key, value) in [
            ("format", "json"),
            ("sink.stdout.enabled", "false"),
            ("sink.file.path", "results"),
            ("web.enabled", "false"),
            ("agg.window_ms", "1000"),
            ("sink.kafka.enabled", "true"),
            ("sink.kafka.replication_factor", "1"),
            ("sink.kafka.transactional_id", self.name),
        ] {
            arguments.extend(set(key, value));
        }
        for stream in ["raw", "agg", "alerts", "late", "dlq"] {
            arguments.extend(set(&format!("sink.kafka.{stream}_topic"), &self.output(stream)));
        }
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        let mut command = worker(&arguments);
        command.current_dir(self.folder).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    pub(super) fn output(&self, stream: &str) -> String {
        format!("{}.{stream}", self.name)
    }

    /// The lines of the file, which is exactly once by itself.
    pub(super) fn file(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join("results")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

/// What a reader sees: partition, key, value, in the order of each partition.
struct Read {
    partition: i32,
    key: Option<String>,
    value: String,
}

/// Everything committed in a topic.
fn read_committed(real: &Real, topic: &str) -> Vec<Read> {
    let consumer: BaseConsumer = real
        .config()
        .set("group.id", unique("reader"))
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), LONG).unwrap();
    let mut assignment = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        assignment.add_partition_offset(topic, partition.id(), Offset::Beginning).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    let (mut read, mut ended) = (Vec::new(), 0);
    while ended < assignment.count() {
        match consumer.poll(LONG).expect("an answer") {
            Ok(message) => read.push(Read {
                partition: message.partition(),
                key: message.key().map(|key| String::from_utf8(key.to_vec()).unwrap()),
                value: String::from_utf8(message.payload().unwrap().to_vec()).unwrap(),
            }),
            Err(rdkafka::error::KafkaError::PartitionEOF(_)) => ended += 1,
            Err(error) => panic!("{topic}: {error}"),
        }
    }
    read
}

/// How many records a topic has: those that are committed, or all.
fn ends(real: &Real, topic: &str, isolation: &str) -> i64 {
    let consumer: BaseConsumer = real.config().set("isolation.level", isolation).create().unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), LONG).unwrap();
    let partitions = metadata.topics()[0].partitions().iter();
    partitions.map(|partition| consumer.fetch_watermarks(topic, partition.id(), LONG).unwrap().1).sum()
}

/// Up to where a reader of what is committed gets, over all partitions.
pub(super) fn committed_records(real: &Real, topic: &str) -> i64 {
    ends(real, topic, "read_committed")
}

/// The same with what is not committed yet.
pub(super) fn records(real: &Real, topic: &str) -> i64 {
    ends(real, topic, "read_uncommitted")
}

/// Waits until so many messages have come through to the file, and their windows are over.
pub(super) fn come_through(place: &Place<'_>, written: u64) {
    let mut seen = 0;
    wait_until("every message has come through and its window is over", || {
        let before = std::mem::replace(&mut seen, place.file().len());
        std::thread::sleep(Duration::from_millis(1_500));
        seen as u64 > written / 2 && seen == before
    });
}

fn field(line: &str, name: &str) -> Value {
    serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{line}: {error}"))[name].clone()
}

/// The topics have what the file has: each line once, under its symbol, the lines of a symbol in their order.
pub(super) fn topics_equal_file(real: &Real, place: &Place<'_>) {
    let file = place.file();
    for (stream, name) in STREAMS.iter().zip(["raw", "agg", "alert", "dead_letter"]) {
        let mut expected: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
        for line in file.iter().filter(|line| field(line, "stream") == name) {
            expected.entry(field(line, "symbol").as_str().map(str::to_owned)).or_default().push(line.clone());
        }
        let mut found: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
        let mut homes = BTreeMap::new();
        for read in read_committed(real, &place.output(stream)) {
            if let Some(key) = &read.key {
                assert_eq!(
                    *homes.entry(key.clone()).or_insert(read.partition),
                    read.partition,
                    "{key} in one partition"
                );
            }
            found.entry(read.key).or_default().push(read.value);
        }
        let count = |lines: &BTreeMap<_, Vec<String>>| lines.values().map(Vec::len).sum::<usize>();
        assert_eq!(count(&found), count(&expected), "{stream}");
        // No key, no order: dead letters spread over the partitions.
        for lines in [&mut found, &mut expected] {
            lines.entry(None).or_default().sort();
        }
        assert!(found == expected, "{stream}: other lines than in the file");
    }
    assert!(file.len() > 1_000, "{} lines", file.len());
}

#[test]
fn i5_kills_under_load_leave_every_result_once_in_its_topic() {
    let Some(real) = Real::broker() else { return };
    let (topic, name, folder) = (real.topic(3), unique("out"), tempfile::tempdir().unwrap());
    let place = Place { folder: folder.path(), topic: &topic, name: &name };
    let bootstrap = std::env::var("CDC_TEST_KAFKA").unwrap();
    real.send(&topic, 1, Some("no order"), 1);
    real.flush();
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let settings =
                GenerateSettings { market: MarketSettings::default(), count: MESSAGES, rate: Some(A_SECOND) };
            generate(&bootstrap, &topic, &settings).unwrap()
        });
        let mut dice = Dice(23);
        for _ in 0..KILLS {
            let mut child = place.begin(&["--set", &format!("parallelism={}", 1 + dice.below(4))]);
            std::thread::sleep(Duration::from_millis(300 + dice.below(1_500)));
            child.kill().unwrap();
            let ended = end_of(child, Duration::from_secs(20));
            assert!(ended.code.is_none(), "it was killed, it did not end: {}", ended.err);
        }
        assert_eq!(load.join().unwrap(), MESSAGES);
    });
    let mut last = place.begin(&[]);
    let mut seen = 0;
    wait_until("every message has come through and its window is over", || {
        let before = seen;
        seen = place.file().len();
        std::thread::sleep(Duration::from_millis(1_500));
        last.try_wait().unwrap().is_some() || seen as u64 > MESSAGES / 2 && seen == before
    });
    signal(&last, "TERM");
    let ended = end_of(last, Duration::from_secs(30));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    topics_equal_file(&real, &place);
}

#[test]
fn what_an_older_checkpoint_executes_again_is_not_written_again() {
    let Some(real) = Real::broker() else { return };
    let (topic, name, folder) = (real.topic(3), unique("out"), tempfile::tempdir().unwrap());
    let place = Place { folder: folder.path(), topic: &topic, name: &name };
    let bootstrap = std::env::var("CDC_TEST_KAFKA").unwrap();
    let child = place.begin(&["--set", "state.checkpoint_interval_ms=200", "--set", "state.checkpoints_kept=1000"]);
    let settings = GenerateSettings { market: MarketSettings::default(), count: 3_000, rate: Some(A_SECOND) };
    generate(&bootstrap, &topic, &settings).unwrap();
    wait_until("windows are over", || place.file().iter().filter(|line| line.contains("\"agg\"")).count() > 20);
    signal(&child, "TERM");
    let ended = end_of(child, Duration::from_secs(30));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let mut checkpoints: Vec<_> =
        fs::read_dir(folder.path().join("checkpoints")).unwrap().map(|entry| entry.unwrap().path()).collect();
    checkpoints.sort();
    let oldest = checkpoints[0].to_str().unwrap();
    let child = place.begin(&["--restore", oldest]);
    real.send(&topic, 0, Some(&insert(77_777, "\"A\"", "1", "\"2\"")), 1_795_000_000_000);
    real.flush();
    wait_until("it has come further than before", || place.file().iter().any(|line| line.contains("77777")));
    signal(&child, "TERM");
    let ended = end_of(child, Duration::from_secs(30));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.contains("executing logged epochs again"), "{}", ended.err);
    topics_equal_file(&real, &place);
}

/// A worker that has written one order's results and stopped.
fn one_order_and_a_stop(real: &Real, place: &Place<'_>) {
    real.send(place.topic, 0, Some(&insert(1, "\"A\"", "501", "\"2\"")), 1_795_000_000_000);
    real.flush();
    let child = place.begin(&[]);
    wait_until("the order has come through", || place.file().len() >= 2);
    signal(&child, "TERM");
    let ended = end_of(child, Duration::from_secs(30));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(read_committed(real, &place.output("raw")).len(), 1);
}

#[test]
fn a_lost_marker_stops_the_start_until_that_is_accepted() {
    let Some(real) = Real::broker() else { return };
    let (topic, name, folder) = (real.topic(1), unique("out"), tempfile::tempdir().unwrap());
    let place = Place { folder: folder.path(), topic: &topic, name: &name };
    one_order_and_a_stop(&real, &place);
    let group = format!("{name}-marker");
    block_on(real.admin().delete_groups(&[&group], &AdminOptions::new())).unwrap()[0].as_ref().unwrap();
    let ended = end_of(place.begin(&[]), Duration::from_secs(30));
    assert_eq!(ended.code, Some(3), "{}", ended.err);
    assert!(ended.err.contains(&group) && ended.err.contains("--accept-lost-output"), "{}", ended.err);
    let child = place.begin(&["--accept-lost-output"]);
    real.send(&topic, 0, Some(&insert(2, "\"A\"", "1", "\"2\"")), 1_795_000_000_001);
    real.flush();
    wait_until("it goes on", || read_committed(&real, &place.output("raw")).len() == 2);
    signal(&child, "TERM");
    assert_eq!(end_of(child, Duration::from_secs(30)).code, Some(0));
}

#[test]
fn a_second_worker_of_the_same_name_takes_the_first_one_s_place() {
    let Some(real) = Real::broker() else { return };
    let (topic, name) = (real.topic(1), unique("out"));
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [first, second] =
        [0, 1].map(|index: usize| Place { folder: folders[index].path(), topic: &topic, name: &name });
    one_order_and_a_stop(&real, &first);
    let zombie = first.begin(&[]);
    std::thread::sleep(Duration::from_secs(2));
    let other = second.begin(&["--accept-lost-output"]);
    wait_until("the second one has its place", || !second.file().is_empty());
    real.send(&topic, 0, Some(&insert(2, "\"A\"", "1", "\"2\"")), 1_795_000_000_001);
    real.flush();
    let ended = end_of(zombie, Duration::from_mins(1));
    assert_eq!(ended.code, Some(3), "{}", ended.err);
    assert!(ended.err.contains("another worker has begun to write"), "{}", ended.err);
    signal(&other, "TERM");
    assert_eq!(end_of(other, Duration::from_secs(30)).code, Some(0));
}

/// What the brokers do to a transaction that is open for longer than this.
pub(super) const TIMEOUT: [&str; 4] =
    ["--set", "sink.kafka.transaction_timeout_ms=10000", "--set", "sink.kafka.transaction_ms=0"];

// A worker is held up, and meanwhile another one has come: the first one finds its marker, and leaves it its place.
#[test]
fn i5_a_worker_that_was_held_up_while_another_took_its_place_says_so() {
    let Some(real) = Real::broker() else { return };
    let (topic, name) = (real.topic(1), unique("out"));
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [first, second] =
        [0, 1].map(|index: usize| Place { folder: folders[index].path(), topic: &topic, name: &name });
    one_order_and_a_stop(&real, &first);
    let zombie = first.begin(&TIMEOUT);
    let bootstrap = std::env::var("CDC_TEST_KAFKA").unwrap();
    let settings = GenerateSettings { market: MarketSettings::default(), count: 3_000, rate: Some(A_SECOND) };
    std::thread::scope(|scope| {
        let load = scope.spawn(|| generate(&bootstrap, &topic, &settings).unwrap());
        wait_until("results come", || first.file().len() > 500);
        signal(&zombie, "STOP");
        load.join().unwrap();
    });
    std::thread::sleep(Duration::from_secs(12));
    let other = second.begin(&["--accept-lost-output"]);
    wait_until("the second one has its place", || second.file().len() > 2_000);
    signal(&zombie, "CONT");
    let ended = end_of(zombie, Duration::from_mins(1));
    assert_eq!(ended.code, Some(3), "{}", ended.err);
    assert!(ended.err.contains("another worker has begun to write"), "{}", ended.err);
    signal(&other, "TERM");
    assert_eq!(end_of(other, Duration::from_secs(30)).code, Some(0), "it is not fenced in turn");
}

#[test]
fn topics_that_cannot_be_created_are_named_with_the_remedy() {
    let Some(real) = Real::broker() else { return };
    let (topic, name, folder) = (real.topic(1), unique("out"), tempfile::tempdir().unwrap());
    let place = Place { folder: folder.path(), topic: &topic, name: &name };
    let child = place.begin(&["--set", "sink.kafka.replication_factor=3"]);
    std::thread::sleep(Duration::from_secs(3));
    signal(&child, "TERM");
    let ended = end_of(child, Duration::from_secs(30));
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    let said = format!("topic {name}.raw is not there and cannot be created: it should have 3 replicas, and 1 brokers");
    assert!(ended.err.contains(&said), "{}", ended.err);
}
