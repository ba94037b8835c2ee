//! `worker run --dry-run`: a part of the topic looked at again. What it prints is what a replay of the same records prints,
//! and nothing but its output tells that it was there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::Producer as _;
use serde_json::{Value, json};
use worker::source::generate::GenerateSettings;
use worker::source::market::MarketSettings;

use super::LONG;
use super::life::{Life, SOON};
use super::support::{Real, Seen, collect, send_with, start, unique};
use crate::program::{Ended, end_of, replay, signal, wait_until, worker};
use crate::recordings::insert;

/// The first record's time: 2026-11-18T11:06:40Z.
const BASE_MS: i64 = 1_795_000_000_000;

/// A dry run to its end.
fn look(topic: &str, arguments: &[&str]) -> Ended {
    let mut command = worker(["run", "--dry-run", "--format", "json"]);
    for (key, value) in [("kafka.bootstrap", std::env::var("CDC_TEST_KAFKA").unwrap().as_str()), ("kafka.topic", topic)]
    {
        command.args(["--set", &format!("{key}={value}")]);
    }
    let folder = tempfile::tempdir().unwrap();
    let ended = Ended::from(command.args(arguments).current_dir(folder.path()).output().unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "it leaves no file");
    ended
}

/// The numbers of the orders in RAW, in order.
fn orders(ended: &Ended) -> Vec<i64> {
    let lines = ended.lines().into_iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["stream"] == "raw").map(|line| line["order_id"].as_i64().unwrap()).collect()
}

/// Ten orders, a second apart, in turn over two partitions: order `n` is at offset `n / 2` of partition `n % 2`.
fn ten_orders(real: &Real) -> String {
    let topic = real.topic(2);
    for n in 0..10 {
        let value = insert(n, "\"A\"", "1", "\"2\"");
        real.send(&topic, (n % 2) as i32, Some(&value), BASE_MS + n * 1_000);
    }
    real.flush();
    topic
}

/// What was read of a topic as a recording: by the largest timestamp so far in the partition, then partition, then offset.
fn record(topic: &str, mut seen: Vec<Seen>, path: &Path) {
    seen.sort_by_key(|seen| (seen.partition, seen.offset));
    let mut latest: BTreeMap<i32, i64> = BTreeMap::new();
    let mut lines: Vec<_> = seen
        .into_iter()
        .map(|seen| {
            let latest = latest.entry(seen.partition).or_insert(i64::MIN);
            *latest = seen.timestamp_ms.max(*latest);
            let line = json!({
                "topic": topic, "partition": seen.partition, "offset": seen.offset, "timestamp": seen.timestamp_ms,
                "key": null, "value": seen.value.map(|value| String::from_utf8(value).unwrap()),
            });
            ((*latest, seen.partition, seen.offset), line)
        })
        .collect();
    lines.sort_by_key(|(place, _)| *place);
    let lines: Vec<_> = lines.iter().map(|(_, line)| line.to_string()).collect();
    fs::write(path, lines.join("\n")).unwrap();
}

#[test]
fn i3_a_dry_run_prints_what_a_replay_of_the_same_records_prints() {
    const COUNT: u64 = 20_000;
    let Some(real) = Real::broker() else { return };
    let topic = real.topic(3);
    let settings = GenerateSettings { market: MarketSettings::default(), count: COUNT, rate: None };
    real.generate(&topic, &settings).unwrap();
    // A partition whose timestamps go back, and two records of one time in two partitions.
    for (partition, after_ms) in [(0, 900_000), (0, 100), (1, 900_000), (2, 900_000), (0, 950_000)] {
        let value = insert(i64::from(partition) + after_ms, "\"A\"", "501", "\"2\"");
        real.send(&topic, partition, Some(&value), MarketSettings::default().start_ms + after_ms);
    }
    real.flush();
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("recording.ndjson");
    record(&topic, collect(&mut start(real.settings(&topic)), COUNT as usize + 5), &recording);
    for more in [
        &["--set", "agg.window_ms=10000"][..],
        &["--set", "agg.window_ms=10000", "--time", "event", "--parallelism", "3"],
        &["--set", "epoch.max_records=7"],
    ] {
        let expected = replay(&recording, &[&["--format", "json"], more].concat());
        let found = look(&topic, more).well();
        assert!(found.out == expected.out, "{more:?}: other lines than a replay's");
        assert_eq!(found.summary(), expected.summary(), "{more:?}");
        assert!(found.out.lines().filter(|line| line.contains("\"agg\"")).count() > 20, "windows fired");
    }
}

