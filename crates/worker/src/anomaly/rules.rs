//! The rules together: one event in, its alerts out, in the order of the table in `spec.md` 1.2.

use serde::{Deserialize, Serialize};

use super::{Alert, Finding, HighAmount, LargeOrder, OrderTimes, PriceSpike, RapidOrders};
use crate::decimal::Decimal;
use crate::event::OrderEvent;

/// The rules that are switched on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// LARGE_ORDER, if on.
    pub large_order: Option<LargeOrder>,
    /// HIGH_AMOUNT, if on.
    pub high_amount: Option<HighAmount>,
    /// PRICE_SPIKE, if on.
    pub price_spike: Option<PriceSpike>,
    /// RAPID_ORDERS, if on.
    pub rapid_orders: Option<RapidOrders>,
}

/// What the rules keep for one symbol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleState {
    previous_price: Option<Decimal>,
    order_times: OrderTimes,
}

impl Rules {
    /// Looks at an event whose time is `at_ms`; hands each alert to `emit`.
    pub fn on_event(&self, state: &mut RuleState, event: &OrderEvent, at_ms: i64, mut emit: impl FnMut(Alert)) {
        let mut fire = |finding: Option<Finding>| {
            if let Some(finding) = finding {
                emit(Alert { at_ms, finding });
            }
        };
        if let Some(rule) = &self.large_order {
            fire(rule.on_event(event));
        }
        if let Some(rule) = &self.high_amount {
            fire(rule.on_event(event));
        }
        if let Some(rule) = &self.price_spike {
            fire(rule.on_event(&mut state.previous_price, event));
        }
        if let Some(rule) = &self.rapid_orders {
            fire(rule.on_event(&mut state.order_times, event, at_ms));
        }
    }
}
