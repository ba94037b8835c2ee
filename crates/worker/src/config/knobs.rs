//! What a knob is: its key, kind, default, unit and one line of help. The knobs themselves stand in [`super::table`].

use super::value::Value;

/// What a knob takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number within bounds, both included.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// Text that a parser of the domain accepts.
    Text {
        /// What is accepted, in words: the remedy of a refusal.
        allowed: &'static str,
        /// The domain's parser.
        accepts: fn(&str) -> bool,
    },
    /// An exact decimal: text, or a whole number in TOML; never a float.
    Decimal {
        /// What is accepted, in words.
        allowed: &'static str,
        /// The domain's parser.
        accepts: fn(&str) -> bool,
    },
    /// A list of Debezium's operation letters.
    Ops {
        /// Whether the list may be empty.
        may_be_empty: bool,
    },
    /// Text that is never shown.
    Secret,
}

/// A knob's default.
#[derive(Clone, Copy, Debug)]
pub enum Default {
    /// For [`Kind::Bool`].
    Bool(bool),
    /// For [`Kind::Integer`].
    Integer(i64),
    /// For every kind of text.
    Text(&'static str),
    /// For secrets: none.
    Secret,
    /// For lists.
    List(&'static [&'static str]),
}

/// One key of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Knob {
    /// The key, sections joined by dots: `agg.window_ms`.
    pub key: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Its value where nobody gives one.
    pub default: Default,
    /// The unit of a number; empty where it has none.
    pub unit: &'static str,
    /// One line for people.
    pub help: &'static str,
}

/// The prefix of environment variables that are configuration.
pub(super) const ENVIRONMENT_PREFIX: &str = "CDC_WORKER_";

impl Knob {
    /// A switch.
    pub(super) const fn switch(key: &'static str, default: bool, help: &'static str) -> Self {
        Self { key, kind: Kind::Bool, default: Default::Bool(default), unit: "", help }
    }

    /// A whole number from `min` to `max`.
    pub(super) const fn integer(
        key: &'static str,
        default: i64,
        unit: &'static str,
        (min, max): (i64, i64),
        help: &'static str,
    ) -> Self {
        Self { key, kind: Kind::Integer { min, max }, default: Default::Integer(default), unit, help }
    }

    /// One of a few words.
    pub(super) const fn choice(
        key: &'static str,
        default: &'static str,
        words: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self { key, kind: Kind::Choice(words), default: Default::Text(default), unit: "", help }
    }

    /// Text with a parser.
    pub(super) const fn text(
        key: &'static str,
        default: &'static str,
        (allowed, accepts): (&'static str, fn(&str) -> bool),
        help: &'static str,
    ) -> Self {
        Self { key, kind: Kind::Text { allowed, accepts }, default: Default::Text(default), unit: "", help }
    }

    /// An exact decimal.
    pub(super) const fn decimal(
        key: &'static str,
        default: &'static str,
        unit: &'static str,
        (allowed, accepts): (&'static str, fn(&str) -> bool),
        help: &'static str,
    ) -> Self {
        Self { key, kind: Kind::Decimal { allowed, accepts }, default: Default::Text(default), unit, help }
    }

    /// A list of operation letters, all of them by default.
    pub(super) const fn ops(key: &'static str, may_be_empty: bool, help: &'static str) -> Self {
        let default = Default::List(&["c", "u", "d", "r"]);
        Self { key, kind: Kind::Ops { may_be_empty }, default, unit: "", help }
    }

    /// A secret, none by default.
    pub(super) const fn secret(key: &'static str, help: &'static str) -> Self {
        Self { key, kind: Kind::Secret, default: Default::Secret, unit: "", help }
    }

    /// The environment variable that sets it: `agg.window_ms` is `CDC_WORKER_AGG_WINDOW_MS`.
    pub fn environment_name(&self) -> String {
        format!("{ENVIRONMENT_PREFIX}{}", self.key.replace('.', "_").to_ascii_uppercase())
    }

    /// The default as a value.
    pub fn default_value(&self) -> Value {
        match self.default {
            Default::Bool(value) => Value::Bool(value),
            Default::Integer(value) => Value::Integer(value),
            Default::Text(value) => Value::Text(value.to_owned()),
            Default::Secret => Value::Secret(None),
            Default::List(values) => Value::List(values.iter().map(|&value| value.to_owned()).collect()),
        }
    }

    /// What it takes, in words: completes "give …".
    pub fn allowed(&self) -> String {
        let unit = if self.unit.is_empty() { String::new() } else { format!(" ({})", self.unit) };
        match self.kind {
            Kind::Bool => "true or false".to_owned(),
            Kind::Integer { min, max } => format!("a whole number from {min} to {max}{unit}"),
            Kind::Choice(words) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                quoted.join(" or ")
            }
            Kind::Text { allowed, .. } => allowed.to_owned(),
            Kind::Decimal { allowed, .. } => format!("{allowed}{unit}"),
            Kind::Ops { may_be_empty: true } => "a list of c, u, d, r, which may be empty".to_owned(),
            Kind::Ops { may_be_empty: false } => "a list of at least one of c, u, d, r".to_owned(),
            Kind::Secret => "text of one line".to_owned(),
        }
    }

    /// Whether its value is never shown.
    pub const fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret)
    }
}
