//! What is sent is what the JSON lines say, and what does not fit is a dead letter of the sink.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use worker::sink::Outlet;
use worker::time::TimeMode;
use worker::time::clock::{Clock, SystemClock};

use super::compare::{assert_same, assert_same_sums};
use super::results::Results;
use super::server::Database;
use super::tokens::parts_and_months;
use crate::engine::{batch_of, pipeline};
use crate::recordings::{all, fixture};

#[test]
fn tables_have_what_the_json_lines_say() {
    let Some(database) = Database::new() else { return };
    let mut outlet = database.outlet();
    outlet.prepare().unwrap();
    let mut rows = 0;
    for (name, time) in all().iter().zip([TimeMode::Event, TimeMode::Processing].into_iter().cycle()) {
        let results = Results::of_recording(&pipeline(time, 30_000), &database, fixture(name), 97);
        if results.misfits > 0 {
            println!("{name}: what does not fit is looked at below");
            continue;
        }
        outlet.send(&results.whole()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_same(&database, &results);
        rows += results.lines.len();
        for table in ["orders_raw", "orders_late", "order_agg_5m", "anomaly_alerts", "orders_dlq"] {
            database.ask(&format!("TRUNCATE TABLE {{db}}.{table}"));
        }
    }
    println!("{rows} rows");
    assert!(rows > 10_000, "{rows}");
}

#[test]
fn two_hundred_thousand_orders_in_one_batch() {
    let Some(database) = Database::new() else { return };
    let recording = fixture("bulk_200k.ndjson.gz");
    let results = Results::of_recording(&pipeline(TimeMode::Event, 0), &database, recording, 20_000);
    let rows: u32 = results.parcels.iter().map(|parcel| parcel.rows).sum();
    let bytes: usize = results.parcels.iter().map(|parcel| parcel.bytes.len()).sum();
    database.stop_merges();
    let mut outlet = database.outlet();
    outlet.prepare().unwrap();
    let began_ms = SystemClock.boot_ms();
    outlet.send(&results.whole()).unwrap();
    let sending_ms = SystemClock.boot_ms() - began_ms;
    println!("{rows} rows, {bytes} bytes: packed in {} ms, sent in {sending_ms} ms", results.packing_ms);
    assert!(rows > 200_000);
    let (parts, months) = parts_and_months(&database);
    assert_eq!(parts, months, "one block");
    database.outlet().send(&results.whole()).unwrap();
    assert_eq!(database.count("orders_raw"), results.count("raw"), "its token is known");
    assert_same_sums(&database, &results);
}

fn event(id: i64, symbol: &str, quantity: i64, price: &str, time_ms: i64) -> String {
    let symbol = serde_json::to_string(symbol).unwrap();
    format!(
        r#"{{"op":"c","ts_ms":{time_ms},"source":{{"db":"orders_db","table":"orders","ts_ms":{time_ms},"file":"b.1","pos":{id},"row":0}},"after":{{"id":{id},"symbol":{symbol},"side":"BUY","quantity":{quantity},"price":"{price}","status":null}}}}"#
    )
}

#[test]
fn what_does_not_fit_its_column_is_a_dead_letter_and_the_rest_is_there() {
    let Some(database) = Database::new() else { return };
    let (now, huge) = (1_770_872_222_000, "9".repeat(47));
    let values = [
        event(1, "fits", 1, &"9".repeat(46), now),
        event(2, "price", 1, &huge, now + 1),
        event(3, "amount", 10, &"9".repeat(46), now + 2),
        event(4, "year 1850", 1, "1", -3_786_825_600_000),
        event(5, "year 2400", 1, "1", 13_569_465_600_000),
        event(6, "fits", 2, &format!("0.{}1", "0".repeat(29)), now + 3),
    ];
    let results = Results::of(&pipeline(TimeMode::Processing, 0), &database, [batch_of(0, now, &values)]);
    database.outlet().send(&results.whole()).unwrap();
    assert_eq!(database.ask("SELECT order_id FROM {db}.orders_raw ORDER BY order_id"), "1\n6\n");
    let exact = database.ask("SELECT toString(price) FROM {db}.orders_raw WHERE order_id = '6'");
    assert_eq!(exact, format!("0.{}1\n", "0".repeat(29)));
    let letters = database.rows("SELECT stream, id, field, reason, value FROM {db}.orders_dlq ORDER BY stream, id");
    assert_eq!(letters.len() as u64, results.misfits);
    let of = |stream: &str, offset: &str| {
        let id = format!("cdc.orders_db.orders-0-{offset}");
        let found = letters.iter().find(|row| row[0] == stream && row[1].as_str().unwrap().ends_with(&id));
        found.unwrap_or_else(|| panic!("{stream} {id}: {letters:?}"))
    };
    for (offset, field, reason) in [
        (
            "1",
            "price",
            "price: 99999999999999999999999999999999999999999999999 has 47 digits before the point and 0 behind it; Decimal(76,30) has room for 46 and 30",
        ),
        ("3", "event_time", "event_time: -3786825600000 ms since 1970 is outside the years 1900 to 2299"),
    ] {
        let row = of("raw", offset);
        assert_eq!((row[2].as_str().unwrap(), row[3].as_str().unwrap()), (field, reason));
    }
    assert_eq!((of("raw", "2")[2].as_str(), of("raw", "4")[2].as_str()), (Some("amount"), Some("event_time")));
    // The line is in it, whole.
    let line: serde_json::Value = serde_json::from_str(of("raw", "1")[4].as_str().unwrap()).unwrap();
    assert_eq!((line["stream"].as_str(), line["price"].as_str()), (Some("raw"), Some(huge.as_str())));
    // Windows and alerts of such orders do not fit either; every line is a row somewhere.
    assert!(letters.iter().any(|row| row[0] == "agg") && letters.iter().any(|row| row[0] == "alert"));
    let rows: u64 = ["orders_raw", "orders_late", "order_agg_5m", "anomaly_alerts", "orders_dlq"]
        .map(|table| database.count(table))
        .iter()
        .sum();
    assert_eq!(rows, results.lines.len() as u64);
}

#[test]
fn rows_are_read_by_the_engine_as_the_json_lines_say_whatever_is_in_them() {
    let Some(database) = Database::new() else { return };
    let price = prop_oneof![
        "-?(0|[1-9][0-9]{0,7})(\\.[0-9]{1,4})?",
        "-?(0|[1-9][0-9]{0,26})(\\.[0-9]{1,30})?",
        "-?[1-9][0-9]{30,34}\\.[0-9]{28,30}",
    ];
    let quantity = prop_oneof![0_i64..1000, any::<i32>().prop_map(i64::from), Just(0)];
    let order = (any::<String>(), quantity, price, -2_000_000_000_000_i64..10_000_000_000_000);
    let mut outlet = database.outlet();
    outlet.prepare().unwrap();
    let mut runner =
        TestRunner::new(Config { cases: 8, max_shrink_iters: 40, failure_persistence: None, ..Config::default() });
    let next = std::cell::Cell::new(0_i64);
    runner
        .run(&prop::collection::vec(order, 1..300), |orders| {
            let from = next.replace(next.get() + 1000);
            let values: Vec<String> = (from..)
                .zip(&orders)
                .map(|(id, (symbol, quantity, price, time_ms))| event(id, symbol, *quantity, price, *time_ms))
                .collect();
            let batch = batch_of(from, 1_770_872_222_000, &values);
            let results = Results::of(&pipeline(TimeMode::Processing, 0), &database, [batch]);
            assert_eq!(results.misfits, 0);
            // Each of its own: the epochs are the same, their rows are not.
            let mut settings = database.settings();
            settings.pipeline = format!("{}-{from}", settings.pipeline);
            worker::sink::ClickHouseOutlet::new(settings).unwrap().send(&results.whole()).unwrap();
            assert_same(&database, &results);
            for table in ["orders_raw", "orders_late", "order_agg_5m", "anomaly_alerts", "orders_dlq"] {
                database.ask(&format!("TRUNCATE TABLE {{db}}.{table}"));
            }
            Ok(())
        })
        .unwrap();
}
