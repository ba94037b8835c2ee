//! Bytes → [`Decoded`]: what a connector's record is. Pure; one call a record; parallel over records.
//!
//! The order of judgement is `spec.md` 1.1's: envelope, type, duplicate, row, late. Decoding does the first two and the
//! row; [`dedup`] is applied between by whoever sees a partition's records in order, which is why a change event carries
//! its position *and* its row, and the row may be a [`Reason`].

mod columns;
pub mod dedup;
mod decoder;
mod envelope;
mod json;
mod reason;
mod row;
mod schema;
mod snapshot;
#[cfg(test)]
mod second_reading;

pub use columns::Columns;
pub use decoder::{DecodeSettings, Decoder};
pub use dedup::{BinlogPosition, DedupMark, Verdict};
pub use snapshot::SnapshotRows;

use crate::event::{Op, OrderEvent};

/// Why a record is a dead letter: names the field and the value. One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(pub Box<str>);

/// Types of records that are counted and otherwise ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ignored {
    /// Null value, JSON `null`, or null payload.
    Tombstone,
    /// `op` = `t`.
    Truncate,
    /// `op` = `m`.
    Message,
    /// Only `ts_ms`.
    Heartbeat,
    /// Transaction metadata: `status`, `id`, `event_count`.
    Transaction,
    /// `ddl` and `tableChanges`.
    SchemaChange,
    /// `source.db.table` is not the configured one.
    OtherTable,
}

impl Ignored {
    /// All seven, in the order in which the summary prints them.
    pub const ALL: [Self; 7] = [
        Self::Tombstone,
        Self::Truncate,
        Self::Message,
        Self::Heartbeat,
        Self::Transaction,
        Self::SchemaChange,
        Self::OtherTable,
    ];

    /// The key in the summary.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tombstone => "tombstone",
            Self::Truncate => "truncate",
            Self::Message => "message",
            Self::Heartbeat => "heartbeat",
            Self::Transaction => "transaction",
            Self::SchemaChange => "schema_change",
            Self::OtherTable => "other_table",
        }
    }
}

/// What one record is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "almost every record is a change; boxing it would allocate once an event"
)]
pub enum Decoded {
    /// A change of a row of the orders table (`c`, `u`, `d`, `r`).
    Change(Change),
    /// Counted, nothing else.
    Ignored(Ignored),
    /// The envelope or type is not one that a connector writes.
    DeadLetter(Reason),
}

/// A change event of the orders table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `c`, `u`, `d` or `r`.
    pub op: Op,
    /// Where in the binlog it stands; `None` for `r`, and where the source gives none.
    pub position: Option<BinlogPosition>,
    /// `source.ts_ms`.
    pub source_time_ms: Option<i64>,
    /// The row, or why it is none. Judged after duplicates.
    pub row: Result<OrderEvent, Reason>,
}
