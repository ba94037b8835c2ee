//! The marker: the last epoch whose results the topics have. It is an offset of a group of the sink's own, committed
//! inside the transaction that it speaks of; its number is the epoch, its text says to which history that belongs.

use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use crate::epoch::Timeline;

/// Version of the marker's text.
const FORMAT: &str = "cdc-marker-1";

/// How far the topics are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) timeline: Timeline,
    pub(super) epoch: u64,
}

/// The group that holds the marker of a sink.
pub(super) fn marker_group(transactional_id: &str) -> String {
    format!("{transactional_id}-marker")
}

impl Marker {
    /// As an offset of the topic that markers hang on.
    pub(super) fn to_offsets(self, topic: &str) -> Result<TopicPartitionList, KafkaError> {
        let offsets = question(topic);
        if let Some(mut place) = offsets.find_partition(topic, 0) {
            place.set_offset(Offset::Offset(self.epoch as i64))?;
            place.set_metadata(self.text());
        }
        Ok(offsets)
    }

    /// What a group holds; `None` where it holds nothing of ours.
    pub(super) fn from_offsets(offsets: &TopicPartitionList, topic: &str) -> Option<Self> {
        let place = offsets.find_partition(topic, 0)?;
        match place.offset() {
            Offset::Offset(epoch) => Self::read(u64::try_from(epoch).ok()?, place.metadata()),
            _ => None,
        }
    }

    fn text(self) -> String {
        format!("{FORMAT} timeline={}", self.timeline.0)
    }

    fn read(epoch: u64, text: &str) -> Option<Self> {
        let timeline = text.strip_prefix(FORMAT)?.strip_prefix(" timeline=")?.parse().ok()?;
        Some(Self { timeline: Timeline(timeline), epoch })
    }
}

/// The place that markers hang on.
pub(super) fn question(topic: &str) -> TopicPartitionList {
    let mut offsets = TopicPartitionList::with_capacity(1);
    offsets.add_partition(topic, 0);
    offsets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_an_offset_with_a_text() {
        let marker = Marker { timeline: Timeline(1_795_000_000_000), epoch: 42 };
        let offsets = marker.to_offsets("orders.agg").unwrap();
        let place = offsets.find_partition("orders.agg", 0).unwrap();
        assert_eq!(place.offset(), Offset::Offset(42));
        assert_eq!(place.metadata(), "cdc-marker-1 timeline=1795000000000");
        assert_eq!(Marker::from_offsets(&offsets, "orders.agg"), Some(marker));
        assert_eq!(Marker::from_offsets(&question("orders.agg"), "orders.agg"), None, "nothing committed");
        assert_eq!(Marker::read(42, ""), None, "somebody else's offset");
        assert_eq!(Marker::read(42, "cdc-marker-2 timeline=1"), None, "of a later version");
    }
}
