//! The market as its readers see it: valid, repeatable, and with something for every rule.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::*;

fn settings(seed: u64) -> MarketSettings {
    MarketSettings { seed, ..MarketSettings::default() }
}

fn messages(settings: MarketSettings, count: usize) -> Vec<Generated> {
    let mut market = Market::new(&settings);
    (0..count).map(|_| market.generate().clone()).collect()
}

/// The payload of a value, unwrapped.
fn payload(message: &Generated) -> Option<Value> {
    let value: Value = serde_json::from_slice(message.value()?).unwrap();
    Some(value.get("payload").cloned().unwrap_or(value))
}

/// The position as a reader compares it: file number, pos, row, `d` before the rest.
fn position(payload: &Value) -> (u64, u64, u64, bool) {
    let source = &payload["source"];
    let file = source["file"].as_str().unwrap().strip_prefix("mysql-bin.").unwrap().parse().unwrap();
    (file, source["pos"].as_u64().unwrap(), source["row"].as_u64().unwrap(), payload["op"] != "d")
}

fn row(payload: &Value) -> &Value {
    if payload["op"] == "d" { &payload["before"] } else { &payload["after"] }
}

fn price(row: &Value) -> u64 {
    let text = row["price"].as_str().unwrap();
    text.strip_suffix(".00").unwrap().parse().unwrap()
}

#[test]
fn the_same_seed_and_settings_give_the_same_bytes() {
    let first = messages(settings(42), 2_000);
    assert_eq!(first, messages(settings(42), 2_000));
    assert_ne!(first, messages(settings(43), 2_000));
    let more = MarketSettings { symbols: 1000, ..settings(42) };
    assert_ne!(first, messages(more, 2_000));
}

