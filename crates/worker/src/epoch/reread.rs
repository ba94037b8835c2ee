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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch::{EPOCH_FORMAT, EpochKind, Timeline};

    fn id(partition: i32) -> PartitionId {
        PartitionId { topic: "t".into(), partition }
    }

    /// Records `(slot, offset, value)` in a batch over partitions 0 and 1.
    fn batch(records: &[(u32, i64, &str)]) -> Batch {
        let mut batch = Batch::of(vec![id(0), id(1)]);
        for &(slot, offset, value) in records {
            batch.push(slot, offset, 1_000, Some(value.as_bytes()));
        }
        batch
    }

    fn logged(batch: &Batch) -> EpochRecord {
        let ranges = ranges_of(batch, |_| PartitionFacts { caught_up: true, ..PartitionFacts::default() });
        let (timeline, kind) = (Timeline(1), EpochKind::Data);
        EpochRecord { format: EPOCH_FORMAT, timeline, id: 12, clock_ms: 0, kind, config_id: 0, parallelism: 1, ranges }
    }

    #[test]
    fn the_same_records_are_the_same() {
        let read = batch(&[(0, 5, "a"), (0, 7, "b"), (1, 3, "c")]);
        assert_eq!(compare(&logged(&read), &batch(&[(1, 3, "c"), (0, 5, "a"), (0, 7, "b")])), Ok(()));
    }

    /// What is read, and what is said of it.
    type Case<'a> = (&'a [(u32, i64, &'a str)], &'a str);

    #[test]
    fn what_differs_is_named_with_both_sides() {
        let record = logged(&batch(&[(0, 5, "a"), (0, 7, "b"), (1, 3, "c")]));
        let cases: [Case<'_>; 5] = [
            (&[(0, 5, "a"), (0, 7, "B"), (1, 3, "c")], "t-0 has changed under logged epoch 12: the digest was"),
            (&[(0, 6, "a"), (0, 7, "b"), (1, 3, "c")], "the first offset was 5, now it is 6"),
            (&[(0, 5, "a"), (0, 6, "x"), (0, 7, "b"), (1, 3, "c")], "the number of records was 2, now it is 3"),
            (&[(0, 5, "a"), (0, 8, "b"), (1, 3, "c")], "the end was 8, now it is 9"),
            (
                &[(0, 5, "a"), (0, 7, "b")],
                "t-1 has changed under logged epoch 12: the number of records was 1, now it is 0",
            ),
        ];
        for (read, says) in cases {
            let said = compare(&record, &batch(read)).unwrap_err().to_string();
            assert!(said.contains(says), "{said}");
        }
    }

    // The source's own table may be longer or in another order: results go by the table that the epochs named.
    #[test]
    fn records_stand_in_the_table_of_the_epochs() {
        let read = batch(&[(0, 5, "a"), (1, 3, "c")]);
        let record = logged(&read);
        let turned = in_table(read, vec![id(1), id(0)]);
        assert_eq!(
            turned.records.iter().map(|record| (record.partition, record.offset)).collect::<Vec<_>>(),
            [(1, 5), (0, 3)]
        );
        assert_eq!(compare(&record, &turned), Ok(()));
        assert_eq!(table(&[id(1)], &record.ranges), [id(1), id(0)]);
    }
}
