//! What is in the tables, and what the JSON lines say: the same, field by field.

use std::collections::BTreeMap;

use serde_json::Value;
use worker::decimal::Decimal;

use super::results::Results;
use super::server::Database;

/// A stream's table, and its fields: the key of the line and the expression over the columns.
type Stream = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const EVENT: &[(&str, &str)] = &[
    ("id", "id"),
    ("op", "op"),
    ("order_id", "order_id"),
    ("symbol", "symbol"),
    ("side", "side"),
    ("quantity", "toString(quantity)"),
    ("price", "toString(price)"),
    ("amount", "toString(amount)"),
    ("status", "status"),
    ("latency_ms", "toString(latency_ms)"),
    ("event_time", "toString(toUnixTimestamp64Milli(event_time))"),
    ("topic", "topic"),
    ("partition", "toString(`partition`)"),
    ("offset", "toString(`offset`)"),
];

const STREAMS: [Stream; 5] = [
    ("raw", "orders_raw", EVENT),
    ("late", "orders_late", EVENT),
    (
        "agg",
        "order_agg_5m",
        &[
            ("id", "id"),
            ("symbol", "symbol"),
            ("window_start", "toString(toUnixTimestamp64Milli(window_start))"),
            ("window_end", "toString(toUnixTimestamp64Milli(window_end))"),
            ("first_event", "toString(toUnixTimestamp64Milli(first_event))"),
            ("orders", "toString(orders)"),
            ("buys", "toString(buys)"),
            ("sells", "toString(sells)"),
            ("total", "toString(total)"),
            ("avg", "toString(avg)"),
            ("min", "toString(min)"),
            ("max", "toString(max)"),
            ("revision", "toString(revision)"),
        ],
    ),
    (
        "alert",
        "anomaly_alerts",
        &[
            ("id", "id"),
            ("rule", "rule"),
            ("symbol", "symbol"),
            ("order_id", "order_id"),
            ("value", "toString(value)"),
            ("threshold", "toString(threshold)"),
            ("message", "message"),
            ("at", "toString(toUnixTimestamp64Milli(at))"),
        ],
    ),
    (
        "dead_letter",
        "orders_dlq",
        &[
            ("topic", "topic"),
            ("partition", "toString(`partition`)"),
            ("offset", "toString(`offset`)"),
            ("reason", "reason"),
            ("value_base64", "base64Encode(value)"),
        ],
    ),
];

/// Asserts it, for every stream; tables have their rows once, without `FINAL`.
pub(crate) fn assert_same(database: &Database, results: &Results) {
    for (stream, table, fields) in STREAMS {
        let expressions: Vec<&str> = fields.iter().map(|(_, expression)| *expression).collect();
        let mut found = database.rows(&format!("SELECT {} FROM {{db}}.{table}", expressions.join(", ")));
        let of_stream = results.lines.iter().filter(|line| line["stream"] == stream);
        let mut wanted: Vec<Vec<Value>> =
            of_stream.map(|line| fields.iter().map(|(key, _)| as_column(key, &line[*key])).collect()).collect();
        let order = |row: &Vec<Value>| serde_json::to_string(row).unwrap();
        found.sort_by_key(order);
        wanted.sort_by_key(order);
        assert_eq!(found.len(), wanted.len(), "{table}: rows");
        for (found, wanted) in found.iter().zip(&wanted) {
            assert_eq!(found, wanted, "{table}");
        }
    }
}

fn as_column(key: &str, value: &Value) -> Value {
    let is_time = key.ends_with("_time") || matches!(key, "at" | "window_start" | "window_end" | "first_event");
    match value {
        Value::String(text) if is_time => {
            Value::String(text.parse::<jiff::Timestamp>().unwrap().as_millisecond().to_string())
        }
        // Decimals are numbers there: a percentage of 5.00 is one of 5.
        Value::String(text) if key == "value" && text.contains('.') => {
            Value::String(text.trim_end_matches('0').trim_end_matches('.').to_owned())
        }
        Value::Number(number) => Value::String(number.to_string()),
        other => other.clone(),
    }
}

/// Asserts another way that nothing is missing and nothing there twice: counts and sums of every symbol, added up by the
/// server (of merged rows) and from the lines.
pub(crate) fn assert_same_sums(database: &Database, results: &Results) {
    for (stream, table, whole, amount) in
        [("raw", "orders_raw", "quantity", "amount"), ("agg", "order_agg_5m", "orders", "total")]
    {
        let mut wanted: BTreeMap<String, (u64, i64, Decimal)> = BTreeMap::new();
        for line in results.lines.iter().filter(|line| line["stream"] == stream) {
            let sums = wanted.entry(line["symbol"].as_str().unwrap().to_owned()).or_default();
            sums.0 += 1;
            sums.1 += line[whole].as_i64().unwrap();
            sums.2 += &Decimal::parse(line[amount].as_str().unwrap()).unwrap();
        }
        assert!(!wanted.is_empty(), "{stream}: nothing to compare");
        let found = database.ask(&format!(
            "SELECT symbol, count(), sum({whole}), sum({amount}) FROM {{db}}.{table} FINAL GROUP BY symbol ORDER BY symbol"
        ));
        let found: BTreeMap<String, (u64, i64, Decimal)> = found
            .lines()
            .map(|line| {
                let fields: Vec<&str> = line.split('\t').collect();
                let sums = (fields[1].parse().unwrap(), fields[2].parse().unwrap(), Decimal::parse(fields[3]).unwrap());
                (fields[0].replace("\\n", "\n").replace("\\\\", "\\"), sums)
            })
            .collect();
        assert_eq!(found, wanted, "{table}");
    }
}
