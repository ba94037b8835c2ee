//! One JSON object a line, key by key as `spec.md` 1.2 lists them. No field depends on the parallelism.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Language, Render};
use crate::anomaly::{Alert, Finding};
use crate::decimal::Decimal;
use crate::epoch::{Output, OutputKind, Outputs};
use crate::event::{OrderEvent, OrderId, Side};
use crate::source::SourceRecord;
use crate::time::write_rfc3339;
use crate::window::Aggregate;

/// Renders one JSON object a line.
#[derive(Clone, Debug)]
pub struct JsonRenderer {
    /// Language of the alerts' messages.
    pub language: Language,
}

impl Render for JsonRenderer {
    fn line(&self, outputs: &Outputs, line: &Output, out: &mut Vec<u8>, _err: &mut Vec<u8>) {
        match &line.kind {
            OutputKind::Raw => write_event("raw", outputs, line, out),
            OutputKind::Late => write_event("late", outputs, line, out),
            OutputKind::Agg(result) => write_aggregate(&result.0, &result.1, out),
            OutputKind::Alert(alert) => self.write_alert(outputs, line, alert, out),
            OutputKind::DeadLetter => write_dead_letter(outputs, line, out),
        }
    }
}

impl JsonRenderer {
    fn write_alert(&self, outputs: &Outputs, line: &Output, alert: &Alert, out: &mut Vec<u8>) {
        let (Some(event), Some(record)) = (outputs.event(line), outputs.record(line)) else { return };
        let rule = alert.finding.rule().name();
        put(out, r#"{"stream":"alert","id":""#);
        put(out, rule);
        out.push(b'-');
        write_record_id(outputs, record, out);
        put(out, r#"","rule":""#);
        put(out, rule);
        put(out, r#"","symbol":"#);
        write_string(&event.symbol, out);
        put(out, r#","order_id":"#);
        write_order_id(&event.order_id, out);
        put(out, r#","value":""#);
        write_value(&alert.finding, out);
        put(out, r#"","threshold":""#);
        write_threshold(&alert.finding, out);
        put(out, r#"","message":""#);
        // Messages are made of our own words and numbers: nothing in them needs escaping.
        self.language.write_message(&alert.finding, out);
        put(out, r#"","at":""#);
        write_rfc3339(alert.at_ms, out);
        put(out, "\"}\n");
    }
}

fn write_event(stream: &str, outputs: &Outputs, line: &Output, out: &mut Vec<u8>) {
    let (Some(event), Some(record)) = (outputs.event(line), outputs.record(line)) else { return };
    put(out, r#"{"stream":""#);
    put(out, stream);
    put(out, r#"","id":""#);
    write_record_id(outputs, record, out);
    put(out, r#"","op":""#);
    out.push(event.op.letter() as u8);
    put(out, r#"","order_id":"#);
    write_order_id(&event.order_id, out);
    put(out, r#","symbol":"#);
    write_string(&event.symbol, out);
    put(out, r#","side":"#);
    write_side(event, out);
    put(out, r#","quantity":"#);
    write_integer(event.quantity, out);
    put(out, r#","price":"#);
    write_decimal(&event.price, out);
    put(out, r#","amount":"#);
    write_decimal(&event.amount, out);
    put(out, r#","status":"#);
    match &event.status {
        Some(status) => write_string(status, out),
        None => put(out, "null"),
    }
    put(out, r#","latency_ms":"#);
    match event.latency_ms {
        Some(latency_ms) => write_integer(latency_ms, out),
        None => put(out, "null"),
    }
    put(out, r#","event_time":"#);
    match event.source_time_ms.or((record.timestamp_ms >= 0).then_some(record.timestamp_ms)) {
        Some(time_ms) => write_time(time_ms, out),
        None => put(out, "null"),
    }
    write_origin(outputs, record, out);
    put(out, "}\n");
}

fn write_aggregate(symbol: &str, aggregate: &Aggregate, out: &mut Vec<u8>) {
    put(out, r#"{"stream":"agg","id":""#);
    write_escaped(symbol, out);
    out.push(b'-');
    write_integer(aggregate.start_ms, out);
    out.push(b'-');
    write_integer(aggregate.end_ms, out);
    put(out, "-r");
    write_integer(i64::from(aggregate.revision), out);
    put(out, r#"","symbol":"#);
    write_string(symbol, out);
    put(out, r#","window_start":"#);
    write_time(aggregate.start_ms, out);
    put(out, r#","window_end":"#);
    write_time(aggregate.end_ms, out);
    put(out, r#","first_event":"#);
    write_time(aggregate.first_event_ms, out);
    for (name, count) in [("orders", aggregate.orders), ("buys", aggregate.buys), ("sells", aggregate.sells)] {
        put(out, ",\"");
        put(out, name);
        put(out, "\":");
        put(out, itoa::Buffer::new().format(count));
    }
    let amounts =
        [("total", &aggregate.total), ("avg", &aggregate.average), ("min", &aggregate.min), ("max", &aggregate.max)];
    for (name, amount) in amounts {
        put(out, ",\"");
        put(out, name);
        put(out, "\":");
        write_decimal(amount, out);
    }
    put(out, r#","revision":"#);
    write_integer(i64::from(aggregate.revision), out);
    put(out, "}\n");
}

/// Appends a dead letter's line: where it stood, why it is one, and its bytes.
pub(super) fn write_dead_letter(outputs: &Outputs, line: &Output, out: &mut Vec<u8>) {
    let (Some(record), Some(reason)) = (outputs.record(line), outputs.reason(line)) else { return };
    put(out, r#"{"stream":"dead_letter""#);
    write_origin(outputs, record, out);
    put(out, r#","reason":"#);
    write_string(&reason.0, out);
    put(out, r#","value_base64":""#);
    write_base64(outputs.batch.value(record).unwrap_or_default(), out);
    put(out, "\"}\n");
}

/// In place: a dead letter may have 16 MB.
fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    let (start, encoded) = (out.len(), bytes.len().div_ceil(3) * 4);
    // A large one with room for the line's end and no more: the buffer would double.
    if encoded > out.capacity() {
        out.reserve_exact(encoded + 16);
    }
    out.resize(start + encoded, 0);
    let written = STANDARD.encode_slice(bytes, &mut out[start..]).unwrap_or_default();
    debug_assert_eq!(written, encoded, "base64 has four characters for three bytes");
    out.truncate(start + written);
}

fn write_origin(outputs: &Outputs, record: &SourceRecord, out: &mut Vec<u8>) {
    if let Some(id) = outputs.batch.partitions.get(record.partition as usize) {
        put(out, r#","topic":"#);
        write_string(&id.topic, out);
        put(out, r#","partition":"#);
        write_integer(i64::from(id.partition), out);
    }
    put(out, r#","offset":"#);
    write_integer(record.offset, out);
}

/// `topic-partition-offset`: stable, and unique while the topic lives.
fn write_record_id(outputs: &Outputs, record: &SourceRecord, out: &mut Vec<u8>) {
    if let Some(id) = outputs.batch.partitions.get(record.partition as usize) {
        write_escaped(&id.topic, out);
        out.push(b'-');
        write_integer(i64::from(id.partition), out);
    }
    out.push(b'-');
    write_integer(record.offset, out);
}

fn write_side(event: &OrderEvent, out: &mut Vec<u8>) {
    match &event.side {
        Side::Buy => put(out, "\"BUY\""),
        Side::Sell => put(out, "\"SELL\""),
        Side::Other(side) => write_string(side, out),
        Side::Absent => put(out, "null"),
    }
}

fn write_order_id(id: &OrderId, out: &mut Vec<u8>) {
    match id {
        OrderId::Integer(id) => write_integer(*id, out),
        OrderId::Unsigned(id) => put(out, itoa::Buffer::new().format(*id)),
        OrderId::Text(id) => write_string(id, out),
    }
}

fn write_value(finding: &Finding, out: &mut Vec<u8>) {
    match finding {
        Finding::LargeOrder { quantity, .. } => write_integer(*quantity, out),
        Finding::HighAmount { amount, .. } => amount.write_plain(out),
        Finding::PriceSpike { percent, .. } => put(out, percent),
        Finding::RapidOrders { count, .. } => write_integer(*count as i64, out),
    }
}

fn write_threshold(finding: &Finding, out: &mut Vec<u8>) {
    match finding {
        Finding::LargeOrder { threshold, .. } => write_integer(*threshold, out),
        Finding::HighAmount { threshold, .. } | Finding::PriceSpike { threshold, .. } => threshold.write_plain(out),
        Finding::RapidOrders { count, .. } => write_integer(*count as i64, out),
    }
}

fn write_time(time_ms: i64, out: &mut Vec<u8>) {
    out.push(b'"');
    write_rfc3339(time_ms, out);
    out.push(b'"');
}

fn write_decimal(value: &Decimal, out: &mut Vec<u8>) {
    out.push(b'"');
    value.write_plain(out);
    out.push(b'"');
}

fn write_integer(value: i64, out: &mut Vec<u8>) {
    put(out, itoa::Buffer::new().format(value));
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    write_escaped(text, out);
    out.push(b'"');
}

/// JSON's escapes, as serde_json writes them; everything above ASCII stays as it is. What needs none goes in one piece.
fn write_escaped(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        out.extend_from_slice(&rest[..at]);
        write_escape(rest[at], out);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'"' => put(out, "\\\""),
        b'\\' => put(out, "\\\\"),
        b'\n' => put(out, "\\n"),
        b'\r' => put(out, "\\r"),
        b'\t' => put(out, "\\t"),
        0x08 => put(out, "\\b"),
        0x0c => put(out, "\\f"),
        _ => {
            put(out, "\\u00");
            out.push(b"0123456789abcdef"[usize::from(byte >> 4)]);
            out.push(b"0123456789abcdef"[usize::from(byte & 0xf)]);
        }
    }
}

fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_those_of_serde_json() {
        let all: String = (0..0x80_u8).map(char::from).chain("가😀\u{7f}\u{80}\u{2028}\u{ffff}".chars()).collect();
        for text in ["", "\"", "\\", "a", "a\"", "\"a", "a\\\\b", "005930", "\0\0x\0", &all] {
            let mut out = Vec::new();
            write_string(text, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(text).unwrap(), "{text:?}");
        }
    }
}
