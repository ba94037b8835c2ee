//! The same batch any number of times is one set of rows: by its token, after lost answers, from another process, and
//! over several partitions.

use worker::sink::{ClickHouseOutlet, ClickHouseSettings, Outlet};
use worker::time::TimeMode;

use super::compare::{assert_same, assert_same_sums};
use super::proxy::{Fate, Proxy};
use super::results::Results;
use super::server::Database;
use crate::engine::{batch_of, pipeline};
use crate::recordings::fixture;

fn recorded(database: &Database) -> Results {
    let recording = fixture("derived/unusual_out_of_order.ndjson.gz");
    Results::of_recording(&pipeline(TimeMode::Event, 0), database, recording, 100)
}

/// How many parts `orders_raw` has, and of how many months: without merges a block is one part a month.
pub(super) fn parts_and_months(database: &Database) -> (u64, u64) {
    let answer = database.ask(
        "SELECT count(), uniqExact(partition) FROM system.parts WHERE database = '{db}' AND table = 'orders_raw' AND active",
    );
    let (parts, months) = answer.trim().split_once('\t').unwrap();
    (parts.parse().unwrap(), months.parse().unwrap())
}

#[test]
fn a_batch_that_is_sent_again_changes_nothing() {
    let Some(database) = Database::new() else { return };
    database.stop_merges();
    let results = recorded(&database);
    assert!(results.count("late") > 0 && results.count("dead_letter") > 0 && results.count("alert") > 0);
    let mut outlet = database.outlet();
    for _ in 0..3 {
        outlet.send(&results.batch(1, 4)).unwrap();
    }
    outlet.send(&results.batch(5, results.parcels.len())).unwrap();
    // Another process, which does not know what was sent.
    database.outlet().send(&results.batch(1, 4)).unwrap();
    assert_same(&database, &results);
    assert_same_sums(&database, &results);
}

#[test]
fn other_borders_are_another_batch() {
    let Some(database) = Database::new() else { return };
    database.stop_merges();
    let results = recorded(&database);
    let mut outlet = database.outlet();
    outlet.send(&results.batch(1, 3)).unwrap();
    outlet.send(&results.batch(1, 2)).unwrap();
    let twice = database.count("orders_raw");
    let once: u64 = database.ask("SELECT uniqExact(id) FROM {db}.orders_raw").trim().parse().unwrap();
    assert!(twice > once, "the borders make the token: {twice} rows of {once} orders");
    // The last line of defence: the same keys are one row.
    let replaced: u64 = database.ask("SELECT count() FROM {db}.orders_raw FINAL").trim().parse().unwrap();
    assert_eq!(replaced, once);
}

#[test]
fn lost_answers_do_not_double() {
    let Some(database) = Database::new() else { return };
    database.stop_merges();
    let results = recorded(&database);
    let proxy = Proxy::before(&database.address);
    let mut outlet = ClickHouseOutlet::new(ClickHouseSettings { url: proxy.url(), ..database.settings() }).unwrap();
    let mut lost = 0;
    for (first, last) in [(1, 2), (3, 5), (6, results.parcels.len())] {
        proxy.fates(&[Fate::AnswerLost, Fate::CutShort, Fate::AnswerLost, Fate::AnswerLost]);
        proxy.asked();
        while let Err(error) = outlet.send(&results.batch(first, last)) {
            assert!(error.may_pass(), "{error}");
            assert!(error.to_string().contains(&format!("(epochs {first} to {last})")), "{error}");
            lost += 1;
            let asked = proxy.asked();
            assert!(asked.last().unwrap().contains("query=INSERT"), "{asked:?}");
        }
        let asked = proxy.asked();
        let kill = format!("KILL QUERY WHERE startsWith(query_id, 'pipeline-{}/clickhouse/') SYNC", database.name);
        assert_eq!(asked.first(), Some(&kill), "strays first");
        assert!(asked.iter().all(|line| !line.contains("SELECT")), "the tables are not looked at again: {asked:?}");
    }
    assert_eq!(lost, 12, "every fate was met");
    assert_same(&database, &results);
}

#[test]
fn what_a_token_says() {
    let Some(database) = Database::new() else { return };
    let results = recorded(&database);
    let proxy = Proxy::before(&database.address);
    let settings = || ClickHouseSettings { url: proxy.url(), ..database.settings() };
    let inserts = |first, last| {
        ClickHouseOutlet::new(settings()).unwrap().send(&results.batch(first, last)).unwrap();
        let asked = proxy.asked().into_iter().filter(|line| line.contains("query=INSERT"));
        // The client's settings are in no order.
        let sorted = |line: String| {
            let mut words: Vec<&str> = line.split(['?', '&', ' ']).collect();
            words.sort_unstable();
            words.join("&") + "&"
        };
        asked.map(sorted).collect::<Vec<String>>()
    };
    let once = inserts(1, 4);
    assert_eq!(once, inserts(1, 4), "the same batch is asked for in the same words");
    let name = format!("pipeline-{}%2Fclickhouse%2F1770872222000%2F1%2F4%2Forders_raw", database.name);
    let raw = once.iter().find(|line| line.contains(&format!("insert_deduplication_token={name}&")));
    let raw = raw.unwrap_or_else(|| panic!("{once:?}"));
    assert!(raw.contains(&format!("query_id={name}%2F1&")), "{raw}");
    assert!(raw.contains("async_insert=0") && raw.contains("insert_deduplicate=1"), "{raw}");
}

/// A month is a partition, and a part of its own: the token is known in each.
#[test]
fn an_insert_over_many_months_that_was_cut_off_is_completed() {
    let Some(database) = Database::new() else { return };
    database.stop_merges();
    let month_ms = 31 * 86_400_000_i64;
    let values: Vec<String> = (0..480)
        .map(|n| {
            let time_ms = 1_500_000_000_000 + (n % 120) * month_ms;
            format!(
                r#"{{"op":"c","ts_ms":{time_ms},"source":{{"db":"orders_db","table":"orders","ts_ms":{time_ms},"file":"b.1","pos":{n},"row":0}},"after":{{"id":{n},"symbol":"s{}","side":"BUY","quantity":1,"price":"1.5","status":"NEW"}}}}"#,
                n % 7
            )
        })
        .collect();
    let results = Results::of(&pipeline(TimeMode::Processing, 0), &database, [batch_of(0, 1_700_000_000_000, &values)]);
    let mut outlet = database.outlet();
    outlet.send(&results.whole()).unwrap();
    let (parts, months) = parts_and_months(&database);
    assert!(months > 100, "more than the server allows by default: {months}");
    assert_eq!(parts, months, "one block is one part a month");
    // As if the server had died after some of the months.
    database.ask("ALTER TABLE {db}.orders_raw DROP PARTITION 202001");
    database.ask("ALTER TABLE {db}.orders_raw DROP PARTITION 202305");
    assert!(database.count("orders_raw") < 480);
    outlet.send(&results.whole()).unwrap();
    assert_same(&database, &results);
}
