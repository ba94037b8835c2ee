//! `worker run` over a part of the topic: where a first start begins, and where a run ends by itself.

use serde_json::Value;

use super::life::{Life, SOON};
use super::support::Real;
use crate::program::{Ended, end_of};
use crate::recordings::insert;

const BASE_MS: i64 = 1_795_000_000_000;

/// Orders from one number up to another, a second apart, in turn over two partitions.
fn send(real: &Real, topic: &str, ids: std::ops::Range<i64>) {
    for n in ids {
        let value = insert(n, "\"A\"", "1", "\"2\"");
        real.send(topic, (n % 2) as i32, Some(&value), BASE_MS + n * 1_000);
    }
    real.flush();
}

fn run(life: &Life<'_>, arguments: &[&str]) -> Ended {
    // Windows of a day: none closes while the test runs, unless it is fired.
    let child = life.command(&[("agg.window_ms", "86400000")]).args(arguments).spawn().unwrap();
    end_of(child, SOON)
}

/// The orders in the file, sorted: partitions may come in any order.
fn orders(life: &Life<'_>) -> Vec<i64> {
    let lines = life.lines();
    assert!(lines.iter().all(|line| line["stream"] != "agg"), "an open window was fired");
    let raw = lines.iter().filter(|line| line["stream"] == "raw");
    let mut orders: Vec<i64> = raw.map(|line: &Value| line["order_id"].as_i64().unwrap()).collect();
    orders.sort_unstable();
    orders
}

#[test]
fn a_run_ends_where_it_is_told_to_and_the_next_one_goes_on_there() {
    let Some(real) = Real::broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let life = Life::of(real.topic(2), folder.path());
    send(&real, &life.topic, 0..10);
    let time = format!("timestamp:{}", BASE_MS + 6_000);
    for (arguments, upto) in [
        (&["--until", "0:2,1:1"][..], &[0, 1, 2][..]),
        // Behind where the state stands in one partition, before it in the other.
        (&["--until", "0:1,1:2"], &[0, 1, 2, 3]),
        (&["--until", &time], &[0, 1, 2, 3, 4, 5]),
        (&["--until", "0"], &[0, 1, 2, 3, 4, 5]),
        (&["--until", "99"], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ] {
        let before = orders(&life).len();
        let ended = run(&life, arguments).well();
        assert_eq!(orders(&life), upto, "{arguments:?}");
        assert_eq!(ended.summary()["consumed"], upto.len() - before, "{arguments:?}");
        assert_eq!(ended.summary()["windows"], 0);
    }
    send(&real, &life.topic, 10..12);
    let refused = run(&life, &["--until", "0:7"]);
    assert_eq!(refused.code, Some(64), "{}", refused.err);
    assert!(refused.err.contains("--until names offset 7 of "), "{}", refused.err);
    run(&life, &["--until", "6"]).well();
    assert_eq!(orders(&life), (0..12).collect::<Vec<_>>());
}

#[test]
fn where_to_begin_is_for_a_first_start_and_refused_where_there_is_a_state() {
    let Some(real) = Real::broker() else { return };
    let topic = real.topic(2);
    send(&real, &topic, 0..10);
    let time = (BASE_MS + 6_500).to_string();
    for (flag, place, shown, first) in [
        ("--from-offset", "0:4,1:3", "0:4,1:3", &[7, 8][..]),
        ("--from-timestamp", &time, "2026-11-18T11:06:46.500Z", &[7, 8]),
        ("--from-offset", "4", "4", &[8]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let life = Life::of(topic.clone(), folder.path());
        run(&life, &[flag, place, "--until", "0:5,1:4"]).well();
        assert_eq!(orders(&life), first, "{flag} {place}");
        let again = run(&life, &[flag, place]);
        assert_eq!(again.code, Some(3), "{}", again.err);
        let said = format!("{flag} {shown} is where a first start reads from, but there is a state, which goes on at ");
        assert!(again.err.contains(&said), "{}", again.err);
        assert!(again.err.contains(&format!("{topic}-0: 5, {topic}-1: 4: leave the flag out")), "{}", again.err);
        run(&life, &["--until", "99"]).well();
        assert_eq!(orders(&life), [first, &[9]].concat(), "without the flag it goes on");
    }
}
