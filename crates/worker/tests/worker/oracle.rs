//! Every recording through `tests/oracle/oracle.py`, which was written from the contract alone, and through the worker:
//! the same lines, the same accounting.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::program::{Ended, replay};
use crate::recordings::{all, fixture, root};

/// A setting as the oracle takes it, and as the worker does.
pub(crate) struct Setting {
    pub(crate) oracle: &'static [&'static str],
    pub(crate) worker: &'static [&'static str],
}

const PROCESSING: Setting = Setting { oracle: &[], worker: &[] };

const EVENT: Setting = Setting { oracle: &["--time", "event"], worker: &["--time", "event"] };

const LATENESS: Setting = Setting {
    oracle: &["--time", "event", "--allowed-lateness-ms", "60000"],
    worker: &["--time", "event", "--set", "event_time.allowed_lateness_ms=60000"],
};

/// Long enough that events which were late are corrections.
const LONG_LATENESS: Setting = Setting {
    oracle: &["--time", "event", "--allowed-lateness-ms", "600000"],
    worker: &["--time", "event", "--set", "event_time.allowed_lateness_ms=600000"],
};

/// Small windows, of which a lateness is no multiple; partitions that are soon idle.
const SMALL: Setting = Setting {
    oracle: &[
        "--time",
        "event",
        "--window-ms",
        "7000",
        "--allowed-lateness-ms",
        "20500",
        "--out-of-orderness-ms",
        "1500",
        "--idle-after-ms",
        "9000",
    ],
    worker: &[
        "--time",
        "event",
        "--set",
        "agg.window_ms=7000",
        "--set",
        "event_time.allowed_lateness_ms=20500",
        "--set",
        "event_time.out_of_orderness_ms=1500",
        "--set",
        "event_time.idle_after_ms=9000",
    ],
};

/// Some operations only; windows of a minute.
const OPS: Setting = Setting {
    oracle: &[
        "--time",
        "event",
        "--window-ms",
        "60000",
        "--out-of-orderness-ms",
        "0",
        "--agg-ops",
        "c,u",
        "--rule",
        "LARGE_ORDER.ops=c",
        "--rule",
        "HIGH_AMOUNT.ops=u,d",
        "--rule",
        "PRICE_SPIKE.ops=c,u",
        "--rule",
        "RAPID_ORDERS.ops=c,r",
    ],
    worker: &[
        "--time",
        "event",
        "--set",
        "agg.window_ms=60000",
        "--set",
        "event_time.out_of_orderness_ms=0",
        "--set",
        "agg.ops=c,u",
        "--set",
        "rules.large_order.ops=c",
        "--set",
        "rules.high_amount.ops=u,d",
        "--set",
        "rules.price_spike.ops=c,u",
        "--set",
        "rules.rapid_orders.ops=c,r",
    ],
};

/// Thresholds that fire often, two of them no whole numbers; one rule off.
const RULES: Setting = Setting {
    oracle: &[
        "--rule",
        "LARGE_ORDER.threshold=9",
        "--rule",
        "HIGH_AMOUNT.threshold=1234.5",
        "--rule",
        "PRICE_SPIKE.threshold=0.1",
        "--rule",
        "RAPID_ORDERS.threshold=3",
        "--rule",
        "RAPID_ORDERS.within_ms=2500",
        "--rule",
        "RAPID_ORDERS.quiet_ms=0",
    ],
    worker: &[
        "--set",
        "rules.large_order.threshold=9",
        "--set",
        "rules.high_amount.threshold=1234.5",
        "--set",
        "rules.price_spike.threshold=0.1",
        "--set",
        "rules.rapid_orders.count=3",
        "--set",
        "rules.rapid_orders.window_ms=2500",
        "--set",
        "rules.rapid_orders.quiet_ms=0",
    ],
};

const RULES_OFF: Setting = Setting {
    oracle: &["--time", "event", "--rule", "LARGE_ORDER.enabled=false", "--rule", "RAPID_ORDERS.enabled=false"],
    worker: &[
        "--time",
        "event",
        "--set",
        "rules.large_order.enabled=false",
        "--set",
        "rules.rapid_orders.enabled=false",
    ],
};