#[test]
fn places_by_offset_and_by_time_bound_what_is_read() {
    let Some(real) = Real::broker() else { return };
    let topic = ten_orders(&real);
    let at = |second: i64| format!("timestamp:{}", BASE_MS + second * 1_000);
    let (second_7, second_4) = (at(7), at(4));
    let from_between = (BASE_MS + 4_500).to_string();
    let after_all = (BASE_MS + 60_000).to_string();
    let cases: &[(&[&str], &[i64])] = &[
        (&[], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (&["--from-offset", "3"], &[6, 7, 8, 9]),
        (&["--from-offset", "0:4,1:3"], &[7, 8, 9]),
        (&["--from-offset", "1:4"], &[0, 2, 4, 6, 8, 9]),
        (&["--from-offset", "99"], &[]),
        (&["--from-timestamp", &from_between], &[5, 6, 7, 8, 9]),
        (&["--from-timestamp", "2026-11-18T11:06:48Z"], &[8, 9]),
        (&["--from-timestamp", &after_all], &[]),
        (&["--until", "2"], &[0, 1, 2, 3]),
        (&["--until", "0:1,1:0"], &[0]),
        (&["--until", "99"], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (&["--until", &second_4], &[0, 1, 2, 3]),
        (&["--until", "2026-11-18T20:06:43+09:00"], &[0, 1, 2]),
        (&["--from-timestamp", &from_between, "--until", &second_7], &[5, 6]),
        (&["--from-timestamp", &from_between, "--until", "4"], &[5, 6, 7]),
        (&["--from-offset", "2", "--until", "2"], &[]),
        (&["--from", &second_7], &[7, 8, 9]),
    ];
    for (arguments, expected) in cases {
        let ended = look(&topic, arguments).well();
        assert_eq!(orders(&ended), *expected, "{arguments:?}: {}", ended.err);
        assert_eq!(ended.summary()["consumed"], expected.len(), "{arguments:?}");
        let windows = ended.lines().iter().filter(|line| line.contains("\"agg\"")).count();
        assert_eq!(windows, usize::from(!expected.is_empty()), "{arguments:?}: the open window fires");
    }
}

#[test]
fn an_end_is_reached_where_marks_of_transactions_or_nothing_stand_before_it() {
    let Some(real) = Real::broker() else { return };
    let topic = real.topic(1);
    let producer = real.transactional_producer();
    // Records at 0, 2 (taken back), 4; marks at 1, 3, 5; a transaction that stays open at 6.
    for (id, commit) in [(1, true), (2, false), (3, true)] {
        producer.begin_transaction().unwrap();
        send_with(&producer, &topic, 0, Some(&insert(id, "\"A\"", "1", "\"2\"")), BASE_MS + id);
        if commit {
            producer.commit_transaction(LONG).unwrap();
        } else {
            producer.flush(LONG).unwrap();
            producer.abort_transaction(LONG).unwrap();
        }
    }
    producer.begin_transaction().unwrap();
    send_with(&producer, &topic, 0, Some(&insert(4, "\"A\"", "1", "\"2\"")), BASE_MS + 4);
    producer.flush(LONG).unwrap();
    for (until, expected) in [("6", &[1, 3][..]), ("5", &[1, 3]), ("4", &[1]), ("3", &[1]), ("2", &[1]), ("1", &[1])] {
        assert_eq!(orders(&look(&topic, &["--until", until]).well()), expected, "{until}");
    }
    assert_eq!(orders(&look(&topic, &[]).well()), [1, 3], "what is not committed is not there");
    producer.commit_transaction(LONG).unwrap();
    assert_eq!(orders(&look(&topic, &[]).well()), [1, 3, 4]);
}

/// Every file below a folder, with what is in it.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            // Copies of the database come and go while checkpoints are made.
            found.extend(fs::read(&path).ok().map(|bytes| (path, bytes)));
        }
    }
    found
}

fn committed(real: &Real, group: &str, topic: &str) -> Vec<i64> {
    let consumer: BaseConsumer = real.config().set("group.id", group).create().unwrap();
    let list = (0..3).fold(rdkafka::TopicPartitionList::new(), |mut list, partition| {
        list.add_partition(topic, partition);
        list
    });
    let offsets = consumer.committed_offsets(list, LONG).unwrap();
    offsets.elements().iter().map(|element| element.offset().to_raw().unwrap_or(-1)).collect()
}

