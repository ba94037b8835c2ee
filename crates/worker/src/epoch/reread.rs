//! Records read again: put into the order of the source's table, and compared with what the log says of them. Pure.

use super::recovery::Refusal;
use super::{EpochRecord, PartitionFacts, RecordRange, ranges_of};
use crate::source::{Batch, PartitionId};

/// The source's table as it was in an epoch: what was known before, and what its record names as new.
pub(super) fn table(known: &[PartitionId], ranges: &[RecordRange]) -> Vec<PartitionId> {
    let mut table = known.to_vec();
    for range in ranges {
        if !table.iter().any(|id| range.is_of(id)) {
            table.push(PartitionId { topic: range.topic.as_str().into(), partition: range.partition });
        }
    }
    table
}

/// A batch whose records point into `table`, whatever table the source gave them.
pub(super) fn in_table(mut batch: Batch, table: Vec<PartitionId>) -> Batch {
    if batch.partitions != table {
        let slots: Vec<Option<u32>> = batch
            .partitions
            .iter()
            .map(|id| table.iter().position(|known| known == id).map(|slot| slot as u32))
            .collect();
        // What stands in no range is compared away below: it has no place.
        batch.records.retain_mut(|record| match slots.get(record.partition as usize) {
            Some(Some(slot)) => {
                record.partition = *slot;
                true
            }
            _ => false,
        });
        batch.partitions = table;
    }
    batch
}

/// Whether the records are those that were logged.
///
/// # Errors
/// They are not: names the first partition that differs, with both sides.
pub(super) fn compare(record: &EpochRecord, batch: &Batch) -> Result<(), Refusal> {
    let found = ranges_of(batch, |_| PartitionFacts::default());
    for logged in record.ranges.iter().filter(|range| range.records > 0) {
        let same = |range: &&RecordRange| range.partition == logged.partition && range.topic == logged.topic;
        let none = RecordRange { records: 0, digest: 0, from: logged.from, to: logged.from, ..logged.clone() };
        let found = found.iter().find(same).unwrap_or(&none);
        let differs = [
            ("the first offset", logged.from.to_string(), found.from.to_string()),
            ("the number of records", logged.records.to_string(), found.records.to_string()),
            ("the end", logged.to.to_string(), found.to.to_string()),
            ("the digest", format!("{:016x}", logged.digest), format!("{:016x}", found.digest)),
        ]
        .into_iter()
        .find(|(_, logged, found)| logged != found);
        if let Some((what, was, is)) = differs {
            return Err(Refusal::SourceChanged {
                epoch: record.id,
                partition: format!("{}-{}", logged.topic, logged.partition),
                what,
                logged: was,
                found: is,
            });
        }
    }
    Ok(())
}
