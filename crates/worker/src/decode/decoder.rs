//! Bytes → [`Decoded`]: the envelope and the type are judged here, in `spec.md` 1.1's order.

use super::columns::{ColumnTable, Columns, RowText};
use super::envelope::{Envelope, Hints, Keys, Message, SourceText};
use super::json::{Broken, Fault, JsonError, KeyHints, Kind, Raw, Reader};
use super::row::{Event, integer, text};
use super::schema::{KnownSchemas, PriceEncoding, PriceEncodings, SchemaText};
use super::{BinlogPosition, Change, Decoded, Ignored, Reason, row};
use crate::event::Op;

/// Years 0001 to 9999, in milliseconds since the Unix epoch: times that can be printed.
const TIMES_MS: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

/// Begins a message of Confluent's serializers (Avro, Protobuf, JSON Schema): no JSON.
const REGISTRY_MAGIC: u8 = 0;

/// Which table is read, and what its columns are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeSettings {
    /// `source.db` of the orders table; default `orders_db`.
    pub database: String,
    /// `source.table` of the orders table; default `orders`.
    pub table: String,
    /// Names of its columns.
    pub columns: Columns,
}

impl Default for DecodeSettings {
    fn default() -> Self {
        Self { database: "orders_db".into(), table: "orders".into(), columns: Columns::default() }
    }
}

/// Decodes records, one at a time. Each thread has its own: it remembers schemas, which changes its speed only.
#[derive(Clone, Debug)]
pub struct Decoder {
    database: String,
    table: String,
    columns: ColumnTable,
    schemas: KnownSchemas,
    hints: Hints,
}

/// An event as it was found in a record's value, still to be judged.
#[derive(Clone, Copy, Debug)]
struct Found<'m> {
    /// What the spans point into.
    text: &'m str,
    /// The event: the whole value, or the payload.
    value: Raw<'m>,
    /// What a reason calls it.
    name: &'static str,
    /// Its members, if it is an object.
    envelope: Option<&'m Envelope>,
    /// What came with it.
    schema: Option<SchemaText<'m>>,
}

impl Decoder {
    /// A decoder for the table that `settings` names.
    pub fn new(settings: DecodeSettings) -> Self {
        let DecodeSettings { database, table, columns } = settings;
        Self {
            database,
            table,
            columns: ColumnTable::new(columns),
            schemas: KnownSchemas::default(),
            hints: Hints::default(),
        }
    }

    /// What a record's value is; `None` is Kafka's null. Never fails: what cannot be read is a dead letter.
    pub fn decode(&mut self, value: Option<&[u8]>) -> Decoded {
        match value {
            None => Decoded::Ignored(Ignored::Tombstone),
            Some(bytes) => self.decode_bytes(bytes).unwrap_or_else(Decoded::DeadLetter),
        }
    }

    fn decode_bytes(&mut self, bytes: &[u8]) -> Result<Decoded, Reason> {
        if let Some(decoded) = self.decode_known(bytes) {
            return decoded;
        }
        let text = std::str::from_utf8(bytes).map_err(|error| self.not_text(bytes, error.valid_up_to()))?;
        let mut reader = Reader::new(text);
        let mut message = Message::default();
        message.read(&mut reader, &self.columns, &mut self.hints).map_err(|Broken| not_json(&reader, text))?;
        let (schema, payload) = (message.schema.of(text), message.payload.of(text));
        self.judge(if schema.kind() != Kind::Absent && payload.kind() != Kind::Absent {
            let schema = Some(SchemaText::Text(schema.text()));
            Found { text, value: payload, name: "payload", envelope: message.wrapped.as_ref(), schema }
        } else {
            let value = message.whole.of(text);
            Found { text, value, name: "value", envelope: Some(&message.bare), schema: None }
        })
    }

    /// Decodes a wrapped message that begins with a known schema. `None` if it does not, and also if anything is wrong
    /// with its text: the long way then finds the same and words it.
    fn decode_known(&mut self, bytes: &[u8]) -> Option<Result<Decoded, Reason>> {
        let (encodings, end) = self.schemas.recognise(bytes)?;
        let text = std::str::from_utf8(bytes.get(end..)?).ok()?;
        let mut message = Message::default();
        message.read_rest(&mut Reader::behind_member(text), &self.columns, &mut self.hints).ok()?;
        let (schema, payload) = (message.schema.of(text), message.payload.of(text));
        if payload.kind() == Kind::Absent {
            return None;
        }
        let schema = Some(match schema.kind() {
            Kind::Absent => SchemaText::Known(encodings),
            _ => SchemaText::Text(schema.text()),
        });
        let envelope = message.wrapped.as_ref();
        Some(self.judge(Found { text, value: payload, name: "payload", envelope, schema }))
    }

