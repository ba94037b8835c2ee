//! RAPID_ORDERS: with this order, five of the symbol within less than 10 seconds (sliding, exact), and the last such
//! alert at least 10 seconds ago. State: the times of the last five orders, and of the last alert.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::Finding;
use crate::event::{OpSet, OrderEvent};

/// The rule's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RapidOrders {
    /// How many orders, at least 2.
    pub count: usize,
    /// Within less than this, in milliseconds.
    pub window_ms: i64,
    /// After an alert the rule is quiet for the symbol for this long, in milliseconds.
    pub quiet_ms: i64,
    /// The ops it looks at.
    pub ops: OpSet,
}

/// What the rule keeps for a symbol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderTimes {
    /// The last orders' times, a ring of `count`; not sorted in event time.
    times_ms: SmallVec<[i64; 5]>,
    /// Where the next time goes once the ring is full.
    oldest: u8,
    last_alert_ms: Option<i64>,
}

impl RapidOrders {
    /// Looks at an event whose time is `at_ms`.
    pub fn on_event(&self, state: &mut OrderTimes, event: &OrderEvent, at_ms: i64) -> Option<Finding> {
        if !self.ops.contains(event.op) {
            return None;
        }
        state.remember(at_ms, self.count);
        // Quiet time first: while a symbol is busy it answers most questions, and costs least.
        let fires = state.times_ms.len() == self.count
            && state.last_alert_ms.is_none_or(|last_ms| at_ms.saturating_sub(last_ms) >= self.quiet_ms)
            && state.span_ms() < self.window_ms;
        if !fires {
            return None;
        }
        state.last_alert_ms = Some(at_ms);
        Some(Finding::RapidOrders { count: self.count, window_ms: self.window_ms })
    }
}

impl OrderTimes {
    fn remember(&mut self, at_ms: i64, count: usize) {
        if self.times_ms.len() > count {
            // The configured count became smaller: the newest stay.
            self.times_ms.rotate_left(usize::from(self.oldest));
            self.oldest = 0;
            let surplus = self.times_ms.len() - count;
            self.times_ms.drain(..surplus);
        }
        if self.times_ms.len() < count {
            self.times_ms.rotate_left(usize::from(self.oldest));
            self.oldest = 0;
            self.times_ms.push(at_ms);
        } else {
            self.times_ms[usize::from(self.oldest)] = at_ms;
            self.oldest = ((usize::from(self.oldest) + 1) % count) as u8;
        }
    }

    /// From the smallest of the times to the largest: in event time they need not come in order.
    fn span_ms(&self) -> i64 {
        let earliest = self.times_ms.iter().min().copied().unwrap_or(0);
        let latest = self.times_ms.iter().max().copied().unwrap_or(0);
        latest.saturating_sub(earliest)
    }
}