#[test]
fn beside_a_worker_that_runs_it_touches_neither_state_nor_group_nor_file() {
    const COUNT: u64 = 5_000;
    let Some(real) = Real::broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let life = Life::of(real.topic(3), folder.path());
    let group = unique("group");
    // Nothing of its own moves any more once it has read everything: windows close at once, and checkpoints are far apart.
    let settings = [
        ("kafka.group", group.as_str()),
        ("state.checkpoint_interval_ms", "3600000"),
        ("summary", "summary.json"),
        ("sink.stdout.enabled", "false"),
    ];
    let running = life.command(&settings).spawn().unwrap();
    let market = MarketSettings::default();
    real.generate(&life.topic, &GenerateSettings { market, count: COUNT, rate: None }).unwrap();
    let mut before = (files(folder.path()), Vec::new());
    wait_until("it has read everything, and is quiet", || {
        std::thread::sleep(Duration::from_secs(6));
        let now = (files(folder.path()), committed(&real, &group, &life.topic));
        let quiet = now == before && now.1.iter().sum::<i64>() == COUNT as i64;
        before = now;
        quiet
    });
    assert!(before.0.keys().any(|path| path.ends_with("results")));
    let look = |more: &[&str]| {
        let mut looking = life.command(&settings);
        Ended::from(looking.arg("--dry-run").args(more).stdout(Stdio::piped()).output().unwrap()).well()
    };
    let looked = look(&[]);
    assert_eq!(looked.summary()["consumed"], COUNT);
    let after = files(folder.path());
    let moved = |path: &&PathBuf| after.get(*path) != before.0.get(*path);
    let moved: Vec<_> = after.keys().chain(before.0.keys()).filter(moved).collect();
    assert!(moved.is_empty(), "files moved: {moved:?}");
    assert_eq!(committed(&real, &group, &life.topic), before.1, "the group moved");
    // A group that somebody else reads as is no reason not to look.
    let other = real.member(&group, &life.topic);
    assert_eq!(look(&["--until", "5"]).summary()["consumed"], 15);
    drop(other);
    signal(&running, "TERM");
    let ended = end_of(running, SOON).well();
    assert_eq!(ended.summary()["consumed"], COUNT, "the worker that runs has noticed nothing");
}

#[test]
fn places_that_are_none_are_told_in_one_line() {
    let Some(real) = Real::broker() else { return };
    let topic = ten_orders(&real);
    real.delete_before(&topic, 1, 2);
    for (arguments, code, said) in [
        (&["--from-offset", "7:1"][..], 64, "--from-offset names partition 7, but topic TOPIC has 2, counted from 0"),
        (&["--until", "0:1,2:1"], 64, "--until names partition 2, but topic TOPIC has 2, counted from 0"),
        (&["--from-offset", "0:6"], 64, "--from-offset names offset 6 of TOPIC-0, whose log ends at 5"),
        (&["--until", "1:99"], 64, "--until names offset 99 of TOPIC-1, whose log ends at 5"),
        (
            &["--from-offset", "1"],
            3,
            "TOPIC-1: offset 1 is outside the log, which goes from 2 to 5: the records between",
        ),
        (&["--from-offset", "4", "--until", "2026-11-18T11:06:42Z"], 64, "would begin at 4 and is to end before"),
        (&["--until", "2126-11-18T11:06:42Z"], 64, "is still to come, and --until waits for nothing"),
        (&["--from-offset=-3"], 64, "write an offset, such as 1200"),
        (&["--from-offset", "-3"], 64, "write an offset, such as 1200"),
        (&["--from-timestamp", "noon"], 64, "write milliseconds since 1970 or a time with its zone"),
        (&["--until", "soon"], 64, "write an offset (1200), one for each partition (0:1200,2:900), or a time"),
        (
            &["--from-offset", "3", "--until", "2"],
            64,
            "--from-offset 3 stands behind --until 2: there is nothing between",
        ),
    ] {
        let ended = look(&topic, arguments);
        let (code, said) = (Some(code), said.replace("TOPIC", &topic));
        assert_eq!(ended.code, code, "{arguments:?}: {}", ended.err);
        let lines: Vec<_> = ended.err.lines().filter(|line| line.contains(&said)).collect();
        assert_eq!(lines.len(), 1, "{arguments:?}: {}", ended.err);
        assert_eq!(ended.out, "", "{arguments:?}");
    }
    let skip = ["--from-offset", "1", "--set", "source.on_lost_records=skip"];
    assert_eq!(orders(&look(&topic, &skip).well()), [2, 4, 5, 6, 7, 8, 9]);
}