    fn judge(&mut self, found: Found<'_>) -> Result<Decoded, Reason> {
        let envelope = match (found.value.kind(), found.envelope) {
            (Kind::Object, Some(envelope)) => envelope,
            (Kind::Null, _) => return Ok(Decoded::Ignored(Ignored::Tombstone)),
            _ => return Err(Reason::with_value(found.name, "not an object", found.value.text())),
        };
        let op = envelope.op.of(found.text);
        if op.is_nothing() {
            return self.without_op(found.value, op, envelope.keys);
        }
        let op = match &*text("op", op)? {
            "c" => Op::Create,
            "u" => Op::Update,
            "d" => Op::Delete,
            "r" => Op::Read,
            "t" => return Ok(Decoded::Ignored(Ignored::Truncate)),
            "m" => return Ok(Decoded::Ignored(Ignored::Message)),
            _ => return Err(Reason::with_value("op", "not one of c, u, d, r, t, m", op.text())),
        };
        let source = &envelope.source;
        let raw = source.raw.of(found.text);
        if raw.kind() != Kind::Object {
            return Err(Reason::wrong_type("source", "not an object", raw));
        }
        let database = text("source.db", source.db.of(found.text))?;
        let table = text("source.table", source.table.of(found.text))?;
        if *database != *self.database || *table != *self.table {
            return Ok(Decoded::Ignored(Ignored::OtherTable));
        }
        self.change(op, envelope, &found).map(Decoded::Change)
    }

    fn change(&mut self, op: Op, envelope: &Envelope, found: &Found<'_>) -> Result<Change, Reason> {
        let text = found.text;
        let time_ms = time("ts_ms", envelope.ts_ms.of(text))?;
        let source_time_ms = time("source.ts_ms", envelope.source.ts_ms.of(text))?;
        let position = if op == Op::Read { None } else { position(op, &envelope.source, text)? };
        let latency_ms = time_ms.zip(source_time_ms).map(|(envelope, source)| envelope - source);
        let encodings = self.price_encodings(found.schema);
        let (row, price) = match op {
            Op::Delete => (&envelope.before, encodings.before),
            _ => (&envelope.after, encodings.after),
        };
        let event = Event { op, latency_ms, source_time_ms, price };
        let row = row::read(event, row, text, self.columns.columns());
        Ok(Change { op, position, source_time_ms, row })
    }

    fn price_encodings(&mut self, schema: Option<SchemaText<'_>>) -> PriceEncodings {
        match schema {
            None => PriceEncodings { before: PriceEncoding::Unknown, after: PriceEncoding::Unknown },
            Some(schema) => self.schemas.encodings(schema, &self.columns.columns().price),
        }
    }

    /// An object without `op`: what a connector writes besides change events, or a dead letter.
    fn without_op(&self, object: Raw<'_>, op: Raw<'_>, keys: Keys) -> Result<Decoded, Reason> {
        if keys == Keys::TS_MS {
            Ok(Decoded::Ignored(Ignored::Heartbeat))
        } else if keys.contain(Keys::TRANSACTION) {
            Ok(Decoded::Ignored(Ignored::Transaction))
        } else if keys.contain(Keys::SCHEMA_CHANGE) {
            Ok(Decoded::Ignored(Ignored::SchemaChange))
        } else {
            Err(self.not_an_event(object, op))
        }
    }

    #[cold]
    fn not_an_event(&self, object: Raw<'_>, op: Raw<'_>) -> Reason {
        let what = if op.kind() == Kind::Null { "null" } else { "missing" };
        let (text, mut row) = (object.text(), RowText::default());
        let read = row.read(&mut Reader::new(text), &self.columns, &mut KeyHints::default());
        let hint = if read.is_ok() && row.is_order(text) {
            "this is a row without its envelope, is ExtractNewRecordState on?"
        } else {
            "not an event of Debezium"
        };
        Reason::with_value("op", &format!("{what}, {hint}"), text)
    }

