//! What stands in the way is named, with value and remedy; what can pass is tried again, and then all of it is there.

use std::io::Write;
use std::time::Duration;

use worker::sink::{ClickHouseOutlet, ClickHouseSettings, Outlet, SinkError};
use worker::time::TimeMode;

use super::compare::assert_same;
use super::proxy::{Fate, Proxy};
use super::results::Results;
use super::server::Database;
use crate::engine::pipeline;
use crate::recordings::fixture;

fn person(error: &SinkError) -> bool {
    match error {
        SinkError::ClickHouse(error) => error.needs_a_person(),
        other => panic!("{other}"),
    }
}

#[test]
fn every_refusal_is_one_line_and_passes() {
    let Some(database) = Database::new() else { return };
    let proxy = Proxy::before(&database.address);
    let results =
        Results::of_recording(&pipeline(TimeMode::Processing, 0), &database, fixture("seed-section6.ndjson"), 10);
    let mut outlet = ClickHouseOutlet::new(ClickHouseSettings { url: proxy.url(), ..database.settings() }).unwrap();
    let cases: &[(Fate, bool, &[&str])] = &[
        (
            Fate::Answered(
                500,
                Some(252),
                "Code: 252. DB::Exception: Too many parts (3000). Merges are processing significantly slower than inserts. (TOO_MANY_PARTS) (version 26.9.2.1 (official build))",
            ),
            false,
            &["it has too many parts to merge (code 252: Too many parts (3000).", "sink.clickhouse.batch_ms"],
        ),
        (
            Fate::Answered(
                500,
                Some(164),
                "Code: 164. DB::Exception: Cannot execute query in readonly mode. (READONLY) (version 26.9)",
            ),
            true,
            &["it is read-only (code 164:", "make the server, the table or the user writable"],
        ),
        (
            Fate::Answered(500, Some(242), "Code: 242. DB::Exception: Table is in readonly mode (TABLE_IS_READ_ONLY)"),
            true,
            &["it is read-only (code 242:"],
        ),
        (
            Fate::Answered(
                500,
                Some(241),
                "Code: 241. DB::Exception: Memory limit (total) exceeded (MEMORY_LIMIT_EXCEEDED)",
            ),
            false,
            &["it has no memory left for this (code 241:", "sink.clickhouse.batch_bytes"],
        ),
        (
            Fate::Answered(
                403,
                Some(516),
                "Code: 516. DB::Exception: default: Authentication failed (AUTHENTICATION_FAILED)",
            ),
            true,
            &["user or password is not accepted (code 516:", "sink.clickhouse.password_file"],
        ),
        // A server that says no more than its number.
        (Fate::Answered(500, Some(202), ""), false, &["it cannot now (code 202:"]),
        // Whoever stands before it.
        (
            Fate::Answered(502, None, "<html>\r\n502 Bad Gateway</html>"),
            false,
            &["no answer to insert of", "502 Bad Gateway"],
        ),
        (Fate::Answered(413, None, "too large"), false, &["no answer to insert of", "too large"]),
    ];
    for (fate, wants_person, parts) in cases {
        proxy.fates(std::slice::from_ref(fate));
        let error = outlet.send(&results.whole()).unwrap_err();
        let text = error.to_string();
        assert!(error.may_pass() && !error.is_refusal(), "{text}");
        assert_eq!(person(&error), *wants_person, "{text}");
        assert!(!text.contains('\n') && text.contains(&proxy.url()), "{text}");
        for part in *parts {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    outlet.send(&results.whole()).unwrap();
    assert_same(&database, &results);
}

#[test]
fn a_server_that_is_not_there_is_named_and_one_that_hangs_ends_at_the_deadline() {
    let Some(database) = Database::new() else { return };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let timeout = Duration::from_millis(300);
    let settings = ClickHouseSettings { url: url.clone(), timeout, ..database.settings() };
    // It takes connections and says nothing.
    let error = ClickHouseOutlet::new(settings.clone()).unwrap().prepare().unwrap_err();
    assert_eq!(error.to_string(), format!("clickhouse sink: {url}: no answer to its version (nothing within 300 ms)"));
    assert!(error.may_pass() && !person(&error));
    drop(listener);
    let error = ClickHouseOutlet::new(settings).unwrap().prepare().unwrap_err();
    let text = error.to_string();
    assert!(text.contains("Connection refused"), "{text}");
}

/// As Debian's server says it; `old` asks that one itself.
#[test]
fn a_server_without_tokens_is_refused_before_anything_is_made_there() {
    let Some(database) = Database::new() else { return };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let asked = super::proxy::request(&mut client).unwrap();
        let answer = "18.16.1\t0\t0\t0\n";
        write!(client, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{answer}", answer.len()).unwrap();
        (asked, super::proxy::request(&mut client))
    });
    let error =
        ClickHouseOutlet::new(ClickHouseSettings { url, ..database.settings() }).unwrap().prepare().unwrap_err();
    assert!(error.is_refusal() && !error.may_pass(), "{error}");
    assert!(error.to_string().contains("version 18.16.1 knows no deduplication tokens"), "{error}");
    let (asked, next) = requests.join().unwrap();
    assert!(asked.starts_with("SELECT version()") && next.is_none(), "{asked}, then {next:?}");
}

#[test]
fn a_wrong_password_is_told_without_it() {
    let Some(database) = Database::new() else { return };
    let password = worker::config::Secret::new("hunter2");
    let settings = ClickHouseSettings { user: "nobody".to_owned(), password, ..database.settings() };
    let error = ClickHouseOutlet::new(settings).unwrap().prepare().unwrap_err();
    let text = error.to_string();
    assert!(text.contains("user or password is not accepted (code 516: nobody: Authentication failed"), "{text}");
    assert!(!text.contains("hunter2") && error.may_pass() && person(&error), "I10: {text}");
}

#[test]
fn tables_that_somebody_took_away_are_made_again() {
    let Some(database) = Database::new() else { return };
    let results =
        Results::of_recording(&pipeline(TimeMode::Processing, 0), &database, fixture("seed-section6.ndjson"), 10);
    let mut outlet = database.outlet();
    outlet.prepare().unwrap();
    for gone in ["DROP TABLE {db}.orders_raw", "DROP DATABASE {db}"] {
        database.ask(gone);
        let error = outlet.send(&results.whole()).unwrap_err();
        assert!(error.may_pass(), "{error}");
        outlet.send(&results.whole()).unwrap();
        assert_same(&database, &results);
    }
}
