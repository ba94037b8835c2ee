//! A topic that is deleted and created anew, and records that are deleted before they are read: without a policy the worker
//! stops and says what can be done; with one it goes on, with its state, and every result comes once.

use std::io::Read as _;
use std::process::Child;
use std::time::Duration;

use serde_json::Value;

use super::life::{Life, SOON};
use super::support::Real;
use crate::program::{Ended, end_of, now, signal, wait_until};
use crate::recordings::insert;
use crate::shim::shimmed;

/// How long orders may take to come through.
const PATIENCE: Duration = Duration::from_secs(40);
const RESTART: (&str, &str) = ("source.on_recreated_topic", "restart");
/// No window ends meanwhile: what is written is written for an order.
const WIDE: (&str, &str) = ("agg.window_ms", "86400000");
const SKIP: (&str, &str) = ("source.on_lost_records", "skip");

/// Puts orders of a symbol into a partition, one a price.
fn orders(real: &Real, topic: &str, partition: i32, ids: impl IntoIterator<Item = i64>, price: u32) {
    for id in ids {
        real.send(topic, partition, Some(&insert(id, "\"A\"", "1", &format!("\"{price}\""))), 1_795_000_000_000 + id);
    }
    real.flush();
}

fn begin(life: &Life<'_>, settings: &[(&str, &str)]) -> Child {
    life.command(settings).spawn().unwrap()
}

/// The numbers of the orders in the file, in their order.
fn ids(life: &Life<'_>) -> Vec<i64> {
    let raw = |line: Value| (line["stream"] == "raw").then(|| line["order_id"].as_i64().unwrap());
    life.lines().into_iter().filter_map(raw).collect()
}

