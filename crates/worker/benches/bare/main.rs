//! librdkafka alone: reads a topic from its beginning to its end, looks at nothing, and says what that cost. What the
//! worker does on top is measured against this. `cargo xtask bench` runs it, beside the worker, on the same topic.
//!
//! Settings are librdkafka's own, but for what a worker cannot do without (`check.crcs`, `read_committed`); `NAME=VALUE`
//! arguments after the topic set others.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark: it stops where it cannot go on, prints its result, and reads the clock"
)]

#[expect(dead_code, reason = "how much memory is resident is seen from outside")]
#[path = "../decode/stopwatch.rs"]
mod stopwatch;

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::stopwatch::Stopwatch;

/// How long the broker may be silent.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() {
    let begun = Instant::now();
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [bootstrap, topic, settings @ ..] = arguments.as_slice() else {
        println!("skipped: no broker; run it as `cargo xtask bench`");
        return;
    };
    let consumer = consumer(bootstrap, settings);
    let partitions = assign(&consumer, topic);
    let (mut ends, mut records, mut bytes) = (0, 0_u64, 0_usize);
    let mut first: Option<(Stopwatch, Duration)> = None;
    while ends < partitions {
        let polled = consumer.poll(PATIENCE).expect("the broker answers");
        if matches!(polled, Err(KafkaError::PartitionEOF(_))) {
            ends += 1;
            continue;
        }
        let message = polled.expect("a topic that can be read");
        first.get_or_insert_with(|| (Stopwatch::start(), begun.elapsed()));
        records += 1;
        bytes += message.payload_len();
    }
    let (watch, first) = first.expect("a topic with records");
    let cost = watch.lap();
    println!(
        "records={records} bytes={bytes} seconds={:.6} cpu_seconds={:.6} first_seconds={:.6} peak_bytes={}",
        cost.wall.as_secs_f64(),
        cost.cpu.as_secs_f64(),
        first.as_secs_f64(),
        peak_bytes()
    );
}

fn consumer(bootstrap: &str, settings: &[String]) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("group.id", "bare").set("enable.auto.commit", "false");
    config.set("enable.partition.eof", "true").set("check.crcs", "true").set("isolation.level", "read_committed");
    for setting in settings {
        let (name, value) = setting.split_once('=').expect("NAME=VALUE");
        config.set(name, value);
    }
    config.create().expect("a consumer")
}

/// Reads all partitions from their beginning; gives how many there are.
fn assign(consumer: &BaseConsumer, topic: &str) -> usize {
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).expect("the topic's partitions");
    let partitions = metadata.topics().first().expect("the topic").partitions().len();
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition as i32, Offset::Beginning).expect("a partition");
    }
    consumer.assign(&list).expect("assigned");
    partitions
}

/// Most memory resident so far.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("our own status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a high water mark");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}
