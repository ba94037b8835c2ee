//! `worker backfill` from the topic: a stretch of it, as a dry run of `worker run` prints it. Needs a broker and ClickHouse.

use std::fs;
use std::process::Stdio;

use serde_json::json;
use worker::source::generate::GenerateSettings;
use worker::source::market::MarketSettings;

use super::backfill::{command, inserted, said};
use super::compare::{assert_same, assert_same_sums};
use super::results::Results;
use super::server::Database;
use crate::kafka::support::Real;
use crate::program::{Ended, worker};
use crate::recordings::insert;

/// Settings for a topic.
fn topic_settings(topic: &str) -> [String; 3] {
    let bootstrap = std::env::var("CDC_TEST_KAFKA").unwrap();
    [format!("kafka.bootstrap={bootstrap}"), format!("kafka.topic={topic}"), "agg.window_ms=10000".to_owned()]
}

fn backfill(database: &Database, topic: &str, arguments: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(database, &database.settings().url, arguments);
    for key in topic_settings(topic) {
        command.args(["--set", &key]);
    }
    let ended = Ended::from(command.current_dir(folder.path()).output().unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "it leaves no file");
    ended
}

fn looked(topic: &str, arguments: &[&str]) -> Results {
    let mut command = worker(["run", "--dry-run", "--format", "json"]);
    for key in topic_settings(topic) {
        command.args(["--set", &key]);
    }
    Results::of_lines(&Ended::from(command.args(arguments).stderr(Stdio::piped()).output().unwrap()).well().out)
}

#[test]
fn stretches_of_the_topic_fill_the_tables_as_a_dry_run_prints_them() {
    const COUNT: u64 = 3_000;
    let (Some(real), Some(database)) = (Real::broker(), Database::new()) else { return };
    database.stop_merges();
    let topic = real.topic(3);
    let market = MarketSettings::default();
    real.generate(&topic, &GenerateSettings { market, count: COUNT, rate: None }).unwrap();
    let all = looked(&topic, &["--time", "event"]);
    let middle = (market.start_ms + 2_000).to_string();
    let until = format!("timestamp:{middle}");
    // What a worker would have written last is left out first: the stretch ends before it.
    let first = said(&backfill(&database, &topic, &["--time", "event", "--until", &until]));
    assert_eq!(first["orders_raw"]["inserted"], looked(&topic, &["--time", "event", "--until", &until]).count("raw"));
    assert!(inserted(&first) > 100, "{first}");
    // From its beginning to what it holds now: the rest, and the windows.
    let rest = said(&backfill(&database, &topic, &["--time", "event", "--edges"]));
    assert_eq!(rest["orders_raw"]["already_there"], first["orders_raw"]["inserted"], "{rest}");
    assert_same(&database, &all);
    assert_same_sums(&database, &all);
    // What is quiet depends on orders before the stretch.
    let but_rapid = ["--time", "event", "--from-timestamp", &middle, "--set", "rules.rapid_orders.enabled=false"];
    let again = said(&backfill(&database, &topic, &but_rapid));
    assert_eq!(inserted(&again), 0, "{again}");
    assert_same(&database, &all);
}

// Windows of ten seconds, an order every second, in turn over two partitions.
#[test]
fn a_window_is_whole_where_every_partition_has_all_of_it() {
    const BASE_MS: i64 = 1_795_000_000_000;
    let (Some(real), Some(database)) = (Real::broker(), Database::new()) else { return };
    let topic = real.topic(2);
    for n in 0..60 {
        let value = insert(n, "\"A\"", "1", "\"2\"");
        real.send(&topic, (n % 2) as i32, Some(&value), BASE_MS + n * 1_000);
    }
    real.flush();
    let left_out = |arguments: &[&str]| {
        let ended = backfill(&database, &topic, &[&["--dry-run", "--windows"], arguments].concat());
        let said = said(&ended);
        (said["order_agg_5m"]["read"].as_u64().unwrap(), said["windows_left_out"]["at_the_edges"].as_u64().unwrap())
    };
    let from_11 = (BASE_MS + 11_000).to_string();
    let until_41 = format!("timestamp:{}", BASE_MS + 41_000);
    for (arguments, expected) in [
        // All six but the last, which only the end fires.
        (&[][..], (5, 1)),
        (&["--edges"], (6, 0)),
        // [10, 20) lacks second 10.
        (&["--from-timestamp", &from_11], (3, 2)),
        (&["--from-timestamp", &from_11, "--until", &until_41], (2, 2)),
        (&["--until", &until_41], (4, 1)),
        // Partition 0 ends at second 20, partition 1 at 41.
        (&["--until", "0:10,1:20"], (0, 4)),
        (&["--from-offset", "0:10,1:0"], (0, 6)),
    ] {
        assert_eq!(left_out(arguments), expected, "{arguments:?}");
    }
    // What the topic has deleted of a partition was at times that nobody knows: second 24 is its first.
    real.delete_before(&topic, 0, 12);
    assert_eq!(left_out(&[]), (2, 4), "[30, 40) and [40, 50)");
    let from_0 = BASE_MS.to_string();
    assert_eq!(left_out(&["--from-timestamp", &from_0]), (2, 4));
    assert_eq!(left_out(&["--from-timestamp", &from_11]).0, 2);
    assert_eq!(database.rows("SELECT count() FROM system.databases WHERE name = '{db}'"), [[json!(0)]]);
}
