//! `worker decode`: says for every line of a recording what it is, or why it is nothing. What an engineer runs when
//! messages look wrong.

use std::io::{ErrorKind, Write};

use super::replay::open;
use super::session::{SessionError, decode_settings};
use crate::cli::DecodeArgs;
use crate::config::Settings;
use crate::decode::{Change, Decoded, Decoder, DedupMark, Verdict};
use crate::event::{OrderId, Side};
use crate::source::{Batch, SourceRecord, recording::ReadOutcome};

/// Lines are judged this many at a time.
const LINES: usize = 1_024;
const BYTES: usize = 8 << 20;

/// Prints one line for each line of the recordings.
pub fn execute(arguments: &DecodeArgs, settings: &Settings, out: &mut impl Write) -> Result<(), SessionError> {
    let mut source = open(&arguments.files, settings)?;
    let mut decoder = Decoder::new(decode_settings(settings));
    let mut marks: Vec<DedupMark> = Vec::new();
    let mut batch = Batch::default();
    loop {
        batch.clear();
        let outcome = source.read(&mut batch, LINES, BYTES);
        marks.resize_with(batch.partitions.len(), DedupMark::default);
        for record in &batch.records {
            let decoded = decoder.decode(batch.value(record));
            let line = Line::of(&decoded, &mut marks[record.partition as usize]);
            let written = if arguments.json {
                line.write_json(&batch, record, out)
            } else {
                line.write_text(&batch, record, out)
            };
            match written {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => return Err(SessionError::Source(format!("cannot write to stdout: {error}"))),
            }
        }
        // What was read before a damaged line has been told.
        if outcome.map_err(|error| SessionError::Source(error.to_string()))? == ReadOutcome::End {
            return Ok(());
        }
    }
}

/// What a line is, in a word, and the rest of it.
struct Line {
    verdict: &'static str,
    detail: String,
}

impl Line {
    fn of(decoded: &Decoded, mark: &mut DedupMark) -> Self {
        let change = match decoded {
            Decoded::Ignored(ignored) => return Self { verdict: ignored.name(), detail: String::new() },
            Decoded::DeadLetter(reason) => return Self { verdict: "dead_letter", detail: reason.0.to_string() },
            Decoded::Change(change) => change,
        };
        let verdict = match (mark.judge(change), &change.row) {
            (Verdict::Duplicate, _) => "duplicate",
            (_, Err(reason)) => return Self { verdict: "dead_letter", detail: reason.0.to_string() },
            (Verdict::Generation, Ok(_)) => "order (the binlog began again)",
            (Verdict::New, Ok(_)) => "order",
        };
        Self { verdict, detail: describe(change) }
    }

    fn write_text(&self, batch: &Batch, record: &SourceRecord, out: &mut impl Write) -> std::io::Result<()> {
        let id = &batch.partitions[record.partition as usize];
        write!(out, "{}-{}@{}  {}", id.topic, id.partition, record.offset, self.verdict)?;
        if !self.detail.is_empty() {
            write!(out, ": {}", self.detail)?;
        }
        writeln!(out)
    }

    fn write_json(&self, batch: &Batch, record: &SourceRecord, out: &mut impl Write) -> std::io::Result<()> {
        let id = &batch.partitions[record.partition as usize];
        let object = serde_json::json!({
            "topic": &*id.topic,
            "partition": id.partition,
            "offset": record.offset,
            "is": self.verdict,
            "detail": self.detail,
        });
        writeln!(out, "{object}")
    }
}

fn describe(change: &Change) -> String {
    let Ok(event) = &change.row else { return String::new() };
    let id = match &event.order_id {
        OrderId::Integer(id) => id.to_string(),
        OrderId::Unsigned(id) => id.to_string(),
        OrderId::Text(id) => format!("{id:?}"),
    };
    let side = match &event.side {
        Side::Buy => "BUY".to_owned(),
        Side::Sell => "SELL".to_owned(),
        Side::Other(side) => format!("{side:?}"),
        Side::Absent => "no side".to_owned(),
    };
    let position = match &change.position {
        Some(at) => format!(", binlog {}:{}:{}", at.file, at.pos, at.row),
        None => String::new(),
    };
    let (op, symbol, quantity, price) = (event.op.letter(), &event.symbol, event.quantity, &event.price);
    format!("{op} id={id} symbol={symbol:?} {side} {quantity}@{price}{position}")
}
