//! When events are due, and when who sends them wakes. Pure: times are from the beginning of the run. Its tests stand in
//! `tests/worker/latency_pace.rs`: a benchmark has none of its own.

use std::time::Duration;

/// Events at even distances, sent by somebody who wakes at the ends of ticks.
///
/// An event is due at its own time, whenever the sender wakes: what it waits for the tick's end is part of what is measured.
/// Without ticks a sender of ten thousand a second would wake as often, on the cores that it shares with what is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    per_second: u32,
    tick: Duration,
}

impl Pace {
    /// So many events a second.
    pub(crate) const fn new(per_second: u32, tick: Duration) -> Self {
        Self { per_second, tick }
    }

    /// When an event is due. From its number, not from the one before: nothing adds up.
    pub(crate) fn due(self, event: usize) -> Duration {
        let nanoseconds = event as u128 * 1_000_000_000 / u128::from(self.per_second);
        Duration::from_nanos(nanoseconds as u64)
    }

    /// How many events are due by then.
    pub(crate) fn due_by(self, elapsed: Duration) -> usize {
        // The last whose time, rounded down to nanoseconds, has come; and the one that is due at the beginning.
        let events = (elapsed.as_nanos() + 1) * u128::from(self.per_second);
        (events.div_ceil(1_000_000_000)) as usize
    }

    /// When to wake for an event: at the end of its tick.
    pub(crate) fn wake(self, event: usize) -> Duration {
        let (due, tick) = (self.due(event).as_nanos(), self.tick.as_nanos().max(1));
        Duration::from_nanos((due.div_ceil(tick) * tick) as u64)
    }
}
