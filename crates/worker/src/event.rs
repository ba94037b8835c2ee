//! The domain: an order event, and what it is made of. No JSON, no Kafka, no clock.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::decimal::Decimal;

/// What a change event did to the row (Debezium's `op` for events that carry one).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Op {
    /// `c`: a row was inserted.
    Create,
    /// `u`: a row was updated.
    Update,
    /// `d`: a row was deleted; the row is in `before`.
    Delete,
    /// `r`: a row was read by a snapshot, initial or incremental.
    Read,
}

impl Op {
    /// Debezium's letter.
    pub const fn letter(self) -> char {
        match self {
            Self::Create => 'c',
            Self::Update => 'u',
            Self::Delete => 'd',
            Self::Read => 'r',
        }
    }
}

/// A set of operations, as `agg.ops` and each rule's `ops` give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpSet(u8);

impl OpSet {
    /// `c`, `u`, `d` and `r`: the seed looks at every order event, whatever its op.
    pub const ALL: Self = Self(0b1111);
    /// No operation at all.
    pub const NONE: Self = Self(0);

    /// The set with `op` added.
    #[must_use]
    pub const fn with(self, op: Op) -> Self {
        Self(self.0 | 1 << op as u8)
    }

    /// Whether `op` is in the set.
    pub const fn contains(self, op: Op) -> bool {
        self.0 & (1 << op as u8) != 0
    }
}

/// Which side of the book an order is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// `BUY`
    Buy,
    /// `SELL`
    Sell,
    /// Anything else that the column held: counts in a window's orders only.
    Other(CompactString),
    /// The column is null or absent.
    Absent,
}

/// The order's primary key, an integer or a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderId {
    /// An integer column.
    Integer(i64),
    /// A `BIGINT UNSIGNED` above `i64::MAX`.
    Unsigned(u64),
    /// A string column.
    Text(CompactString),
}

/// One change of one order, exactly as the database had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderEvent {
    /// What happened to the row.
    pub op: Op,
    /// The order's key.
    pub order_id: OrderId,
    /// The traded symbol, byte for byte; the key of all state.
    pub symbol: CompactString,
    /// Buy or sell.
    pub side: Side,
    /// Shares; zero and negative values are kept as they come.
    pub quantity: i64,
    /// Price of one share; `0` where the row has none.
    pub price: Decimal,
    /// `price` × `quantity`, exact.
    pub amount: Decimal,
    /// The order's status, where the row has one.
    pub status: Option<CompactString>,
    /// Envelope `ts_ms` − `source.ts_ms`; `None` where either is absent. May be negative.
    pub latency_ms: Option<i64>,
    /// `source.ts_ms`, milliseconds since the Unix epoch; `None` where absent.
    pub source_time_ms: Option<i64>,
}

#[cfg(test)]
pub(crate) mod testing {
    //! Orders for the operators' tests.

    use super::*;

    /// An inserted order; an unknown side is kept as it is, an empty one is absent.
    pub(crate) fn order(symbol: &str, side: &str, quantity: i64, price: &str) -> OrderEvent {
        let price = Decimal::parse(price).unwrap();
        let side = match side {
            "BUY" => Side::Buy,
            "SELL" => Side::Sell,
            "" => Side::Absent,
            other => Side::Other(other.into()),
        };
        OrderEvent {
            op: Op::Create,
            order_id: OrderId::Integer(1),
            symbol: symbol.into(),
            side,
            quantity,
            amount: price.mul_i64(quantity),
            price,
            status: Some("PENDING".into()),
            latency_ms: Some(2),
            source_time_ms: Some(0),
        }
    }
}
