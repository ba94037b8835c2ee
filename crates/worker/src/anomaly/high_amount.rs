//! HIGH_AMOUNT: price × quantity above a threshold, exactly. No state.

use super::Finding;
use crate::decimal::Decimal;
use crate::event::{OpSet, OrderEvent};

/// The rule's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HighAmount {
    /// Amount above which it fires.
    pub threshold: Decimal,
    /// The ops it looks at.
    pub ops: OpSet,
}

impl HighAmount {
    /// Looks at an event.
    pub fn on_event(&self, event: &OrderEvent) -> Option<Finding> {
        (self.ops.contains(event.op) && event.amount > self.threshold)
            .then(|| Finding::HighAmount { amount: event.amount.clone(), threshold: self.threshold.clone() })
    }
}
