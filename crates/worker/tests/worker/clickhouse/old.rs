//! Debian's server, 18.16: a real one, with users and processes, but without deduplication tokens. Rows that come twice
//! are one by their keys there.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use worker::config::Secret;
use worker::sink::{ClickHouseOutlet, ClickHouseSettings, Outlet};
use worker::time::TimeMode;

use super::compare::assert_same_sums;
use super::proxy::{Fate, Proxy};
use super::results::Results;
use super::server::Database;
use crate::engine::pipeline;
use crate::recordings::fixture;

fn recorded(database: &Database) -> Results {
    let recording = fixture("derived/section6_stretched.ndjson");
    let results = Results::of_recording(&pipeline(TimeMode::Event, 0), database, recording, 2);
    assert!(results.parcels.len() > 3, "{} epochs", results.parcels.len());
    results
}

fn accepting(database: &Database) -> ClickHouseSettings {
    ClickHouseSettings { accept_no_tokens: true, ..database.settings() }
}

#[test]
fn a_server_without_tokens_is_refused_until_that_is_accepted() {
    let Some(database) = Database::old() else { return };
    let error = database.outlet().prepare().unwrap_err();
    let text = error.to_string();
    assert!(text.contains("version 18.16.1 knows no deduplication tokens"), "{text}");
    assert!(text.contains("set sink.clickhouse.accept_no_tokens"), "{text}");
    assert!(error.is_refusal() && !error.may_pass());
    ClickHouseOutlet::new(accepting(&database)).unwrap().prepare().unwrap();
}

#[test]
fn what_is_sent_again_is_one_row_by_its_key() {
    let Some(database) = Database::old() else { return };
    let results = recorded(&database);
    let proxy = Proxy::before(&database.address);
    let mut outlet = ClickHouseOutlet::new(ClickHouseSettings { url: proxy.url(), ..accepting(&database) }).unwrap();
    outlet.prepare().unwrap();
    let mut lost = 0_usize;
    for (first, last) in [(1, 2), (3, results.parcels.len())] {
        proxy.fates(&[Fate::AnswerLost, Fate::CutShort, Fate::AnswerLost]);
        while let Err(error) = outlet.send(&results.batch(first, last)) {
            assert!(error.may_pass(), "{error}");
            // Before the next try what was cut short may have to end first.
            lost += usize::from(error.to_string().contains(": no answer to insert of "));
        }
    }
    assert_eq!(lost, 6, "every fate was met");
    assert!(database.count("orders_raw") > results.count("raw"), "without tokens rows are there twice at first");
    assert_same_sums(&database, &results);
}

#[test]
fn users_passwords_and_their_rights() {
    let Some(database) = Database::old() else { return };
    ClickHouseOutlet::new(accepting(&database)).unwrap().prepare().unwrap();
    let results = recorded(&database);
    let refusal = |user: &str, password: Option<&str>| {
        let password = password.and_then(Secret::new);
        let settings = ClickHouseSettings { user: user.to_owned(), password, ..accepting(&database) };
        let error = ClickHouseOutlet::new(settings).unwrap().send(&results.whole()).unwrap_err();
        let text = error.to_string();
        assert!(error.may_pass() && !text.contains('\n') && !text.contains("hunter2"), "{text}");
        text
    };
    let text = refusal("default", Some("hunter2"));
    assert!(text.contains("user or password is not accepted (code 193: Wrong password for user default)"), "{text}");
    let text = refusal("nobody", None);
    assert!(text.contains("user or password is not accepted (code 192: Unknown user nobody)"), "{text}");
    let text = refusal("reader", None);
    assert!(text.contains("it is read-only (code 164: "), "{text}");
    assert_eq!(database.count("orders_raw"), 0);
}

#[test]
fn an_insert_that_still_runs_is_ended_before_the_next() {
    let Some(database) = Database::old() else { return };
    ClickHouseOutlet::new(accepting(&database)).unwrap().prepare().unwrap();
    let results = recorded(&database);
    // Another process' insert, as it stands when its connection hangs behind some of its rows.
    let id = format!("{}/clickhouse/1/1/1/orders_raw/1", database.settings().pipeline);
    database.ask("CREATE TABLE {db}.stray (n UInt32) ENGINE = MergeTree ORDER BY n");
    let (query, rows) = (format!("INSERT+INTO+{}.stray+FORMAT+TabSeparated", database.name), "7\n".repeat(1_000_000));
    let mut stray = TcpStream::connect(&database.address).unwrap();
    write!(
        stray,
        "POST /?query_id={id}&query={query} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{rows}\r\n",
        rows.len()
    )
    .unwrap();
    let running = format!("SELECT count() FROM system.processes WHERE query_id = '{id}'");
    // It begins with the first megabyte.
    assert!((0..500).any(|_| {
        thread::sleep(Duration::from_millis(20));
        database.ask(&running) == "1\n"
    }));
    let mut outlet = ClickHouseOutlet::new(accepting(&database)).unwrap();
    // This server ends no insert that reads its rows, and says so: the next batch does not go beside it.
    let error = outlet.send(&results.whole()).unwrap_err();
    let text = error.to_string();
    assert!(error.may_pass() && text.contains("the insert before still runs (code 380: "), "{text}");
    assert_eq!(database.count("orders_raw"), 0);
    drop(stray);
    let mut tries = 0;
    while let Err(error) = outlet.send(&results.whole()) {
        tries += 1;
        assert!(error.may_pass() && tries < 500, "{error}");
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(database.ask(&running), "0\n");
    assert_same_sums(&database, &results);
}
