//! An epoch's results as rows. What does not fit its column becomes a dead letter of the sink, with the whole line in
//! it: counted, and never a lost batch. Pure.

use std::sync::atomic::{AtomicU64, Ordering};

use super::encode::{Misfit, Rows, holds_time, nearest_time};
use super::parcel::{self, TableRows};
use super::schema::Table;
use crate::anomaly::{Alert, Finding};
use crate::decimal::{Decimal, FixedPoint};
use crate::epoch::{EpochRecord, Output, OutputKind, Outputs};
use crate::event::{OrderEvent, OrderId, Side};
use crate::sink::{JsonRenderer, Pack, Parcel, Render};
use crate::source::SourceRecord;
use crate::window::Aggregate;

/// What a dead letter of the decoder has for its stream.
const RECORD: &str = "record";

/// Makes rows of results.
#[derive(Debug)]
pub struct ClickHousePack {
    renderer: JsonRenderer,
    amounts: FixedPoint,
    misfits: AtomicU64,
}

/// Where a result came from: what its row's last columns say.
pub(super) struct Origin<'a> {
    epoch: &'a EpochRecord,
    pub(super) topic: &'a str,
    pub(super) partition: i32,
    pub(super) offset: i64,
    /// The record's time, if a column holds it, else the epoch's.
    at_ms: i64,
}

impl<'a> Origin<'a> {
    /// Of a line's record, if it has one.
    pub(super) fn of(epoch: &'a EpochRecord, outputs: &'a Outputs, record: Option<&SourceRecord>) -> Self {
        let id = record.and_then(|record| outputs.batch.partitions.get(record.partition as usize));
        let time_ms = record.map(|record| record.timestamp_ms).filter(|&time_ms| time_ms >= 0 && holds_time(time_ms));
        Self {
            epoch,
            topic: id.map_or("", |id| &id.topic),
            partition: id.map_or(-1, |id| id.partition),
            offset: record.map_or(-1, |record| record.offset),
            at_ms: time_ms.unwrap_or_else(|| nearest_time(epoch.clock_ms)),
        }
    }

    fn record_id(&self) -> String {
        format!("{}-{}-{}", self.topic, self.partition, self.offset)
    }

    /// The stream and the id of a line, as a dead letter of it names them.
    pub(super) fn named(&self, line: &Output) -> (&'static str, String) {
        match &line.kind {
            OutputKind::Raw => ("raw", self.record_id()),
            OutputKind::Late => ("late", self.record_id()),
            OutputKind::Agg(result) => {
                let (symbol, Aggregate { start_ms, end_ms, revision, .. }) = &**result;
                ("agg", format!("{symbol}-{start_ms}-{end_ms}-r{revision}"))
            }
            OutputKind::Alert(alert) => ("alert", format!("{}-{}", alert.finding.rule().name(), self.record_id())),
            OutputKind::DeadLetter => (RECORD, self.record_id()),
        }
    }

    fn write_place(&self, rows: &mut Rows<'_>) {
        rows.text(self.topic);
        rows.i32(self.partition);
        rows.i64(self.offset);
        self.write_epoch(rows);
    }

    fn write_epoch(&self, rows: &mut Rows<'_>) {
        rows.u64(self.epoch.timeline.0);
        rows.u64(self.epoch.id);
        rows.i64(nearest_time(self.epoch.clock_ms));
    }
}

impl ClickHousePack {
    /// Amounts have this form in the tables; alerts' messages are the renderer's.
    pub fn new(renderer: JsonRenderer, amounts: FixedPoint) -> Self {
        Self { renderer, amounts, misfits: AtomicU64::default() }
    }

    /// Writes a line's row, if it has one; what does not fit is one among the dead letters.
    pub(super) fn line(&self, line: &Output, outputs: &Outputs, origin: &Origin<'_>, tables: &mut [TableRows; 5]) {
        if let Err(misfit) = self.row(line, outputs, origin, tables) {
            self.misfit_row(line, outputs, &misfit, origin, &mut tables[Table::DeadLetters as usize]);
        }
    }

    /// Writes a line's row; a line that has none writes nothing.
    fn row(
        &self,
        line: &Output,
        outputs: &Outputs,
        origin: &Origin<'_>,
        tables: &mut [TableRows; 5],
    ) -> Result<(), Misfit> {
        let table = match &line.kind {
            OutputKind::Raw => Table::Raw,
            OutputKind::Late => Table::Late,
            OutputKind::Agg(_) => Table::Agg,
            OutputKind::Alert(_) => Table::Alerts,
            OutputKind::DeadLetter => Table::DeadLetters,
        };
        let into = &mut tables[table as usize];
        let start = into.bytes.len();
        let mut rows = Rows { out: &mut into.bytes, amounts: self.amounts };
        let written = match &line.kind {
            OutputKind::Raw | OutputKind::Late => match outputs.event(line) {
                Some(event) => event_row(&mut rows, event, outputs.record(line), origin),
                None => return Ok(()),
            },
            OutputKind::Agg(result) => agg_row(&mut rows, &result.0, &result.1, origin),
            OutputKind::Alert(alert) => match outputs.event(line) {
                Some(event) => self.alert_row(&mut rows, alert, event, origin),
                None => return Ok(()),
            },
            OutputKind::DeadLetter => match (outputs.record(line), outputs.reason(line)) {
                (Some(record), Some(reason)) => {
                    let value = outputs.batch.value(record).unwrap_or_default();
                    dead_letter_row(&mut rows, RECORD, &origin.record_id(), "", &reason.0, value, origin);
                    Ok(())
                }
                _ => return Ok(()),
            },
        };
        match written {
            Ok(()) => into.rows += 1,
            Err(_) => into.bytes.truncate(start),
        }
        written
    }

