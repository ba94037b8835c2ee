//! The epoch record: everything that makes an epoch repeatable, but for the data itself.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::source::{Batch, PartitionId};

/// Version of the record's stored form.
pub const EPOCH_FORMAT: u8 = 1;

/// Which history an epoch belongs to: a new one at first start, and whenever state is restored without its log. Later ones
/// are greater: they are named after the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timeline(pub u64);

/// Why the epoch was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EpochKind {
    /// Records were read.
    Data,
    /// Something is due, or a partition became idle.
    Timer,
    /// The first epoch after a start, or under a new configuration, or after the source has gone on elsewhere: the
    /// partitions that it names are read from where it says.
    Start,
    /// A recording's end: open windows fire.
    Flush,
}

/// One epoch, as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// [`EPOCH_FORMAT`].
    pub format: u8,
    /// The history it belongs to.
    pub timeline: Timeline,
    /// Its number in the timeline, from 1, without gaps.
    pub id: u64,
    /// The clock that it executes under, milliseconds since the Unix epoch; never below the one before.
    pub clock_ms: i64,
    /// Why it was made.
    pub kind: EpochKind,
    /// Fingerprint of the configuration that it executes under.
    pub config_id: u64,
    /// How many shards executed it; changes nothing in its outputs but the text format's subtask numbers.
    pub parallelism: u16,
    /// What was read, per partition; also partitions without records whose idleness matters.
    pub ranges: Vec<RecordRange>,
}

/// The records of one partition in an epoch. Offsets have gaps, so records are counted and digested besides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordRange {
    /// The topic's name.
    pub topic: String,
    /// The topic's id; `None` where the source has none.
    pub topic_id: Option<[u8; 16]>,
    /// The partition's number.
    pub partition: i32,
    /// The first record's offset.
    pub from: i64,
    /// The last delivered offset + 1.
    pub to: i64,
    /// How many records.
    pub records: u64,
    /// Digest of offsets, timestamps and values, chained.
    pub digest: u64,
    /// Leader epoch of the last record; −1 where the source has none.
    pub leader_epoch: i32,
    /// The partition was caught up when the epoch was closed.
    pub caught_up: bool,
}

/// What a source knows of a partition beside its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionFacts {
    /// The topic's id; `None` where the source has none.
    pub topic_id: Option<[u8; 16]>,
    /// Leader epoch of the last record handed over; −1 where the source has none.
    pub leader_epoch: i32,
    /// There is nothing more to read, known from a broker, not merely silence.
    pub caught_up: bool,
    /// The offset at which reading began, or has arrived: what is to be read next where nothing has come yet.
    pub position: i64,
}

impl Default for PartitionFacts {
    fn default() -> Self {
        Self { topic_id: None, leader_epoch: -1, caught_up: false, position: 0 }
    }
}

impl RecordRange {
    /// A partition of which nothing was read.
    pub fn unread(id: &PartitionId, facts: PartitionFacts) -> Self {
        let PartitionFacts { topic_id, leader_epoch, caught_up, position } = facts;
        Self {
            topic: id.topic.to_string(),
            topic_id,
            partition: id.partition,
            from: position,
            to: position,
            records: 0,
            digest: 0,
            leader_epoch,
            caught_up,
        }
    }

    /// Whether it is of this partition.
    pub fn is_of(&self, id: &PartitionId) -> bool {
        self.partition == id.partition && *self.topic == *id.topic
    }
}

/// The ranges of a batch, in the order of the source's table; `facts(slot)` says what the source knows of a partition.
/// Partitions without records are left out unless they are caught up, which idleness needs to know.
pub fn ranges_of(batch: &Batch, mut facts: impl FnMut(usize) -> PartitionFacts) -> Vec<RecordRange> {
    let mut ranges: Vec<RecordRange> =
        batch.partitions.iter().enumerate().map(|(slot, id)| RecordRange::unread(id, facts(slot))).collect();
    for record in &batch.records {
        let range = &mut ranges[record.partition as usize];
        if range.records == 0 {
            range.from = record.offset;
        }
        range.to = record.offset + 1;
        range.records += 1;
        range.digest = digest(range.digest, record.offset, record.timestamp_ms, batch.value(record));
    }
    ranges.retain(|range| range.records > 0 || range.caught_up);
    ranges
}

/// Adds one record to a chained digest: each link is multiplied into the next, so order counts too.
///
/// The value is hashed without a seed: a seed makes xxh3 derive a secret of its own for every longer value.
fn digest(before: u64, offset: i64, timestamp_ms: i64, value: Option<&[u8]>) -> u64 {
    let value = match value {
        Some(bytes) => xxh3_64(bytes),
        // A null value and an empty one are different records.
        None => NULL_VALUE,
    };
    let head = (offset as u64).wrapping_mul(ODD) ^ (timestamp_ms as u64).rotate_left(32);
    let link = (before.rotate_left(23) ^ head ^ value).wrapping_mul(ODD);
    link ^ (link >> 32)
}

/// Stands for the hash of a value that is null.
const NULL_VALUE: u64 = 0xa076_1d64_78bd_642f;

/// 2^64 divided by the golden ratio, an odd number: multiplying by it loses nothing.
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    type Links<'a> = &'a [(i64, i64, Option<&'a [u8]>)];

    fn chain(links: Links) -> u64 {
        links.iter().fold(0, |before, &(offset, timestamp_ms, value)| digest(before, offset, timestamp_ms, value))
    }

    #[test]
    fn whatever_differs_between_two_readings_shows() {
        let (a, b): (Option<&[u8]>, Option<&[u8]>) = (Some(b"{\"op\":\"c\"}"), Some(b"{\"op\":\"d\"}"));
        let readings: [Links; 14] = [
            &[],
            &[(0, 0, None)],
            &[(0, 0, Some(b""))],
            &[(0, 0, Some(b"null"))],
            &[(7, 1000, a)],
            &[(8, 1000, a)],
            &[(7, 1001, a)],
            &[(7, 1000, b)],
            &[(7, 1000, a), (8, 1000, b)],
            &[(7, 1000, b), (8, 1000, a)],
            &[(8, 1000, b), (7, 1000, a)],
            &[(7, 1000, a), (8, 1000, a)],
            &[(7, 1000, a), (7, 1000, a)],
            &[(7, 1000, a), (9, 1000, b)],
        ];
        let digests: HashSet<u64> = readings.iter().map(|links| chain(links)).collect();
        assert_eq!(digests.len(), readings.len());
    }

    #[test]
    fn neighbours_do_not_collide() {
        let mut digests = HashSet::new();
        for offset in 0..200 {
            for timestamp_ms in 1_770_000_000_000..1_770_000_000_200 {
                digests.insert(chain(&[(offset, timestamp_ms, Some(b"x")), (offset + 1, timestamp_ms, Some(b"x"))]));
            }
        }
        assert_eq!(digests.len(), 40_000);
    }
}
