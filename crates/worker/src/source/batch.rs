//! Records as they were read: one arena of bytes, one small descriptor a record, no allocation for each.

use std::sync::Arc;

/// A partition of a topic. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionId {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number.
    pub partition: i32,
}

/// What a broker said last of a partition: for those who watch, nothing follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionSeen {
    /// Which one.
    pub id: PartitionId,
    /// The offset behind its last record.
    pub end_offset: i64,
    /// Its copies, where the source has any.
    pub replicas: Option<Replicas>,
}

/// Copies of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replicas {
    /// So many there shall be.
    pub assigned: usize,
    /// So many of them have all that was acknowledged.
    pub in_sync: usize,
}

/// One record of a batch. The value's bytes stand in the batch's arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceRecord {
    /// Index into the source's table of partitions, in order of first appearance.
    pub partition: u32,
    /// The record's offset.
    pub offset: i64,
    /// The record's timestamp in milliseconds since the Unix epoch; −1 where it has none.
    pub timestamp_ms: i64,
    /// Start of the value in the arena, or `u32::MAX` for a null value.
    start: u32,
    /// Length of the value in bytes.
    len: u32,
}

/// What a source has gathered: records in the order in which they were read.
#[derive(Debug, Default)]
pub struct Batch {
    /// The records, in reading order.
    pub records: Vec<SourceRecord>,
    /// Partitions that records and progress point into; grows, never shrinks or reorders, over a source's life.
    pub partitions: Vec<PartitionId>,
    arena: Vec<u8>,
}

const NULL: u32 = u32::MAX;

/// Memory that is kept to be used again, at most: what a message of 16 MB has taken is given back.
const KEPT_BYTES: usize = 8 << 20;

/// Empties a buffer, and gives back its memory where that has become too much to keep.
pub(crate) fn give_back(buffer: &mut Vec<u8>) {
    buffer.clear();
    if buffer.capacity() > KEPT_BYTES {
        *buffer = Vec::new();
    }
}

impl Batch {
    /// A batch without records that knows its source's partitions.
    pub fn of(partitions: Vec<PartitionId>) -> Self {
        Self { partitions, ..Self::default() }
    }

    /// Appends a record; `value` is copied. Values are bounded by the sources (librdkafka's `fetch.message.max.bytes`,
    /// a recording's longest line), epochs by [`Batch::bytes`], so that an arena stays far below 4 GiB.
    pub fn push(&mut self, partition: u32, offset: i64, timestamp_ms: i64, value: Option<&[u8]>) {
        let (start, len) = match value {
            None => (NULL, 0),
            Some(bytes) => {
                let start = self.arena.len() as u32;
                self.arena.extend_from_slice(bytes);
                (start, bytes.len() as u32)
            }
        };
        self.records.push(SourceRecord { partition, offset, timestamp_ms, start, len });
    }

    /// Where the next value goes, for sources that unescape straight into the arena: what they append here becomes the
    /// value of the record that [`Self::push_appended`] adds; what they give up they truncate away.
    pub(super) fn arena(&mut self) -> &mut Vec<u8> {
        &mut self.arena
    }

    /// Appends a record whose value is what stands in the arena from `start` on.
    pub(super) fn push_appended(&mut self, partition: u32, offset: i64, timestamp_ms: i64, start: usize) {
        let len = (self.arena.len() - start) as u32;
        self.records.push(SourceRecord { partition, offset, timestamp_ms, start: start as u32, len });
    }

    /// The value of a record of this batch; `None` is Kafka's null.
    pub fn value(&self, record: &SourceRecord) -> Option<&[u8]> {
        (record.start != NULL).then(|| &self.arena[record.start as usize..][..record.len as usize])
    }

    /// Bytes of all values, for the epoch's bound.
    pub fn bytes(&self) -> usize {
        self.arena.len()
    }

    /// Forgets the records, keeps the table of partitions, and the memory where it is of the usual size.
    pub fn clear(&mut self) {
        self.records.clear();
        give_back(&mut self.arena);
    }
}
