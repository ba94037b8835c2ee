//! `worker replay`: the lines that people see, worked out by hand from the recording.

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::json;

use crate::program::{replay, run, run_with_stdin};
use crate::recordings::{fixture, insert, line, unpacked};

/// The seed's section 6 (its orders, recorded on 2026-11-23): latency is envelope `ts_ms` minus `source.ts_ms`, times
/// are the record timestamps 1795440397331 to …404938 (13:26:37 to 13:26:44 UTC, 22:26 in Seoul), so that all windows
/// are [22:25, 22:30). At parallelism 2 005930 and 035420 are on subtask 1, 035720 and 000660 on 2 (`spec.md` 1.2).
/// 005930: 100×72000 + 50×73000 + 1000×74000 = 84,850,000, mean price 73000.
const SECTION_6: &str = "\
RAW:1> OrderEvent{op=r, orderId=1, symbol=005930, BUY 100@72000, status=FILLED, latency=539ms}
RAW:1> OrderEvent{op=r, orderId=3, symbol=035420, BUY 30@215000, status=FILLED, latency=542ms}
RAW:2> OrderEvent{op=r, orderId=4, symbol=035720, BUY 200@450000, status=PENDING, latency=543ms}
RAW:1> OrderEvent{op=c, orderId=5, symbol=005930, BUY 50@73000, status=PENDING, latency=47ms}
RAW:1> OrderEvent{op=c, orderId=6, symbol=005930, SELL 1000@74000, status=PENDING, latency=2ms}
ALERT:1> ALERT[LARGE_ORDER] 005930 orderId=6: 대량 주문 감지: 1000주 (임계값: 500) at 2026-11-23 22:26:42
RAW:2> OrderEvent{op=c, orderId=7, symbol=000660, BUY 800@180000, status=PENDING, latency=8ms}
ALERT:2> ALERT[LARGE_ORDER] 000660 orderId=7: 대량 주문 감지: 800주 (임계값: 500) at 2026-11-23 22:26:44
ALERT:2> ALERT[HIGH_AMOUNT] 000660 orderId=7: 고액 주문 감지: 144000000원 (임계값: 100000000) at 2026-11-23 22:26:44
AGG:2> Agg{symbol=000660, window=[22:26:44~22:30:00], orders=1(B:1/S:0), total=144000000, avg=180000, range=[180000~180000]}
AGG:1> Agg{symbol=005930, window=[22:26:37~22:30:00], orders=3(B:2/S:1), total=84850000, avg=73000, range=[72000~74000]}
AGG:1> Agg{symbol=035420, window=[22:26:37~22:30:00], orders=1(B:1/S:0), total=6450000, avg=215000, range=[215000~215000]}
AGG:2> Agg{symbol=035720, window=[22:26:37~22:30:00], orders=1(B:1/S:0), total=90000000, avg=450000, range=[450000~450000]}
";

const SECTION_6_SUMMARY: &str = concat!(
    r#"{"consumed":6,"applied":6,"duplicate":0,"late":0,"dead_letter":0,"ignored":{"tombstone":0,"truncate":0,"message":0,"#,
    r#""heartbeat":0,"transaction":0,"schema_change":0,"other_table":0},"alerts":{"LARGE_ORDER":2,"HIGH_AMOUNT":1,"#,
    r#""PRICE_SPIKE":0,"RAPID_ORDERS":0},"windows":4,"generation":0}"#,
    "\n"
);

#[test]
fn the_seeds_section_6_prints_the_seeds_lines() {
    let ended = replay(&fixture("seed-section6.ndjson"), &[]);
    assert_eq!(ended.out, SECTION_6);
    assert_eq!(ended.err, SECTION_6_SUMMARY, "nothing else is on stderr");
}

#[test]
fn in_english_and_another_zone() {
    let ended = replay(&fixture("seed-section6.ndjson"), &["--language", "en", "--zone", "America/New_York"]);
    // 13:26:42 UTC is 08:26:42 there in November.
    let lines = ended.lines();
    assert_eq!(
        [lines[5], lines[7], lines[8]],
        [
            "ALERT:1> ALERT[LARGE_ORDER] 005930 orderId=6: large order: 1000 shares (threshold: 500) at 2026-11-23 08:26:42",
            "ALERT:2> ALERT[LARGE_ORDER] 000660 orderId=7: large order: 800 shares (threshold: 500) at 2026-11-23 08:26:44",
            "ALERT:2> ALERT[HIGH_AMOUNT] 000660 orderId=7: high amount: 144000000 won (threshold: 100000000) at 2026-11-23 08:26:44",
        ]
    );
    assert!(lines[10].contains("window=[08:26:37~08:30:00]"), "{}", lines[10]);
    let raw =
        |out: &str| -> Vec<String> { out.lines().filter(|line| line.starts_with("RAW")).map(Into::into).collect() };
    assert_eq!(raw(&ended.out), raw(SECTION_6), "RAW has no words and no times");
}

