//! What one epoch changes, committed together or not at all (I1).

use serde::{Deserialize, Serialize};

use super::{StateKey, TimerKey};
use crate::decode::{DedupMark, SnapshotRows};
use crate::epoch::Timeline;
use crate::source::PartitionId;
use crate::time::PartitionTime;

/// Where a partition stands after an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionProgress {
    /// The topic's name.
    pub topic: String,
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

/// Everything that one epoch changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The timeline that the epoch belongs to.
    pub timeline: Timeline,
    /// The epoch's id.
    pub epoch: u64,
    /// The clock after the epoch.
    pub clock_ms: i64,
    /// The overall watermark after the epoch, if there is one.
    pub watermark_ms: Option<i64>,
    /// All partitions that have been read, in the order of the source's table.
    pub partitions: Vec<PartitionProgress>,
    /// Symbols whose state changed, with their stored form.
    pub symbols: Vec<(StateKey, Vec<u8>)>,
    /// Timers set (`true`) and gone (`false`), in this order.
    pub timers: Vec<(TimerKey, bool)>,
    /// Every sink's real progress.
    pub sinks: Vec<SinkProgress>,
}

impl Commit {
    /// The offset to read next from each partition.
    pub fn next_offsets(&self) -> Vec<(PartitionId, i64)> {
        let id = |progress: &PartitionProgress| PartitionId {
            topic: progress.topic.as_str().into(),
            partition: progress.partition,
        };
        self.partitions.iter().map(|progress| (id(progress), progress.next_offset)).collect()
    }
}
