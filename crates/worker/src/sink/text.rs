//! The seed's text format, line for line (`spec.md` 1.2). Results go to stdout; dead letters and late events to stderr.

use super::{Language, Render};
use crate::decimal::Decimal;
use crate::epoch::{Output, OutputKind, Outputs};
use crate::event::{OrderEvent, OrderId, Side};
use crate::time::Zone;
use crate::window::Aggregate;

/// Renders the seed's lines.
#[derive(Clone, Debug)]
pub struct TextRenderer {
    /// Language of the alerts' messages.
    pub language: Language,
    /// Zone in which times are printed.
    pub zone: Zone,
    /// Colours, for a terminal.
    pub colour: bool,
}

/// Colours of the streams on a terminal: RAW dim, AGG cyan, ALERT bold red.
const DIM: &str = "\x1b[2m";
const CYAN: &str = "\x1b[36m";
const RED: &str = "\x1b[1;31m";
const PLAIN: &str = "\x1b[0m";
/// Erases what the status line has left to the right.
const ERASE_REST: &str = "\x1b[K";

impl Render for TextRenderer {
    fn line(&self, outputs: &Outputs, line: &Output, out: &mut Vec<u8>, err: &mut Vec<u8>) {
        match &line.kind {
            OutputKind::Raw => {
                if let Some(event) = outputs.event(line) {
                    self.begin(out, DIM, "RAW", line.shard);
                    write_event(event, out);
                    self.end(out);
                }
            }
            OutputKind::Agg(result) => {
                self.begin(out, CYAN, "AGG", line.shard);
                self.write_aggregate(&result.0, &result.1, out);
                self.end(out);
            }
            OutputKind::Alert(alert) => {
                if let Some(event) = outputs.event(line) {
                    self.begin(out, RED, "ALERT", line.shard);
                    put(out, "ALERT[");
                    put(out, alert.finding.rule().name());
                    put(out, "] ");
                    write_safely(&event.symbol, out);
                    put(out, " orderId=");
                    write_order_id(&event.order_id, out);
                    put(out, ": ");
                    self.language.write_message(&alert.finding, out);
                    put(out, " at ");
                    self.zone.write_date_time(alert.at_ms, out);
                    self.end(out);
                }
            }
            OutputKind::Late => {
                if let Some(event) = outputs.event(line) {
                    put(err, "LATE> ");
                    write_event(event, err);
                    err.push(b'\n');
                }
            }
            OutputKind::DeadLetter => write_dead_letter(outputs, line, err),
        }
    }
}

impl TextRenderer {
    fn begin(&self, out: &mut Vec<u8>, colour: &str, stream: &str, shard: u16) {
        if self.colour {
            put(out, colour);
        }
        put(out, stream);
        out.push(b':');
        put(out, itoa::Buffer::new().format(shard + 1));
        put(out, "> ");
    }

    fn end(&self, out: &mut Vec<u8>) {
        if self.colour {
            put(out, PLAIN);
            put(out, ERASE_REST);
        }
        out.push(b'\n');
    }

    fn write_aggregate(&self, symbol: &str, aggregate: &Aggregate, out: &mut Vec<u8>) {
        put(out, "Agg{symbol=");
        write_safely(symbol, out);
        put(out, ", window=[");
        self.zone.write_time(aggregate.first_event_ms, out);
        out.push(b'~');
        self.zone.write_time(aggregate.end_ms, out);
        put(out, "], orders=");
        put(out, itoa::Buffer::new().format(aggregate.orders));
        put(out, "(B:");
        put(out, itoa::Buffer::new().format(aggregate.buys));
        put(out, "/S:");
        put(out, itoa::Buffer::new().format(aggregate.sells));
        put(out, "), total=");
        aggregate.total.write_plain(out);
        put(out, ", avg=");
        aggregate.average.write_plain(out);
        put(out, ", range=[");
        aggregate.min.write_plain(out);
        out.push(b'~');
        aggregate.max.write_plain(out);
        put(out, "]}");
    }
}

fn write_event(event: &OrderEvent, out: &mut Vec<u8>) {
    put(out, "OrderEvent{op=");
    out.push(event.op.letter() as u8);
    put(out, ", orderId=");
    write_order_id(&event.order_id, out);
    put(out, ", symbol=");
    write_safely(&event.symbol, out);
    put(out, ", ");
    match &event.side {
        Side::Buy => put(out, "BUY"),
        Side::Sell => put(out, "SELL"),
        Side::Other(side) => write_safely(side, out),
        Side::Absent => put(out, "null"),
    }
    out.push(b' ');
    put(out, itoa::Buffer::new().format(event.quantity));
    out.push(b'@');
    write_decimal(&event.price, out);
    put(out, ", status=");
    match &event.status {
        Some(status) => write_safely(status, out),
        None => put(out, "null"),
    }
    put(out, ", latency=");
    match event.latency_ms {
        Some(latency_ms) => put(out, itoa::Buffer::new().format(latency_ms)),
        None => out.push(b'?'),
    }
    put(out, "ms}");
}

fn write_dead_letter(outputs: &Outputs, line: &Output, err: &mut Vec<u8>) {
    let (Some(record), Some(reason)) = (outputs.record(line), outputs.reason(line)) else { return };
    put(err, "DLQ> ");
    if let Some(id) = outputs.batch.partitions.get(record.partition as usize) {
        write_safely(&id.topic, err);
        err.push(b'-');
        put(err, itoa::Buffer::new().format(id.partition));
    }
    err.push(b'@');
    put(err, itoa::Buffer::new().format(record.offset));
    err.push(b' ');
    write_safely(&reason.0, err);
    err.push(b'\n');
}

fn write_order_id(id: &OrderId, out: &mut Vec<u8>) {
    match id {
        OrderId::Integer(id) => put(out, itoa::Buffer::new().format(*id)),
        OrderId::Unsigned(id) => put(out, itoa::Buffer::new().format(*id)),
        OrderId::Text(id) => write_safely(id, out),
    }
}

fn write_decimal(value: &Decimal, out: &mut Vec<u8>) {
    value.write_plain(out);
}

/// Text from outside, with control characters escaped: a symbol must not break a line or drive a terminal.
fn write_safely(text: &str, out: &mut Vec<u8>) {
    if !text.chars().any(char::is_control) {
        return put(out, text);
    }
    for character in text.chars() {
        if character.is_control() {
            out.extend(character.escape_default().map(|escaped| escaped as u8));
        } else {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}
