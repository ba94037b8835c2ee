//! Anything may stand in a value: each is applied correctly or becomes a dead letter whose reason names field and value;
//! the stream goes on; memory stays bounded. And what is wrong with a run ends it with one clear line.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::program::{Ended, end_of, run, run_with_stdin, worker};
use crate::recordings::{LINE_END, START_MS, fixture, insert, line, line_head};

/// What is expected of a value.
enum Fate {
    /// RAW with these fields, as JSON text in the order of the line.
    Raw(&'static str),
    /// A dead letter with this reason.
    Dead(&'static str),
    /// Only counted.
    Ignored,
}
use Fate::{Dead, Ignored, Raw};

/// An insert with one column replaced; the others are good.
fn with(column: &str, text: &str) -> Vec<u8> {
    let columns = |name, good: &'static str| if column == name { text.to_owned() } else { good.to_owned() };
    let value = insert(7, &columns("symbol", "\"005930\""), &columns("quantity", "3"), &columns("price", "\"10.50\""));
    value.into_bytes()
}

fn cases() -> Vec<(&'static str, Vec<u8>, Fate)> {
    let good = insert(7, "\"005930\"", "3", "\"10.50\"");
    let replaced = |from: &str, to: &str| {
        assert!(good.contains(from), "{from} is not in {good}");
        good.replace(from, to).into_bytes()
    };
    let mut invalid = with("symbol", "\"00X930\"");
    let place = invalid.iter().position(|&byte| byte == b'X').expect("the mark");
    invalid[place] = 0xFF;
    let deep = [b"[".repeat(10_000), b"]".repeat(10_000)].concat();
    let big = format!("\"{}\"", "9".repeat(16 << 20));
    vec![
        ("no JSON", b"hello".to_vec(), Dead("value: not JSON, a value is expected (byte 0): hello")),
        ("the empty text", Vec::new(), Dead("value: empty")),
        ("null", b"null".to_vec(), Ignored),
        ("a number", b"5".to_vec(), Dead("value: not an object: 5")),
        ("depth 10,000", deep, Dead("value: ")),
        ("deep inside", with("price", &format!("{}{}", "[".repeat(9_000), "]".repeat(9_000))), Dead("price: ")),
        ("invalid UTF-8", invalid, Dead("symbol: not UTF-8")),
        ("NUL in a symbol", with("symbol", r#""a\u0000b""#), Raw(r#""symbol":"a\u0000b","side":"BUY","quantity":3"#)),
        ("a raw NUL in a symbol", with("symbol", "\"a\0b\""), Dead("symbol: ")),
        ("symbol null", with("symbol", "null"), Dead("symbol: null")),
        ("symbol a number", with("symbol", "5"), Dead("symbol: not a string: 5")),
        ("symbol missing", replaced(r#""symbol":"005930","#, ""), Dead("symbol: missing")),
        ("symbol empty", with("symbol", r#""""#), Raw(r#""symbol":"","#)),
        ("symbol padded", with("symbol", r#"" A ""#), Raw(r#""symbol":" A ","#)),
        ("half a surrogate pair", with("symbol", r#""\ud83d""#), Dead("symbol: ")),
        (
            "quantity 2^63",
            with("quantity", "9223372036854775808"),
            Dead("quantity: beyond 64 bits: 9223372036854775808"),
        ),
        (
            "quantity 2^63 - 1",
            with("quantity", "9223372036854775807"),
            // 9223372036854775807 × 10.5
            Raw(r#""quantity":9223372036854775807,"price":"10.5","amount":"96845406386975145973.5""#),
        ),
        ("quantity 1e400", with("quantity", "1e400"), Dead("quantity: number out of range")),
        ("quantity 1.0", with("quantity", "1.0"), Dead("quantity: not an integer: 1.0")),
        ("quantity NaN", with("quantity", "NaN"), Dead("quantity: not JSON, a value is expected (byte 73): NaN")),
        ("quantity 0", with("quantity", "0"), Raw(r#""quantity":0,"price":"10.5","amount":"0""#)),
        ("quantity −4", with("quantity", "-4"), Raw(r#""quantity":-4,"price":"10.5","amount":"-42""#)),
        ("quantity true", with("quantity", "true"), Dead("quantity: not an integer: true")),
        (
            "a price of 40 digits",
            with("price", r#""1234567890123456789012345678901234567890""#),
            Raw(
                r#""price":"1234567890123456789012345678901234567890","amount":"3703703670370370367037037036703703703670""#,
            ),
        ),
        (
            "a price of 66 digits",
            with("price", &format!("\"{}\"", "1".repeat(66))),
            Dead("price: beyond 65 digits or 30 decimals: "),
        ),
        (
            "31 decimals",
            with("price", &format!("\"0.{}\"", "1".repeat(31))),
            Dead("price: beyond 65 digits or 30 decimals: "),
        ),
        ("a price with a comma", with("price", r#""12,5""#), Dead(r#"price: not a decimal: "12,5""#)),
        ("price NaN as text", with("price", r#""NaN""#), Dead(r#"price: not a decimal: "NaN""#)),
        ("price null", with("price", "null"), Raw(r#""price":"0","amount":"0""#)),
        ("price an object", with("price", r#"{"a":1}"#), Dead(r#"price: not a decimal: {"a":1}"#)),
        ("a price of 16 MB", with("price", &big), Dead("price: beyond 65 digits or 30 decimals: \"9999")),
        ("after missing", replaced(r#""after":{"#, r#""behind":{"#), Dead("after: missing")),
        (
            "after a text",
            br#"{"op":"c","after":"x","source":{"db":"orders_db","table":"orders"}}"#.to_vec(),
            Dead("after: not an object: \"x\""),
        ),
        ("an unknown op", replaced(r#""op":"c""#, r#""op":"x""#), Dead(r#"op: not one of c, u, d, r, t, m: "x""#)),
        ("another table", replaced(r#""table":"orders""#, r#""table":"users""#), Ignored),
        ("source missing", replaced(r#""source":"#, r#""origin":"#), Dead("source: missing")),
        (
            "source time a text",
            replaced(r#""source":{"ts_ms":"#, r#""source":{"ts_ms":"x","a":"#),
            Dead(r#"source.ts_ms: not an integer: "x""#),
        ),
        (
            "a key twice, the last good",
            replaced(r#""quantity":3"#, r#""quantity":null,"quantity":3"#),
            Raw(r#""quantity":3,"#),
        ),
        (
            "a key twice, the last bad",
            replaced(r#""quantity":3"#, r#""quantity":3,"quantity":null"#),
            Dead("quantity: null"),
        ),
        ("more fields", replaced(r#""quantity":3"#, r#""more":[1,{"x":null}],"quantity":3"#), Raw(r#""quantity":3,"#)),
        ("cut off", good.as_bytes()[..good.len() - 20].to_vec(), Dead("")),
        ("something behind it", [good.as_bytes(), b" x"].concat(), Dead("")),
    ]
}

/// The lines of a recording with these values, a good order of the same symbol behind each.
fn recording(values: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut lines = Vec::new();
    for (offset, value) in (0..).step_by(2).zip(values) {
        let place = format!(r#""pos":{}"#, 100_950 + 100 * offset);
        let value = replace(&value, br#""pos":1700"#, place.as_bytes());
        lines.extend(line(offset, &value));
        lines.extend(line(offset + 1, insert(1_000 + offset, "\"GOOD\"", "1", "\"1\"").as_bytes()));
    }
    lines
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    match bytes.windows(from.len()).position(|window| window == from) {
        Some(at) => [&bytes[..at], to, &bytes[at + from.len()..]].concat(),
        None => bytes.to_vec(),
    }
}

// I4, and every reason names field and value.
#[test]
fn every_odd_value_is_applied_or_a_dead_letter() {
    let cases = cases();
    let input = recording(cases.iter().map(|(_, value, _)| value.clone()));
    let ended = run_with_stdin(&["replay", "--format", "json", "-"], &input).well();
    let mut ignored = 0;
    let mut surprises = Vec::new();
    for (offset, (name, _, fate)) in (0..).step_by(2).zip(&cases) {
        let of_offset = format!(r#""offset":{offset}"#);
        let found: Vec<&str> = ended
            .lines()
            .into_iter()
            .filter(|line| line.starts_with(r#"{"stream":"raw""#) || line.starts_with(r#"{"stream":"dead_letter""#))
            .filter(|line| line.contains(&format!("{of_offset},")) || line.ends_with(&format!("{of_offset}}}")))
            .collect();
        match (fate, &found[..]) {
            (Raw(fields), [line]) => {
                if !(line.starts_with(r#"{"stream":"raw""#) && line.contains(fields)) {
                    surprises.push(format!("{name}: {line}"));
                }
            }
            (Dead(reason), [line]) => {
                let letter: Value = serde_json::from_str(line).expect("JSON");
                let told = letter["reason"].as_str().unwrap_or_else(|| panic!("{name}: {line}"));
                if !(told.starts_with(reason) && told.contains(": ")) {
                    surprises.push(format!("{name}: {told}"));
                }
                assert!(told.len() < 1_000, "{name}: a reason shows the beginning of a long value");
            }
            (Ignored, []) => ignored += 1,
            _ => surprises.push(format!("{name}: {found:?}")),
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
    let summary = ended.summary();
    let count = |fate: fn(&Fate) -> bool| cases.iter().filter(|(.., of_case)| fate(of_case)).count() as u64;
    let good = cases.len() as u64;
    assert_eq!(summary["consumed"].as_u64(), Some(2 * good));
    assert_eq!(summary["dead_letter"].as_u64(), Some(count(|fate| matches!(fate, Dead(_)))));
    assert_eq!(summary["applied"].as_u64(), Some(good + count(|fate| matches!(fate, Raw(_)))), "{summary}");
    assert_eq!(
        summary["ignored"]["tombstone"].as_u64().unwrap() + summary["ignored"]["other_table"].as_u64().unwrap(),
        ignored
    );
}

// The value comes back as it was, also where it is no text.
#[test]
fn a_dead_letter_keeps_the_bytes() {
    let ended = run_with_stdin(&["replay", "--format", "json", "-"], &line(0, b"\xFF\x00\x01\"\\")).well();
    let letter: Value = serde_json::from_str(ended.lines()[0]).unwrap();
    // Worked out by Python's base64.b64encode(b'\xff\x00\x01"\\').
    assert_eq!(letter["value_base64"], "/wABIlw=");
}

// A symbol must not break a line, nor drive a terminal.
#[test]
fn text_escapes_what_controls() {
    let value = insert(7, r#""\u001b[31m\nRAW:1> \u0000""#, "1000", "\"1\"");
    let ended = run_with_stdin(&["replay", "--language", "en", "-"], &line(0, value.as_bytes())).well();
    assert_eq!(ended.lines().len(), 3, "RAW, ALERT, AGG: {}", ended.out);
    assert!(!ended.out.contains('\x1b') && !ended.out.contains('\0'), "{}", ended.out);
}

/// How many lines of 16 MB are read: 3.2 GB; fewer where nothing is optimised.
const HUGE_LINES: usize = if cfg!(debug_assertions) { 20 } else { 200 };
/// What the worker may use of memory while it reads them. It keeps as many lines as there are batches under way.
const HUGE_RESIDENT_KIB: u64 = 160 * 1024;

// I7: memory is bounded by the longest line and the batches under way, not by the recording.
#[test]
fn i7_memory_is_bounded_on_huge_garbage() {
    let mut child = worker(["replay", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let garbage = vec![b'a'; 16 << 20];
    for offset in 0..HUGE_LINES {
        for part in [line_head(offset as i64).as_bytes(), &garbage, LINE_END] {
            stdin.write_all(part).unwrap();
        }
    }
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    drop(stdin);
    let ended = end_of(child, crate::program::LIMIT).well();
    assert_eq!(ended.summary()["dead_letter"].as_u64(), Some(HUGE_LINES as u64));
    assert!(peak_kib < HUGE_RESIDENT_KIB, "{peak_kib} KiB");
    eprintln!("peak: {peak_kib} KiB");
}

#[test]
fn a_line_beyond_the_limit_ends_the_run_with_its_place() {
    let long = line(1, &vec![b'x'; 5_000]);
    let input = [line(0, b"null"), long].concat();
    let ended = run_with_stdin(&["replay", "--set", "source.max_line_bytes=4096", "-"], &input);
    assert_failed(&ended, 1, &["-:2: the line is longer than 4096 bytes"]);
    assert_eq!(ended.err.lines().count(), 2, "the accounting, then the error: {}", ended.err);
    assert!(ended.err.contains(r#""consumed":1"#), "what came before it counts: {}", ended.err);
}

/// The last line of stderr says why, and every piece of `says` is in it.
fn assert_failed(ended: &Ended, code: i32, says: &[&str]) {
    assert_eq!(ended.code, Some(code), "{}", ended.err);
    let last = ended.err.lines().next_back().unwrap_or_default();
    assert!(last.starts_with("worker: "), "{}", ended.err);
    for piece in says {
        assert!(last.contains(piece), "{piece:?} is not in: {last}");
    }
}

#[test]
fn what_is_wrong_with_a_run_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let truncated = folder.path().join("cut.ndjson.gz");
    let whole = fs::read(fixture("derived/unusual_spread.ndjson.gz")).unwrap();
    fs::write(&truncated, &whole[..whole.len() / 2]).unwrap();
    let config = folder.path().join("worker.toml");
    fs::write(&config, "[agg]\nwindow_seconds = 5\n").unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let good = text(&fixture("seed-section6.ndjson"));
    let missing = text(&folder.path().join("none.ndjson"));
    let unwritable = text(&folder.path().join("no/such/folder/file"));
    for (arguments, code, says) in [
        (vec!["replay", &missing], 1, vec!["none.ndjson: No such file or directory"]),
        (vec!["replay", &good, &missing], 1, vec!["none.ndjson"]),
        (vec!["replay", &text(folder.path())], 1, vec!["is a directory"]),
        (vec!["replay", &text(&truncated)], 1, vec!["cut.ndjson.gz:", "gzip", "truncated"]),
        (
            vec!["replay", &good, "--config", &text(&config)],
            78,
            vec!["agg.window_seconds: no such key", "worker.toml:2"],
        ),
        (vec!["replay", &good, "--config", &missing], 78, vec!["none.ndjson"]),
        (vec!["replay", &good, "--set", "agg.window=5"], 78, vec!["agg.window"]),
        (vec!["replay", &good, "--set", "agg.window_ms=5"], 78, vec!["agg.window_ms", "5", "1000"]),
        (vec!["replay", &good, "--parallelism", "0"], 64, vec!["parallelism", "0", "1 to 128"]),
        (vec!["replay", &good, "--file", &unwritable], 1, vec![&unwritable, "No such file or directory"]),
        (vec!["replay", &good, "--file", "/dev/full"], 1, vec!["/dev/full", "No space left on device"]),
        (vec!["replay", &good, "--dead-letters", &unwritable], 1, vec![&unwritable]),
        (vec!["replay", &good, "--summary", &unwritable], 1, vec!["summary", &unwritable]),
    ] {
        let ended = run(&arguments);
        assert_failed(&ended, code, &says);
        let more = ended.err.lines().filter(|line| !line.starts_with("DLQ> ")).count() - 1;
        assert!(more <= 1, "one line, and the accounting where something ran: {}", ended.err);
    }
    // Everything of the second file's kind is found out before the first is read.
    assert_eq!(run(["replay", &good, &missing]).out, "");
}

#[test]
fn a_wrong_command_line_ends_with_64_and_says_what_is_meant() {
    for (arguments, says) in [
        (vec!["replay", "x", "--formt", "json"], "--format"),
        (vec!["replay"], "FILES"),
        (vec!["replya", "x"], "replay"),
        (vec![], "Usage"),
    ] {
        let ended = run(&arguments);
        assert_eq!((ended.code, ended.out.as_str()), (Some(64), ""), "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains(says), "{arguments:?}: {}", ended.err);
    }
}

#[test]
fn lines_that_are_no_records_end_the_run_with_their_place() {
    let good = String::from_utf8(line(0, b"null")).unwrap();
    for (bad, says) in [
        ("{}", "partition: missing"),
        ("hello", "-:3: "),
        (r#"{"topic":"t","partition":0,"offset":"x","timestamp":1,"value":null}"#, "offset: "),
    ] {
        let input = format!("{good}\n{bad}\n{good}");
        let ended = run_with_stdin(&["replay", "-"], input.as_bytes());
        assert_failed(&ended, 1, &["-:3: ", says]);
        assert!(ended.err.contains(r#"{"consumed":1,"#), "what came before it counts: {}", ended.err);
    }
}

// 1.3 s of negative and odd record times: a recording's clock is the largest so far, and nothing underflows.
#[test]
fn odd_times_of_records_are_survived() {
    let times = [i64::MIN, -1, 0, START_MS, i64::MAX];
    for time in ["processing", "event"] {
        for &timestamp in &times {
            let value = insert(7, "\"A\"", "1", "\"1\"").replace('"', "\\\"");
            let record = format!(
                r#"{{"topic":"t","partition":0,"offset":0,"timestamp":{timestamp},"key":null,"value":"{value}"}}"#
            );
            let ended = run_with_stdin(&["replay", "--format", "json", "--time", time, "-"], record.as_bytes());
            // Refused with its place, or taken: never a crash.
            match ended.code {
                Some(0) => assert_eq!(ended.well().summary()["consumed"], 1, "{time} {timestamp}"),
                Some(1) => assert_failed(&ended, 1, &["-:1: "]),
                _ => panic!("{time} {timestamp}: {:?} {}", ended.code, ended.err),
            }
        }
    }
}
