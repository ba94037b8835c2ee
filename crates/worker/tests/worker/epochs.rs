//! I3: the same recording gives the same bytes, wherever its epochs are cut and whatever the parallelism.

use crate::program::{Ended, replay};
use crate::recordings::fixture;

/// Many windows, late events and corrections, damaged messages, repeats, a binlog that begins again.
const RECORDINGS: [&str; 5] = [
    "derived/section6_stretched.ndjson",
    "derived/unusual_out_of_order.ndjson.gz",
    "derived/unusual_mutated.ndjson.gz",
    "derived/unusual_spread_repeated.ndjson.gz",
    "derived/unusual_binlog_reset.ndjson.gz",
];
const EPOCHS: [&str; 4] = ["1", "7", "1000", "1000000"];
const PARALLELISMS: [&str; 3] = ["1", "2", "8"];
const TIMES: [&[&str]; 3] = [
    &["--time", "processing"],
    &["--time", "event"],
    &["--time", "event", "--set", "event_time.allowed_lateness_ms=600000"],
];

fn every_cut(recording: &str, arguments: &[&str]) -> Vec<(String, Ended)> {
    let mut ended = Vec::new();
    for records in EPOCHS {
        for parallelism in PARALLELISMS {
            let cut = ["--epoch-records", records, "--parallelism", parallelism];
            let run = replay(&fixture(recording), &[&cut[..], arguments].concat());
            ended.push((format!("{recording} {arguments:?} {cut:?}"), run));
        }
    }
    ended
}

#[test]
fn i3_json_does_not_depend_on_epochs_or_parallelism() {
    for recording in RECORDINGS {
        for time in TIMES {
            let arguments = [time, &["--format", "json"]].concat();
            let runs = every_cut(recording, &arguments);
            let (_, first) = &runs[0];
            for (name, run) in &runs {
                assert!(run.out == first.out, "{name}: other bytes");
                assert_eq!(run.summary(), first.summary(), "{name}");
            }
        }
    }
}

#[test]
fn i3_text_depends_on_the_parallelism_by_its_subtask_numbers_only() {
    let without_subtasks = |out: &str| -> Vec<String> {
        let line = |line: &str| {
            let (head, rest) = line.split_once("> ").expect("every line has a head");
            let (stream, subtask) = head.split_once(':').expect("a stream and a subtask");
            assert!((1..=8).contains(&subtask.parse().expect("a number")), "{head}");
            format!("{stream}> {rest}")
        };
        out.lines().map(line).collect()
    };
    for recording in RECORDINGS {
        let runs = every_cut(recording, &["--time", "event"]);
        let (_, first) = &runs[0];
        for (index, (name, run)) in runs.iter().enumerate() {
            assert!(without_subtasks(&run.out) == without_subtasks(&first.out), "{name}: other lines");
            let same = &runs[index % PARALLELISMS.len()].1;
            assert!(run.out == same.out, "{name}: other subtasks at the same parallelism");
        }
    }
    let eight = &every_cut("derived/unusual_mutated.ndjson.gz", &[])[2].1;
    assert!(eight.out.contains("RAW:8> "), "eight shards are used");
}

// Epochs are bounded in bytes too.
#[test]
fn i3_json_does_not_depend_on_the_bytes_of_an_epoch() {
    let file = fixture("derived/precise_schemas_true_mutated.ndjson.gz");
    let whole = replay(&file, &["--format", "json"]);
    let small = replay(&file, &["--format", "json", "--set", "epoch.max_bytes=1024"]);
    assert!(whole.out == small.out);
}
