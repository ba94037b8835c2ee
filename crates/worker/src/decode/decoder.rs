//! Bytes → [`Decoded`]: the envelope and the type are judged here, in `spec.md` 1.1's order.

use super::envelope::{ColumnTable, Columns, Envelope, Keys, Message, RowText, SourceText};
use super::json::{Fault, JsonError, Kind, Raw, Reader};
use super::row::{Event, integer, not_integer, text};
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
}

impl Decoder {
    /// A decoder for the table that `settings` names.
    pub fn new(settings: DecodeSettings) -> Self {
        let DecodeSettings { database, table, columns } = settings;
        Self { database, table, columns: ColumnTable::new(columns), schemas: KnownSchemas::default() }
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
        message.read(&mut reader, &self.columns).map_err(|error| not_json(&reader, text, error))?;
        if message.schema.kind() != Kind::Absent && message.payload.kind() != Kind::Absent {
            let schema = SchemaText::Text(message.schema.text());
            self.judge(message.payload, "payload", &message.wrapped, Some(schema))
        } else {
            self.judge(message.whole, "value", &message.bare, None)
        }
    }

    /// Decodes a wrapped message that begins with a known schema. `None` if it does not, and also if anything is wrong
    /// with its text: the long way then finds the same and words it.
    fn decode_known(&mut self, bytes: &[u8]) -> Option<Result<Decoded, Reason>> {
        let (encodings, end) = self.schemas.recognise(bytes)?;
        let text = std::str::from_utf8(bytes.get(end..)?).ok()?;
        let mut message = Message::default();
        message.read_rest(&mut Reader::behind_member(text), &self.columns).ok()?;
        let schema = match message.schema.kind() {
            Kind::Absent => SchemaText::Known(encodings),
            _ => SchemaText::Text(message.schema.text()),
        };
        let wrapped = message.payload.kind() != Kind::Absent;
        wrapped.then(|| self.judge(message.payload, "payload", &message.wrapped, Some(schema)))
    }

    /// Judges an event: `raw` is its text, `name` what a reason calls it.
    fn judge(
        &mut self,
        raw: Raw<'_>,
        name: &str,
        event: &Envelope<'_>,
        schema: Option<SchemaText<'_>>,
    ) -> Result<Decoded, Reason> {
        match raw.kind() {
            Kind::Object => {}
            Kind::Null => return Ok(Decoded::Ignored(Ignored::Tombstone)),
            _ => return Err(Reason::with_value(name, "not an object", raw.text())),
        }
        if event.op.is_nothing() {
            return self.without_op(raw, event);
        }
        let op = match &*text("op", event.op)? {
            "c" => Op::Create,
            "u" => Op::Update,
            "d" => Op::Delete,
            "r" => Op::Read,
            "t" => return Ok(Decoded::Ignored(Ignored::Truncate)),
            "m" => return Ok(Decoded::Ignored(Ignored::Message)),
            _ => return Err(Reason::with_value("op", "not one of c, u, d, r, t, m", event.op.text())),
        };
        if event.source.raw.kind() != Kind::Object {
            return Err(Reason::wrong_type("source", "not an object", event.source.raw));
        }
        let database = text("source.db", event.source.db)?;
        let table = text("source.table", event.source.table)?;
        if *database != *self.database || *table != *self.table {
            return Ok(Decoded::Ignored(Ignored::OtherTable));
        }
        self.change(op, event, schema).map(Decoded::Change)
    }

    fn change(&mut self, op: Op, event: &Envelope<'_>, schema: Option<SchemaText<'_>>) -> Result<Change, Reason> {
        let time_ms = time("ts_ms", event.ts_ms)?;
        let source_time_ms = time("source.ts_ms", event.source.ts_ms)?;
        let position = if op == Op::Read { None } else { position(op, &event.source)? };
        let latency_ms = time_ms.zip(source_time_ms).map(|(envelope, source)| envelope - source);
        let encodings = self.price_encodings(schema);
        let (row, price) =
            if op == Op::Delete { (&event.before, encodings.before) } else { (&event.after, encodings.after) };
        let row = row::read(Event { op, latency_ms, source_time_ms, price }, row, self.columns.columns());
        Ok(Change { op, position, source_time_ms, row })
    }

    fn price_encodings(&mut self, schema: Option<SchemaText<'_>>) -> PriceEncodings {
        match schema {
            None => PriceEncodings { before: PriceEncoding::Unknown, after: PriceEncoding::Unknown },
            Some(schema) => self.schemas.encodings(schema, &self.columns.columns().price),
        }
    }

