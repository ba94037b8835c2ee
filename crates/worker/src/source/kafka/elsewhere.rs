//! The topic is not what it was: deleted and created anew, or its next records were deleted before they were read. What
//! follows from it is decided here, purely, from what the brokers say; policies say whether to go on.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::source::{Standing, TopicId};

/// Reading goes on elsewhere than where it had come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The topic was created anew, and is read from its beginning.
    pub recreated: bool,
    /// What was deleted before it was read.
    pub lost: Vec<Lost>,
}

/// Records of a partition that were deleted before they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The partition.
    pub partition: i32,
    /// The offset that was to be read next.
    pub from: i64,
    /// The oldest that is left.
    pub to: i64,
}

impl Lost {
    /// How many at most: offsets have gaps.
    pub fn records(&self) -> u64 {
        (self.to - self.from).max(0) as u64
    }
}

/// A move with where it leads: what the reading thread ends with.
#[derive(Debug)]
pub(super) struct Move {
    /// What happened.
    pub moved: Moved,
    /// The topic's id from now on.
    pub topic_id: Option<TopicId>,
    /// Where each partition goes on.
    pub standings: Vec<Standing>,
}

/// Where positions stand towards their logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outside {
    /// Below their log's start, in the partitions' order.
    pub lost: Vec<Lost>,
    /// Behind their log's end: partition, and the offset that was to be read next.
    pub above: Vec<(i32, i64)>,
}

/// Compares the offsets to read next with where the logs begin and end.
pub(super) fn outside(next: &[i64], ranges: &[(i64, i64)]) -> Outside {
    let mut outside = Outside::default();
    for (partition, (&next, &(low, high))) in (0..).zip(next.iter().zip(ranges)) {
        if next < low {
            outside.lost.push(Lost { partition, from: next, to: low });
        } else if next > high {
            outside.above.push((partition, next));
        }
    }
    outside
}

/// Both ids, where the topic is another than the one that was read: only where both are known can that be said.
pub(super) fn another(was: Option<TopicId>, found: Option<TopicId>) -> Option<(TopicId, TopicId)> {
    was.zip(found).filter(|(was, found)| was != found)
}

/// A topic's id as Kafka's own tools print it.
pub(super) fn shown(id: TopicId) -> String {
    URL_SAFE_NO_PAD.encode(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_below_and_behind_their_logs_are_told_apart() {
        let lost = |partition, from, to| Lost { partition, from, to };
        let cases = [
            (&[0, 5, 9][..], &[(0, 9), (5, 5), (0, 9)][..], Outside::default()),
            (&[3, 5], &[(4, 9), (7, 7)], Outside { lost: vec![lost(0, 3, 4), lost(1, 5, 7)], above: vec![] }),
            (&[3, 5], &[(0, 2), (6, 9)], Outside { lost: vec![lost(1, 5, 6)], above: vec![(0, 3)] }),
            // A partition that is new has a range and no position yet.
            (&[1], &[(0, 1), (4, 9)], Outside::default()),
        ];
        for (next, ranges, expected) in cases {
            assert_eq!(outside(next, ranges), expected, "{next:?} in {ranges:?}");
        }
        assert_eq!(lost(0, 3, 40).records(), 37);
    }

    #[test]
    fn a_topic_is_another_only_where_both_ids_are_known() {
        let (a, b) = (Some([1; 16]), Some([2; 16]));
        for (was, found, expected) in [(a, a, None), (a, b, a.zip(b)), (None, b, None), (a, None, None)] {
            assert_eq!(another(was, found), expected);
        }
    }

    #[test]
    fn an_id_is_shown_as_kafka_shows_it() {
        assert_eq!(shown([0xff; 16]), "_____________________w");
    }
}
