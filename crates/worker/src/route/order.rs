//! In which order the records of one epoch are taken, decided before routing so that it cannot depend on the parallelism.
//!
//! Within a partition always offset order. Across partitions by the running maximum of the record timestamp within the
//! partition, then partition, then offset (`design.md`, "Order"; sorting by the raw timestamp would break a partition's
//! own order, merging per shard would make the order depend on the parallelism).

use crate::source::{PartitionId, SourceRecord};

/// Brings records that were read live into the order in which they are taken.
pub fn take_order(records: &mut [SourceRecord], partitions: &[PartitionId]) {
    let Some(first) = records.first().map(|record| record.partition) else { return };
    if records.iter().all(|record| record.partition == first) {
        return;
    }
    let mut running_max = vec![i64::MIN; partitions.len()];
    let ranks = ranks(partitions);
    let mut keyed: Vec<_> = records
        .iter()
        .map(|record| {
            let slot = record.partition as usize;
            running_max[slot] = running_max[slot].max(record.timestamp_ms);
            ((running_max[slot], ranks[slot]), *record)
        })
        .collect();
    // Stable: within a partition records are read in offset order, and stay in it. What a fetch has brought of a partition is
    // in order already, and a stable sort merges such runs.
    keyed.sort_by_key(|&(key, _)| key);
    for (place, (_, record)) in records.iter_mut().zip(keyed) {
        *place = record;
    }
}

/// Rank of each partition of the table by its name, since the table itself is in order of first appearance.
fn ranks(partitions: &[PartitionId]) -> Vec<u32> {
    let mut by_name: Vec<usize> = (0..partitions.len()).collect();
    by_name.sort_unstable_by_key(|&slot| &partitions[slot]);
    let mut ranks = vec![0; partitions.len()];
    for (rank, slot) in by_name.into_iter().enumerate() {
        ranks[slot] = rank as u32;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Batch;

    fn order(records: &[(u32, i64, i64)]) -> Vec<(u32, i64)> {
        let mut batch = Batch::default();
        for &(partition, offset, timestamp_ms) in records {
            batch.push(partition, offset, timestamp_ms, None);
        }
        let partitions: Vec<PartitionId> =
            [1, 0, 2].map(|partition| PartitionId { topic: "t".into(), partition }).into();
        take_order(&mut batch.records, &partitions);
        batch.records.iter().map(|record| (record.partition, record.offset)).collect()
    }

    #[test]
    fn across_partitions_by_timestamp_then_partition_number() {
        // Slot 0 is partition 1, slot 1 is partition 0: at one timestamp partition 0 goes first.
        assert_eq!(order(&[(0, 5, 10), (1, 7, 10), (2, 1, 9)]), [(2, 1), (1, 7), (0, 5)]);
    }

    #[test]
    fn within_a_partition_offsets_stand_even_when_timestamps_go_back() {
        // (0, 6) has an older timestamp than (0, 5): it stays behind it, at the running maximum 20.
        assert_eq!(order(&[(0, 5, 20), (0, 6, 3), (1, 1, 15), (1, 2, 21)]), [(1, 1), (0, 5), (0, 6), (1, 2)]);
    }

    #[test]
    fn one_partition_and_none_stay_as_they_are() {
        assert_eq!(order(&[(0, 1, 5), (0, 2, 4)]), [(0, 1), (0, 2)]);
        assert_eq!(order(&[]), []);
    }
}
