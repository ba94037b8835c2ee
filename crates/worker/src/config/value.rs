//! The value of a knob, and how text and TOML become one. Everything that is given goes through [`from_text`] or
//! [`from_toml`], so that a file, the environment and a flag mean the same by the same value.

use std::fmt::{self, Write as _};

use serde::{Serialize, Serializer};
use toml::de::DeValue;

use super::knobs::{Kind, Knob};
use super::secret::{HIDDEN, Secret};

/// A value as it was given, checked by its knob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `true`, `false`
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Text of any kind.
    Text(String),
    /// A list of words.
    List(Vec<String>),
    /// A secret, shown as [`HIDDEN`]; `None` is an empty one.
    Secret(Option<Secret>),
}

impl Value {
    /// Whether it is empty text or no secret.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Secret(None)) || matches!(self, Self::Text(text) if text.is_empty())
    }
}

impl fmt::Display for Value {
    /// As TOML has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::List(words) => {
                let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
                write!(f, "[{}]", words.join(", "))
            }
            Self::Secret(secret) => f.write_str(&quoted(secret.as_ref().map_or("", |_| HIDDEN))),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(words) => serializer.collect_seq(words),
            Self::Secret(secret) => serializer.serialize_str(secret.as_ref().map_or("", |_| HIDDEN)),
        }
    }
}

/// `text` as a basic TOML string on one line, control characters escaped.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            other if other.is_control() => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04X}", u32::from(other));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// What is wrong with a value: completes "key = value (origin) is …: give …".
pub(super) type Problem = &'static str;

/// Reads what the environment or a flag gave, by the knob's kind. Spaces around numbers, words and list items do not
/// count; text is taken as it stands.
pub(super) fn from_text(knob: &Knob, text: &str) -> Result<Value, Problem> {
    let value = match knob.kind {
        Kind::Bool => match text.trim() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => return Err("no switch"),
        },
        Kind::Integer { .. } => Value::Integer(integer(text.trim())?),
        Kind::Ops { .. } => Value::List(words(text)),
        Kind::Choice(_) | Kind::Decimal { .. } => Value::Text(text.trim().to_owned()),
        Kind::Text { .. } => Value::Text(text.to_owned()),
        Kind::Secret => secret(text)?,
    };
    check(knob, value)
}

/// Reads what the file gave. A list may also be text with commas, a decimal also a whole number.
pub(super) fn from_toml(knob: &Knob, value: &DeValue<'_>) -> Result<Value, Problem> {
    let value = match (knob.kind, value) {
        (Kind::Bool, DeValue::Boolean(value)) => Value::Bool(*value),
        (Kind::Bool, _) => return Err("no switch"),
        (Kind::Integer { .. }, DeValue::Integer(number)) => Value::Integer(whole(number)?),
        (Kind::Integer { .. }, _) => return Err("not a whole number"),
        (Kind::Ops { .. }, DeValue::Array(items)) => {
            let items: Option<Vec<String>> =
                items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect();
            Value::List(items.ok_or("no list of words")?)
        }
        (Kind::Ops { .. }, DeValue::String(text)) => Value::List(words(text)),
        (Kind::Ops { .. }, _) => return Err("no list of words"),
        (Kind::Decimal { .. }, DeValue::Integer(number)) if number.radix() == 10 => {
            Value::Text(number.as_str().to_owned())
        }
        (Kind::Decimal { .. }, DeValue::Float(_)) => return Err("a float, which is not exact"),
        (Kind::Choice(_) | Kind::Decimal { .. }, DeValue::String(text)) => Value::Text(text.trim().to_owned()),
        (Kind::Text { .. }, DeValue::String(text)) => Value::Text(text.clone().into_owned()),
        (Kind::Secret, DeValue::String(text)) => secret(text)?,
        (Kind::Choice(_) | Kind::Text { .. } | Kind::Decimal { .. } | Kind::Secret, _) => return Err("not text"),
    };
    check(knob, value)
}

/// Whether the knob takes the value.
fn check(knob: &Knob, value: Value) -> Result<Value, Problem> {
    match (&knob.kind, &value) {
        (Kind::Integer { min, .. }, Value::Integer(number)) if number < min => Err("too small"),
        (Kind::Integer { max, .. }, Value::Integer(number)) if number > max => Err("too large"),
        (Kind::Choice(choices), Value::Text(text)) if !choices.contains(&text.as_str()) => Err("unknown"),
        (Kind::Text { accepts, .. } | Kind::Decimal { accepts, .. }, Value::Text(text)) if !accepts(text) => {
            Err("not valid")
        }
        (Kind::Ops { may_be_empty: false }, Value::List(words)) if words.is_empty() => Err("an empty list"),
        (Kind::Ops { .. }, Value::List(words)) if !words.iter().all(|word| super::domain::op(word).is_some()) => {
            Err("not valid")
        }
        _ => Ok(value),
    }
}

/// A secret; refused is what was printed in its place.
fn secret(text: &str) -> Result<Value, Problem> {
    if text == HIDDEN {
        return Err("what `worker config` prints in place of a secret, not the secret");
    }
    if text.contains(char::is_control) {
        return Err("not one line of text");
    }
    Ok(Value::Secret(Secret::new(text)))
}

/// A whole number in decimal digits, with `_` between digits as TOML allows.
fn integer(text: &str) -> Result<i64, Problem> {
    let misplaced = text.starts_with('_') || text.ends_with('_') || text.contains("__") || text.contains("-_");
    if misplaced {
        return Err("not a whole number");
    }
    text.replace('_', "").parse().map_err(|error: std::num::ParseIntError| match error.kind() {
        std::num::IntErrorKind::PosOverflow => "too large",
        std::num::IntErrorKind::NegOverflow => "too small",
        _ => "not a whole number",
    })
}

/// TOML's whole number, which may be hexadecimal, octal or binary.
fn whole(number: &toml::de::DeInteger<'_>) -> Result<i64, Problem> {
    i64::from_str_radix(number.as_str(), number.radix()).map_err(|_| "not a whole number within 64 bits")
}

/// The items between commas.
fn words(text: &str) -> Vec<String> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    text.split(',').map(|word| word.trim().to_owned()).collect()
}
