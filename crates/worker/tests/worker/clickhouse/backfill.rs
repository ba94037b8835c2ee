//! `worker backfill`: what is missing is inserted, and nothing twice, whatever is there and whatever goes wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use worker::sink::{ClickHouseOutlet, ClickHouseSettings, Outlet as _};
use worker::time::TimeMode;

use super::compare::{assert_same, assert_same_sums};
use super::proxy::{Fate, Proxy};
use super::results::Results;
use super::server::{Database, TABLES};
use crate::engine::pipeline;
use crate::program::{Ended, end_of, replay, signal, wait_until, worker};
use crate::recordings::{fixture, insert};

/// The pipeline of [`pipeline`], in event time.
const EVENT: &[&str] = &["--time", "event", "--set", "agg.window_ms=60000"];

/// The command on a database, behind this address, in batches of some rows.
pub(super) fn command(database: &Database, url: &str, arguments: &[&str]) -> Command {
    let settings = database.settings();
    let keys = [
        format!("sink.clickhouse.url={url}"),
        format!("sink.clickhouse.database={}", settings.database),
        format!("sink.clickhouse.pipeline={}", settings.pipeline),
        format!("sink.clickhouse.decimal_digits={}", settings.amounts.digits()),
        format!("sink.clickhouse.decimal_scale={}", settings.amounts.scale()),
        "sink.clickhouse.batch_rows=100".to_owned(),
    ];
    let mut command = worker(["backfill"]);
    for key in &keys {
        command.args(["--set", key]);
    }
    command.args(arguments);
    command
}

/// The same to its end, on the server itself.
pub(super) fn backfill(database: &Database, arguments: &[&str]) -> Ended {
    command(database, &database.settings().url, arguments).output().unwrap().into()
}

/// What a backfill says at its end, if it was well.
pub(super) fn said(ended: &Ended) -> Value {
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "{}", ended.err);
    let said = ended.summary()["backfill"].clone();
    for table in TABLES {
        let counts = |key: &str| said[table][key].as_u64().unwrap();
        if said["cut_short"] == false {
            assert_eq!(counts("read"), counts("already_there") + counts("inserted"), "{table}: {said}");
        }
    }
    said
}

pub(super) fn inserted(said: &Value) -> u64 {
    TABLES.iter().map(|table| said[*table]["inserted"].as_u64().unwrap()).sum()
}

/// A recording, with what a replay prints of it.
fn recorded(name: &str, arguments: &[&str]) -> (PathBuf, Results) {
    let path = fixture(name);
    let printed = replay(&path, &[&["--format", "json"], arguments].concat());
    (path, Results::of_lines(&printed.out))
}

fn unusual() -> (PathBuf, Results) {
    let (path, results) = recorded("derived/unusual_out_of_order.ndjson.gz", EVENT);
    for stream in ["raw", "agg", "alert", "late", "dead_letter"] {
        assert!(results.count(stream) > 1, "{stream}");
    }
    (path, results)
}

/// Asserts that the tables have what the lines say, each row once, stored.
fn is_there(database: &Database, results: &Results) {
    assert_same(database, results);
    assert_same_sums(database, results);
}

/// Takes rows away; what stops merges stops that, too.
fn delete(database: &Database, table: &str, which: &str) {
    database.ask(&format!("SYSTEM START MERGES {{db}}.{table}"));
    database.ask(&format!("ALTER TABLE {{db}}.{table} DELETE WHERE {which} SETTINGS mutations_sync = 2"));
    database.ask(&format!("SYSTEM STOP MERGES {{db}}.{table}"));
}

fn with<'a>(path: &'a Path, arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, EVENT, &["--edges", path.to_str().unwrap()]].concat()
}

#[test]
fn an_empty_table_gets_what_a_replay_prints_and_again_nothing() {
    let Some(database) = Database::new() else { return };
    database.stop_merges();
    let (path, results) = unusual();
    let first = said(&backfill(&database, &with(&path, &[])));
    is_there(&database, &results);
    for (table, stream) in [
        ("orders_raw", "raw"),
        ("orders_late", "late"),
        ("order_agg_5m", "agg"),
        ("anomaly_alerts", "alert"),
        ("orders_dlq", "dead_letter"),
    ] {
        let count = results.count(stream);
        assert_eq!(first[table], json!({"read": count, "already_there": 0, "inserted": count}), "{table}");
    }
    // Other borders of batches and epochs.
    for more in [&[][..], &["--set", "sink.clickhouse.batch_rows=61"], &["--set", "epoch.max_records=31"]] {
        let again = said(&backfill(&database, &with(&path, more)));
        assert_eq!(inserted(&again), 0, "{more:?}: {again}");
        assert_eq!(again["orders_raw"]["already_there"], results.count("raw"));
        is_there(&database, &results);
    }
    assert_eq!(database.ask("SELECT DISTINCT timeline FROM {db}.orders_raw"), "0\n");
}

