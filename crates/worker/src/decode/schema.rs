//! What a wrapped message's schema says of the price, and the schemas that were seen.
//!
//! A schema is 3 KB of a message of 3.7 KB and the same in every message of a table. A message that begins with a
//! known one is recognised by comparing bytes, and reading goes on behind it. Remembering changes the speed only.

use serde_json::Value;

/// What stands before a schema in every message that Connect writes.
const LEAD: &[u8] = b"{\"schema\":";

/// Connect's logical type behind `decimal.handling.mode=precise`.
const DECIMAL: &str = "org.apache.kafka.connect.data.Decimal";

/// Schemas that are kept. A topic has one, for a while two after a change of the table.
const MAX_KNOWN: usize = 4;

/// A longer schema is read anew with each message, so that the memory is bounded.
const MAX_SCHEMA_LEN: usize = 256 << 10;

/// How a price that is a string is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum PriceEncoding {
    /// Digits; no schema says otherwise, because there is none or it does not know the column.
    #[default]
    Unknown,
    /// Digits; there is a schema and it does not say bytes.
    Text,
    /// Base64 of the unscaled value.
    Decimal {
        /// Decimals.
        scale: i32,
    },
    /// Base64, but the schema gives no scale.
    BytesWithoutScale,
}

/// A schema's word on both rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PriceEncodings {
    /// In `before`.
    pub(super) before: PriceEncoding,
    /// In `after`.
    pub(super) after: PriceEncoding,
}

impl PriceEncodings {
    /// Reads a schema's JSON text. Cold: once a schema.
    pub(super) fn of_schema(text: &str, price_column: &str) -> Self {
        let schema: Value = serde_json::from_str(text).unwrap_or_default();
        let row = |name| {
            let price = field(&schema, name).and_then(|row| field(row, price_column));
            price.map_or(PriceEncoding::Unknown, encoding)
        };
        Self { before: row("before"), after: row("after") }
    }
}

/// The field `name` of a struct's schema.
fn field<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    let mut fields = schema.get("fields")?.as_array()?.iter();
    fields.find(|field| field.get("field").and_then(Value::as_str) == Some(name))
}

fn encoding(price: &Value) -> PriceEncoding {
    if price.get("type").and_then(Value::as_str) != Some("bytes") {
        return PriceEncoding::Text;
    }
    let decimal = price.get("name").and_then(Value::as_str) == Some(DECIMAL);
    let scale = match price.get("parameters").and_then(|parameters| parameters.get("scale")) {
        Some(Value::String(digits)) if decimal => digits.parse().ok(),
        Some(Value::Number(number)) if decimal => number.as_i64().and_then(|scale| i32::try_from(scale).ok()),
        _ => None,
    };
    scale.map_or(PriceEncoding::BytesWithoutScale, |scale| PriceEncoding::Decimal { scale })
}

/// A message's schema: known, or its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SchemaText<'a> {
    /// Recognised; nothing was read.
    Known(PriceEncodings),
    /// As read.
    Text(&'a str),
}

/// The schemas seen last.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownSchemas {
    known: Vec<Known>,
    /// Which to replace next.
    oldest: usize,
}

#[derive(Clone, Debug)]
struct Known {
    /// [`LEAD`] and the schema.
    head: Box<[u8]>,
    encodings: PriceEncodings,
}

impl KnownSchemas {
    /// Whether a message begins with a known schema: what it says, and where the message goes on.
    #[inline]
    pub(super) fn recognise(&self, message: &[u8]) -> Option<(PriceEncodings, usize)> {
        let known = self.known.iter().find(|known| message.starts_with(&known.head))?;
        Some((known.encodings, known.head.len()))
    }

    /// What a schema says; remembers it. `text` is the JSON text of a value of any type, checked.
    pub(super) fn encodings(&mut self, schema: SchemaText<'_>, price_column: &str) -> PriceEncodings {
        let text = match schema {
            SchemaText::Known(encodings) => return encodings,
            SchemaText::Text(text) => text,
        };
        let same = |known: &&Known| known.head.get(LEAD.len()..) == Some(text.as_bytes());
        if let Some(known) = self.known.iter().find(same) {
            return known.encodings;
        }
        let encodings = PriceEncodings::of_schema(text, price_column);
        // Only an object ends where its text ends: 12 is also the beginning of 123.
        if text.starts_with('{') && text.len() <= MAX_SCHEMA_LEN {
            self.remember(Known { head: [LEAD, text.as_bytes()].concat().into(), encodings });
        }
        encodings
    }

    fn remember(&mut self, known: Known) {
        if self.known.len() < MAX_KNOWN {
            self.known.push(known);
        } else if let Some(place) = self.known.get_mut(self.oldest) {
            *place = known;
            self.oldest = (self.oldest + 1) % MAX_KNOWN;
        }
    }
}

#[cfg(test)]
mod tests;
