//! How a replay ends before its recording does, and what it does while nothing comes.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::program::{Ended, adds_up, end_of, signal, wait_until, worker};
use crate::recordings::{fixture, unpacked};

/// How soon a worker that was told to stop must be gone.
const SOON: Duration = Duration::from_secs(5);

/// A worker that reads a pipe that stays open.
fn fed(arguments: &[&str]) -> (Child, ChildStdin) {
    let mut command = worker(["replay", "-"]);
    let mut child = command.args(arguments).stdin(Stdio::piped()).spawn().expect("the worker starts");
    let stdin = child.stdin.take().expect("a pipe");
    (child, stdin)
}

fn first_lines(child: &mut Child, count: usize) -> Vec<String> {
    let out = BufReader::new(child.stdout.as_mut().expect("a pipe"));
    out.lines().take(count).map(|line| line.expect("a line")).collect()
}

#[test]
fn sigterm_and_ctrl_c_stop_a_worker_that_waits_for_input() {
    for name in ["TERM", "INT"] {
        let (mut child, mut stdin) = fed(&[]);
        stdin.write_all(&unpacked("seed-section6.ndjson")).unwrap();
        assert_eq!(first_lines(&mut child, 9).len(), 9);
        signal(&child, name);
        let ended = end_of(child, SOON).well();
        assert_eq!(ended.summary()["applied"], 6, "what was read is committed");
        assert_eq!(ended.summary()["windows"], 0, "open windows stay open");
        drop(stdin);
    }
}

// While nothing comes, a replay has nothing to do: its clock is the recording's, and windows that are over by the wall
// clock are not over. Idle turns once spun, and forgot where the partitions' binlogs were.
#[test]
fn i3_a_slow_recording_gives_what_a_quick_one_gives() {
    let recording = unpacked("derived/unusual_spread_repeated.ndjson.gz");
    let path = fixture("derived/unusual_spread_repeated.ndjson.gz");
    let quick = crate::program::replay(&path, &["--format", "json"]);
    assert!(quick.summary()["duplicate"].as_u64() > Some(100), "the recording holds repeats");
    let (mut child, mut stdin) = fed(&["--format", "json"]);
    let mut out = child.stdout.take().expect("a pipe");
    let reader = thread::spawn(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).map(|_| text)
    });
    for part in recording.chunks(recording.len() / 4 + 1) {
        stdin.write_all(part).unwrap();
        thread::sleep(Duration::from_millis(400));
    }
    let used = cpu_ticks(&child);
    drop(stdin);
    let slow = Ended { out: reader.join().unwrap().unwrap(), ..end_of(child, SOON) }.well();
    assert!(slow.out == quick.out, "pauses changed the results");
    assert_eq!(slow.summary(), quick.summary());
    assert!(used < 60, "{used} hundredths of a second of CPU over 1.6 s, almost all of them spent waiting");
}

/// CPU time of a process so far, user and system, in ticks (hundredths of a second on Linux).
fn cpu_ticks(child: &Child) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    // Behind the command's name, which stands in parentheses: state is the 1st field, utime the 12th, stime the 13th.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

// Nobody reads the pipe: the thread that writes cannot be told to stop.
#[test]
fn a_stop_does_not_wait_for_a_reader_that_reads_nothing() {
    let child = worker(["replay", "--format", "json"]).arg(fixture("bulk_200k.ndjson.gz")).spawn().unwrap();
    // More than a pipe holds comes at once.
    thread::sleep(Duration::from_secs(2));
    signal(&child, "TERM");
    let ended = end_of(child, Duration::from_secs(15));
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    let said = ended.err.lines().next_back().unwrap();
    assert!(
        said.starts_with("worker: stopped with results that have not left: stdout has taken nothing for 5 s"),
        "{said}"
    );
    let summary: Value = serde_json::from_str(ended.err.lines().rev().nth(1).unwrap()).unwrap();
    assert!(adds_up(&summary), "I4: {summary}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let mut child = worker(["replay", "--format", "json"]).arg(fixture("bulk_200k.ndjson.gz")).spawn().unwrap();
    assert_eq!(first_lines(&mut child, 1).len(), 1);
    drop(child.stdout.take());
    let ended = end_of(child, SOON);
    assert_eq!((ended.code, ended.err.lines().count()), (Some(0), 1), "{}", ended.err);
    let summary: Value = ended.summary();
    assert!(adds_up(&summary), "I4: {summary}");
    assert!(summary["consumed"].as_u64() < Some(200_004), "it did not read on: {summary}");
}

#[test]
fn results_leave_as_they_come() {
    let (mut child, mut stdin) = fed(&[]);
    let recording = unpacked("seed-section6.ndjson");
    let mut lines = recording.split_inclusive(|&byte| byte == b'\n');
    stdin.write_all(lines.next().unwrap()).unwrap();
    // The pipe is still open, and nothing else was written.
    assert!(first_lines(&mut child, 1)[0].starts_with("RAW:1> OrderEvent{op=r, orderId=1,"));
    drop(stdin);
    wait_until("the recording's end", || child.try_wait().unwrap().is_some());
    assert_eq!(end_of(child, SOON).well().summary()["applied"], 1);
}
