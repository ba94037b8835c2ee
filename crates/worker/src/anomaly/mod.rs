//! The four rules. One file a rule; each is plain settings and a function from an event (and the symbol's state) to at
//! most one alert. Pure. An event's alerts come in the order of [`Rule::ALL`].

mod high_amount;
mod large_order;
mod price_spike;
mod rapid_orders;
mod rules;

pub use high_amount::HighAmount;
pub use large_order::LargeOrder;
pub use price_spike::PriceSpike;
pub use rapid_orders::{OrderTimes, RapidOrders};
pub use rules::{RuleState, Rules};

use crate::decimal::Decimal;

/// Which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Quantity above a threshold.
    LargeOrder,
    /// Price × quantity above a threshold.
    HighAmount,
    /// Price moved by a percentage or more since the symbol's previous order.
    PriceSpike,
    /// Many orders of a symbol within a short time.
    RapidOrders,
}

impl Rule {
    /// All four, in the order in which one event's alerts come.
    pub const ALL: [Self; 4] = [Self::LargeOrder, Self::HighAmount, Self::PriceSpike, Self::RapidOrders];

    /// The rule's name in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LargeOrder => "LARGE_ORDER",
            Self::HighAmount => "HIGH_AMOUNT",
            Self::PriceSpike => "PRICE_SPIKE",
            Self::RapidOrders => "RAPID_ORDERS",
        }
    }
}

/// An alert: what the rule saw, and against which threshold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The event's time on the rules' axis: the clock, or the event time.
    pub at_ms: i64,
    /// What was seen.
    pub finding: Finding,
}

/// What a rule saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A quantity above the threshold.
    LargeOrder {
        /// Shares.
        quantity: i64,
        /// Shares above which the rule fires.
        threshold: i64,
    },
    /// An amount above the threshold.
    HighAmount {
        /// Price × quantity.
        amount: Decimal,
        /// Amount above which the rule fires.
        threshold: Decimal,
    },
    /// A price that moved.
    PriceSpike {
        /// The symbol's previous price.
        previous: Decimal,
        /// This price.
        price: Decimal,
        /// The move in percent, half-even, always two places, a minus sign only.
        percent: String,
        /// Percent from which on the rule fires.
        threshold: Decimal,
    },
    /// Orders in quick succession.
    RapidOrders {
        /// How many.
        count: usize,
        /// Within less than this many milliseconds.
        window_ms: i64,
    },
}

impl Finding {
    /// The rule that found it.
    pub const fn rule(&self) -> Rule {
        match self {
            Self::LargeOrder { .. } => Rule::LargeOrder,
            Self::HighAmount { .. } => Rule::HighAmount,
            Self::PriceSpike { .. } => Rule::PriceSpike,
            Self::RapidOrders { .. } => Rule::RapidOrders,
        }
    }
}