#[test]
fn a_recording_that_is_named_twice_counts_once() {
    let Some(database) = Database::new() else { return };
    database.stop_merges();
    let path = fixture("seed-section6.ndjson");
    let twice = [path.to_str().unwrap(); 2];
    let said = said(&backfill(&database, &[&["--set", "sink.clickhouse.batch_rows=1000"], &twice[..]].concat()));
    // The rows of the snapshot come again; the decoder knows the others.
    assert_eq!((said["orders_raw"]["inserted"].as_u64(), database.count("orders_raw")), (Some(6), 6), "{said}");
}

#[test]
fn just_the_holes_are_filled_between_what_the_worker_has_written() {
    let Some(database) = Database::new() else { return };
    database.stop_merges();
    let (path, results) = unusual();
    let live = Results::of_recording(&pipeline(TimeMode::Event, 0), &database, path.clone(), 100);
    database.outlet().send(&live.batch(1, live.parcels.len() / 2)).unwrap();
    for (table, holes) in [
        ("orders_raw", "`offset` % 7 = 3"),
        ("order_agg_5m", "toMinute(window_start) % 3 = 0"),
        ("anomaly_alerts", "`offset` % 2 = 0"),
        ("orders_dlq", "`offset` % 2 = 0"),
    ] {
        delete(&database, table, holes);
    }
    let before = TABLES.map(|table| database.count(table));
    assert!(before[0] > 100 && before[2] > 3, "{before:?}");
    let said = said(&backfill(&database, &with(&path, &[])));
    is_there(&database, &results);
    for (table, before) in TABLES.into_iter().zip(before) {
        let all = database.count(table);
        assert_eq!(said[table], json!({"read": all, "already_there": before, "inserted": all - before}), "{table}");
        let ours = database.ask(&format!("SELECT count() FROM {{db}}.{table} WHERE timeline = 0"));
        assert_eq!(ours, format!("{}\n", all - before), "{table}: the others are as they were");
    }
}

// Alerts that another worker's clock has dated, and a table that still knows the token of rows that were taken away.
#[test]
fn neither_another_time_of_an_alert_nor_a_token_that_is_known_misleads() {
    let Some(database) = Database::new() else { return };
    database.stop_merges();
    let (path, results) = unusual();
    said(&backfill(&database, &with(&path, &[])));
    database.ask("CREATE TABLE {db}.aside AS {db}.anomaly_alerts");
    database.ask("INSERT INTO {db}.aside SELECT * REPLACE (addSeconds(at, 90) AS at) FROM {db}.anomaly_alerts");
    for table in ["anomaly_alerts", "orders_raw", "order_agg_5m"] {
        delete(&database, table, "1");
    }
    database.ask("INSERT INTO {db}.anomaly_alerts SELECT * FROM {db}.aside");
    let said = said(&backfill(&database, &with(&path, &[])));
    assert_eq!(said["anomaly_alerts"]["inserted"], 0, "{said}");
    assert_eq!(said["orders_raw"]["inserted"], results.count("raw"));
    assert_eq!(
        database.count("orders_raw"),
        results.count("raw"),
        "the same rows in the same batches come all the same"
    );
    assert_eq!(database.count("order_agg_5m"), results.count("agg"));
}

/// Orders of one symbol at these seconds of a minute that begins a window, one partition, from offset 40.
fn orders_at(folder: &Path, seconds: &[i64]) -> PathBuf {
    const BASE_MS: i64 = 1_795_000_020_000;
    let lines: Vec<String> = (0..)
        .zip(seconds)
        .map(|(n, second)| {
            let (timestamp, value) = (BASE_MS + second * 1_000, insert(n, "\"A\"", "1", "\"2\""));
            json!({"topic": "t", "partition": 0, "offset": 40 + n, "timestamp": timestamp, "key": null, "value": value})
                .to_string()
        })
        .collect();
    let path = folder.join("orders.ndjson");
    fs::write(&path, lines.join("\n")).unwrap();
    path
}