#[test]
fn as_json_with_the_specs_fields_in_the_specs_order() {
    let ended = replay(&fixture("seed-section6.ndjson"), &["--format", "json"]);
    let lines = ended.lines();
    assert_eq!(
        [lines[4], lines[5], lines[10]],
        [
            concat!(
                r#"{"stream":"raw","id":"cdc.orders_db.orders-1-0","op":"c","order_id":6,"symbol":"005930","side":"SELL","#,
                r#""quantity":1000,"price":"74000","amount":"74000000","status":"PENDING","latency_ms":2,"#,
                r#""event_time":"2026-11-23T13:26:42.487Z","topic":"cdc.orders_db.orders","partition":1,"offset":0}"#
            ),
            concat!(
                r#"{"stream":"alert","id":"LARGE_ORDER-cdc.orders_db.orders-1-0","rule":"LARGE_ORDER","symbol":"005930","#,
                r#""order_id":6,"value":"1000","threshold":"500","message":"대량 주문 감지: 1000주 (임계값: 500)","#,
                r#""at":"2026-11-23T13:26:42.934Z"}"#
            ),
            concat!(
                r#"{"stream":"agg","id":"005930-1795440300000-1795440600000-r1","symbol":"005930","#,
                r#""window_start":"2026-11-23T13:25:00.000Z","window_end":"2026-11-23T13:30:00.000Z","#,
                r#""first_event":"2026-11-23T13:26:37.331Z","orders":3,"buys":2,"sells":1,"total":"84850000","avg":"73000","#,
                r#""min":"72000","max":"74000","revision":1}"#
            ),
        ]
    );
}

// The other two rules on the seed's values: 72000 → 76000 is 5.56 %, and five orders within ten seconds.
#[test]
fn the_other_two_rules_in_the_seeds_words() {
    let orders = [72_000, 76_000, 76_000, 76_000, 76_000];
    let recording: Vec<u8> = (9..)
        .zip(orders)
        .flat_map(|(id, price)| {
            let value = insert(id, "\"005930\"", "1", &format!("\"{price}\""));
            line(id, value.as_bytes())
        })
        .collect();
    let ended = run_with_stdin(&["replay", "-"], &recording).well();
    let alerts: Vec<&str> = ended.lines().into_iter().filter(|line| line.starts_with("ALERT")).collect();
    // Order 9's line has the clock 04:57:02 + 9 s; Seoul is nine hours ahead.
    assert_eq!(
        alerts,
        [
            "ALERT:1> ALERT[PRICE_SPIKE] 005930 orderId=10: 가격 급변 감지: 72000 → 76000 (+5.56%, 임계값: 5%) at 2026-02-12 13:57:12",
            "ALERT:1> ALERT[RAPID_ORDERS] 005930 orderId=13: 단기 다수 주문 감지: 10초 내 5건 (임계값: 5) at 2026-02-12 13:57:15",
        ]
    );
}

// `spec.md` 1.1, worked out by hand and script.
#[test]
fn the_unusual_recording_is_accounted_for() {
    let summary = replay(&fixture("unusual.ndjson"), &[]).summary();
    let ignored = json!({
        "tombstone": 24, "truncate": 1, "message": 0, "heartbeat": 9, "transaction": 0, "schema_change": 13, "other_table": 11,
    });
    let counted = ["consumed", "applied", "duplicate", "late", "dead_letter"].map(|key| summary[key].as_u64().unwrap());
    assert_eq!(counted, [778, 718, 0, 0, 2]);
    assert_eq!(summary["ignored"], ignored);
}

#[test]
fn several_files_are_one_stream_in_their_order() {
    let (first, second) = ("seed-section6.ndjson", "derived/section6_stretched.ndjson");
    let (one, two) = (fixture(first), fixture(second));
    let both = run(["replay".as_ref(), one.as_os_str(), two.as_os_str()]).well();
    let joined = [unpacked(first), unpacked(second)].concat();
    let stdin = run_with_stdin(&["replay", "-"], &joined).well();
    assert_eq!(both.out, stdin.out);
    assert_eq!(both.summary(), stdin.summary());
    // The same file twice: orders 5, 6 and 7 are repeats, the snapshot's rows have no use for a mark.
    let twice = run(["replay".as_ref(), one.as_os_str(), one.as_os_str()]).well().summary();
    assert_eq!((twice["applied"].as_u64(), twice["duplicate"].as_u64()), (Some(9), Some(3)));
    let turned = [unpacked(second), unpacked(first)].concat();
    assert_ne!(both.out, run_with_stdin(&["replay", "-"], &turned).well().out, "the order of the files matters");
}

