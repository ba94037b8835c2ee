//! A row's columns → [`OrderEvent`], or the reason why not (`spec.md` 1.1: columns).

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use compact_str::CompactString;

use super::Reason;
use super::columns::{Column, Columns, RowText};
use super::json::{Kind, Raw};
use super::schema::PriceEncoding;
use crate::decimal::{Decimal, ParseDecimalError};
use crate::event::{Op, OrderEvent, OrderId, Side};

/// Unscaled values up to this many bytes are decoded on the stack; MySQL's 65 digits take 28.
const UNSCALED_LEN: usize = 64;

/// What the envelope says of the event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) op: Op,
    pub(super) latency_ms: Option<i64>,
    pub(super) source_time_ms: Option<i64>,
    pub(super) price: PriceEncoding,
}

/// Reads a row of `message`'s text. The first column that is wrong, in the order of the event's fields, gives the reason.
pub(super) fn read(event: Event, row: &RowText, message: &str, columns: &Columns) -> Result<OrderEvent, Reason> {
    let raw = row.raw.of(message);
    if raw.kind() != Kind::Object {
        let name = if event.op == Op::Delete { "before" } else { "after" };
        return Err(Reason::wrong_type(name, "not an object", raw));
    }
    let column = |column| row.column(column, message);
    let order_id = order_id(column(Column::Id), column(Column::IdFallback), columns)?;
    let symbol = text(&columns.symbol, column(Column::Symbol))?;
    let side = side(&columns.side, column(Column::Side))?;
    let quantity = integer(&columns.quantity, column(Column::Quantity))?;
    let price = price(&columns.price, column(Column::Price), event.price)?;
    let status = optional_text(&columns.status, column(Column::Status))?;
    Ok(OrderEvent {
        op: event.op,
        order_id,
        symbol: symbol.into(),
        side,
        quantity,
        amount: price.mul_i64(quantity),
        price,
        status: status.map(CompactString::from),
        latency_ms: event.latency_ms,
        source_time_ms: event.source_time_ms,
    })
}

/// A JSON integer within i64; anything else, also nothing, is the field's fault.
pub(super) fn integer(field: &str, value: Raw<'_>) -> Result<i64, Reason> {
    value.text().parse().map_err(|_| not_integer(field, value))
}

/// Why a value is not an integer of 64 bits. `1.0` and `1e2` are none.
#[cold]
fn not_integer(field: &str, value: Raw<'_>) -> Reason {
    let integer = value.kind() == Kind::Number && !value.text().contains(['.', 'e', 'E']);
    Reason::wrong_type(field, if integer { "beyond 64 bits" } else { "not an integer" }, value)
}

/// A string with any content.
pub(super) fn text<'a>(field: &str, value: Raw<'a>) -> Result<Cow<'a, str>, Reason> {
    value.string().ok_or_else(|| Reason::wrong_type(field, "not a string", value))
}

fn optional_text<'a>(field: &str, value: Raw<'a>) -> Result<Option<Cow<'a, str>>, Reason> {
    if value.is_nothing() { Ok(None) } else { text(field, value).map(Some) }
}

fn order_id(id: Raw<'_>, fallback: Raw<'_>, columns: &Columns) -> Result<OrderId, Reason> {
    let (field, value) = match (id.kind(), fallback.kind()) {
        (Kind::Absent, Kind::Null) => (&columns.id_fallback, fallback),
        (Kind::Absent | Kind::Null, Kind::Absent | Kind::Null) => (&columns.id, id),
        (Kind::Absent | Kind::Null, _) => (&columns.id_fallback, fallback),
        _ => (&columns.id, id),
    };
    match value.kind() {
        Kind::Number => {
            let signed = value.text().parse().map(OrderId::Integer);
            let either = signed.or_else(|_| value.text().parse().map(OrderId::Unsigned));
            either.map_err(|_| not_integer(field, value))
        }
        Kind::String => text(field, value).map(|id| OrderId::Text(id.into())),
        _ => Err(Reason::wrong_type(field, "not an integer or a string", value)),
    }
}

fn side(field: &str, value: Raw<'_>) -> Result<Side, Reason> {
    Ok(match value.text() {
        "\"BUY\"" => Side::Buy,
        "\"SELL\"" => Side::Sell,
        _ => match optional_text(field, value)?.as_deref() {
            None => Side::Absent,
            // Written with escapes.
            Some("BUY") => Side::Buy,
            Some("SELL") => Side::Sell,
            Some(other) => Side::Other(other.into()),
        },
    })
}

/// Absent and null are 0.
fn price(field: &str, value: Raw<'_>, encoding: PriceEncoding) -> Result<Decimal, Reason> {
    match (value.kind(), encoding) {
        (Kind::Absent | Kind::Null, _) => Ok(Decimal::ZERO),
        (Kind::Number, _) => Decimal::parse(value.text()).map_err(|error| not_decimal(field, value, error)),
        (Kind::String, PriceEncoding::Decimal { scale }) => unscaled(field, value, scale),
        (Kind::String, PriceEncoding::BytesWithoutScale) => {
            Err(Reason::with_value(field, "the schema says bytes but gives no scale", value.text()))
        }
        (Kind::String, PriceEncoding::Text | PriceEncoding::Unknown) => {
            let digits = text(field, value)?;
            Decimal::parse(&digits).map_err(|error| match error {
                ParseDecimalError::Malformed if encoding == PriceEncoding::Unknown && is_base64(&digits) => {
                    base64_hint(field, value)
                }
                error => not_decimal(field, value, error),
            })
        }
        _ => Err(not_decimal(field, value, ParseDecimalError::Malformed)),
    }
}

/// The big-endian two's complement that `precise` mode writes, in base64.
fn unscaled(field: &str, value: Raw<'_>, scale: i32) -> Result<Decimal, Reason> {
    let base64 = text(field, value)?;
    let mut stack = [0; UNSCALED_LEN];
    let decimal = match STANDARD.decode_slice(base64.as_bytes(), &mut stack) {
        Ok(len) => Decimal::from_unscaled_be(stack.get(..len).unwrap_or_default(), scale),
        Err(base64::DecodeSliceError::OutputSliceTooSmall) => match STANDARD.decode(base64.as_bytes()) {
            Ok(bytes) => Decimal::from_unscaled_be(&bytes, scale),
            Err(_) => Err(ParseDecimalError::Malformed),
        },
        Err(base64::DecodeSliceError::DecodeError(_)) => Err(ParseDecimalError::Malformed),
    };
    decimal.map_err(|error| match error {
        ParseDecimalError::Malformed => {
            Reason::with_value(field, "not base64 although the schema says bytes", value.text())
        }
        ParseDecimalError::TooLarge => not_decimal(field, value, error),
    })
}

#[cold]
fn is_base64(text: &str) -> bool {
    !text.is_empty() && STANDARD.decode(text).is_ok()
}

#[cold]
fn base64_hint(field: &str, value: Raw<'_>) -> Reason {
    let mut reason = Reason::with_value(field, "not a decimal", value.text()).0.into_string();
    reason.push_str(
        "; if it is base64, its scale is unknown: set decimal.handling.mode=string in the connector, \
         or schemas.enable=true in its value converter",
    );
    Reason(reason.into())
}

#[cold]
fn not_decimal(field: &str, value: Raw<'_>, error: ParseDecimalError) -> Reason {
    let words = match error {
        ParseDecimalError::Malformed => "not a decimal",
        ParseDecimalError::TooLarge => "beyond 65 digits or 30 decimals",
    };
    Reason::with_value(field, words, value.text())
}

#[cfg(test)]
mod tests;
