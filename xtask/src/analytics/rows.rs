//! Rows for the tables: the worker replays a market that it has made from a seed, and a recording of MySQL's odder rows, and
//! what it gives as JSON goes into the tables' columns of the same names.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};

use crate::analytics::macros::Picked;
use crate::analytics::output;
use crate::analytics::server::{DATABASE, Server, User};

/// For the picture.
pub(super) const ABOUT: &str = "A made-up market of 15 minutes (worker generate --seed 1), windows of one minute, and tests/fixtures/unusual.ndjson; when rows came to ClickHouse is made up";
/// 200 events a second: a quarter of an hour.
const EVENTS: &str = "180000";
/// Where the recording begins, so that both are seen in one picture.
const FROM: &str = "2026-11-23T13:00:00Z";
const FROM_SECONDS: i64 = 1_795_438_800;
const SECONDS: i64 = 920;
/// A point of a graph.
const INTERVAL: i64 = 20;
const WINDOW: &str = "agg.window_ms=60000";
const UNUSUAL: &str = "tests/fixtures/unusual.ndjson";
/// A statement's rows, at most.
const BYTES_AT_ONCE: usize = 8 << 20;

/// Streams, their tables, and what the tables have otherwise than the lines. When a row has come to ClickHouse nobody has
/// measured on a recording: it is made up, and the same always.
const TABLES: [(&str, &str, &str); 5] = [
    (
        "raw",
        "orders_raw",
        " REPLACE (event_time + toIntervalMillisecond(coalesce(latency_ms, 0) + 20 + cityHash64(order_id, `offset`) % 80) \
         AS inserted_at)",
    ),
    ("late", "orders_late", ""),
    ("agg", "order_agg_5m", ""),
    ("alert", "anomaly_alerts", ""),
    ("dead_letter", "orders_dlq", " REPLACE (base64Decode(value) AS value)"),
];

/// Fills the tables; what to choose so that all of it is seen.
pub(super) fn fill(root: &Path, server: &Server, worker: &Path) -> Result<Picked> {
    let place = tempfile::tempdir()?;
    let market = place.path().join("market.ndjson");
    let mut generate = Command::new(worker);
    generate.args(["generate", "--seed", "1", "--count", EVENTS, "--from-time", FROM, "--to"]).arg(&market);
    output(generate.current_dir(place.path()))?;
    let mut tables: [Vec<u8>; 5] = Default::default();
    for recording in [&market, &root.join(UNUSUAL)] {
        let mut replay = Command::new(worker);
        replay.args(["replay", "--set", "format=json", "--set", WINDOW, "--set", "language=en"]).arg(recording);
        sort(&output(replay.current_dir(place.path()))?, &mut tables)?;
    }
    for ((_, table, replaced), rows) in TABLES.iter().zip(&tables) {
        server.execute(&format!("CREATE TABLE {DATABASE}.arriving AS {DATABASE}.{table} ENGINE = Memory"))?;
        insert(server, "arriving", rows)?;
        server.execute(&format!("INSERT INTO {DATABASE}.{table} SELECT *{replaced} FROM {DATABASE}.arriving"))?;
        server.execute(&format!("DROP TABLE {DATABASE}.arriving"))?;
    }
    let picked =
        Picked { from: FROM_SECONDS, to: FROM_SECONDS + SECONDS, interval: INTERVAL, symbols: Vec::new(), all: true };
    Ok(picked)
}

/// Puts each line to its table's rows.
fn sort(lines: &str, tables: &mut [Vec<u8>; 5]) -> Result<()> {
    // A dead letter has no time of its own; it is as old as what was read before it.
    let mut now = Value::from(FROM);
    for line in lines.lines() {
        let mut row: Map<String, Value> = serde_json::from_str(line).with_context(|| format!("a line: {line:.200}"))?;
        let stream = row.remove("stream").unwrap_or_default();
        let at = TABLES.iter().position(|(name, ..)| stream == *name);
        let at = at.with_context(|| format!("a stream without a table: {line:.200}"))?;
        if let Some(time) = row.get("event_time") {
            now = time.clone();
        }
        if stream == "dead_letter" {
            row.insert("stream".to_owned(), json!("record"));
            row.insert("at".to_owned(), now.clone());
            row.insert("value".to_owned(), row.get("value_base64").cloned().unwrap_or_default());
        }
        row.insert("timeline".to_owned(), json!(1));
        row.insert("epoch".to_owned(), json!(1));
        row.insert("epoch_time".to_owned(), now.clone());
        serde_json::to_writer(&mut tables[at], &row)?;
        tables[at].push(b'\n');
    }
    Ok(())
}

fn insert(server: &Server, table: &str, rows: &[u8]) -> Result<()> {
    let mut rest = std::str::from_utf8(rows)?;
    while !rest.is_empty() {
        let end =
            if rest.len() <= BYTES_AT_ONCE { rest.len() } else { 1 + rest[..BYTES_AT_ONCE].rfind('\n').unwrap_or(0) };
        ensure!(end > 1, "a row of more than {BYTES_AT_ONCE} bytes");
        let (now, later) = rest.split_at(end);
        let statement = format!("INSERT INTO {DATABASE}.{table} FORMAT JSONEachRow\n{now}");
        // `id` is worked out by the tables themselves, but for dead letters, where it says which row did not fit.
        server.run(User::Worker, &statement, &[("input_format_skip_unknown_fields", "1")])?;
        rest = later;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_goes_to_its_table_with_what_the_table_wants_besides() {
        let lines = r#"{"stream":"raw","symbol":"A","event_time":"T"}
{"stream":"dead_letter","reason":"symbol: null","value_base64":"eA=="}"#;
        let mut tables = Default::default();
        sort(lines, &mut tables).expect("sorted");
        let row: Value = serde_json::from_slice(&tables[4]).expect("a row");
        assert_eq!((&row["stream"], &row["at"], &row["value"]), (&json!("record"), &json!("T"), &json!("eA==")));
        assert!(tables[0].starts_with(b"{") && tables[1].is_empty());
        assert!(sort(r#"{"stream":"other"}"#, &mut tables).is_err());
    }
}
