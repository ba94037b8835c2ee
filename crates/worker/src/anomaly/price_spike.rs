//! PRICE_SPIKE: |price − previous| × 100 ≥ threshold × previous, exactly. State: the symbol's previous price.

use super::Finding;
use crate::decimal::Decimal;
use crate::event::{OpSet, OrderEvent};

/// The rule's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceSpike {
    /// Percent from which on it fires: exactly 5 % does.
    pub threshold: Decimal,
    /// The ops it looks at.
    pub ops: OpSet,
}

impl PriceSpike {
    /// Looks at an event; remembers its price. A price that is not above zero neither fires nor is remembered.
    pub fn on_event(&self, previous: &mut Option<Decimal>, event: &OrderEvent) -> Option<Finding> {
        if !self.ops.contains(event.op) || !event.price.is_positive() {
            return None;
        }
        let Some(previous) = previous else {
            *previous = Some(event.price.clone());
            return None;
        };
        if *previous == event.price {
            return None;
        }
        let finding = event.price.moved_by_percent(previous, &self.threshold).then(|| Finding::PriceSpike {
            previous: previous.clone(),
            price: event.price.clone(),
            percent: event.price.percent_change(previous),
            threshold: self.threshold.clone(),
        });
        *previous = event.price.clone();
        finding
    }
}
