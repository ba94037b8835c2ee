//! Topics, read from their beginning to their end, what is committed only.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::topic::PARTITIONS;

/// How long the broker may be silent.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A client that reads what is committed.
pub(crate) fn consumer(bootstrap: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "check")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .create()
        .expect("a consumer")
}

/// Every partition of these topics, each at this offset.
pub(crate) fn partitions(topics: &[String], offset: Offset) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for topic in topics {
        for partition in 0..PARTITIONS {
            list.add_partition_offset(topic, partition, offset).expect("a partition");
        }
    }
    list
}

/// Hands over every message.
pub(crate) fn all(bootstrap: &str, topics: &[String], mut see: impl FnMut(&BorrowedMessage<'_>)) {
    let consumer = consumer(bootstrap);
    let list = partitions(topics, Offset::Beginning);
    consumer.assign(&list).expect("assigned");
    let mut ends = 0;
    while ends < list.count() {
        match consumer.poll(PATIENCE).expect("the broker answers") {
            Err(KafkaError::PartitionEOF(_)) => ends += 1,
            message => see(&message.expect("a topic that can be read")),
        }
    }
}

/// Which of these topics a message is of.
pub(crate) fn place(topics: &[String], message: &BorrowedMessage<'_>) -> usize {
    topics.iter().position(|topic| topic == message.topic()).expect("one of ours")
}
