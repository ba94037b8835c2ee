//! How a worker that reads a topic stops, and what the next start makes of it: by signals, with a reader that reads nothing,
//! with a savepoint between.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use super::life::{Life, SOON, under_load};
use super::support::Real;
use crate::program::{end_of, signal, wait_until};
use crate::recordings::insert;

const A_SECOND: u32 = 2_000;

/// The savepoints in a worker's directory.
fn savepoints(life: &Life<'_>) -> Vec<PathBuf> {
    let entries = fs::read_dir(life.folder.join("savepoints")).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("savepoint-")).collect()
}

// Asked for by a signal, a savepoint is one file, named in the log; restored after a kill it is where the worker goes on,
// and what stands in the file is what stands in the topic, once.
#[test]
fn i1_a_savepoint_by_signal_is_named_and_restores_and_the_output_goes_on_exactly() {
    let Some(real) = Real::broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let life = Life::of(real.topic(3), folder.path());
    let mut made = PathBuf::new();
    let written = under_load(&life, A_SECOND, || {
        let mut first = life.begin(2);
        wait_until("results come", || life.lines().len() > 500);
        signal(&first, "USR1");
        wait_until("a savepoint is made", || !savepoints(&life).is_empty());
        made = savepoints(&life)[0].clone();
        let had = life.lines().len();
        wait_until("it goes on behind it", || life.lines().len() > had + 500);
        first.kill().unwrap();
        let ended = end_of(first, SOON);
        let name = made.file_name().unwrap().to_str().unwrap();
        assert!(ended.err.contains(&format!("savepoint made: savepoints/{name}")), "{}", ended.err);
        let mut command = life.command(&[("parallelism", "3")]);
        let second = command.args(["--restore", made.to_str().unwrap()]).spawn().unwrap();
        let had = life.lines().len();
        wait_until("it goes on", || life.lines().len() > had + 500);
        signal(&second, "TERM");
        let ended = end_of(second, SOON).well();
        assert!(ended.err.contains("restored the savepoint"), "{}", ended.err);
        assert!(ended.err.contains("executing logged epochs again"), "{}", ended.err);
    });
    assert_eq!(savepoints(&life), [made], "one was asked for");
    life.must_be_right(written);
}

/// The numbers of the orders in some lines.
fn ids<'a>(lines: impl IntoIterator<Item = &'a Value>) -> Vec<i64> {
    let raw = |line: &Value| (line["stream"] == "raw").then(|| line["order_id"].as_i64().unwrap());
    lines.into_iter().filter_map(raw).collect()
}

// A pipe that nobody reads: one signal is enough, and nothing is lost by it.
#[test]
fn a_stop_does_not_wait_for_a_reader_that_reads_nothing_and_the_next_start_delivers_it() {
    const ORDERS: i64 = 3_000;
    let Some(real) = Real::broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let life = Life::of(real.topic(1), folder.path());
    let to_stdout = [("sink.stdout.enabled", "true"), ("epoch.max_records", "100")];
    for id in 1..=ORDERS {
        real.send(&life.topic, 0, Some(&insert(id, "\"A\"", "1", "\"2\"")), 1_795_000_000_000 + id);
    }
    real.flush();
    let mut command = life.command(&to_stdout);
    let blocked = command.stdout(Stdio::piped()).spawn().unwrap();
    wait_until("it delivers", || !life.lines().is_empty());
    std::thread::sleep(Duration::from_secs(2));
    let stuck = life.length();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(life.length(), stuck, "it is not held up");
    signal(&blocked, "TERM");
    let ended = end_of(blocked, Duration::from_secs(15));
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("stdout has taken nothing for 5 s"), "{}", ended.err);
    assert!(ended.err.contains("what is logged leaves at the next start"), "{}", ended.err);
    let before: Vec<Value> = ended.out.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(ids(&before).len() < ORDERS as usize, "the pipe held everything");

    let next = fs::File::create(folder.path().join("stdout")).unwrap();
    let child = life.command(&to_stdout).stdout(next).spawn().unwrap();
    wait_until("everything is in the file", || ids(&life.lines()).len() as i64 == ORDERS);
    signal(&child, "TERM");
    end_of(child, SOON).well();
    let all: Vec<i64> = (1..=ORDERS).collect();
    assert_eq!(ids(&life.lines()), all, "once in the file");
    let text = fs::read_to_string(folder.path().join("stdout")).unwrap();
    let after: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut seen = ids(before.iter().chain(&after));
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, all, "at least once on stdout");
}
