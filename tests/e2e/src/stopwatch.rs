//! The only place that reads a clock: how long something took, and what time it is on the machine that runs the stack.

#![expect(
    clippy::disallowed_methods,
    reason = "deadlines of waits and measured latencies are what this package is for; nothing in the worker depends on them"
)]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Runs from its making.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Milliseconds since the Unix epoch: containers on this machine have the same clock.
pub(crate) fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// For people: `0.4 s`, `42.0 s`, `3 m 07 s`.
pub(crate) fn human(duration: Duration) -> String {
    let tenths = (duration.as_millis() + 50) / 100;
    if tenths < 600 {
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    let seconds = (duration.as_millis() + 500) / 1000;
    format!("{} m {:02} s", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rounded_for_people() {
        for (ms, text) in [(449, "0.4 s"), (59_949, "59.9 s"), (59_950, "1 m 00 s"), (187_400, "3 m 07 s")] {
            assert_eq!(human(Duration::from_millis(ms)), text, "{ms} ms");
        }
    }
}