    /// The field at which the text stops being UTF-8: the last key of what comes before it.
    #[cold]
    fn not_text(&self, bytes: &[u8], at: usize) -> Reason {
        if bytes.first() == Some(&REGISTRY_MAGIC) {
            return registry();
        }
        let before = bytes.get(..at).and_then(|before| std::str::from_utf8(before).ok()).unwrap_or_default();
        let mut reader = Reader::new(before);
        let read = Message::default().read(&mut reader, &self.columns, &mut Hints::default());
        if read.is_err() && reader.error().is_some_and(|error| error.fault != Fault::End) {
            return not_json(&reader, before);
        }
        let tail = bytes.get(at..).unwrap_or_default();
        let shown = tail.get(..tail.len().min(16)).unwrap_or_default().escape_ascii().to_string();
        // Behind a whole value no field is to blame.
        let field = if read.is_ok() { "value" } else { field(&reader) };
        Reason::with_value(field, &format!("not UTF-8 at byte {at}"), &shown)
    }
}

/// What a reason calls the place of a syntax error.
fn field<'a>(reader: &Reader<'a>) -> &'a str {
    if reader.last_key().is_empty() { "value" } else { reader.last_key() }
}

#[cold]
fn not_json(reader: &Reader<'_>, text: &str) -> Reason {
    if text.as_bytes().first() == Some(&REGISTRY_MAGIC) {
        return registry();
    }
    let Some(JsonError { fault, at, token }) = reader.error() else {
        return Reason::of("value", "not JSON");
    };
    match fault {
        Fault::End if text.is_empty() => Reason::of("value", "empty"),
        Fault::Range => Reason::with_value(field(reader), fault.words(), text.get(token..at).unwrap_or_default()),
        _ => {
            let field = if fault == Fault::Trailing { "value" } else { field(reader) };
            let words = format!("{} (byte {at})", fault.words());
            Reason::with_value(field, &words, text.get(token..).unwrap_or_default())
        }
    }
}

fn registry() -> Reason {
    Reason::of(
        "value",
        "begins with byte 0x00 as Avro, Protobuf and JSON Schema from a registry do: set \
         value.converter=org.apache.kafka.connect.json.JsonConverter",
    )
}

/// Milliseconds since the Unix epoch; `None` where absent or null.
fn time(field: &str, value: Raw<'_>) -> Result<Option<i64>, Reason> {
    if value.is_nothing() {
        return Ok(None);
    }
    let time_ms = integer(field, value)?;
    if TIMES_MS.contains(&time_ms) {
        Ok(Some(time_ms))
    } else {
        Err(Reason::with_value(field, "outside the years 0001 to 9999", value.text()))
    }
}

/// `None` where the source gives no file or no position.
fn position(op: Op, source: &SourceText, message: &str) -> Result<Option<BinlogPosition>, Reason> {
    const FILE: &str = "source.file";
    let raw = source.file.of(message);
    let file = if raw.is_nothing() { None } else { Some(text(FILE, raw)?) };
    let pos = count("source.pos", source.pos.of(message))?;
    let row = count("source.row", source.row.of(message))?.unwrap_or(0);
    let Some((file, pos)) = file.zip(pos) else {
        return Ok(None);
    };
    let file = file_number(&file).map_err(|words| Reason::with_value(FILE, words, raw.text()))?;
    Ok(Some(BinlogPosition { file, pos, row, step: u8::from(op != Op::Delete) }))
}

/// The number at the end of `mysql-bin.000003`, or what is wrong with it.
fn file_number(name: &str) -> Result<u64, &'static str> {
    let digits = name.rsplit_once('.').map_or(name, |(_, digits)| digits);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("no number at its end");
    }
    digits.parse().map_err(|_| "number beyond 64 bits")
}

/// An integer from 0 on, within i64 like every number of the binlog that Connect writes; `None` where absent or null.
fn count(field: &str, value: Raw<'_>) -> Result<Option<u64>, Reason> {
    if value.is_nothing() {
        return Ok(None);
    }
    let count = integer(field, value)?;
    u64::try_from(count).map(Some).map_err(|_| Reason::with_value(field, "negative", value.text()))
}

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod tests;