#[test]
fn packed_recordings_are_told_by_their_first_bytes() {
    let plain = unpacked("unusual.ndjson");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&plain).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = compress_to_vec(&plain[..], CompressionLevel::Fastest);
    let expected = replay(&fixture("unusual.ndjson"), &["--format", "json"]).out;
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [("any.name", &gzip), ("other", &zstd)] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        assert!(replay(&path, &["--format", "json"]).out == expected, "{name} as a file");
        assert!(run_with_stdin(&["replay", "--format", "json", "-"], bytes).well().out == expected, "{name} on stdin");
    }
}

#[test]
fn results_dead_letters_and_accounting_go_to_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (file, letters, summary) = (path("results"), path("letters"), path("summary"));
    let arguments = ["--file", &file, "--dead-letters", &letters, "--summary", &summary];
    fs::write(&file, "what an earlier run left").unwrap();
    let text = replay(&fixture("unusual.ndjson"), &arguments);
    assert_eq!(fs::read_to_string(&file).unwrap(), text.out, "the file holds what stdout has, from the beginning");
    let accounting = fs::read_to_string(&summary).unwrap();
    assert!(text.err.ends_with(&accounting) && accounting.ends_with("}\n"), "{accounting}");
    // In text dead letters are on stderr; in the file they are whole.
    let told: Vec<&str> = text.err.lines().filter(|line| line.starts_with("DLQ> ")).collect();
    let kept = fs::read_to_string(&letters).unwrap();
    assert_eq!((told.len(), kept.lines().count()), (2, 2), "{}", text.err);
    let json = replay(&fixture("unusual.ndjson"), &["--format", "json"]);
    let among: Vec<&str> = json.lines().into_iter().filter(|line| line.contains(r#""stream":"dead_letter""#)).collect();
    assert_eq!(kept.lines().collect::<Vec<_>>(), among);
    for (told, kept) in told.iter().zip(kept.lines()) {
        let letter: serde_json::Value = serde_json::from_str(kept).unwrap();
        let place = format!("{}-{}@{}", letter["topic"].as_str().unwrap(), letter["partition"], letter["offset"]);
        assert_eq!(*told, format!("DLQ> {place} {}", letter["reason"].as_str().unwrap()));
    }
}

// By now's clock windows and rules go by now, but lines apply in line order all the same, whatever their timestamps.
#[test]
fn by_the_wall_clock_lines_stay_in_their_order() {
    let order = |id| String::from_utf8(line(id, insert(id, "\"A\"", "1", "\"1\"").as_bytes())).unwrap();
    // Partition 1's record is older by four seconds, and stands behind.
    let recording = order(5) + &order(1).replacen(r#""partition":0"#, r#""partition":1"#, 1);
    for clock in ["record", "wall"] {
        let ended = run_with_stdin(&["replay", "--clock", clock, "-"], recording.as_bytes()).well();
        let ids: Vec<&str> = ended.lines().iter().filter_map(|line| line.split_once("orderId=")?.1.get(..1)).collect();
        assert_eq!(ids, ["5", "1"], "{clock}");
    }
}

// The topic of schema changes never has an order: by now's clock too it does not hold the watermark, and the first window
// (which ends 180 s after START_MS) fires when order 400's time passes it, not at the recording's end.
#[test]
fn by_the_wall_clock_another_topic_does_not_hold_windows_back() {
    let order = |id| String::from_utf8(line(id, insert(id, "\"A\"", "1", "\"1\"").as_bytes())).unwrap();
    let schema_change = String::from_utf8(line(0, br#"{"ddl":"","tableChanges":[]}"#)).unwrap();
    let recording = schema_change.replacen("cdc.orders_db.orders", "cdc", 1) + &order(1) + &order(400) + &order(401);
    for clock in ["record", "wall"] {
        let ended = run_with_stdin(&["replay", "--clock", clock, "--time", "event", "-"], recording.as_bytes()).well();
        let kinds: Vec<&str> = ended.lines().iter().filter_map(|line| Some(line.split_once(':')?.0)).collect();
        assert_eq!(kinds, ["RAW", "AGG", "RAW", "RAW", "AGG"], "{clock}");
    }
}

// The watermark follows the source times; in event time an AGG line's start is the smallest of them: 13:26:36.000 for
// the snapshot's rows, 13:26:44.586 for order 7.
#[test]
fn in_event_time_windows_go_by_the_databases_clock() {
    let ended = replay(&fixture("seed-section6.ndjson"), &["--time", "event", "--zone", "UTC"]);
    let windows: Vec<&str> = ended.lines().into_iter().filter(|line| line.starts_with("AGG")).collect();
    let starts = ["[13:26:44~13:30:00]", "[13:26:36~13:30:00]", "[13:26:36~13:30:00]", "[13:26:36~13:30:00]"];
    assert_eq!(windows.len(), starts.len());
    for (line, start) in windows.iter().zip(starts) {
        assert!(line.contains(start), "{line}");
    }
}
