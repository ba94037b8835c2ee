//! Lists of a topic's partitions, in librdkafka's form and in ours.

use std::sync::Arc;

use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::source::PartitionId;

/// Partitions from `first` on, each at its offset.
pub(super) fn assignment(topic: &str, first: i32, offsets: &[i64]) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in (first..).zip(offsets) {
        list.add_partition_offset(topic, partition, Offset::Offset(*offset))?;
    }
    Ok(list)
}

/// Some partitions.
pub(super) fn list_of(topic: &str, partitions: impl IntoIterator<Item = i32>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition(topic, partition);
    }
    list
}

/// All partitions of a topic.
pub(super) fn partition_ids(topic: &str, count: usize) -> Vec<PartitionId> {
    let topic: Arc<str> = Arc::from(topic);
    (0..count as i32).map(|partition| PartitionId { topic: Arc::clone(&topic), partition }).collect()
}
