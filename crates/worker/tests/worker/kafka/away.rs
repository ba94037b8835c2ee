//! Brokers that are not there, or go away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rdkafka::mocking::MockCluster;
use worker::source::kafka::{KafkaSettings, KafkaSource};
use worker::time::clock::{Clock, SystemClock};

use super::support::{self, clock, logs, read_until, start};
use super::{LONG, waited};

#[test]
fn an_unreachable_broker_is_named_with_its_reason_and_stopping_does_not_wait_for_it() {
    // Port 1 of loopback: nobody listens there.
    let settings = KafkaSettings::new("127.0.0.1:1", "t", "g");
    let stop = Arc::new(AtomicBool::new(false));
    let mut source = KafkaSource::start(settings, clock(), Arc::clone(&stop)).unwrap();
    let line = "kafka: cannot reach 127.0.0.1:1 (Connection refused); retrying";
    assert!(waited(&mut source, |_| logs().contains(line)), "{}", logs());
    let trouble = source.trouble().unwrap();
    assert!(trouble.starts_with("cannot reach 127.0.0.1:1 (Connection refused); retrying, for "), "{trouble}");
    let stopped_ms = SystemClock.boot_ms();
    stop.store(true, Ordering::Relaxed);
    drop(source);
    let took_ms = SystemClock.boot_ms() - stopped_ms;
    assert!(took_ms < 3_000, "{took_ms} ms");
}

#[test]
fn a_broker_that_goes_away_is_silent_not_caught_up() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("t", 2, 1).unwrap();
    let mut settings = KafkaSettings::new(&cluster.bootstrap_servers(), "t", "g");
    settings.track_caught_up = true;
    let mut source = start(settings);
    assert!(waited(&mut source, |source| source.caught_up(0) && source.caught_up(1)));
    support::send(&cluster.bootstrap_servers(), "t", 1, "x");
    let mut after_record = None;
    read_until(&mut source, LONG, |batch| {
        after_record = Some(batch.records.len());
        true
    });
    assert_eq!(after_record, Some(1));
    assert!(waited(&mut source, |source| source.caught_up(1)), "its end is reported again");
    cluster.broker_down(1).unwrap();
    assert!(waited(&mut source, |source| !source.caught_up(0) && !source.caught_up(1)));
    assert!(waited(&mut source, |_| logs().contains("kafka: t cannot be read from ")), "{}", logs());
    cluster.broker_up(1).unwrap();
    assert!(waited(&mut source, |source| source.caught_up(0) && source.caught_up(1)));
}