#[test]
fn a_known_seed_gives_a_known_first_message() {
    let mut market = Market::new(&settings(1));
    let first = market.generate();
    assert_eq!(first.key, br#"{"symbol":"005930"}"#);
    let first = payload(first).unwrap();
    assert_eq!(first["op"], "r");
    assert_eq!(first["source"]["snapshot"], "first");
    assert_eq!(first["after"]["id"], 1);
    assert_eq!(first["after"]["symbol"], "005930");
    assert_eq!(first["after"]["status"], "PENDING");
}

#[test]
fn positions_rise_in_every_partition_and_times_never_fall() {
    let mut last: HashMap<i32, (u64, u64, u64, bool)> = HashMap::new();
    let (mut timestamp, mut handled, mut committed, mut files) = (0, 0, 0, BTreeMap::new());
    for message in messages(settings(5), 15_000) {
        assert!((0..3).contains(&message.partition));
        assert!(message.timestamp_ms >= timestamp);
        timestamp = message.timestamp_ms;
        let Some(payload) = payload(&message).filter(|payload| payload.get("op").is_some()) else { continue };
        let time = payload["ts_ms"].as_i64().unwrap();
        assert!((handled..=timestamp).contains(&time), "handled before it was written, after the one before");
        handled = time;
        let time = payload["source"]["ts_ms"].as_i64().unwrap();
        assert!((committed..=handled).contains(&time), "committed before it was handled");
        committed = time;
        if payload["op"] == "r" {
            continue;
        }
        let here = position(&payload);
        if let Some(before) = last.insert(message.partition, here) {
            assert!(before < here, "{before:?} then {here:?}");
        }
        *files.entry(here.0).or_insert(0) += 1;
    }
    assert!(files.len() >= 2, "the binlog went on to the next file: {files:?}");
}

#[test]
fn every_kind_of_message_and_something_for_every_rule_appears_early() {
    for seed in 0..30 {
        let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
        let mut last_price: HashMap<String, u64> = HashMap::new();
        let mut times: HashMap<String, Vec<i64>> = HashMap::new();
        let mut last_delete = Value::Null;
        let mut deleted_key = None;
        for message in messages(settings(seed), 600) {
            let Some(payload) = payload(&message) else {
                assert_eq!(deleted_key.take(), Some(message.key), "a tombstone follows its delete");
                *seen.entry("tombstone").or_default() += 1;
                continue;
            };
            assert_eq!(deleted_key, None, "a delete is followed by its tombstone");
            let Some(op) = payload["op"].as_str() else {
                assert!(payload["ts_ms"].is_i64() && payload.as_object().unwrap().len() == 1);
                *seen.entry("heartbeat").or_default() += 1;
                continue;
            };
            let kind = ["r", "c", "u", "d"].into_iter().find(|kind| *kind == op).unwrap();
            *seen.entry(kind).or_default() += 1;
            if op == "d" {
                deleted_key = Some(message.key.clone());
            }
            let row = row(&payload);
            let (symbol, price) = (row["symbol"].as_str().unwrap().to_owned(), price(row));
            let quantity = row["quantity"].as_u64().unwrap();
            if op == "c" && row["id"] == last_delete["id"] {
                assert_ne!(row["symbol"], last_delete["symbol"]);
                *seen.entry("moved to another symbol").or_default() += 1;
            }
            last_delete = if op == "d" { row.clone() } else { Value::Null };
            if quantity > 500 {
                assert!(quantity * price > 100_000_000);
                *seen.entry("huge").or_default() += 1;
            } else {
                assert!(quantity * price <= 100_000_000);
            }
            if let Some(last) = last_price.insert(symbol.clone(), price)
                && price.abs_diff(last) * 100 >= 5 * last
            {
                *seen.entry("jump").or_default() += 1;
            }
            let times = times.entry(symbol).or_default();
            times.push(message.timestamp_ms);
            if times.len() >= 5 && times[times.len() - 1] - times[times.len() - 5] < 2_000 {
                *seen.entry("burst").or_default() += 1;
            }
        }
        let kinds: Vec<_> = seen.keys().copied().collect();
        let wanted = ["burst", "c", "d", "heartbeat", "huge", "jump", "moved to another symbol", "r", "tombstone", "u"];
        assert_eq!(kinds, wanted, "seed {seed}: {seen:?}");
        assert!(seen["jump"] < 60, "calm between the jumps, seed {seed}: {seen:?}");
    }
}

#[test]
fn wrapped_is_the_same_market_with_its_schemas() {
    let bare = messages(settings(9), 2_000);
    let wrapped = messages(MarketSettings { wrapped: true, ..settings(9) }, 2_000);
    for (bare, wrapped) in bare.iter().zip(&wrapped) {
        assert_eq!(payload(bare), payload(wrapped));
        assert_eq!(bare.timestamp_ms, wrapped.timestamp_ms);
        if let Some(value) = wrapped.value() {
            let value: Value = serde_json::from_slice(value).unwrap();
            assert!(value["schema"]["name"].is_string());
        }
        let key: Value = serde_json::from_slice(&wrapped.key).unwrap();
        assert_eq!(key["payload"], serde_json::from_slice::<Value>(&bare.key).unwrap());
    }
    let bytes = |messages: &[Generated]| {
        let values: Vec<_> = messages.iter().filter_map(Generated::value).map(<[u8]>::len).collect();
        values.iter().sum::<usize>() / values.len()
    };
    assert!((650..1_000).contains(&bytes(&bare)), "{}", bytes(&bare));
    assert!((3_800..4_400).contains(&bytes(&wrapped)), "{}", bytes(&wrapped));
}

#[test]
fn a_memo_is_the_same_market_with_longer_rows() {
    let short = messages(settings(9), 500);
    let long = messages(MarketSettings { memo_bytes: 1_500, ..settings(9) }, 500);
    let mut rows = 0;
    for (short, long) in short.iter().zip(&long) {
        let (Some(short), Some(mut long)) = (payload(short), payload(long)) else { continue };
        for side in ["before", "after"] {
            if let Some(columns) = long.get_mut(side).and_then(Value::as_object_mut) {
                assert_eq!(columns.remove("memo").unwrap().as_str().unwrap().len(), 1_500);
                rows += 1;
            }
        }
        assert_eq!(short, long);
    }
    assert!(rows > 500, "{rows}");
}

#[test]
fn lean_values_are_the_same_market_in_less() {
    let (full, lean) = (messages(settings(9), 2_000), messages(MarketSettings { lean: true, ..settings(9) }, 2_000));
    let (mut bytes, mut changes, mut deleted) = (0, 0, 0);
    for (full, lean) in full.iter().zip(&lean) {
        assert_eq!((&full.key, full.partition, full.timestamp_ms), (&lean.key, lean.partition, lean.timestamp_ms));
        let (Some(full), Some(short)) = (payload(full), payload(lean)) else {
            assert_eq!(full.value(), lean.value());
            continue;
        };
        if full.get("op").is_none() {
            assert_eq!(full, short, "a heartbeat");
            continue;
        }
        for pointer in [
            "/op",
            "/ts_ms",
            "/source/ts_ms",
            "/source/db",
            "/source/table",
            "/source/file",
            "/source/pos",
            "/source/row",
        ] {
            assert_eq!(full.pointer(pointer), short.pointer(pointer), "{pointer}");
            assert!(short.pointer(pointer).is_some(), "{pointer}");
        }
        for column in ["id", "symbol", "side", "quantity", "price", "status"] {
            assert_eq!(row(&full)[column], row(&short)[column], "{column}");
        }
        deleted += usize::from(short["op"] == "d" && short.get("before").is_some());
        bytes += lean.value().unwrap().len();
        changes += 1;
    }
    assert!((240..330).contains(&(bytes / changes)), "{}", bytes / changes);
    assert!(deleted > 0);
}

#[test]
fn a_topic_keyed_by_id_moves_an_order_by_an_update() {
    let mut moved = 0;
    for message in messages(MarketSettings { keyed_by_symbol: false, ..settings(2) }, 3_000) {
        let key: Value = serde_json::from_slice(&message.key).unwrap();
        let Some(payload) = payload(&message).filter(|payload| payload.get("op").is_some()) else { continue };
        assert_eq!(key["id"], row(&payload)["id"]);
        if payload["op"] == "u" && payload["before"]["symbol"] != payload["after"]["symbol"] {
            moved += 1;
        }
    }
    assert!(moved > 0);
}

#[test]
fn rows_agree_from_one_change_to_the_next() {
    let mut rows: HashMap<i64, Value> = HashMap::new();
    for message in messages(settings(11), 8_000) {
        let Some(payload) = payload(&message).filter(|payload| payload.get("op").is_some()) else { continue };
        let id = row(&payload)["id"].as_i64().unwrap();
        let before = rows.get(&id).cloned().unwrap_or(Value::Null);
        assert_eq!(payload["before"], before, "{payload}");
        match &payload["after"] {
            Value::Null => rows.remove(&id),
            after => rows.insert(id, after.clone()),
        };
    }
}

#[test]
fn time_goes_at_the_rate_given() {
    let all = messages(MarketSettings { rate_per_second: 1_000, ..settings(1) }, 10_001);
    assert_eq!(all[10_000].timestamp_ms - all[0].timestamp_ms, 10_000);
    let mut market = Market::new(&settings(1));
    assert_eq!(market.generate_at(2_000_000_000_000).timestamp_ms, 2_000_000_000_000);
    assert_eq!(market.generate_at(1_999_999_999_999).timestamp_ms, 2_000_000_000_000, "time does not run backwards");
}

#[test]
fn a_market_of_one_symbol_and_one_partition_works() {
    let small = MarketSettings { symbols: 0, partitions: 0, rate_per_second: 0, ..settings(1) };
    for message in messages(small, 5_000) {
        assert_eq!(message.partition, 0);
        if let Some(value) = message.value() {
            serde_json::from_slice::<Value>(value).unwrap();
        }
    }
}

#[test]
fn partitions_are_those_of_kafkas_partitioner() {
    // Worked out with the Python transcription of Kafka's murmur2 that the key groups' table also rests on.
    for message in messages(settings(1), 200) {
        let expected = match &message.key[..] {
            br#"{"symbol":"005930"}"# | br#"{"symbol":"035720"}"# => 2,
            br#"{"symbol":"000660"}"# => 1,
            br#"{"symbol":"035420"}"# => 0,
            _ => continue,
        };
        assert_eq!(message.partition, expected);
    }
}