// Windows of ten seconds: [0, 10) begins before the first record, [30, 40) fires because the input ends.
#[test]
fn windows_at_the_edges_and_by_another_clock_are_left_out_until_asked_for() {
    let Some(database) = Database::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = orders_at(folder.path(), &[2, 8, 12, 15, 22, 31]);
    let run = |more: &[&str]| {
        let file = [path.to_str().unwrap()];
        said(&backfill(&database, &[&["--set", "agg.window_ms=10000"], more, &file].concat()))
    };
    let windows = "SELECT toSecond(window_start), orders, timeline = 0 FROM {db}.order_agg_5m ORDER BY window_start";
    let left_out = run(&[]);
    assert_eq!(left_out["windows_left_out"], json!({"at_the_edges": 0, "processing_time": 4}));
    assert_eq!((database.ask(windows).as_str(), database.count("orders_raw")), ("", 6));
    // A worker has written [10, 20), with an order that it saw later.
    database.ask(
        "INSERT INTO {db}.order_agg_5m (symbol, window_start, window_end, orders, revision, timeline) \
         VALUES ('A', fromUnixTimestamp64Milli(1795000030000), fromUnixTimestamp64Milli(1795000040000), 3, 1, 77)",
    );
    let whole = run(&["--windows"]);
    assert_eq!(whole["windows_left_out"], json!({"at_the_edges": 2, "processing_time": 0}));
    assert_eq!(whole["order_agg_5m"], json!({"read": 2, "already_there": 1, "inserted": 1}));
    assert_eq!(database.ask(windows), "10\t3\t0\n20\t1\t1\n");
    let edges = run(&["--windows", "--edges"]);
    assert_eq!(edges["order_agg_5m"], json!({"read": 4, "already_there": 2, "inserted": 2}));
}

#[test]
fn answers_that_are_lost_double_nothing() {
    let Some(database) = Database::new() else { return };
    database.stop_merges();
    let (path, results) = unusual();
    let proxy = Proxy::before(&database.address);
    proxy.fates(&[
        Fate::AnswerLost,
        Fate::CutShort,
        Fate::AnswerLost,
        Fate::Answered(500, Some(252), "too many parts"),
    ]);
    let ended: Ended = command(&database, &proxy.url(), &with(&path, &[])).output().unwrap().into();
    let said = said(&ended);
    is_there(&database, &results);
    assert_eq!(said["orders_raw"]["inserted"], results.count("raw"), "each is counted once: {said}");
    let asked = proxy.asked();
    let kill = format!("KILL QUERY WHERE startsWith(query_id, 'pipeline-{}/backfill/') SYNC", database.name);
    assert!(asked.iter().filter(|line| **line == kill).count() >= 3, "at first, and after every answer that was lost");
    assert!(!asked.iter().any(|line| line.contains("/clickhouse/")), "the running worker's inserts are not touched");
    let inserts = asked.iter().filter(|line| line.contains("query=INSERT"));
    for insert in inserts {
        let own = format!("query_id=pipeline-{}%2Fbackfill%2F", database.name);
        assert!(insert.contains(&own) && insert.contains("insert_deduplication_token=pipeline-"), "{insert}");
    }
}

/// A recording that takes a while in batches of a hundred rows.
fn long(folder: &Path) -> PathBuf {
    let path = folder.join("market.ndjson");
    let ended: Ended = worker(["generate", "--count", "3000", "--to", path.to_str().unwrap()]).output().unwrap().into();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    path
}

#[test]
fn killed_and_stopped_in_the_middle_it_goes_on() {
    let Some(database) = Database::new() else { return };
    database.stop_merges();
    let folder = tempfile::tempdir().unwrap();
    let path = long(folder.path());
    let results = Results::of_lines(&replay(&path, &[&["--format", "json"], EVENT].concat()).out);
    let raw = results.count("raw");
    let small = with(&path, &["--set", "epoch.max_records=100"]);
    let start = || command(&database, &database.settings().url, &small).spawn().unwrap();
    let mut there = 0;
    for _ in 0..2 {
        let mut child = start();
        wait_until("some of it is there", || {
            thread::sleep(Duration::from_millis(20));
            database.count("orders_raw") > there + 200
        });
        child.kill().unwrap();
        child.wait().unwrap();
        there = database.count("orders_raw");
        assert!(there < raw, "killed in the middle");
    }
    let child = start();
    wait_until("some more of it is there", || {
        thread::sleep(Duration::from_millis(20));
        database.count("orders_raw") > there + 200
    });
    signal(&child, "TERM");
    let stopped = said(&end_of(child, Duration::from_secs(20)));
    assert_eq!(stopped["cut_short"], true, "{stopped}");
    let there = database.count("orders_raw");
    assert!(there < raw, "stopped in the middle");
    let last = said(&backfill(&database, &with(&path, &[])));
    assert_eq!(last["orders_raw"], json!({"read": raw, "already_there": there, "inserted": raw - there}));
    is_there(&database, &results);
}

