//! Where reading goes on at a start: behind the state, as the epochs that are to be executed again say, and whether the
//! topic still is the one that they have read. Pure.

use super::recovery::Refusal;
use super::{EpochRecord, TopicId};
use crate::source::PartitionId;
use crate::state::Commit;

/// Where reading goes on.
#[derive(Debug, Default)]
pub(super) struct Standpoint {
    /// The offset to read next of each partition, in the order of the source's table: as committed, and for partitions that
    /// only the epochs behind the state name, where those began.
    pub(super) positions: Vec<(PartitionId, i64)>,
    /// The id of the topic that was read last; `None` where its source has none.
    pub(super) topic_id: Option<TopicId>,
    /// What is to be read again, by the topic's id.
    again: Vec<Again>,
    /// The first records that are to be read again, of each partition.
    first: Vec<First>,
}

/// What is read again first of a partition.
#[derive(Debug)]
struct First {
    id: PartitionId,
    epoch: u64,
    offset: i64,
}

/// Epochs over the records of one topic.
#[derive(Debug)]
struct Again {
    topic: String,
    topic_id: TopicId,
    first: u64,
    last: u64,
}

impl Standpoint {
    /// Where a commit stands.
    pub(super) fn of(committed: Option<&Commit>) -> Self {
        Self {
            positions: committed.map_or_else(Vec::new, Commit::next_offsets),
            topic_id: committed.and_then(|commit| commit.partitions.iter().find_map(|partition| partition.topic_id)),
            again: Vec::new(),
            first: Vec::new(),
        }
    }

    /// This epoch is to be executed again, after those that were added before.
    pub(super) fn add(&mut self, record: &EpochRecord) {
        for range in &record.ranges {
            if !self.positions.iter().any(|(known, _)| range.is_of(known)) {
                let id = PartitionId { topic: range.topic.as_str().into(), partition: range.partition };
                self.positions.push((id, range.from));
            }
            if range.records > 0 && !self.first.iter().any(|first| range.is_of(&first.id)) {
                let id = PartitionId { topic: range.topic.as_str().into(), partition: range.partition };
                self.first.push(First { id, epoch: record.id, offset: range.from });
            }
            let Some(topic_id) = range.topic_id else { continue };
            self.topic_id = Some(topic_id);
            if range.records == 0 {
                continue;
            }
            let same = |again: &&mut Again| again.topic_id == topic_id && again.topic == range.topic;
            if let Some(again) = self.again.iter_mut().find(same) {
                again.last = record.id;
            } else {
                let (topic, first, last) = (range.topic.clone(), record.id, record.id);
                self.again.push(Again { topic, topic_id, first, last });
            }
        }
    }

    /// Whether epochs are to be executed again that have read records.
    pub(super) fn reads_again(&self) -> bool {
        !self.first.is_empty()
    }

    /// Whether what they have read is still there, now that the partitions begin at these offsets.
    ///
    /// # Errors
    /// It was deleted.
    pub(super) fn is_there(&self, beginnings: &[(PartitionId, i64)]) -> Result<(), Refusal> {
        let begins = |first: &First| beginnings.iter().find(|(id, _)| *id == first.id).map(|(_, begins)| *begins);
        let gone =
            self.first.iter().find_map(|first| Some((first, begins(first).filter(|begins| *begins > first.offset)?)));
        let Some((First { id, epoch, offset }, begins)) = gone else { return Ok(()) };
        let partition = format!("{}-{}", id.topic, id.partition);
        Err(Refusal::RecordsDeleted { partition, epoch: *epoch, offset: *offset, begins })
    }

    /// Whether the epochs can be executed again now that the topic has this id.
    ///
    /// # Errors
    /// They have read a topic that is gone.
    pub(super) fn fits(&self, found: Option<TopicId>) -> Result<(), Refusal> {
        let Some(found) = found else { return Ok(()) };
        match self.again.iter().find(|again| again.topic_id != found) {
            Some(&Again { ref topic, topic_id, first, last }) => {
                let topic = topic.clone();
                Err(Refusal::TopicRecreated {
                    topic,
                    first,
                    last,
                    was: hexadecimal(topic_id),
                    found: hexadecimal(found),
                })
            }
            None => Ok(()),
        }
    }
}

