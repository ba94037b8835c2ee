//! A topic that lasts, and a feed that reads it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use worker::epoch::{
    EpochRecord, Feed, FeedError, GroupOffsets, PartitionFacts, Read, RecordRange, TopicId, ranges_of,
};
use worker::source::{Batch, PartitionId};

use crate::engine::day::{Dice, Record};

/// A topic: what was written to each partition, and how much of it has been so far.
pub(super) struct Topic {
    partitions: Vec<Vec<Record>>,
    arrived: Vec<usize>,
    /// How many partitions there are by now.
    pub(super) count: usize,
}

impl Topic {
    pub(super) fn new(records: Vec<Record>, count: usize) -> Self {
        let mut partitions = vec![Vec::new(); 3];
        for record in records {
            partitions[record.partition as usize].push(record);
        }
        Self { partitions, arrived: vec![0; 3], count }
    }

    /// Some more records come.
    pub(super) fn write(&mut self, dice: &mut Dice) {
        for partition in 0..self.count {
            let left = self.partitions[partition].len() - self.arrived[partition];
            self.arrived[partition] += (dice.below(6) as usize).min(left);
        }
    }

    /// Everything that ever comes is there.
    pub(super) fn write_all(&mut self) {
        self.count = self.partitions.len();
        for (arrived, records) in self.arrived.iter_mut().zip(&self.partitions) {
            *arrived = records.len();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.partitions.iter().map(Vec::len).sum()
    }

    /// The records of each partition, whether they have come or not.
    pub(super) fn partitions(&self) -> &[Vec<Record>] {
        &self.partitions
    }

    pub(super) fn partition_ids(&self) -> Vec<PartitionId> {
        let topic: Arc<str> = "cdc.orders_db.orders".into();
        (0..self.count as i32).map(|partition| PartitionId { topic: Arc::clone(&topic), partition }).collect()
    }

    /// The records of logged ranges.
    pub(super) fn batch(&self, ranges: &[RecordRange]) -> Batch {
        let mut batch = Batch::of(self.partition_ids());
        for range in ranges {
            let inside = |record: &&Record| (range.from..range.to).contains(&record.offset);
            for record in self.partitions[range.partition as usize].iter().filter(inside) {
                batch.push(record.partition, record.offset, record.timestamp_ms, record.value.as_deref());
            }
        }
        batch
    }

    /// Index of the first record at or behind an offset.
    fn index(&self, partition: usize, offset: i64) -> usize {
        self.partitions[partition].partition_point(|record| record.offset < offset)
    }
}

/// One reading of the topic, from a start to a crash.
pub(super) struct TopicFeed {
    topic: Arc<Mutex<Topic>>,
    partitions: Vec<PartitionId>,
    /// Index of the next record of each partition.
    next: Vec<usize>,
    /// How often in a row there was nothing to read.
    pub(super) in_vain: usize,
    /// What the consumer group is said to have committed.
    pub(super) group_offset: Option<i64>,
    /// The epoch whose records are not those of its time.
    falsified: Option<Vec<RecordRange>>,
    dice: Dice,
}

impl TopicFeed {
    pub(super) fn new(topic: &Arc<Mutex<Topic>>, dice: Dice) -> Self {
        let mut feed = Self {
            topic: Arc::clone(topic),
            partitions: Vec::new(),
            next: Vec::new(),
            in_vain: 0,
            group_offset: None,
            falsified: None,
            dice,
        };
        // Now and then a start knows nothing of the topic yet.
        if feed.dice.below(3) > 0 {
            feed.look();
        }
        feed
    }

    /// This epoch's records are others now: the log was compacted, or the topic made anew.
    pub(super) fn falsify(&mut self, record: &EpochRecord) {
        self.falsified = Some(record.ranges.clone());
    }

    /// What partitions there are.
    fn look(&mut self) {
        self.partitions = self.topic.lock().unwrap().partition_ids();
        self.next.resize(self.partitions.len().max(self.next.len()), 0);
    }

    fn range(&self, slot: usize, topic: &Topic) -> i64 {
        topic.partitions[slot]
            .get(self.next[slot])
            .map_or_else(|| topic.partitions[slot].last().map_or(0, |last| last.offset + 1), |record| record.offset)
    }
}

impl Feed for TopicFeed {
    fn read(&mut self, _wait: Duration) -> Result<Read, FeedError> {
        self.look();
        let topic = self.topic.lock().unwrap();
        let mut batch = Batch::of(self.partitions.clone());
        let most = if self.dice.below(20) == 0 { 200 } else { 1 + self.dice.below(12) as usize };
        // Whatever order the broker answers in.
        let first = self.dice.below(self.partitions.len() as u64) as usize;
        for step in 0..self.partitions.len() {
            let slot = (first + step) % self.partitions.len();
            let some = (self.dice.below(1 + most as u64) as usize).min(topic.arrived[slot] - self.next[slot]);
            for record in &topic.partitions[slot][self.next[slot]..][..some] {
                batch.push(slot as u32, record.offset, record.timestamp_ms, record.value.as_deref());
            }
            self.next[slot] += some;
        }
        if batch.records.is_empty() {
            self.in_vain += 1;
            return Ok(Read::Nothing);
        }
        self.in_vain = 0;
        drop(topic);
        let ranges = ranges_of(&batch, |slot| self.facts(slot));
        Ok(Read::Records(batch, ranges))
    }

    fn partitions(&self) -> Vec<PartitionId> {
        self.partitions.clone()
    }

    fn facts(&self, slot: usize) -> PartitionFacts {
        let topic = self.topic.lock().unwrap();
        let caught_up = self.next[slot] == topic.arrived[slot] && slot != 1;
        PartitionFacts { caught_up, position: self.range(slot, &topic), ..PartitionFacts::default() }
    }

    fn seek(
        &mut self,
        next_offsets: &[(PartitionId, i64)],
        _was: Option<TopicId>,
    ) -> Result<Option<TopicId>, FeedError> {
        let topic = self.topic.lock().unwrap();
        self.next = vec![0; topic.count.max(next_offsets.len())];
        for (slot, (id, offset)) in next_offsets.iter().enumerate() {
            assert_eq!(id.partition as usize, slot, "the table is in the topic's order");
            self.next[slot] = topic.index(slot, *offset);
        }
        drop(topic);
        self.look();
        Ok(None)
    }

    fn reread(&mut self, ranges: &[RecordRange]) -> Result<Batch, FeedError> {
        let topic = self.topic.lock().unwrap();
        for range in ranges.iter().filter(|range| range.records > 0) {
            self.next[range.partition as usize] = topic.index(range.partition as usize, range.to);
        }
        let mut batch = topic.batch(ranges);
        if self.falsified.as_deref() == Some(ranges) {
            let at = self.dice.below(batch.records.len() as u64) as usize;
            match self.dice.below(3) {
                0 => drop(batch.records.remove(at)),
                1 => batch.records[at].timestamp_ms += 1,
                _ => batch.records[at].offset += 1,
            }
        }
        Ok(batch)
    }

    fn group_offsets(&mut self) -> Result<Option<GroupOffsets>, FeedError> {
        let id = || PartitionId { topic: "cdc.orders_db.orders".into(), partition: 0 };
        Ok(self.group_offset.map(|offset| ("cdc-worker".to_owned(), vec![(id(), offset)])))
    }
}
