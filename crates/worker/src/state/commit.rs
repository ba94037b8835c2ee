//! What one epoch changes, committed together or not at all (I1), and the stored form of what is said of it as a whole.

use serde::{Deserialize, Serialize};

use super::{OutboxKey, StateCodecError, StateKey, TimerKey};
use crate::decode::{DedupMark, SnapshotRows};
use crate::epoch::Timeline;
use crate::source::PartitionId;
use crate::time::PartitionTime;

/// Version of the stored form of a commit; its first byte.
pub const COMMIT_FORMAT: u8 = 1;

/// Where a partition stands after an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionProgress {
    /// The topic's name.
    pub topic: String,
    /// The topic's id; `None` where the source has none. A topic that was deleted and made again has another.
    pub topic_id: Option<[u8; 16]>,
    /// The partition's number.
    pub partition: i32,
    /// The offset to read next.
    pub next_offset: i64,
    /// Leader epoch of the last record, −1 where unknown.
    pub leader_epoch: i32,
    /// Highest binlog position and time seen.
    pub mark: DedupMark,
    /// Rows that its snapshot read; empty unless `source.snapshot_rows` is `once`.
    pub snapshot: SnapshotRows,
    /// Its watermark and when it was last busy.
    pub time: PartitionTime,
}

/// How far a sink really is: the last epoch it acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkProgress {
    /// The sink's name.
    pub sink: String,
    /// The timeline of the epoch.
    pub timeline: Timeline,
    /// The epoch's id.
    pub epoch: u64,
    /// For a file: its length in bytes after this epoch.
    pub file_length_bytes: Option<u64>,
}

/// Everything that one epoch changes. Its stored form holds all but symbols, timers and outbox: those are stored each
/// under a key of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The timeline that the epoch belongs to.
    pub timeline: Timeline,
    /// The epoch's id.
    pub epoch: u64,
    /// Fingerprint of the configuration that the epoch was executed under.
    pub config_id: u64,
    /// The clock after the epoch.
    pub clock_ms: i64,
    /// The overall watermark after the epoch, if there is one.
    pub watermark_ms: Option<i64>,
    /// All partitions that have been read, in the order of the source's table.
    pub partitions: Vec<PartitionProgress>,
    /// Symbols whose state changed, with their stored form.
    #[serde(skip)]
    pub symbols: Vec<(StateKey, Vec<u8>)>,
    /// Timers set (`true`) and gone (`false`), in this order.
    #[serde(skip)]
    pub timers: Vec<(TimerKey, bool)>,
    /// Outputs put into the outbox (`Some`) and taken out of it, in this order.
    #[serde(skip)]
    pub outbox: Vec<(OutboxKey, Option<Vec<u8>>)>,
    /// Every sink's real progress.
    pub sinks: Vec<SinkProgress>,
}

impl Commit {
    /// The stored form, without symbols, timers and outbox.
    pub fn encode(&self) -> Result<Vec<u8>, StateCodecError> {
        Ok(postcard::to_extend(self, vec![COMMIT_FORMAT])?)
    }

    /// Reads the stored form.
    pub fn decode(bytes: &[u8]) -> Result<Self, StateCodecError> {
        match bytes.split_first() {
            Some((&COMMIT_FORMAT, body)) => Ok(postcard::from_bytes(body)?),
            first => Err(StateCodecError::Format {
                what: "commit",
                found: first.map_or(0, |(&found, _)| found),
                known: COMMIT_FORMAT,
            }),
        }
    }

    /// The same commit as a store gives it back: without symbols, timers and outbox.
    #[must_use]
    pub fn bare(&self) -> Self {
        Self {
            timeline: self.timeline,
            epoch: self.epoch,
            config_id: self.config_id,
            clock_ms: self.clock_ms,
            watermark_ms: self.watermark_ms,
            partitions: self.partitions.clone(),
            symbols: Vec::new(),
            timers: Vec::new(),
            outbox: Vec::new(),
            sinks: self.sinks.clone(),
        }
    }

    /// Takes in the commit of the epoch that follows: both become one.
    pub fn absorb(&mut self, next: Self) {
        let Self { timeline, epoch, config_id, clock_ms, watermark_ms, partitions, symbols, timers, outbox, sinks } =
            next;
        (self.timeline, self.epoch, self.config_id) = (timeline, epoch, config_id);
        (self.clock_ms, self.watermark_ms, self.partitions, self.sinks) = (clock_ms, watermark_ms, partitions, sinks);
        // In their order: of a symbol that both changed the later state holds.
        self.symbols.extend(symbols);
        self.timers.extend(timers);
        self.outbox.extend(outbox);
    }

    /// The offset to read next from each partition.
    pub fn next_offsets(&self) -> Vec<(PartitionId, i64)> {
        let id = |progress: &PartitionProgress| PartitionId {
            topic: progress.topic.as_str().into(),
            partition: progress.partition,
        };
        self.partitions.iter().map(|progress| (id(progress), progress.next_offset)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit() -> Commit {
        Commit {
            timeline: Timeline(3),
            epoch: 300,
            config_id: 9,
            clock_ms: -1,
            watermark_ms: None,
            partitions: Vec::new(),
            symbols: vec![(StateKey::of(0, "A"), vec![1])],
            timers: vec![(TimerKey::of(0, 5, "A"), true)],
            outbox: vec![(OutboxKey::of("kafka", Timeline(3), 300), Some(vec![7]))],
            sinks: Vec::new(),
        }
    }

    // Format 1, byte by byte: version, timeline, epoch (varint), configuration, clock (zigzag), no watermark, no
    // partitions, no sinks. Stored state of older workers must stay readable.
    #[test]
    fn the_stored_form_is_that_of_format_1() {
        let stored = commit().encode().unwrap();
        assert_eq!(stored, [1, 3, 0xac, 2, 9, 1, 0, 0, 0]);
        assert_eq!(Commit::decode(&stored).unwrap(), commit().bare());
    }

    #[test]
    fn another_format_is_refused_by_name() {
        let mut stored = commit().encode().unwrap();
        stored[0] = 2;
        let refusal = Commit::decode(&stored).unwrap_err().to_string();
        assert!(refusal.starts_with("stored commit has format 2, this worker reads 1"), "{refusal}");
        assert!(Commit::decode(&[]).is_err());
        assert!(Commit::decode(&[COMMIT_FORMAT]).is_err());
    }
}
