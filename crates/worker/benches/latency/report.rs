//! Percentiles, as a table and as JSON.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::Options;
use crate::readers::Stream;

const STREAMS: [(&str, Stream); crate::readers::STREAMS] = [
    ("sent", Stream::Sent),
    ("acknowledged", Stream::Acknowledged),
    ("bare", Stream::Bare),
    ("raw", Stream::Raw),
    ("alert", Stream::Alert),
    ("committed", Stream::Committed),
];
const PERCENTILES: [(&str, usize); 5] = [("p50", 500), ("p90", 900), ("p99", 990), ("p99.9", 999), ("max", 1_000)];

/// What all streams' latencies come to.
pub(crate) fn report(options: &Options, latencies: impl Fn(Stream) -> Vec<Duration>) -> String {
    let mut object = Map::new();
    object.insert("rate".to_owned(), json!(options.rate));
    let mut table = format!("ms from due, {} events a second\n{:<12}{:>8}", options.rate, "", "events");
    for (name, _) in PERCENTILES {
        let _infallible = write!(table, "{name:>9}");
    }
    for (name, stream) in STREAMS {
        let mut latencies = latencies(stream);
        if latencies.is_empty() {
            continue;
        }
        latencies.sort_unstable();
        let _infallible = write!(table, "\n{name:<12}{:>8}", latencies.len());
        let mut numbers = Map::new();
        numbers.insert("events".to_owned(), json!(latencies.len()));
        for (percentile, per_mille) in PERCENTILES {
            let at = (latencies.len() * per_mille / 1_000).min(latencies.len().saturating_sub(1));
            let ms = latencies.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1_000.0);
            let _infallible = write!(table, "{ms:>9.2}");
            numbers.insert(percentile.to_owned(), json!((ms * 1_000.0).round() / 1_000.0));
        }
        object.insert(name.to_owned(), Value::Object(numbers));
    }
    if options.json { format!("{}\n", Value::Object(object)) } else { table + "\n" }
}