/// Waits until the file has so many orders; a worker that ends before says why.
fn has(life: &Life<'_>, child: &mut Child, count: usize) {
    let began = now();
    while ids(life).len() < count {
        let ended = child.try_wait().unwrap().is_some();
        if ended || began.elapsed() > PATIENCE {
            let _ended = child.kill();
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("{:?}, not {count} orders; it said: {said}", ids(life));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Stopped by SIGTERM it must end well.
fn stop(child: Child) -> Ended {
    signal(&child, "TERM");
    end_of(child, SOON).well()
}

/// A run that must be refused, and say this.
fn refused(life: &Life<'_>, settings: &[(&str, &str)], says: &[&str]) {
    let before = ids(life);
    let ended = end_of(begin(life, settings), SOON);
    assert_eq!(ended.code, Some(3), "{}", ended.err);
    for text in says {
        assert!(ended.err.contains(text), "{text}: {}", ended.err);
    }
    assert_eq!(ids(life), before, "what is refused leaves the results as they are");
}

#[test]
fn a_topic_created_anew_between_two_runs_stops_the_start_or_is_read_with_the_state_as_it_is() {
    let Some(mut real) = Real::broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let life = Life::of(real.topic(3), folder.path());
    orders(&real, &life.topic, 0, [1, 2], 100);
    let mut child = begin(&life, &[]);
    has(&life, &mut child, 2);
    // Of two partitions that hold something at the start either may come first.
    orders(&real, &life.topic, 1, [3], 100);
    has(&life, &mut child, 3);
    stop(child);

    real.recreate(&life.topic, 3);
    orders(&real, &life.topic, 0, [2, 4], 200);
    refused(&life, &[], &["was deleted and created anew", "source.on_recreated_topic", "--start-over"]);

    let mut child = begin(&life, &[RESTART]);
    has(&life, &mut child, 4);
    let ended = stop(child);
    assert!(ended.err.contains("it is read from its beginning"), "{}", ended.err);
    assert_eq!(ended.summary()["duplicate"], 1, "the marks stay: order 2 is known");
    // So do the symbols: order 4 is compared with the price before.
    let spike = |line: &Value| line["rule"] == "PRICE_SPIKE" && line["order_id"] == 4;
    assert!(life.lines().iter().any(spike), "{:?}", life.lines());

    // From then on it is the topic as any other: no policy is needed.
    orders(&real, &life.topic, 1, [5], 200);
    let mut child = begin(&life, &[]);
    has(&life, &mut child, 5);
    stop(child);
    assert_eq!(ids(&life), [1, 2, 3, 4, 5]);
}

#[test]
fn a_topic_created_anew_under_a_running_worker_is_noticed() {
    let Some(mut real) = Real::broker() else { return };
    for policy in [None, Some(RESTART)] {
        let folder = tempfile::tempdir().unwrap();
        let life = Life::of(real.topic(2), folder.path());
        let settings: Vec<_> = policy.into_iter().collect();
        orders(&real, &life.topic, 0, 1..=20, 100);
        let mut child = begin(&life, &settings);
        has(&life, &mut child, 20);
        real.recreate(&life.topic, 2);
        // Fewer than there were: nothing but its id tells that it is another.
        orders(&real, &life.topic, 0, 21..=25, 100);
        if policy.is_none() {
            let ended = end_of(child, SOON);
            assert_eq!(ended.code, Some(3), "{}", ended.err);
            assert!(ended.err.contains("was deleted and created anew"), "{}", ended.err);
            assert_eq!(ids(&life), (1..=20).collect::<Vec<_>>());
            continue;
        }
        has(&life, &mut child, 25);
        // What was read of the old one is settled: a start need not read it again.
        child.kill().unwrap();
        end_of(child, SOON);
        orders(&real, &life.topic, 0, 26..=27, 100);
        let mut child = begin(&life, &settings);
        has(&life, &mut child, 27);
        stop(child);
        assert_eq!(ids(&life), (1..=27).collect::<Vec<_>>());
    }
}

/// Order 1 in the results, order 2 in an epoch that is logged: the worker dies before it writes it.
fn logged_and_not_committed(real: &Real, life: &Life<'_>) {
    orders(real, &life.topic, 0, [1], 100);
    let mut child = begin(life, &[WIDE]);
    has(life, &mut child, 1);
    stop(child);
    orders(real, &life.topic, 0, [2], 100);
    let mut command = life.command(&[WIDE]);
    shimmed(&mut command, "write|*/results|kill-before|1");
    let ended = end_of(command.spawn().unwrap(), SOON);
    assert!(ended.code.is_none(), "it did not die there: {}", ended.err);
}

// The epochs that were logged and not committed have read what is gone: no policy makes them again.
#[test]
fn epochs_that_have_read_a_topic_that_is_gone_stop_the_start_whatever_the_policy_says() {
    let Some(mut real) = Real::broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let life = Life::of(real.topic(1), folder.path());
    logged_and_not_committed(&real, &life);

    real.recreate(&life.topic, 1);
    orders(&real, &life.topic, 0, [3], 100);
    refused(&life, &[WIDE, RESTART], &["have read topic", "cannot be executed again", "--accept-lost-log"]);
    let mut child = life.command(&[WIDE, RESTART]).arg("--accept-lost-log").spawn().unwrap();
    has(&life, &mut child, 2);
    stop(child);
    assert_eq!(ids(&life), [1, 3], "order 2 is gone, and somebody has said so");
}

// The same where what they have read was deleted meanwhile.
#[test]
fn epochs_that_have_read_what_was_deleted_stop_the_start_until_somebody_accepts_it() {
    let Some(real) = Real::broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let life = Life::of(real.topic(1), folder.path());
    logged_and_not_committed(&real, &life);

    orders(&real, &life.topic, 0, [3], 100);
    real.delete_before(&life.topic, 0, 2);
    let says = ["has read", "from offset 1, which now begins at 2", "--accept-lost-log"];
    refused(&life, &[WIDE], &says);
    refused(&life, &[WIDE, SKIP], &says);
    let mut child = life.command(&[WIDE, SKIP]).arg("--accept-lost-log").spawn().unwrap();
    has(&life, &mut child, 2);
    stop(child);
    assert_eq!(ids(&life), [1, 3], "order 2 is gone, and somebody has said so");
}

#[test]
fn records_deleted_between_two_runs_stop_the_start_or_are_skipped_and_told() {
    let Some(real) = Real::broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let life = Life::of(real.topic(2), folder.path());
    orders(&real, &life.topic, 0, 1..=3, 100);
    let mut child = begin(&life, &[]);
    has(&life, &mut child, 3);
    stop(child);
    orders(&real, &life.topic, 0, 4..=6, 100);
    real.delete_before(&life.topic, 0, 5);
    refused(&life, &[], &["offset 3 is outside the log, which goes from 5 to 6", "source.on_lost_records"]);
    let mut child = begin(&life, &[SKIP]);
    has(&life, &mut child, 4);
    let ended = stop(child);
    for told in [r#""from":3"#, r#""to":5"#, r#""records":2"#, r#""partition":0"#, "WARN"] {
        assert!(ended.err.contains(told), "{told}: {}", ended.err);
    }
    // Where nothing is left at all, the place where it goes on is kept too: it is told once.
    orders(&real, &life.topic, 0, [7], 100);
    real.delete_before(&life.topic, 0, 7);
    orders(&real, &life.topic, 1, [8], 100);
    let mut child = begin(&life, &[SKIP]);
    has(&life, &mut child, 5);
    assert!(stop(child).err.contains(r#""from":6"#));
    orders(&real, &life.topic, 0, [9], 100);
    let mut child = begin(&life, &[]);
    has(&life, &mut child, 6);
    stop(child);
    assert_eq!(ids(&life), [1, 2, 3, 6, 8, 9]);
}

/// How many orders the worker finds gone when it wakes.
const ASLEEP: i64 = 40;

#[cfg(feature = "web")]
#[test]
fn records_deleted_under_a_running_worker_are_skipped_counted_and_shown() {
    let Some(real) = Real::broker() else { return };
    let life = super::asked::Life::new(&real);
    let topic = &life.topic;
    orders(&real, topic, 0, 1..=10, 100);
    let child = life.begin("state", &["--set", "source.on_lost_records=skip"]);
    wait_until("they are read", || life.raw_lines() == 10);
    assert_eq!(life.metric("cdc_worker_lost_records_total"), 0);
    signal(&child, "STOP");
    for id in 11..=10 + ASLEEP {
        orders(&real, topic, 0, [id], 100);
    }
    real.delete_before(topic, 0, 10 + ASLEEP - 1);
    signal(&child, "CONT");
    let last = || life.lines().iter().any(|line| line["order_id"] == 10 + ASLEEP);
    wait_until("what is left is read", last);
    let lost = life.metric("cdc_worker_lost_records_total");
    assert!(lost > 0, "nothing is counted");
    // Some may have been on their way to it when it fell asleep.
    assert_eq!(lost + life.raw_lines() as u64, 10 + ASLEEP as u64, "lost or read, each of them");
    let exceptions = life.get("/api/v1/exceptions").to_string();
    assert!(exceptions.contains("were deleted before they were read"), "{exceptions}");
    super::asked::stopped(child);
}
