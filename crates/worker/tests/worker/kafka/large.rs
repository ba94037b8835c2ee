//! Messages of 16 MB, far above what is fetched at a time: with the settings as they are they go through, as dead letters into
//! the sink's topic too, and memory stays within a container of 256 MB.

use std::fs;
use std::time::Duration;

use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::life::{Life, SOON};
use super::support::{Real, block_on, collect, start, unique};
use crate::program::{end_of, signal, wait_until};
use crate::recordings::insert;

const MIB: usize = 1 << 20;
const LARGE: usize = 16 * MIB;
/// Pairs of an order and a dead letter.
const PAIRS: i64 = 6;
const CONTAINER: u64 = 256 * MIB as u64;

/// The most memory that a process ever had, in bytes.
fn peak_bytes(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn i7_messages_of_16_mb_go_through_with_the_settings_as_they_are() {
    let Some(real) = Real::broker() else { return };
    let topic = unique("large");
    let bytes = (LARGE + MIB).to_string();
    let new = NewTopic::new(&topic, 2, TopicReplication::Fixed(1)).set("max.message.bytes", &bytes);
    block_on(real.admin().create_topics([&new], &AdminOptions::new())).unwrap()[0].as_ref().unwrap();
    real.wait_for_partitions(&topic, 2);
    let producer: BaseProducer =
        real.config().set("message.max.bytes", (LARGE + 2 * MIB).to_string()).create().unwrap();
    let send = |partition: i32, value: &str| {
        let record = BaseRecord::<str, str>::to(&topic).partition(partition).payload(value);
        producer.send(record).map_err(|(error, _)| error).unwrap();
        producer.flush(Duration::from_mins(1)).unwrap();
    };
    let filled = |value: String, mark: &str| {
        let fill = "x".repeat(LARGE - value.len());
        value.replace(mark, &format!("{fill}{mark}"))
    };
    for id in 0..PAIRS {
        // The row has a column more, which nobody asks for: it is an order all the same.
        let order = insert(id, "\"A\"", "1", "\"2\",\"note\":\"@\"");
        send((id % 2) as i32, &filled(order, "@"));
        send((id % 2) as i32, &filled("@".to_owned(), "@"));
    }
    send(0, &insert(PAIRS, "\"B\"", "1", "\"2\""));
    let folder = tempfile::tempdir().unwrap();
    let life = Life::of(topic.clone(), folder.path());
    let outputs = ["raw", "agg", "alerts", "late", "dlq"]
        .map(|stream| (format!("sink.kafka.{stream}_topic"), format!("{topic}.{stream}")));
    let mut settings: Vec<(&str, &str)> = outputs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    settings.extend([
        ("sink.kafka.enabled", "true"),
        ("sink.kafka.replication_factor", "1"),
        ("sink.kafka.transactional_id", &topic),
    ]);
    let child = life.command(&settings).spawn().unwrap();
    let raw = || life.lines().iter().filter(|line| line["stream"] == "raw").count() as i64;
    wait_until("every order has come through", || raw() > PAIRS);
    let dead = folder.path().join("dead-letters.ndjson");
    let base64 = LARGE as u64 / 3 * 4;
    wait_until("the dead letters too", || fs::metadata(&dead).is_ok_and(|file| file.len() > PAIRS as u64 * base64));
    let peak = peak_bytes(child.id());
    println!("peak memory: {} MiB", peak / MIB as u64);
    signal(&child, "TERM");
    let summary = end_of(child, SOON).well().summary();
    assert_eq!((&summary["applied"], &summary["dead_letter"]), (&(PAIRS + 1).into(), &PAIRS.into()));
    let dlq = format!("{topic}.dlq");
    let dead_letters = collect(&mut start(real.settings(&dlq)), PAIRS as usize);
    assert!(dead_letters.iter().all(|seen| seen.value.as_ref().is_some_and(|value| value.len() as u64 > base64)));
    assert!(peak < CONTAINER, "{} MiB", peak / MIB as u64);
}
