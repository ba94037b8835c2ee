//! Alerts and dead letters as they are shown: plain values, taken out of an epoch before its memory is used again.

use compact_str::CompactString;

use crate::anomaly::{Alert, Rule};
use crate::epoch::{Output, OutputKind, Outputs};
use crate::event::OrderId;
use crate::source::SourceRecord;

/// How much of a dead letter's value is kept.
const VALUE_BYTES: usize = 4_096;

/// Where a record stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
}

/// An alert that fired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenAlert {
    /// The rule.
    pub rule: Rule,
    /// The symbol of the order that it fired for.
    pub symbol: CompactString,
    /// The order's key.
    pub order_id: OrderId,
    /// What was seen, and when.
    pub alert: Alert,
    /// The record that it fired for.
    pub place: Place,
}

/// A record that is no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenDeadLetter {
    /// Why.
    pub reason: Box<str>,
    /// The record.
    pub place: Place,
    /// When the broker took it, milliseconds since the Unix epoch; −1 where unknown.
    pub timestamp_ms: i64,
    /// Its value as text, the beginning of it.
    pub value: String,
    /// How long the value is in all.
    pub value_bytes: usize,
}

/// The alert of a line, if it is one.
pub(super) fn alert(outputs: &Outputs, line: &Output) -> Option<SeenAlert> {
    let OutputKind::Alert(alert) = &line.kind else { return None };
    let (event, record) = (outputs.event(line)?, outputs.record(line)?);
    Some(SeenAlert {
        rule: alert.finding.rule(),
        symbol: event.symbol.clone(),
        order_id: event.order_id.clone(),
        alert: Alert::clone(alert),
        place: place(outputs, record)?,
    })
}

/// The dead letter of a line, if it is one.
pub(super) fn dead_letter(outputs: &Outputs, line: &Output) -> Option<SeenDeadLetter> {
    let (record, reason) = (outputs.record(line)?, outputs.reason(line)?);
    let value = outputs.batch.value(record).unwrap_or_default();
    Some(SeenDeadLetter {
        reason: reason.0.clone(),
        place: place(outputs, record)?,
        timestamp_ms: record.timestamp_ms,
        value: String::from_utf8_lossy(&value[..value.len().min(VALUE_BYTES)]).into_owned(),
        value_bytes: value.len(),
    })
}

fn place(outputs: &Outputs, record: &SourceRecord) -> Option<Place> {
    let id = outputs.batch.partitions.get(record.partition as usize)?;
    Some(Place { topic: id.topic.to_string(), partition: id.partition, offset: record.offset })
}