/// Runs the oracle; `None`, said aloud, where there is no Python. In CI there must be one.
fn ask(recording: &Path, arguments: &[&str]) -> Option<Ended> {
    let mut command = Command::new("python3");
    command.arg(root().join("tests/oracle/oracle.py")).arg(recording).args(arguments).stdin(Stdio::null());
    match command.output() {
        Ok(output) => {
            let ended = Ended::from(output);
            assert_eq!(ended.code, Some(0), "the oracle failed: {}", ended.err);
            Some(ended)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            assert!(std::env::var_os("CI").is_none(), "CI has no python3");
            eprintln!("skipped: no python3");
            None
        }
        Err(error) => panic!("python3: {error}"),
    }
}

/// A dead letter's line without what its reason says, which everyone words differently; other lines as they are.
fn comparable(line: &str) -> String {
    if !line.starts_with(r#"{"stream":"dead_letter""#) {
        return line.to_owned();
    }
    let (head, rest) = line.split_once(r#","reason":"#).expect("a reason");
    let (reason, tail) = rest.rsplit_once(r#","value_base64":"#).expect("the value");
    let reason: String = serde_json::from_str(reason).expect("a string");
    assert!(!reason.is_empty() && !reason.contains('\n'), "{line}");
    format!("{head},{tail}")
}

/// Compares line by line, and the accounting. The number of lines; `None` without Python.
pub(crate) fn agree_on(path: &Path, setting: &Setting) -> Option<usize> {
    let expected = ask(path, setting.oracle)?;
    let actual = replay(path, &[&["--format", "json"], setting.worker].concat());
    let place = || format!("{} {:?}", path.display(), setting.worker);
    for (number, (expected, actual)) in expected.out.lines().zip(actual.out.lines()).enumerate() {
        assert_eq!(comparable(expected), comparable(actual), "{} line {}", place(), number + 1);
    }
    assert_eq!(expected.lines().len(), actual.lines().len(), "{}", place());
    assert_eq!(expected.summary(), actual.summary(), "{}", place());
    Some(actual.lines().len())
}

fn all_agree(names: &[String], setting: &Setting) {
    let compared: Option<Vec<usize>> = names.iter().map(|name| agree_on(&fixture(name), setting)).collect();
    if let Some(compared) = compared {
        assert!(compared.iter().all(|&lines| lines > 0), "a recording gave nothing: {compared:?}");
    }
}

/// Recordings with times out of order, many windows, late events, repeats and odd values.
fn telling() -> Vec<String> {
    let names = ["out_of_order", "spread_repeated", "values", "binlog_reset", "precise_stretched"];
    names.map(|name| format!("derived/unusual_{name}.ndjson.gz")).into()
}

#[test]
fn every_recording_in_processing_time() {
    all_agree(&all(), &PROCESSING);
}

#[test]
fn every_recording_in_event_time() {
    all_agree(&all(), &EVENT);
}

#[test]
fn every_recording_with_corrections() {
    all_agree(&all(), &LATENESS);
    all_agree(&telling(), &LONG_LATENESS);
}

#[test]
fn with_small_windows_and_a_short_idleness() {
    all_agree(&telling(), &SMALL);
}

#[test]
fn with_some_operations_only() {
    all_agree(&telling(), &OPS);
}

#[test]
fn with_other_thresholds() {
    all_agree(&telling(), &RULES);
    all_agree(&telling(), &RULES_OFF);
}

#[test]
fn the_bulk_recording() {
    all_agree(&["bulk_200k.ndjson.gz".to_owned()], &EVENT);
}

// What the settings above are for really happens in these recordings: or nothing was compared.
#[test]
fn the_recordings_hold_what_is_to_be_compared() {
    let recording = fixture("derived/unusual_out_of_order.ndjson.gz");
    let count = |setting: &Setting| -> Value { replay(&recording, setting.worker).summary() };
    let (none, some) = (count(&EVENT), count(&LONG_LATENESS));
    let late = |summary: &Value| summary["late"].as_u64().unwrap();
    assert!(late(&some) > 0 && late(&none) > late(&some), "late events: {none} {some}");
    assert!(some["windows"].as_u64() > none["windows"].as_u64(), "corrections");
    let rules = count(&RULES);
    for rule in ["LARGE_ORDER", "HIGH_AMOUNT", "PRICE_SPIKE", "RAPID_ORDERS"] {
        assert!(rules["alerts"][rule].as_u64() > Some(10), "{rules}");
    }
    assert!(replay(&recording, &["--set", "agg.ops=c,u"]).summary()["windows"].as_u64() < none["windows"].as_u64());
}
