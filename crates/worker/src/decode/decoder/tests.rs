//! Envelope and type, by tables; recorded messages.

use std::collections::BTreeMap;

use super::*;

/// What a value is, in short: the name of an ignored type, a dead letter's reason, or a change.
fn reading(value: &[u8]) -> String {
    show(Decoder::new(DecodeSettings::default()).decode(Some(value)))
}

fn show(decoded: Decoded) -> String {
    match decoded {
        Decoded::Ignored(ignored) => ignored.name().to_owned(),
        Decoded::DeadLetter(reason) => reason.0.into_string(),
        Decoded::Change(Change { row: Err(reason), .. }) => format!("row: {}", reason.0),
        Decoded::Change(Change { op, position, source_time_ms, row: Ok(row) }) => {
            let position =
                position.map_or("-".to_owned(), |at| format!("{}/{}/{}/{}", at.file, at.pos, at.row, at.step));
            let time = source_time_ms.map_or("-".to_owned(), |time| time.to_string());
            let latency = row.latency_ms.map_or("-".to_owned(), |latency| latency.to_string());
            format!("{} {position} {time} {latency}", op.letter())
        }
    }
}

#[track_caller]
fn check(value: &str, expected: &str) {
    assert_eq!(reading(value.as_bytes()), expected, "{value}");
}

const ROW: &str = r#"{"id":1,"symbol":"A","side":"BUY","quantity":2,"price":"3","status":"NEW"}"#;

/// An event of the orders table; `source` and `rest` are further members.
fn event(op: &str, source: &str, rest: &str) -> String {
    format!(
        r#"{{"before":{ROW},"after":{ROW},"source":{{"db":"orders_db","table":"orders"{source}}},"op":"{op}"{rest}}}"#
    )
}

