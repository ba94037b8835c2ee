//! What a window adds up. Never a buffer of events.

use serde::{Deserialize, Serialize};

use crate::decimal::Decimal;
use crate::event::{OrderEvent, Side};

/// The sums of one symbol's window so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accumulator {
    first_event_ms: i64,
    orders: u64,
    buys: u64,
    sells: u64,
    total: Decimal,
    price_sum: Decimal,
    min: Decimal,
    max: Decimal,
}

/// A window's result: one AGG line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregate {
    /// Start of the window, inclusive, milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// End of the window, exclusive.
    pub end_ms: i64,
    /// When the first event came (processing time), or the smallest event time (event time).
    pub first_event_ms: i64,
    /// Order events, whatever their side.
    pub orders: u64,
    /// Those with side BUY.
    pub buys: u64,
    /// Those with side SELL.
    pub sells: u64,
    /// Σ price × quantity.
    pub total: Decimal,
    /// Unweighted mean of the prices, 2 places, half-even.
    pub average: Decimal,
    /// Lowest price.
    pub min: Decimal,
    /// Highest price.
    pub max: Decimal,
    /// 1 at the first firing; counts up with each correction.
    pub revision: u32,
}

/// Decimals of the printed average.
const AVERAGE_PLACES: u32 = 2;

impl Accumulator {
    /// The sums of one event, at `at_ms` on the windows' time axis.
    pub fn of(event: &OrderEvent, at_ms: i64) -> Self {
        Self {
            first_event_ms: at_ms,
            orders: 1,
            buys: u64::from(event.side == Side::Buy),
            sells: u64::from(event.side == Side::Sell),
            total: event.amount.clone(),
            price_sum: event.price.clone(),
            min: event.price.clone(),
            max: event.price.clone(),
        }
    }

    /// Adds an event.
    pub fn add(&mut self, event: &OrderEvent, at_ms: i64) {
        self.first_event_ms = self.first_event_ms.min(at_ms);
        self.orders += 1;
        self.buys += u64::from(event.side == Side::Buy);
        self.sells += u64::from(event.side == Side::Sell);
        self.total += &event.amount;
        self.price_sum += &event.price;
        if event.price < self.min {
            self.min = event.price.clone();
        }
        if event.price > self.max {
            self.max = event.price.clone();
        }
    }

    /// The result as it stands.
    pub fn result(&self, start_ms: i64, end_ms: i64, revision: u32) -> Aggregate {
        Aggregate {
            start_ms,
            end_ms,
            first_event_ms: self.first_event_ms,
            orders: self.orders,
            buys: self.buys,
            sells: self.sells,
            total: self.total.clone(),
            average: self.price_sum.div_round_half_even(self.orders, AVERAGE_PLACES),
            min: self.min.clone(),
            max: self.max.clone(),
            revision,
        }
    }
}
