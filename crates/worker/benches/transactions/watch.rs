//! How far the topics are committed, asked of the broker in one small question at a time: no message is read.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::Offset;

use crate::read::{self, PATIENCE};
use crate::topics;

/// How often it asks.
const EVERY: Duration = Duration::from_millis(10);

/// Tells of every change until it is ended.
pub(crate) fn run(bootstrap: &str, prefix: &str) {
    let (consumer, topics) = (read::consumer(bootstrap), topics(prefix));
    while topics.iter().any(|topic| !is_there(&consumer, topic)) {
        std::thread::sleep(EVERY);
    }
    let mut known = (0, 0);
    loop {
        // A leader that has just changed is asked again; who waits for this has a deadline.
        let now = ends(&consumer, &topics);
        if let Some(now) = now.filter(|now| *now != known) {
            known = now;
            crate::say(&format!("{} {}", known.0, known.1));
        }
        std::thread::sleep(EVERY);
    }
}

fn is_there(consumer: &BaseConsumer, topic: &str) -> bool {
    let answer = consumer.fetch_metadata(Some(topic), PATIENCE).expect("the broker answers");
    answer.topics().iter().all(|topic| {
        let led = topic.partitions().iter().all(|partition| partition.error().is_none() && partition.leader() >= 0);
        topic.error().is_none() && !topic.partitions().is_empty() && led
    })
}

/// Offsets behind what a `read_committed` reader gets: RAW's, and of all streams, added up.
pub(crate) fn ends(consumer: &BaseConsumer, topics: &[String]) -> Option<(i64, i64)> {
    let question = read::partitions(topics, Offset::End);
    let answer = consumer.offsets_for_times(question, PATIENCE).ok()?;
    let raw = topics.first().map(String::as_str);
    let mut ends = (0, 0);
    for element in answer.elements() {
        element.error().ok()?;
        let end = element.offset().to_raw()?;
        ends = (ends.0 + if Some(element.topic()) == raw { end } else { 0 }, ends.1 + end);
    }
    Some(ends)
}
