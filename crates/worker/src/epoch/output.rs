//! What an epoch gives: outputs in the order of the records, whatever the shards. Sinks render them.

use compact_str::CompactString;

use crate::anomaly::Alert;
use crate::decode::{Change, Decoded, Reason};
use crate::event::OrderEvent;
use crate::source::{Batch, SourceRecord};
use crate::window::Aggregate;

/// One output line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The record that it came of, or that closed the window, as an index into the batch; the number of records where
    /// none did (timers at the end).
    pub record: u32,
    /// The shard that it came from, counted from 0.
    pub shard: u16,
    /// Windows that a record closes stand before everything of the record itself.
    pub before_record: bool,
    /// What it is.
    pub kind: OutputKind,
}

/// What an output line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputKind {
    /// An order event.
    Raw,
    /// A window's result, with its symbol.
    Agg(Box<(CompactString, Aggregate)>),
    /// A rule fired for the record's event.
    Alert(Box<Alert>),
    /// The record's event was too late for its window.
    Late,
    /// The record is a dead letter.
    DeadLetter,
}

/// The outputs of one epoch, with the records and events that they point into.
#[derive(Debug, Default)]
pub struct Outputs {
    /// The lines, in order.
    pub lines: Vec<Output>,
    /// The records that were read.
    pub batch: Batch,
    /// What each of them is.
    pub decoded: Vec<Decoded>,
}

impl Outputs {
    /// The record of a line.
    pub fn record(&self, line: &Output) -> Option<&SourceRecord> {
        self.batch.records.get(line.record as usize)
    }

    /// The order event of a line; `None` where its record is not one.
    pub fn event(&self, line: &Output) -> Option<&OrderEvent> {
        match self.decoded.get(line.record as usize)? {
            Decoded::Change(Change { row: Ok(event), .. }) => Some(event),
            _ => None,
        }
    }

    /// Why the record of a line is a dead letter; `None` where it is not.
    pub fn reason(&self, line: &Output) -> Option<&Reason> {
        match self.decoded.get(line.record as usize)? {
            Decoded::DeadLetter(reason) | Decoded::Change(Change { row: Err(reason), .. }) => Some(reason),
            _ => None,
        }
    }
}
