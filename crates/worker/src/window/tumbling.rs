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
#[serde(deny_unknown_fields)]
pub struct Windows {
    open: SmallVec<[OpenWindow; 1]>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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

impl Windows {
    /// The windows that are not over, as they stand, of this width; by start.
    pub fn open_so_far(&self, size_ms: i64) -> impl Iterator<Item = Aggregate> {
        let so_far = move |window: &OpenWindow| {
            window.accumulator.result(window.start_ms, window.start_ms + size_ms, window.revision)
        };
        self.open.iter().map(so_far)
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Op, testing::order};

    const WINDOWS: TumblingWindows = TumblingWindows { size_ms: 300_000, ops: OpSet::ALL, allowed_lateness_ms: 0 };

    /// Adds orders `(quantity, price, side, at)` in processing time, where the axis is the event's time.
    fn add(windows: &TumblingWindows, state: &mut Windows, at_ms: i64, event: &OrderEvent) -> Added {
        windows.on_event(state, event, at_ms, at_ms)
    }

    #[test]
    fn windows_are_half_open_and_aligned_to_the_epoch() {
        for (at_ms, start_ms) in [(0, 0), (299_999, 0), (300_000, 300_000), (-1, -300_000), (-300_000, -300_000)] {
            assert_eq!(WINDOWS.start_of(at_ms), start_ms, "{at_ms}");
        }
    }

    // The seed's 005930: 100@72000 BUY, 50@73000 BUY, 1000@74000 SELL (its section 6.5).
    #[test]
    fn the_seeds_window_adds_up() {
        let mut state = Windows::default();
        let orders = [("BUY", 100, "72000.00"), ("BUY", 50, "73000.00"), ("SELL", 1000, "74000.00")];
        let mut opened = Vec::new();
        for (at_ms, (side, quantity, price)) in (122_000..).step_by(4_000).zip(orders) {
            opened.push(add(&WINDOWS, &mut state, at_ms, &order("005930", side, quantity, price)));
        }
        assert_eq!(opened, [Added::Opened(300_000), Added::Counted, Added::Counted]);
        assert_eq!(WINDOWS.fire_next(&mut state, 299_999), None, "not due a millisecond before its end");
        let result = WINDOWS.fire_next(&mut state, 300_000).unwrap();
        assert_eq!((result.start_ms, result.end_ms, result.first_event_ms), (0, 300_000, 122_000));
        assert_eq!((result.orders, result.buys, result.sells, result.revision), (3, 2, 1, 1));
        let amounts = [&result.total, &result.average, &result.min, &result.max].map(ToString::to_string);
        assert_eq!(amounts, ["84850000", "73000", "72000", "74000"]);
        assert_eq!(WINDOWS.fire_next(&mut state, 300_000), None, "it fires once");
        assert!(state.open.is_empty(), "and is forgotten");
    }

    // 10.00, 10.01, 10.02, 10.03 → 10.015 → half-even 10.02; 10.00 and 10.01 → 10.005 → half-even 10.00, trimmed 10.
    #[test]
    fn averages_round_half_even_to_two_places() {
        for (prices, average) in [
            (&["10.00", "10.01", "10.02", "10.03"][..], "10.02"),
            (&["10.00", "10.01"], "10"),
            (&["1", "2", "2"], "1.67"),
        ] {
            let mut state = Windows::default();
            for price in prices {
                add(&WINDOWS, &mut state, 1, &order("A", "BUY", 1, price));
            }
            assert_eq!(WINDOWS.fire_next(&mut state, 300_000).unwrap().average.to_string(), average);
        }
    }

    #[test]
    fn other_sides_count_in_orders_only() {
        let mut state = Windows::default();
        for side in ["BUY", "SELL", "HOLD", ""] {
            add(&WINDOWS, &mut state, 1, &order("A", side, 1, "1"));
        }
        let result = WINDOWS.fire_next(&mut state, i64::MAX).unwrap();
        assert_eq!((result.orders, result.buys, result.sells), (4, 1, 1));
    }

    #[test]
    fn ops_narrow_what_counts() {
        let windows = TumblingWindows { ops: OpSet::NONE.with(Op::Create), ..WINDOWS };
        let mut state = Windows::default();
        let mut deleted = order("A", "BUY", 1, "1");
        deleted.op = Op::Delete;
        assert_eq!(add(&windows, &mut state, 1, &deleted), Added::NotLookedAt);
        assert_eq!(add(&windows, &mut state, 1, &order("A", "BUY", 1, "1")), Added::Opened(300_000));
    }

    #[test]
    fn an_event_is_late_once_its_window_is_over() {
        let mut state = Windows::default();
        let event = order("A", "BUY", 1, "1");
        assert_eq!(WINDOWS.on_event(&mut state, &event, 299_999, 299_999), Added::Opened(300_000));
        WINDOWS.fire_next(&mut state, 300_000);
        assert_eq!(WINDOWS.on_event(&mut state, &event, 299_999, 300_000), Added::Late);
        assert_eq!(WINDOWS.on_event(&mut state, &event, 300_000, 300_000), Added::Opened(600_000));
    }

    #[test]
    fn with_an_allowed_lateness_corrections_count_up() {
        let windows = TumblingWindows { allowed_lateness_ms: 60_000, ..WINDOWS };
        let mut state = Windows::default();
        let event = order("A", "BUY", 2, "10");
        windows.on_event(&mut state, &event, 1_000, 0);
        assert_eq!(windows.fire_next(&mut state, 300_000).unwrap().revision, 1);
        let Added::Corrected(second) = windows.on_event(&mut state, &event, 500, 359_999) else {
            panic!("within the lateness it is a correction")
        };
        assert_eq!((second.revision, second.orders, second.total.to_string().as_str()), (2, 2, "40"));
        assert_eq!(second.first_event_ms, 500, "the smallest time, not the first to arrive");
        assert_eq!(windows.on_event(&mut state, &event, 500, 360_000), Added::Late);
        assert_eq!(windows.fire_next(&mut state, 360_000), None, "a correction is out already");
        assert!(state.open.is_empty());
    }

    // A window that nobody opened in time is opened by a late event, and its first result is a correction of nothing.
    #[test]
    fn within_the_lateness_an_empty_window_opens_and_fires_at_once() {
        let windows = TumblingWindows { allowed_lateness_ms: 60_000, ..WINDOWS };
        let mut state = Windows::default();
        let Added::Corrected(first) = windows.on_event(&mut state, &order("A", "BUY", 1, "1"), 5, 300_000) else {
            panic!("its end has passed")
        };
        assert_eq!((first.revision, first.orders), (1, 1));
    }

    #[test]
    fn in_event_time_several_windows_are_open_and_fire_in_order() {
        let mut state = Windows::default();
        for at_ms in [700_000, 100_000, 400_000] {
            WINDOWS.on_event(&mut state, &order("A", "BUY", 1, "1"), at_ms, 0);
        }
        let ends: Vec<i64> =
            std::iter::from_fn(|| WINDOWS.fire_next(&mut state, 900_000)).map(|result| result.end_ms).collect();
        assert_eq!(ends, [300_000, 600_000, 900_000]);
    }
}