fn hexadecimal(id: TopicId) -> String {
    format!("{:032x}", u128::from_be_bytes(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch::{EPOCH_FORMAT, EpochKind, PartitionFacts, RecordRange, Timeline};

    const OLD: TopicId = [1; 16];
    const NEW: TopicId = [2; 16];

    fn range(partition: i32, topic_id: Option<TopicId>, from: i64, records: u64) -> RecordRange {
        let id = PartitionId { topic: "t".into(), partition };
        let facts = PartitionFacts { topic_id, position: from, ..PartitionFacts::default() };
        RecordRange { to: from + records as i64, records, ..RecordRange::unread(&id, facts) }
    }

    fn record(id: u64, ranges: Vec<RecordRange>) -> EpochRecord {
        let (timeline, kind) = (Timeline(1), EpochKind::Data);
        EpochRecord { format: EPOCH_FORMAT, timeline, id, clock_ms: 0, kind, config_id: 0, parallelism: 1, ranges }
    }

    fn standpoint(records: &[EpochRecord]) -> Standpoint {
        let mut standpoint = Standpoint::of(None);
        for record in records {
            standpoint.add(record);
        }
        standpoint
    }

    #[test]
    fn partitions_that_only_epochs_name_are_read_from_where_those_began() {
        let found = standpoint(&[
            record(1, vec![range(0, None, 5, 2)]),
            record(2, vec![range(0, None, 7, 1), range(1, None, 3, 0)]),
        ]);
        let positions: Vec<_> = found.positions.iter().map(|(id, from)| (id.partition, *from)).collect();
        assert_eq!((positions, found.topic_id), (vec![(0, 5), (1, 3)], None));
        assert_eq!(found.fits(Some(NEW)), Ok(()), "of a source without ids nothing can be said");
    }

    #[test]
    fn records_that_are_to_be_read_again_and_were_deleted_are_named() {
        let found = standpoint(&[
            record(4, vec![range(0, None, 5, 0), range(1, None, 9, 2)]),
            record(5, vec![range(0, None, 5, 2)]),
        ]);
        let begin = |zero, one| {
            let id = |partition| PartitionId { topic: "t".into(), partition };
            found.is_there(&[(id(0), zero), (id(1), one)])
        };
        assert!(found.reads_again() && !standpoint(&[record(4, vec![range(0, None, 5, 0)])]).reads_again());
        assert_eq!((begin(0, 0), begin(5, 9)), (Ok(()), Ok(())), "all is there");
        let said = begin(6, 9).unwrap_err().to_string();
        assert!(said.contains("epoch 5 has read t-0 from offset 5") && said.contains("begins at 6"), "{said}");
        assert!(begin(5, 10).unwrap_err().to_string().contains("epoch 4 has read t-1 from offset 9"));
        assert_eq!(found.is_there(&[]), Ok(()), "a source that deletes nothing");
    }

    #[test]
    fn epochs_that_have_read_a_topic_that_is_gone_are_named() {
        let records = [
            record(4, vec![range(0, Some(OLD), 5, 2)]),
            record(5, vec![range(1, Some(OLD), 5, 2)]),
            record(6, vec![range(0, Some(NEW), 0, 0), range(1, Some(NEW), 0, 0)]),
            record(7, vec![range(0, Some(NEW), 0, 1)]),
        ];
        let found = standpoint(&records);
        assert_eq!(found.topic_id, Some(NEW), "what was read last");
        let said = found.fits(Some(NEW)).unwrap_err().to_string();
        assert!(said.contains("epochs 4 to 5") && said.contains(&"01".repeat(16)), "{said}");
        // Settled before the new topic was read: what names it is all that is left.
        assert_eq!(standpoint(&records[2..]).fits(Some(NEW)), Ok(()));
        assert!(standpoint(&records[2..]).fits(Some(OLD)).is_err());
        assert_eq!(standpoint(&records[2..3]).fits(Some(OLD)), Ok(()), "nothing is to be read again");
        assert_eq!(found.fits(None), Ok(()));
    }
}