#[test]
fn null_values_are_tombstones() {
    assert_eq!(Decoder::new(DecodeSettings::default()).decode(None), Decoded::Ignored(Ignored::Tombstone));
    check("null", "tombstone");
    check(" \t\r\nnull\n", "tombstone");
    check(r#"{"schema":{"type":"struct"},"payload":null}"#, "tombstone");
    check(r#"{"payload":null,"schema":null}"#, "tombstone");
    check(r#"{"payload":{"op":"t"},"schema":1,"payload":null}"#, "tombstone");
}

#[test]
fn what_is_no_object_is_a_dead_letter() {
    check("", "value: empty");
    check("  ", "value: not JSON, it stops in the middle (byte 2): ");
    check("5", "value: not an object: 5");
    check("[{}]", "value: not an object: [{}]");
    check("\"x\"", "value: not an object: \"x\"");
    check("true", "value: not an object: true");
    check(r#"{"schema":{},"payload":7}"#, "payload: not an object: 7");
    check(r#"{"schema":{},"payload":"null"}"#, "payload: not an object: \"null\"");
}

#[test]
fn what_is_no_json_is_named_with_its_field() {
    check("nul", "value: not JSON, a value is expected (byte 0): nul");
    check("{", "value: not JSON, it stops in the middle (byte 1): ");
    check(r#"{"op":"t"}x"#, "value: not JSON, bytes behind the value (byte 10): x");
    check(r#"{"op":"t"}{"op":"t"}"#, "value: not JSON, bytes behind the value (byte 10): {\"op\":\"t\"}");
    check(r#"{"op":"t",}"#, "op: not JSON, a key is expected (byte 10): }");
    check(r#"{"op" "t"}"#, "op: not JSON, a colon is expected (byte 6): \"t\"}");
    check(r#"{"op":"t" "a":1}"#, "op: not JSON, a comma or a closing bracket is expected (byte 10): \"a\":1}");
    check(r#"{"op":NaN}"#, "op: not JSON, a value is expected (byte 6): NaN}");
    check(r#"{"quantity":01}"#, "quantity: not JSON, not a number (byte 14): 01}");
    check(r#"{"quantity":-}"#, "quantity: not JSON, not a number (byte 13): -}");
    check(r#"{"price":1e400}"#, "price: number out of range: 1e400");
    check("{\"symbol\":\"A\u{0}B\"}", "symbol: not JSON, a control character in a string (byte 12): \"A\\u{0}B\"}");
    check(r#"{"symbol":"A\x"}"#, r#"symbol: not JSON, no such escape (byte 13): "A\x"}"#);
    check(r#"{"symbol":"\ud800"}"#, r#"symbol: not JSON, half of a surrogate pair (byte 17): "\ud800"}"#);
    check(r#"{"symbol":"A"#, "symbol: not JSON, it stops in the middle (byte 12): \"A");
}

#[test]
fn bytes_that_are_no_text_are_named_with_their_field() {
    assert_eq!(reading(b"{\"symbol\":\"A\xffB\"}"), "symbol: not UTF-8 at byte 12: \\xffB\\\"}");
    assert_eq!(reading(b"\xef\xbb\xbf{}"), "value: not JSON, a value is expected (byte 0): \u{feff}{}");
    assert_eq!(reading(b"{x\xff"), "value: not JSON, a key is expected (byte 1): x");
    assert_eq!(reading(b"{\"op\":\"t\"}\xff"), "value: not UTF-8 at byte 10: \\xff");
}

#[test]
fn binary_of_a_schema_registry_gets_a_hint() {
    for value in [&b"\0\0\0\0\x01\x02abc"[..], b"\0\0\0\0\x01\xff", b"\0", b"\0\0\0\0\x01{\"op\":\"t\"}"] {
        assert!(reading(value).contains("value.converter=org.apache.kafka.connect.json.JsonConverter"), "{value:?}");
    }
}

#[test]
fn malformed_parts_that_nobody_reads_are_dead_letters_too() {
    for (value, expected) in [
        (r#"{"op":"t","x":[{"y":1e999}]}"#, "y: number out of range: 1e999"),
        (r#"{"op":"t","x":{"y":"\ud800"}}"#, r#"y: not JSON, half of a surrogate pair (byte 26): "\ud800"}}"#),
        (r#"{"op":"t","x":[1,]}"#, "x: not JSON, a value is expected (byte 17): ]}"),
        (
            r#"{"schema":{"a":tru},"payload":null}"#,
            "a: not JSON, a value is expected (byte 15): tru},\"payload\":null}",
        ),
    ] {
        check(value, expected);
    }
}

#[test]
fn nesting_ends_where_serde_json_ends_it() {
    // The object itself is the first level.
    let nested = |levels: usize| format!(r#"{{"op":"t","x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    check(&nested(126), "truncate");
    assert!(reading(nested(127).as_bytes()).starts_with("x: more than 127 levels deep (byte 140)"));
    assert!(reading("[".repeat(10_000).as_bytes()).starts_with("value: more than 127 levels deep (byte 127)"));
}

#[test]
fn op_decides_the_type() {
    let other_table = r#"{"op":"t","source":{"db":"x","table":"y"}}"#;
    check(other_table, "truncate");
    check(r#"{"op":"t"}"#, "truncate");
    check(r#"{"op":"m","message":{}}"#, "message");
    check(r#"{"\u006fp":"\u0074"}"#, "truncate");
    check(r#"{"op":"x","op":"m"}"#, "message");
    check(r#"{"op":5}"#, "op: not a string: 5");
    check(r#"{"op":["c"]}"#, "op: not a string: [\"c\"]");
    check(r#"{"op":"C"}"#, "op: not one of c, u, d, r, t, m: \"C\"");
    check(r#"{"op":""}"#, "op: not one of c, u, d, r, t, m: \"\"");
    check(&event("c", "", ""), "c - - -");
    check(&event("u", "", ""), "u - - -");
    check(&event("d", "", ""), "d - - -");
    check(&event("r", "", ""), "r - - -");
}

#[test]
fn what_a_connector_writes_besides_events_is_known_by_its_keys() {
    check(r#"{"ts_ms":1}"#, "heartbeat");
    check(r#"{"ts_ms":null}"#, "heartbeat");
    check(r#"{"ts_ms":1,"ts_ms":{}}"#, "heartbeat");
    check(r#"{"schema":{},"payload":{"ts_ms":1}}"#, "heartbeat");
    check(r#"{"status":"BEGIN","id":"x:1","event_count":null,"data_collections":null,"ts_ms":1}"#, "transaction");
    check(r#"{"source":{},"ts_ms":1,"databaseName":"","ddl":"","tableChanges":[]}"#, "schema_change");
    check(r#"{"op":null,"ddl":"","tableChanges":[]}"#, "schema_change");
}

#[test]
fn other_objects_are_dead_letters() {
    check("{}", "op: missing, not an event of Debezium: {}");
    check(r#"{"ts_ms":1,"op":null}"#, "op: null, not an event of Debezium: {\"ts_ms\":1,\"op\":null}");
    check(r#"{"ts_ms":1,"x":1}"#, "op: missing, not an event of Debezium: {\"ts_ms\":1,\"x\":1}");
    check(r#"{"status":1,"id":1}"#, "op: missing, not an event of Debezium: {\"status\":1,\"id\":1}");
    check(r#"{"ddl":1}"#, "op: missing, not an event of Debezium: {\"ddl\":1}");
    check(r#"{"schema":{}}"#, "op: missing, not an event of Debezium: {\"schema\":{}}");
    check(r#"{"payload":{"op":"t"}}"#, "op: missing, not an event of Debezium: {\"payload\":{\"op\":\"t\"}}");
    let row = reading(ROW.as_bytes());
    assert!(
        row.starts_with("op: missing, this is a row without its envelope, is ExtractNewRecordState on?: {"),
        "{row}"
    );
}

#[test]
fn wrapped_messages_have_both_keys_in_any_order() {
    let bare = event("c", "", "");
    check(&format!(r#"{{"schema":{{}},"payload":{bare}}}"#), "c - - -");
    check(&format!(r#"{{"payload":{bare},"x":1,"schema":null}}"#), "c - - -");
    check(&format!(r#"{{"sch\u0065ma":null,"p\u0061yload":{bare}}}"#), "c - - -");
    // One of both is a member like any other.
    check(r#"{"schema":{},"op":"t"}"#, "truncate");
    check(r#"{"payload":{"op":"m"},"op":"t"}"#, "truncate");
    // What stands beside the payload does not matter.
    check(r#"{"schema":{},"payload":{"op":"m"},"op":"t"}"#, "message");
    check(r#"{"schema":{},"payload":{"op":"c"},"payload":{"op":"m"}}"#, "message");
    // A payload is not unwrapped again.
    let twice = r#"{"schema":{},"payload":{"schema":{},"payload":{"op":"t"}}}"#;
    assert!(reading(twice.as_bytes()).starts_with("op: missing"));
}

#[test]
fn source_tells_the_table() {
    check(r#"{"op":"c"}"#, "source: missing");
    check(r#"{"op":"c","source":null}"#, "source: null");
    check(r#"{"op":"c","source":[]}"#, "source: not an object: []");
    check(r#"{"op":"c","source":{}}"#, "source.db: missing");
    check(r#"{"op":"c","source":{"db":null,"table":"orders"}}"#, "source.db: null");
    check(r#"{"op":"c","source":{"db":1,"table":"orders"}}"#, "source.db: not a string: 1");
    check(r#"{"op":"c","source":{"db":"orders_db"}}"#, "source.table: missing");
    check(r#"{"op":"c","source":{"db":"orders_db","table":null}}"#, "source.table: null");
    check(r#"{"op":"c","source":{"db":"orders_db","table":[]}}"#, "source.table: not a string: []");
    check(r#"{"op":"c","source":{"db":"orders_db","table":"Orders"}}"#, "other_table");
    check(r#"{"op":"c","source":{"db":"other","table":"orders"},"ts_ms":"x"}"#, "other_table");
    check(r#"{"op":"c","source":{"db":"other","table":null}}"#, "source.table: null");
    check(r#"{"op":"c","source":{"db":"x"},"source":{"table":"x"}}"#, "source.db: missing");
    let settings = DecodeSettings { database: "shop".into(), table: "주문".into(), ..DecodeSettings::default() };
    let value = format!(r#"{{"op":"r","after":{ROW},"source":{{"db":"shop","table":"\uc8fc\ubb38"}}}}"#);
    assert_eq!(show(Decoder::new(settings).decode(Some(value.as_bytes()))), "r - - -");
}

#[test]
fn times_give_the_latency() {
    check(&event("c", r#","ts_ms":1000"#, r#","ts_ms":1652"#), "c - 1000 652");
    check(&event("c", r#","ts_ms":1000"#, r#","ts_ms":990"#), "c - 1000 -10");
    check(&event("c", r#","ts_ms":1000"#, ""), "c - 1000 -");
    check(&event("c", r#","ts_ms":null"#, r#","ts_ms":990"#), "c - - -");
    check(&event("c", r#","ts_ms":-0"#, r#","ts_ms":0"#), "c - 0 0");
    check(
        &event("c", r#","ts_ms":-62135596800000"#, r#","ts_ms":253402300799999"#),
        "c - -62135596800000 315537897599999",
    );
    check(&event("c", "", r#","ts_ms":253402300800000"#), "ts_ms: outside the years 0001 to 9999: 253402300800000");
    check(
        &event("r", r#","ts_ms":-62135596800001"#, ""),
        "source.ts_ms: outside the years 0001 to 9999: -62135596800001",
    );
    check(&event("c", "", r#","ts_ms":"1""#), "ts_ms: not an integer: \"1\"");
    check(&event("c", "", r#","ts_ms":1.0"#), "ts_ms: not an integer: 1.0");
    check(&event("c", "", r#","ts_ms":1e3"#), "ts_ms: not an integer: 1e3");
    check(&event("c", r#","ts_ms":true"#, ""), "source.ts_ms: not an integer: true");
    check(&event("c", r#","ts_ms":9223372036854775808"#, ""), "source.ts_ms: beyond 64 bits: 9223372036854775808");
}

#[test]
fn positions_are_numbers() {
    let at = |op: &str, position: &str| reading(event(op, position, "").as_bytes());
    assert_eq!(at("c", r#","file":"mysql-bin.000003","pos":7808,"row":2"#), "c 3/7808/2/1 - -");
    assert_eq!(at("u", r#","file":"binlog.1000000","pos":4"#), "u 1000000/4/0/1 - -");
    assert_eq!(at("d", r#","file":"a.b.007","pos":4,"row":null"#), "d 7/4/0/0 - -");
    assert_eq!(at("c", r#","file":"000012","pos":0,"row":-0"#), "c 12/0/0/1 - -");
    assert_eq!(
        at("c", r#","file":".18446744073709551615","pos":9223372036854775807"#),
        "c 18446744073709551615/9223372036854775807/0/1 - -"
    );
    assert_eq!(at("c", r#","file":null,"pos":4"#), "c - - -");
    assert_eq!(at("c", r#","file":"x.1""#), "c - - -");
    assert_eq!(at("c", r#","file":"x.1","pos":null"#), "c - - -");
    assert_eq!(at("c", r#","file":"x""#), "c - - -");
    assert_eq!(at("c", r#","file":7"#), "source.file: not a string: 7");
    for (file, words) in [
        (r#""mysql-bin""#, "no number at its end"),
        (r#""mysql-bin7""#, "no number at its end"),
        (r#""mysql-bin.""#, "no number at its end"),
        (r#""mysql-bin.+7""#, "no number at its end"),
        (r#""mysql-bin.7x""#, "no number at its end"),
        (r#""""#, "no number at its end"),
        (r#""x.18446744073709551616""#, "number beyond 64 bits"),
        ("3", "not a string"),
    ] {
        assert_eq!(at("c", &format!(r#","file":{file},"pos":4"#)), format!("source.file: {words}: {file}"));
    }
    for (pos, words) in [
        (r#""4""#, "not an integer"),
        ("4.0", "not an integer"),
        ("4e1", "not an integer"),
        ("-4.5", "not an integer"),
        ("[]", "not an integer"),
        ("-4", "negative"),
        ("9223372036854775808", "beyond 64 bits"),
    ] {
        assert_eq!(at("u", &format!(r#","file":"x.1","pos":{pos}"#)), format!("source.pos: {words}: {pos}"));
        assert_eq!(at("d", &format!(r#","pos":4,"row":{pos}"#)), format!("source.row: {words}: {pos}"));
    }
    assert_eq!(at("r", r#","file":3,"pos":"x","row":-1"#), "r - - -", "a snapshot's row has no position");
}

#[test]
fn a_bad_row_leaves_position_and_time_to_the_mark() {
    let value = event("c", r#","file":"x.1","pos":4,"ts_ms":9"#, r#","after":5"#);
    let Decoded::Change(change) = Decoder::new(DecodeSettings::default()).decode(Some(value.as_bytes())) else {
        panic!("no change");
    };
    assert_eq!(change.position, Some(BinlogPosition { file: 1, pos: 4, row: 0, step: 1 }));
    assert_eq!(change.source_time_ms, Some(9));
    assert_eq!(change.row, Err(Reason("after: not an object: 5".into())));
}

#[test]
fn of_repeated_keys_the_last_wins_whole() {
    check(&event("c", r#","file":"x.1","pos":1,"pos":2"#, ""), "c 1/2/0/1 - -");
    check(&event("c", "", r#","after":{"id":1}"#), "row: symbol: missing");
    check(&event("c", "", r#","source":{"db":"a","table":"b"}"#), "other_table");
    check(&event("c", r#","ts_ms":5"#, r#","source":{"db":"orders_db","table":"orders"},"ts_ms":6"#), "c - - -");
    check(&format!(r#"{{"schema":1,"payload":{},"payload":{{"ts_ms":1}}}}"#, event("c", "", "")), "heartbeat");
}

/// The values of a recording.
pub(super) fn fixture(name: &str) -> Vec<Option<String>> {
    let path = format!("{}/../../tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    let lines = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let value = |line: &str| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["value"].as_str().map(str::to_owned)
    };
    lines.lines().map(value).collect()
}

#[test]
fn unusual_recording_is_accounted_for() {
    let mut decoder = Decoder::new(DecodeSettings::default());
    let mut counts = BTreeMap::new();
    for value in fixture("unusual.ndjson") {
        let kind = match decoder.decode(value.as_deref().map(str::as_bytes)) {
            Decoded::Ignored(ignored) => ignored.name(),
            Decoded::Change(Change { row: Ok(_), .. }) => "applied",
            Decoded::Change(_) | Decoded::DeadLetter(_) => "dead_letter",
        };
        *counts.entry(kind).or_insert(0) += 1;
    }
    let expected = [
        ("applied", 718),
        ("dead_letter", 2),
        ("heartbeat", 9),
        ("other_table", 11),
        ("schema_change", 13),
        ("tombstone", 24),
        ("truncate", 1),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
}

/// The three modes of decimals and both envelopes were recorded with the same SQL.
#[test]
fn every_way_of_writing_the_same_orders_reads_the_same() {
    let rows = |name: &str| {
        let mut decoder = Decoder::new(DecodeSettings::default());
        let mut rows = Vec::new();
        for value in fixture(name) {
            if let Decoded::Change(change) = decoder.decode(value.as_deref().map(str::as_bytes)) {
                let row = change.row.unwrap();
                rows.push(format!("{:?} {:?} {} {}", row.op, row.order_id, row.price, row.amount));
            }
        }
        rows.sort();
        rows
    };
    let expected = rows("recorded_schemas_false.ndjson");
    assert_eq!(expected.len(), 17);
    assert!(expected.contains(&"Read Integer(1) 189.5 18950".to_owned()), "{expected:?}");
    assert_eq!(rows("recorded_schemas_true.ndjson"), expected);
    assert_eq!(rows("recorded_precise_schemas_true.ndjson"), expected);
    assert_eq!(rows("recorded_double_schemas_false.ndjson"), expected);
    assert_eq!(rows("recorded_double_schemas_true.ndjson"), expected);
    assert_eq!(rows("recorded_dbz2.5_mariadb_schemas_true.ndjson"), expected);
}

#[test]
fn precise_without_schema_names_the_setting() {
    let mut decoder = Decoder::new(DecodeSettings::default());
    let hints = fixture("recorded_precise_schemas_false.ndjson")
        .into_iter()
        .map(|value| show(decoder.decode(value.as_deref().map(str::as_bytes))))
        .filter(|shown| {
            shown.starts_with("row: price: not a decimal: \"") && shown.contains("decimal.handling.mode=string")
        })
        .count();
    assert_eq!(hints, 17);
}

/// A decoder that has seen other messages reads the same as a new one, reasons included.
#[test]
fn the_cache_does_not_show() {
    let mut values = fixture("recorded_precise_schemas_true.ndjson");
    values.extend(fixture("recorded_schemas_true.ndjson"));
    let mut values: Vec<Vec<u8>> = values.into_iter().flatten().map(String::into_bytes).collect();
    let head = values[0].clone();
    let cut = head.windows(12).position(|window| window == b",\"payload\":{").unwrap();
    for tail in ["}", "x", ",\"op\":\"t\"}", ",\"payload\":5}", ",\"payload\":null} ", ",\"payload\":{\"op\":1e999}}"] {
        values.push([&head[..cut], tail.as_bytes()].concat());
    }
    values.push([&head[..head.len() - 1], b",\"schema\":{}}"].concat());
    values.push([&head[..head.len() - 1], b",\"schema\":\xff}"].concat());
    let mut used = Decoder::new(DecodeSettings::default());
    for value in values.iter().chain(&values) {
        let new = Decoder::new(DecodeSettings::default()).decode(Some(value));
        assert_eq!(used.decode(Some(value)), new, "{}", String::from_utf8_lossy(value));
    }
}
