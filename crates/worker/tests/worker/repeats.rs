//! Debezium delivers at least once: recordings whose live messages come once more, as after a connector's crash.

use serde_json::Value;

use crate::program::{Ended, replay};
use crate::recordings::fixture;

/// Original, the same with repeats, and how many c, u and d come once more (`tests/fixtures/README.md`).
const REPEATED: [(&str, &str, Option<u64>); 4] = [
    ("unusual.ndjson", "derived/unusual_repeated.ndjson.gz", Some(117)),
    ("derived/unusual_spread.ndjson.gz", "derived/unusual_spread_repeated.ndjson.gz", Some(117)),
    ("keyed_by_symbol_key_updates.ndjson", "derived/key_updates_repeated.ndjson", None),
    ("recorded_schemas_true.ndjson", "derived/schemas_true_repeated.ndjson.gz", None),
];

/// The lines of one stream, without what tells where a record stood: a repeat moves the offsets behind it.
fn stream<'a>(ended: &'a Ended, name: &str) -> Vec<&'a str> {
    let start = format!(r#"{{"stream":"{name}""#);
    ended.lines().into_iter().filter(|line| line.starts_with(&start)).collect()
}

#[test]
fn repeats_are_counted_and_change_nothing() {
    for (original, repeated, live) in REPEATED {
        for time in ["processing", "event"] {
            let arguments = ["--format", "json", "--time", time];
            let once = replay(&fixture(original), &arguments);
            let again = replay(&fixture(repeated), &arguments);
            let count = |ended: &Ended, key: &str| ended.summary()[key].as_u64().unwrap();
            for name in ["raw", "agg", "alert", "dead_letter"] {
                assert_eq!(stream(&once, name), stream(&again, name), "{repeated} {time} {name}");
            }
            let duplicates = count(&again, "duplicate") - count(&once, "duplicate");
            assert!(duplicates > 0, "{repeated}: nothing was repeated");
            if let Some(live) = live {
                assert_eq!(duplicates, live, "{repeated}");
            }
            let tombstones = |ended: &Ended| ended.summary()["ignored"]["tombstone"].as_u64().unwrap();
            let ignored = tombstones(&again) - tombstones(&once);
            assert_eq!(count(&again, "consumed") - count(&once, "consumed"), duplicates + ignored, "{repeated}");
            for key in ["applied", "late", "dead_letter", "windows", "generation"] {
                assert_eq!(count(&once, key), count(&again, key), "{repeated} {time} {key}");
            }
        }
    }
}

// A binlog that begins again is not a repeat: everything is kept, each partition that goes on below its mark counts.
#[test]
fn a_binlog_that_begins_again_is_kept() {
    for (original, reset, generations) in [
        ("unusual.ndjson", "derived/unusual_binlog_reset.ndjson.gz", 3),
        ("keyed_by_symbol_key_updates.ndjson", "derived/key_updates_binlog_reset.ndjson", 1),
    ] {
        let before: Value = replay(&fixture(original), &[]).summary();
        let after: Value = replay(&fixture(reset), &[]).summary();
        assert_eq!(before["applied"], after["applied"], "{reset}");
        assert_eq!(
            (after["duplicate"].as_u64(), after["generation"].as_u64()),
            (Some(0), Some(generations)),
            "{reset}"
        );
    }
}

// Two of three brokers killed: one row delivered twice. And an updated symbol: `d` and `c` at one position, both kept.
#[test]
fn recorded_by_real_connectors() {
    let killed = replay(&fixture("duplicates_after_broker_kill.ndjson"), &[]).summary();
    assert_eq!(killed["duplicate"], 1, "{killed}");
    let keys = replay(&fixture("keyed_by_symbol_key_updates.ndjson"), &[]).summary();
    assert_eq!(keys["duplicate"], 0, "{keys}");
}