#[test]
fn a_dry_run_says_what_is_missing_and_changes_nothing() {
    let Some(database) = Database::new() else { return };
    let (path, results) = unusual();
    let database_is_there = "SELECT count() FROM system.databases WHERE name = '{db}'";
    let nothing_yet = said(&backfill(&database, &with(&path, &["--dry-run"])));
    assert_eq!((&nothing_yet["dry_run"], inserted(&nothing_yet)), (&json!(true), results.lines.len() as u64));
    assert_eq!(database.ask(database_is_there), "0\n", "it makes no schema");
    database.stop_merges();
    let live = Results::of_recording(&pipeline(TimeMode::Event, 0), &database, path.clone(), 100);
    database.outlet().send(&live.batch(1, 3)).unwrap();
    let before = TABLES.map(|table| database.count(table));
    let some = said(&backfill(&database, &with(&path, &["--dry-run"])));
    assert_eq!(inserted(&some), results.lines.len() as u64 - before.iter().sum::<u64>(), "{some}");
    assert_eq!(TABLES.map(|table| database.count(table)), before);
}

#[test]
fn what_is_missing_in_the_configuration_or_on_the_server_is_one_line() {
    let path = fixture("seed-section6.ndjson");
    let ended: Ended = worker(["backfill", path.to_str().unwrap()]).output().unwrap().into();
    assert_eq!(ended.code, Some(78), "{}", ended.err);
    let lines: Vec<&str> = ended.err.lines().collect();
    assert!(lines.len() == 1 && lines[0].contains("no sink.clickhouse.url is configured"), "{lines:?}");
    let Some(database) = Database::new() else { return };
    database.stop_merges();
    database.ask("ALTER TABLE {db}.orders_raw DROP COLUMN latency_ms");
    let ended = backfill(&database, &with(&path, &[]));
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    let last = ended.err.lines().next_back().unwrap();
    assert!(last.contains("orders_raw has no column latency_ms (Nullable(Int64)): alter the table"), "{last}");
    assert!(ended.err.contains("\"cut_short\":true"), "{}", ended.err);
}

#[test]
fn an_old_server_is_refused_until_that_is_accepted_and_asked_just_so() {
    let Some(database) = Database::old() else { return };
    let (path, _) = recorded("derived/section6_stretched.ndjson", EVENT);
    let ended = backfill(&database, &with(&path, &[]));
    assert_eq!(ended.code, Some(3), "{}", ended.err);
    assert!(ended.err.contains("knows no deduplication tokens"), "{}", ended.err);
    let refused =
        backfill(&database, &[&["--set", "sink.clickhouse.user=nobody"], &with(&path, ACCEPTED)[..]].concat());
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    assert!(refused.err.contains("user or password is not accepted (code 192"), "{}", refused.err);
    let live = Results::of_recording(&pipeline(TimeMode::Event, 0), &database, path.clone(), 2);
    let mut outlet =
        ClickHouseOutlet::new(ClickHouseSettings { accept_no_tokens: true, ..database.settings() }).unwrap();
    outlet.send(&live.batch(1, 1)).unwrap();
    let there = database.count("orders_raw");
    assert_eq!(there, 2);
    let said_first = said(&backfill(&database, &with(&path, ACCEPTED)));
    assert_eq!(said_first["orders_raw"], json!({"read": 6, "already_there": 2, "inserted": 4}));
    let again = said(&backfill(&database, &with(&path, ACCEPTED)));
    assert_eq!((inserted(&again), database.count("orders_raw")), (0, 6), "{again}");
    assert_same_sums(&database, &live);
}

const ACCEPTED: &[&str] = &["--set", "sink.clickhouse.accept_no_tokens=true"];
