//! LARGE_ORDER: quantity above a threshold. No state.

use super::Finding;
use crate::event::{OpSet, OrderEvent};

/// The rule's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LargeOrder {
    /// Shares above which it fires: 500 does not, 501 does.
    pub threshold: i64,
    /// The ops it looks at.
    pub ops: OpSet,
}

impl LargeOrder {
    /// Looks at an event.
    pub fn on_event(&self, event: &OrderEvent) -> Option<Finding> {
        (self.ops.contains(event.op) && event.quantity > self.threshold)
            .then_some(Finding::LargeOrder { quantity: event.quantity, threshold: self.threshold })
    }
}
