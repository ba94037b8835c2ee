//! The window operator: which window an event falls into, when it fires, what comes too late.
//!
//! Time goes by an axis that the caller moves: the clock in processing time, the watermark in event time. A window fires
//! when the axis reaches its end; with an allowed lateness it stays open for corrections until the axis is that much
//! further (Flink's `EventTimeTrigger` and `allowedLateness`).

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{Accumulator, Aggregate};
use crate::event::{OpSet, OrderEvent};

/// The operator's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TumblingWindows {
    /// Width of a window in milliseconds, > 0.
    pub size_ms: i64,
    /// Which events count (`agg.ops`).
    pub ops: OpSet,
    /// How long after its end a window still takes events, in milliseconds on the axis. 0 in processing time.
    pub allowed_lateness_ms: i64,
}

/// One symbol's windows that are not over yet, by start. In processing time there is at most one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Windows {
    open: SmallVec<[OpenWindow; 1]>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OpenWindow {
    start_ms: i64,
    accumulator: Accumulator,
    /// How often it has fired.
    revision: u32,
    /// Whether events came since it last fired.
    dirty: bool,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// The configured ops leave this event out.
    NotLookedAt,
    /// It opened a window, which fires at this time: a timer is due then, and when the window is over.
    Opened(i64),
    /// It was added to an open window.
    Counted,
    /// Its window's end has passed, but it still takes corrections: this is one. A timer is due when it is over.
    Corrected(Box<Aggregate>),
    /// Its window is over.
    Late,
}

impl TumblingWindows {
    /// The start of the window that `at_ms` falls into.
    pub fn start_of(&self, at_ms: i64) -> i64 {
        at_ms - at_ms.rem_euclid(self.size_ms)
    }

    /// Takes an event whose time is `at_ms`, the axis standing at `axis_ms`.
    pub fn on_event(&self, state: &mut Windows, event: &OrderEvent, at_ms: i64, axis_ms: i64) -> Added {
        if !self.ops.contains(event.op) {
            return Added::NotLookedAt;
        }
        let start_ms = self.start_of(at_ms);
        let end_ms = start_ms + self.size_ms;
        if end_ms.saturating_add(self.allowed_lateness_ms) <= axis_ms {
            return Added::Late;
        }
        let (index, opened) = match state.open.binary_search_by_key(&start_ms, |window| window.start_ms) {
            Ok(index) => {
                state.open[index].accumulator.add(event, at_ms);
                (index, false)
            }
            Err(index) => {
                let accumulator = Accumulator::of(event, at_ms);
                state.open.insert(index, OpenWindow { start_ms, accumulator, revision: 0, dirty: false });
                (index, true)
            }
        };
        let window = &mut state.open[index];
        window.dirty = true;
        if end_ms <= axis_ms {
            return Added::Corrected(Box::new(window.fire(self.size_ms)));
        }
        if opened { Added::Opened(end_ms) } else { Added::Counted }
    }

    /// The axis has reached `axis_ms`: fires the earliest window that is due, if one is. Call until `None`.
    pub fn fire_next(&self, state: &mut Windows, axis_ms: i64) -> Option<Aggregate> {
        let due = |window: &&mut OpenWindow| window.dirty && window.start_ms.saturating_add(self.size_ms) <= axis_ms;
        let fired = state.open.iter_mut().find(due).map(|window| window.fire(self.size_ms));
        let kept_ms = self.size_ms.saturating_add(self.allowed_lateness_ms);
        state.open.retain(|window| window.dirty || window.start_ms.saturating_add(kept_ms) > axis_ms);
        fired
    }
}

impl OpenWindow {
    fn fire(&mut self, size_ms: i64) -> Aggregate {
        self.revision += 1;
        self.dirty = false;
        self.accumulator.result(self.start_ms, self.start_ms + size_ms, self.revision)
    }
}