    /// An object without `op`: what a connector writes besides change events, or a dead letter.
    fn without_op(&self, raw: Raw<'_>, event: &Envelope<'_>) -> Result<Decoded, Reason> {
        if event.keys == Keys::TS_MS {
            Ok(Decoded::Ignored(Ignored::Heartbeat))
        } else if event.keys.contain(Keys::TRANSACTION) {
            Ok(Decoded::Ignored(Ignored::Transaction))
        } else if event.keys.contain(Keys::SCHEMA_CHANGE) {
            Ok(Decoded::Ignored(Ignored::SchemaChange))
        } else {
            Err(self.not_an_event(raw, event))
        }
    }

    #[cold]
    fn not_an_event(&self, raw: Raw<'_>, event: &Envelope<'_>) -> Reason {
        let what = if event.op.kind() == Kind::Null { "null" } else { "missing" };
        let row = RowText::read(&mut Reader::new(raw.text()), &self.columns).unwrap_or_default();
        if row.is_order() {
            let words = format!("{what}, this is a row without its envelope, is ExtractNewRecordState on?");
            return Reason::with_value("op", &words, raw.text());
        }
        Reason::with_value("op", &format!("{what}, not an event of Debezium"), raw.text())
    }

    /// The field at which the text stops being UTF-8: the last key of what comes before it.
    #[cold]
    fn not_text(&self, bytes: &[u8], at: usize) -> Reason {
        if bytes.first() == Some(&REGISTRY_MAGIC) {
            return registry();
        }
        let before = bytes.get(..at).and_then(|before| std::str::from_utf8(before).ok()).unwrap_or_default();
        let mut reader = Reader::new(before);
        match Message::default().read(&mut reader, &self.columns) {
            Err(error) if error.fault != Fault::End => not_json(&reader, before, error),
            _ => {
                let tail = bytes.get(at..).unwrap_or_default();
                let shown = tail.get(..tail.len().min(16)).unwrap_or_default().escape_ascii().to_string();
                Reason::with_value(field(&reader), &format!("not UTF-8 at byte {at}"), &shown)
            }
        }
    }
}

/// What a reason calls the place of a syntax error.
fn field<'a>(reader: &Reader<'a>) -> &'a str {
    if reader.last_key().is_empty() { "value" } else { reader.last_key() }
}

#[cold]
fn not_json(reader: &Reader<'_>, text: &str, error: JsonError) -> Reason {
    if text.as_bytes().first() == Some(&REGISTRY_MAGIC) {
        return registry();
    }
    let value = text.get(error.token..).unwrap_or_default();
    match error.fault {
        Fault::End if text.is_empty() => Reason::of("value", "empty"),
        Fault::Range => {
            Reason::with_value(field(reader), error.fault.words(), text.get(error.token..error.at).unwrap_or_default())
        }
        fault => {
            let words = format!("{} (byte {})", fault.words(), error.at);
            Reason::with_value(field(reader), &words, value)
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
fn position(op: Op, source: &SourceText<'_>) -> Result<Option<BinlogPosition>, Reason> {
    let file = if source.file.is_nothing() { None } else { Some(file_number(source.file)?) };
    let pos = count("source.pos", source.pos)?;
    let row = count("source.row", source.row)?.unwrap_or(0);
    let step = u8::from(op != Op::Delete);
    Ok(file.zip(pos).map(|(file, pos)| BinlogPosition { file, pos, row, step }))
}

/// The number at the end of `mysql-bin.000003`.
fn file_number(value: Raw<'_>) -> Result<u64, Reason> {
    const FIELD: &str = "source.file";
    let name = text(FIELD, value)?;
    let digits = name.rsplit_once('.').map_or(&*name, |(_, digits)| digits);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Reason::with_value(FIELD, "no number at its end", value.text()));
    }
    digits.parse().map_err(|_| Reason::with_value(FIELD, "number beyond 64 bits", value.text()))
}

/// An integer from 0 on; `None` where absent or null.
fn count(field: &str, value: Raw<'_>) -> Result<Option<u64>, Reason> {
    if value.is_nothing() {
        return Ok(None);
    }
    match value.text() {
        // JSON's grammar has it, Rust's not.
        "-0" => Ok(Some(0)),
        digits => match digits.parse() {
            Ok(count) => Ok(Some(count)),
            Err(_) if value.kind() == Kind::Number && digits.starts_with('-') && !digits.contains(['.', 'e', 'E']) => {
                Err(Reason::with_value(field, "negative", digits))
            }
            Err(_) => Err(not_integer(field, value)),
        },
    }
}

#[cfg(test)]
mod tests;
