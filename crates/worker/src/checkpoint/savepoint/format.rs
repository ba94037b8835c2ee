//! The lines of a savepoint.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::checkpoint::Checksum;
use crate::checkpoint::manifest::timeline;
use crate::checkpoint::{hexadecimal, manifest::KEY_GROUP_HASH};
use crate::epoch::Timeline;
use crate::route::KEY_GROUPS;
use crate::state::{Commit, PartitionProgress, SinkProgress, SymbolState};
use crate::time::write_rfc3339;

/// Version of the file's form.
pub const SAVEPOINT_FORMAT: u32 = 1;
/// Kinds of line between the first and the last.
pub(super) const SECTIONS: [&str; 5] = ["partition", "sink", "outbox", "symbol", "timer"];
/// Parts of a symbol's state, by their paths.
pub(super) const OPERATORS: [&str; 3] = ["windows", "rules.previous_price", "rules.order_times"];

/// The first line: what the savepoint is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`SAVEPOINT_FORMAT`].
    pub format: u32,
    /// Version of the worker that wrote it.
    pub worker: String,
    /// The history that the state belongs to.
    #[serde(with = "timeline")]
    pub timeline: Timeline,
    /// The last epoch in the state.
    pub epoch: u64,
    /// The clock after that epoch, milliseconds since the Unix epoch.
    pub clock_ms: i64,
    /// The overall watermark, if there is one.
    pub watermark_ms: Option<i64>,
    /// Fingerprint of the configuration of the epoch.
    #[serde(with = "hexadecimal")]
    pub config_id: u64,
    /// The tail was executed, every sink has acknowledged, the outbox is empty: it restores anywhere, exactly once.
    pub drained: bool,
    /// How many shards wrote it; restored into any number.
    pub parallelism: u16,
    /// How many key groups there were.
    pub key_groups: u16,
    /// How symbols came into them.
    pub key_group_hash: String,
    /// When it was written, RFC 3339.
    pub created_at: String,
    /// Kinds of line that may follow.
    pub sections: Vec<String>,
    /// Parts of a symbol's state that may follow.
    pub operators: Vec<String>,
}

impl Header {
    pub(super) fn of(commit: &Commit, drained: bool, parallelism: u16, now_ms: i64) -> Self {
        let mut created_at = Vec::new();
        write_rfc3339(now_ms, &mut created_at);
        Self {
            format: SAVEPOINT_FORMAT,
            worker: env!("CARGO_PKG_VERSION").to_owned(),
            timeline: commit.timeline,
            epoch: commit.epoch,
            clock_ms: commit.clock_ms,
            watermark_ms: commit.watermark_ms,
            config_id: commit.config_id,
            drained,
            parallelism,
            key_groups: KEY_GROUPS,
            key_group_hash: KEY_GROUP_HASH.to_owned(),
            created_at: String::from_utf8_lossy(&created_at).into_owned(),
            sections: SECTIONS.map(str::to_owned).to_vec(),
            operators: OPERATORS.map(str::to_owned).to_vec(),
        }
    }

    /// What it announces and this worker does not know.
    pub fn unknown(&self) -> Vec<String> {
        let sections = self.sections.iter().filter(|name| !SECTIONS.contains(&name.as_str()));
        let operators = self.operators.iter().filter(|name| !OPERATORS.contains(&name.as_str()));
        let operators = operators.map(|name| format!("operator {name}"));
        sections.map(|name| format!("section {name}")).chain(operators).collect()
    }
}

/// The last line: how many of each there are, and the checksum of what stands before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Lines of partitions.
    pub partitions: u64,
    /// Lines of sinks.
    pub sinks: u64,
    /// Lines of the outbox.
    pub outbox: u64,
    /// Lines of symbols.
    pub symbols: u64,
    /// Lines of timers.
    pub timers: u64,
    /// Of all bytes before this line.
    pub checksum: Option<Checksum>,
}

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    Savepoint(Header),
    Partition(PartitionProgress),
    Sink(SinkProgress),
    Outbox(Outbox),
    Symbol(SymbolLine),
    Timer(Timer),
    End(End),
}

/// An epoch's outputs for a sink.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Outbox {
    pub(super) sink: String,
    #[serde(with = "timeline")]
    pub(super) timeline: Timeline,
    pub(super) epoch: u64,
    /// Base64 of their stored form.
    pub(super) outputs: String,
}

/// A symbol.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SymbolLine {
    pub(super) unit: u32,
    pub(super) symbol: CompactString,
    pub(super) state: SymbolState,
}

/// A timer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Timer {
    pub(super) unit: u32,
    pub(super) due_ms: i64,
    pub(super) symbol: CompactString,
}
