//! The tables and their columns, in the order in which rows are written. Pure.

use crate::decimal::FixedPoint;

/// A table of the sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Raw,
    Late,
    Agg,
    Alerts,
    DeadLetters,
}

/// What a column holds. How it is written does not depend on the server: types that differ have the same form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// Text of few different values.
    Word,
    /// The same, or none.
    OptionalWord,
    UInt32,
    Int32,
    UInt64,
    Int64,
    OptionalInt64,
    /// Milliseconds since 1970.
    Time,
    /// A decimal.
    Amount,
}

/// What a server can do, and how amounts are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    /// The server knows deduplication tokens, and with them `DateTime64` and `LowCardinality`.
    pub(super) tokens: bool,
    /// The form of amounts.
    pub(super) amounts: FixedPoint,
}

type Column = (&'static str, Kind);

const EVENT: &[Column] = &[
    ("op", Kind::Word),
    ("order_id", Kind::Text),
    ("symbol", Kind::Word),
    ("side", Kind::OptionalWord),
    ("quantity", Kind::Int64),
    ("price", Kind::Amount),
    ("amount", Kind::Amount),
    ("status", Kind::OptionalWord),
    ("latency_ms", Kind::OptionalInt64),
    ("event_time", Kind::Time),
    ("topic", Kind::Word),
    ("partition", Kind::Int32),
    ("offset", Kind::Int64),
    ("timeline", Kind::UInt64),
    ("epoch", Kind::UInt64),
    ("epoch_time", Kind::Time),
];

const AGG: &[Column] = &[
    ("symbol", Kind::Word),
    ("window_start", Kind::Time),
    ("window_end", Kind::Time),
    ("first_event", Kind::Time),
    ("orders", Kind::UInt64),
    ("buys", Kind::UInt64),
    ("sells", Kind::UInt64),
    ("total", Kind::Amount),
    ("avg", Kind::Amount),
    ("min", Kind::Amount),
    ("max", Kind::Amount),
    ("revision", Kind::UInt32),
    ("timeline", Kind::UInt64),
    ("epoch", Kind::UInt64),
    ("epoch_time", Kind::Time),
];

const ALERTS: &[Column] = &[
    ("rule", Kind::Word),
    ("symbol", Kind::Word),
    ("order_id", Kind::Text),
    ("value", Kind::Amount),
    ("threshold", Kind::Amount),
    ("message", Kind::Text),
    ("at", Kind::Time),
    ("topic", Kind::Word),
    ("partition", Kind::Int32),
    ("offset", Kind::Int64),
    ("timeline", Kind::UInt64),
    ("epoch", Kind::UInt64),
    ("epoch_time", Kind::Time),
];

const DEAD_LETTERS: &[Column] = &[
    ("stream", Kind::Word),
    ("id", Kind::Text),
    ("field", Kind::Word),
    ("reason", Kind::Text),
    ("value", Kind::Text),
    ("at", Kind::Time),
    ("topic", Kind::Word),
    ("partition", Kind::Int32),
    ("offset", Kind::Int64),
    ("timeline", Kind::UInt64),
    ("epoch", Kind::UInt64),
    ("epoch_time", Kind::Time),
];

impl Table {
    /// All of them; the place in this list is the number in a parcel.
    pub(super) const ALL: [Self; 5] = [Self::Raw, Self::Late, Self::Agg, Self::Alerts, Self::DeadLetters];

    /// Its name in the database.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Raw => "orders_raw",
            Self::Late => "orders_late",
            Self::Agg => "order_agg_5m",
            Self::Alerts => "anomaly_alerts",
            Self::DeadLetters => "orders_dlq",
        }
    }

    /// What is written of each row, in this order. Columns beside these take their defaults.
    pub(super) const fn columns(self) -> &'static [Column] {
        match self {
            Self::Raw | Self::Late => EVENT,
            Self::Agg => AGG,
            Self::Alerts => ALERTS,
            Self::DeadLetters => DEAD_LETTERS,
        }
    }

    /// The time by which rows are kept.
    pub(super) const fn time(self) -> &'static str {
        match self {
            Self::Raw | Self::Late => "event_time",
            Self::Agg => "window_start",
            Self::Alerts | Self::DeadLetters => "at",
        }
    }

    /// The insert of rows in the form in which they are written.
    pub(super) fn insert_into(self, database: &str) -> String {
        let names: Vec<String> = self.columns().iter().map(|(name, _)| format!("`{name}`")).collect();
        format!("INSERT INTO `{database}`.{} ({}) FORMAT RowBinary", self.name(), names.join(", "))
    }
}

impl Kind {
    /// The type's name.
    pub(super) fn type_name(self, dialect: Dialect) -> String {
        let amounts = dialect.amounts;
        match self {
            Self::Word if dialect.tokens => "LowCardinality(String)".to_owned(),
            Self::Text | Self::Word => "String".to_owned(),
            Self::OptionalWord if dialect.tokens => "LowCardinality(Nullable(String))".to_owned(),
            Self::OptionalWord => "Nullable(String)".to_owned(),
            Self::UInt32 => "UInt32".to_owned(),
            Self::Int32 => "Int32".to_owned(),
            Self::UInt64 => "UInt64".to_owned(),
            Self::OptionalInt64 => "Nullable(Int64)".to_owned(),
            Self::Time if dialect.tokens => "DateTime64(3, 'UTC')".to_owned(),
            Self::Int64 | Self::Time => "Int64".to_owned(),
            Self::Amount => format!("Decimal({}, {})", amounts.digits(), amounts.scale()),
        }
    }

    /// Whether rows that are written for this column can go into one of that type.
    pub(super) fn takes(self, found: &str, dialect: Dialect) -> bool {
        plain(found) == plain(&self.type_name(dialect))
    }
}

/// Without what changes nothing in how a value is sent.
fn plain(name: &str) -> String {
    let name = name.replace(' ', "");
    name.strip_prefix("LowCardinality(").and_then(|inner| inner.strip_suffix(')')).map_or(name.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_told_apart_by_how_they_are_sent() {
        let dialect = |tokens| Dialect { tokens, amounts: FixedPoint::new(76, 30).unwrap() };
        for (kind, found, takes) in [
            (Kind::Word, "String", true),
            (Kind::Word, "LowCardinality(String)", true),
            (Kind::Text, "LowCardinality(String)", true),
            (Kind::Text, "Nullable(String)", false),
            (Kind::OptionalWord, "Nullable(String)", true),
            (Kind::OptionalWord, "LowCardinality(String)", false),
            (Kind::Amount, "Decimal(76, 30)", true),
            (Kind::Amount, "Decimal(38, 10)", false),
            (Kind::Time, "DateTime64(3, 'UTC')", true),
            (Kind::Time, "DateTime64(3)", false),
            (Kind::Int64, "UInt64", false),
        ] {
            assert_eq!(kind.takes(found, dialect(true)), takes, "{kind:?} in {found}");
        }
        assert!(Kind::Time.takes("Int64", dialect(false)));
    }
}
