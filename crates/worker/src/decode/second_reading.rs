//! The same contract read a second time, the slow and obvious way: `serde_json` for everything, a map an object.
//! Tests and the fuzz target hold the decoder against it.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::decimal::Decimal;
use crate::decode::{BinlogPosition, Change, DecodeSettings, Decoded, Ignored};
use crate::event::{Op, OrderEvent, OrderId, Side};

/// What a value is, without a dead letter's words.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "as in `Decoded`")]
pub(crate) enum Reading {
    /// A change event; the row is `None` where it is a dead letter.
    Change(Op, Option<BinlogPosition>, Option<i64>, Option<OrderEvent>),
    Ignored(Ignored),
    DeadLetter,
}

/// A dead letter.
struct Bad;

type Members<'a> = HashMap<String, &'a RawValue>;

/// The second reading of `value`.
pub(crate) fn read(value: Option<&[u8]>, settings: &DecodeSettings) -> Reading {
    let Some(bytes) = value else {
        return Reading::Ignored(Ignored::Tombstone);
    };
    judge(bytes, settings).unwrap_or(Reading::DeadLetter)
}

/// The decoder's own reading in the same terms; checks that its reasons are fit to be shown.
pub(crate) fn of_decoded(decoded: Decoded) -> Reading {
    let check = |reason: &str| {
        assert!(reason.contains(": ") && !reason.contains(char::is_control), "{reason:?}");
        assert!(reason.chars().count() <= 400, "{reason:?}");
    };
    match decoded {
        Decoded::Ignored(ignored) => Reading::Ignored(ignored),
        Decoded::DeadLetter(reason) => {
            check(&reason.0);
            Reading::DeadLetter
        }
        Decoded::Change(Change { op, position, source_time_ms, row }) => {
            let row = row.inspect_err(|reason| check(&reason.0)).ok();
            Reading::Change(op, position, source_time_ms, row)
        }
    }
}

fn judge(bytes: &[u8], settings: &DecodeSettings) -> Result<Reading, Bad> {
    serde_json::from_slice::<Value>(bytes).map_err(|_| Bad)?;
    let document: &RawValue = serde_json::from_slice(bytes).map_err(|_| Bad)?;
    let (mut event, mut schema) = (document, None);
    if let Some(members) = members(document)
        && let (Some(found_schema), Some(payload)) = (members.get("schema"), members.get("payload"))
    {
        (event, schema) = (*payload, serde_json::from_str::<Value>(found_schema.get()).ok());
    }
    if event.get() == "null" {
        return Ok(Reading::Ignored(Ignored::Tombstone));
    }
    let event = members(event).ok_or(Bad)?;
    let Some(op) = present(&event, "op") else {
        return without_op(&event);
    };
    let op = match string(op).ok_or(Bad)?.as_str() {
        "c" => Op::Create,
        "u" => Op::Update,
        "d" => Op::Delete,
        "r" => Op::Read,
        "t" => return Ok(Reading::Ignored(Ignored::Truncate)),
        "m" => return Ok(Reading::Ignored(Ignored::Message)),
        _ => return Err(Bad),
    };
    let source = event.get("source").and_then(|source| members(source)).ok_or(Bad)?;
    let name = |key| source.get(key).and_then(|name| string(name)).ok_or(Bad);
    if (name("db")?, name("table")?) != (settings.database.clone(), settings.table.clone()) {
        return Ok(Reading::Ignored(Ignored::OtherTable));
    }
    let (time_ms, source_time_ms) = (time(&event)?, time(&source)?);
    let position = if op == Op::Read { None } else { position(op, &source)? };
    let latency_ms = time_ms.zip(source_time_ms).map(|(envelope, source)| envelope - source);
    let row = row(op, &event, schema.as_ref(), settings).map(|row| OrderEvent { latency_ms, source_time_ms, ..row });
    Ok(Reading::Change(op, position, source_time_ms, row))
}

fn without_op(event: &Members<'_>) -> Result<Reading, Bad> {
    let has = |keys: &[&str]| keys.iter().all(|key| event.contains_key(*key));
    Ok(Reading::Ignored(if has(&["ts_ms"]) && event.len() == 1 {
        Ignored::Heartbeat
    } else if has(&["status", "id", "event_count"]) {
        Ignored::Transaction
    } else if has(&["ddl", "tableChanges"]) {
        Ignored::SchemaChange
    } else {
        return Err(Bad);
    }))
}

/// The members of an object; of repeated keys the last.
fn members(raw: &RawValue) -> Option<Members<'_>> {
    if raw.get().starts_with('{') { serde_json::from_str(raw.get()).ok() } else { None }
}

fn present<'a>(members: &Members<'a>, key: &str) -> Option<&'a RawValue> {
    members.get(key).copied().filter(|raw| raw.get() != "null")
}

fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// A number without point and exponent.
fn integer(raw: &RawValue) -> Option<i128> {
    let digits = raw.get().strip_prefix('-').unwrap_or(raw.get());
    if !digits.chars().all(|char| char.is_ascii_digit()) {
        return None;
    }
    // What does not fit is far outside of every range asked for.
    Some(raw.get().parse().unwrap_or(i128::MAX))
}

/// `ts_ms`, within the years 0001 to 9999.
fn time(members: &Members<'_>) -> Result<Option<i64>, Bad> {
    let Some(raw) = present(members, "ts_ms") else {
        return Ok(None);
    };
    match integer(raw) {
        Some(ms @ -62_135_596_800_000..=253_402_300_799_999) => Ok(Some(ms as i64)),
        _ => Err(Bad),
    }
}

fn position(op: Op, source: &Members<'_>) -> Result<Option<BinlogPosition>, Bad> {
    let number = |key| match present(source, key).map(integer) {
        None => Ok(None),
        Some(Some(number @ 0..=0x7fff_ffff_ffff_ffff)) => Ok(Some(number as u64)),
        Some(_) => Err(Bad),
    };
    let (pos, row) = (number("pos")?, number("row")?);
    let file = match present(source, "file") {
        None => None,
        Some(raw) => Some(string(raw).ok_or(Bad)?),
    };
    let (Some(file), Some(pos)) = (file, pos) else {
        return Ok(None);
    };
    let digits = file.split('.').next_back().unwrap_or_default();
    if !digits.starts_with(|char: char| char.is_ascii_digit()) {
        return Err(Bad);
    }
    let file = digits.parse().map_err(|_| Bad)?;
    Ok(Some(BinlogPosition { file, pos, row: row.unwrap_or(0), step: u8::from(op != Op::Delete) }))
}

/// Latency and time are left to the caller.
fn row(op: Op, event: &Members<'_>, schema: Option<&Value>, settings: &DecodeSettings) -> Option<OrderEvent> {
    let name = if op == Op::Delete { "before" } else { "after" };
    let row = event.get(name).and_then(|row| members(row))?;
    let columns = &settings.columns;
    let optional = |key: &str| match present(&row, key) {
        None => Some(None),
        Some(raw) => string(raw).map(Some),
    };
    let id = present(&row, &columns.id).or_else(|| present(&row, &columns.id_fallback))?;
    let order_id = match (string(id), integer(id)) {
        (Some(text), _) => OrderId::Text(text.into()),
        (None, Some(number)) => {
            let signed = i64::try_from(number).map(OrderId::Integer);
            signed.or_else(|_| u64::try_from(number).map(OrderId::Unsigned)).ok()?
        }
        (None, None) => return None,
    };
    let quantity = i64::try_from(integer(present(&row, &columns.quantity)?)?).ok()?;
    let price = match present(&row, &columns.price) {
        None => Decimal::ZERO,
        Some(raw) => price(raw, schema.map(|schema| price_schema(schema, name, &columns.price)))?,
    };
    Some(OrderEvent {
        op,
        order_id,
        symbol: string(present(&row, &columns.symbol)?)?.into(),
        side: match optional(&columns.side)? {
            None => Side::Absent,
            Some(side) if side == "BUY" => Side::Buy,
            Some(side) if side == "SELL" => Side::Sell,
            Some(side) => Side::Other(side.into()),
        },
        quantity,
        amount: price.mul_i64(quantity),
        price,
        status: optional(&columns.status)?.map(Into::into),
        latency_ms: None,
        source_time_ms: None,
    })
}

fn price(raw: &RawValue, schema: Option<Value>) -> Option<Decimal> {
    let Some(text) = string(raw) else {
        // Numbers have a grammar of their own, and nothing else has it.
        return Decimal::parse(raw.get()).ok();
    };
    let schema = schema.unwrap_or_default();
    if schema["type"] != "bytes" {
        return Decimal::parse(&text).ok();
    }
    if schema["name"] != "org.apache.kafka.connect.data.Decimal" {
        return None;
    }
    let scale = match &schema["parameters"]["scale"] {
        Value::String(digits) => digits.parse().ok()?,
        Value::Number(number) => i32::try_from(number.as_i64()?).ok()?,
        _ => return None,
    };
    Decimal::from_unscaled_be(&STANDARD.decode(text).ok()?, scale).ok()
}

/// The schema of one column of `before` or `after`; null where there is none.
fn price_schema(schema: &Value, row: &str, column: &str) -> Value {
    let field = |of: &Value, name: &str| {
        let fields = of["fields"].as_array()?;
        fields.iter().find(|field| field["field"] == name).cloned()
    };
    field(schema, row).and_then(|row| field(&row, column)).unwrap_or_default()
}
