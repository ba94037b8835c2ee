//! How far each partition is behind its end, and for how long it has stood still although there is more to read.

use std::collections::BTreeMap;

use crate::source::{PartitionId, PartitionSeen, Replicas};

/// Where the partitions stand, as committed, and where they end, as a broker said last.
#[derive(Clone, Debug, Default)]
pub(super) struct Partitions {
    known: BTreeMap<(String, i32), Known>,
}

#[derive(Clone, Debug)]
struct Known {
    next_offset: i64,
    records: u64,
    end_offset: Option<i64>,
    replicas: Option<Replicas>,
    /// When it last moved on, or had nothing to read; on the clock since boot.
    moving_ms: i64,
}

/// One partition, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionStatus {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// The offset to read next, as committed.
    pub next_offset: i64,
    /// Records read from it by this run.
    pub records: u64,
    /// The offset behind its last record, as a broker said last; `None` where the source has no end.
    pub end_offset: Option<i64>,
    /// Records from here to the end.
    pub lag_records: Option<u64>,
    /// How long it has not moved on although there is more to read; 0 where there is nothing, or it is not known.
    pub stall_age_ms: u64,
    /// Its copies, as a broker said last; `None` where the source has none.
    pub replicas: Option<Replicas>,
}

impl Partitions {
    /// An epoch was committed that had so many records of a partition.
    pub(super) fn committed(&mut self, id: &PartitionId, next_offset: i64, records: u64, now_ms: i64) {
        let known = self.entry(id, now_ms);
        if known.next_offset != next_offset {
            known.next_offset = next_offset;
            known.moving_ms = now_ms;
        }
        known.records += records;
    }

    /// A broker said where a partition ends, and how many copies of it there are.
    pub(super) fn seen(&mut self, seen: &PartitionSeen, now_ms: i64) {
        let known = self.entry(&seen.id, now_ms);
        if known.lag() == 0 {
            known.moving_ms = now_ms;
        }
        known.end_offset = Some(seen.end_offset);
        known.replicas = seen.replicas;
    }

    fn entry(&mut self, id: &PartitionId, now_ms: i64) -> &mut Known {
        let first = Known { next_offset: 0, records: 0, end_offset: None, replicas: None, moving_ms: now_ms };
        self.known.entry((id.topic.to_string(), id.partition)).or_insert(first)
    }

    /// All of them, by topic and number.
    pub(super) fn status(&self, now_ms: i64) -> Vec<PartitionStatus> {
        let status = |((topic, partition), known): (&(String, i32), &Known)| PartitionStatus {
            topic: topic.clone(),
            partition: *partition,
            next_offset: known.next_offset,
            records: known.records,
            // The broker's word is older than what was read since.
            end_offset: known.end_offset.map(|end| end.max(known.next_offset)),
            lag_records: known.end_offset.map(|_| known.lag()),
            stall_age_ms: if known.lag() > 0 { (now_ms - known.moving_ms).max(0) as u64 } else { 0 },
            replicas: known.replicas,
        };
        self.known.iter().map(status).collect()
    }
}

impl Known {
    fn lag(&self) -> u64 {
        self.end_offset.map_or(0, |end| (end - self.next_offset).max(0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_stalled_while_it_has_more_and_does_not_move() {
        let id = PartitionId { topic: "t".into(), partition: 2 };
        let mut partitions = Partitions::default();
        let ends = |end_offset| PartitionSeen { id: id.clone(), end_offset, replicas: None };
        let status = |partitions: &Partitions, now_ms| {
            let [one] = &partitions.status(now_ms)[..] else { panic!("one partition") };
            (one.lag_records, one.stall_age_ms, one.records)
        };
        partitions.committed(&id, 10, 10, 1_000);
        assert_eq!(status(&partitions, 9_000), (None, 0, 10), "nobody said where it ends");
        partitions.seen(&ends(10), 9_000);
        assert_eq!(status(&partitions, 60_000), (Some(0), 0, 10), "it is at its end");
        partitions.seen(&ends(15), 60_000);
        assert_eq!(status(&partitions, 61_000), (Some(5), 1_000, 10));
        partitions.seen(&ends(18), 63_000);
        assert_eq!(status(&partitions, 64_000), (Some(8), 4_000, 10), "more to read does not make it younger");
        partitions.committed(&id, 12, 2, 65_000);
        assert_eq!(status(&partitions, 66_000), (Some(6), 1_000, 12));
        partitions.committed(&id, 12, 0, 70_000);
        assert_eq!(status(&partitions, 70_000), (Some(6), 5_000, 12), "an epoch without records moves nothing");
        partitions.committed(&id, 20, 8, 71_000);
        assert_eq!(partitions.status(71_000)[0].end_offset, Some(20), "what was read is there");
        assert_eq!(partitions.status(71_000)[0].replicas, None);
        let replicas = Some(Replicas { assigned: 3, in_sync: 2 });
        partitions.seen(&PartitionSeen { replicas, ..ends(20) }, 72_000);
        assert_eq!(partitions.status(72_000)[0].replicas, replicas);
    }
}