    fn alert_row(
        &self,
        rows: &mut Rows<'_>,
        alert: &Alert,
        event: &OrderEvent,
        origin: &Origin<'_>,
    ) -> Result<(), Misfit> {
        rows.text(alert.finding.rule().name());
        rows.text(&event.symbol);
        write_order_id(rows, &event.order_id);
        let (value, threshold) = measures(&alert.finding)?;
        rows.amount("value", &value)?;
        rows.amount("threshold", &threshold)?;
        let mut message = Vec::with_capacity(64);
        self.renderer.language.write_message(&alert.finding, &mut message);
        rows.text(message);
        rows.time("at", alert.at_ms)?;
        origin.write_place(rows);
        Ok(())
    }

    fn misfit_row(&self, line: &Output, outputs: &Outputs, misfit: &Misfit, origin: &Origin<'_>, into: &mut TableRows) {
        self.misfits.fetch_add(1, Ordering::Relaxed);
        let (stream, id) = origin.named(line);
        let (mut json, mut aside) = (Vec::new(), Vec::new());
        self.renderer.line(outputs, line, &mut json, &mut aside);
        let json = json.strip_suffix(b"\n").unwrap_or(&json);
        let mut rows = Rows { out: &mut into.bytes, amounts: self.amounts };
        dead_letter_row(&mut rows, stream, &id, misfit.field, &misfit.reason, json, origin);
        into.rows += 1;
    }
}

impl Pack for ClickHousePack {
    fn pack(&self, epoch: &EpochRecord, outputs: &Outputs) -> Parcel {
        let mut tables: [TableRows; 5] = Default::default();
        for line in &outputs.lines {
            let origin = Origin::of(epoch, outputs, outputs.record(line));
            self.line(line, outputs, &origin, &mut tables);
        }
        parcel::write(self.amounts, &tables)
    }

    fn misfits(&self) -> u64 {
        self.misfits.load(Ordering::Relaxed)
    }
}

/// An event's time, as in JSON; `None` where that has null.
pub(super) fn event_time_ms(event: &OrderEvent, record: Option<&SourceRecord>) -> Option<i64> {
    let record_ms = record.map(|record| record.timestamp_ms).filter(|&time_ms| time_ms >= 0);
    event.source_time_ms.or(record_ms)
}

fn event_row(
    rows: &mut Rows<'_>,
    event: &OrderEvent,
    record: Option<&SourceRecord>,
    origin: &Origin<'_>,
) -> Result<(), Misfit> {
    rows.out.push(1);
    rows.out.push(event.op.letter() as u8);
    write_order_id(rows, &event.order_id);
    rows.text(&event.symbol);
    rows.optional_text(match &event.side {
        Side::Buy => Some("BUY"),
        Side::Sell => Some("SELL"),
        Side::Other(side) => Some(side),
        Side::Absent => None,
    });
    rows.i64(event.quantity);
    rows.amount("price", &event.price)?;
    rows.amount("amount", &event.amount)?;
    rows.optional_text(event.status.as_deref());
    rows.optional_i64(event.latency_ms);
    // Where there is none, the epoch's time: partitions and keys go by this column.
    let time_ms = event_time_ms(event, record).unwrap_or_else(|| nearest_time(origin.epoch.clock_ms));
    rows.time("event_time", time_ms)?;
    origin.write_place(rows);
    Ok(())
}

fn agg_row(rows: &mut Rows<'_>, symbol: &str, aggregate: &Aggregate, origin: &Origin<'_>) -> Result<(), Misfit> {
    rows.text(symbol);
    rows.time("window_start", aggregate.start_ms)?;
    rows.time("window_end", aggregate.end_ms)?;
    rows.time("first_event", aggregate.first_event_ms)?;
    rows.u64(aggregate.orders);
    rows.u64(aggregate.buys);
    rows.u64(aggregate.sells);
    rows.amount("total", &aggregate.total)?;
    rows.amount("avg", &aggregate.average)?;
    rows.amount("min", &aggregate.min)?;
    rows.amount("max", &aggregate.max)?;
    rows.u32(aggregate.revision);
    origin.write_epoch(rows);
    Ok(())
}

fn dead_letter_row(
    rows: &mut Rows<'_>,
    stream: &str,
    id: &str,
    field: &str,
    reason: &str,
    value: &[u8],
    origin: &Origin<'_>,
) {
    rows.text(stream);
    rows.text(id);
    rows.text(field);
    rows.text(reason);
    rows.text(value);
    rows.i64(origin.at_ms);
    origin.write_place(rows);
}

fn write_order_id(rows: &mut Rows<'_>, id: &OrderId) {
    match id {
        OrderId::Integer(id) => rows.text(itoa::Buffer::new().format(*id)),
        OrderId::Unsigned(id) => rows.text(itoa::Buffer::new().format(*id)),
        OrderId::Text(id) => rows.text(id),
    }
}

/// What an alert saw, and against what.
fn measures(finding: &Finding) -> Result<(Decimal, Decimal), Misfit> {
    Ok(match finding {
        Finding::LargeOrder { quantity, threshold } => (Decimal::from_i64(*quantity), Decimal::from_i64(*threshold)),
        Finding::HighAmount { amount, threshold } => (amount.clone(), threshold.clone()),
        Finding::PriceSpike { percent, threshold, .. } => match Decimal::parse(percent) {
            Ok(percent) => (percent, threshold.clone()),
            Err(error) => return Err(Misfit { field: "value", reason: format!("value: {percent}: {error}") }),
        },
        Finding::RapidOrders { count, .. } => (Decimal::from_i64(*count as i64), Decimal::from_i64(*count as i64)),
    })
}
