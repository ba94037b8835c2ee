//! Where an epoch's time goes: a total and a histogram a step, and what they say of the three stages.

use std::sync::atomic::{AtomicU64, Ordering};

use super::histogram::{Histogram, HistogramCounts};
use crate::time::clock::Clock;

/// What the two threads of the engine do, one after the other: the first four the gathering one, the others the
/// delivering one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Waiting for records, and taking them.
    Read,
    /// Appending the epoch's record to the log.
    Log,
    /// Decoding, routing, windows and rules.
    Execute,
    /// Handing over to delivery, which may be busy: back pressure.
    HandOver,
    /// Waiting for an executed epoch.
    Wait,
    /// The sinks.
    Deliver,
    /// The commit to the state store.
    Commit,
}

impl Step {
    /// All of them, in an epoch's order.
    pub const ALL: [Self; 7] =
        [Self::Read, Self::Log, Self::Execute, Self::HandOver, Self::Wait, Self::Deliver, Self::Commit];

    /// Its name in metrics and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Log => "log",
            Self::Execute => "execute",
            Self::HandOver => "hand_over",
            Self::Wait => "wait",
            Self::Deliver => "deliver",
            Self::Commit => "commit",
        }
    }
}

/// Upper bounds of a step's duration in microseconds: 50 µs to 10 s.
const BOUNDS_US: &[u64] = &[
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    10_000_000,
];

/// The time that each step took so far.
#[derive(Debug)]
pub struct Steps {
    spent_ns: [AtomicU64; Step::ALL.len()],
    durations_us: [Histogram; Step::ALL.len()],
}

impl Default for Steps {
    fn default() -> Self {
        Self {
            spent_ns: Step::ALL.map(|_| AtomicU64::new(0)),
            durations_us: Step::ALL.map(|_| Histogram::new(BOUNDS_US)),
        }
    }
}

impl Steps {
    /// Does `work` and notes how long it took.
    pub fn timed<T>(&self, step: Step, clock: &dyn Clock, work: impl FnOnce() -> T) -> T {
        let begun_ns = clock.boot_ns();
        let result = work();
        let spent_ns = (clock.boot_ns() - begun_ns).max(0) as u64;
        self.spent_ns[step as usize].fetch_add(spent_ns, Ordering::Relaxed);
        self.durations_us[step as usize].record(spent_ns / 1_000);
        result
    }

    /// Nanoseconds so far, in the order of [`Step::ALL`].
    pub fn spent_ns(&self) -> [u64; Step::ALL.len()] {
        std::array::from_fn(|step| self.spent_ns[step].load(Ordering::Relaxed))
    }

    /// How long a step takes, in microseconds.
    pub fn durations_us(&self, step: Step) -> HistogramCounts {
        self.durations_us[step as usize].counts()
    }
}

/// A part of the job graph: what one thread does, or a share of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reads and logs.
    Source,
    /// Decodes, routes, adds up windows and asks the rules.
    Execute,
    /// Sinks and commit.
    Deliver,
}

/// How a stage's time divides: three parts of 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shares {
    /// It worked.
    pub busy: f64,
    /// It had nothing to do.
    pub idle: f64,
    /// It could not hand over.
    pub backpressured: f64,
}

impl Stage {
    /// All three, in the data's order.
    pub const ALL: [Self; 3] = [Self::Source, Self::Execute, Self::Deliver];

    /// Its share of the time between two readings of [`Steps::spent_ns`], `elapsed_ns` apart. A step that is not at its
    /// end yet is not in the readings; what a stage did not say that it did, it waited.
    pub fn shares(self, before: &[u64], after: &[u64], elapsed_ns: u64) -> Shares {
        let spent = |step: Step| {
            let (before, after) = (before.get(step as usize), after.get(step as usize));
            after.copied().unwrap_or_default().saturating_sub(before.copied().unwrap_or_default()) as f64
        };
        let (busy, backpressured) = match self {
            Self::Source => (spent(Step::Log), spent(Step::HandOver)),
            Self::Execute => (spent(Step::Execute), spent(Step::HandOver)),
            Self::Deliver => (spent(Step::Deliver) + spent(Step::Commit), 0.0),
        };
        // While it executes, the thread does not read: to the source that is as good as no place to hand over to.
        let backpressured = if self == Self::Source { backpressured + spent(Step::Execute) } else { backpressured };
        let whole = (elapsed_ns as f64).max(busy + backpressured).max(1.0);
        let (busy, backpressured) = (busy / whole, backpressured / whole);
        Shares { busy, idle: (1.0 - busy - backpressured).max(0.0), backpressured }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::clock::ManualClock;

    #[test]
    fn a_step_is_as_long_as_its_work() {
        let (steps, clock) = (Steps::default(), ManualClock::at(0));
        assert_eq!(
            steps.timed(Step::Commit, &clock, || {
                clock.advance(7);
                "done"
            }),
            "done"
        );
        assert_eq!(steps.spent_ns(), [0, 0, 0, 0, 0, 0, 7_000_000]);
        let durations = steps.durations_us(Step::Commit);
        assert_eq!((durations.count(), durations.sum), (1, 7_000));
    }

    #[test]
    fn shares_are_parts_of_one() {
        let before = [0; 7];
        // 10 ms: 3 reading, 1 logging, 4 executing, 2 handing over; delivery worked 9 of them.
        let after = [3_000_000, 1_000_000, 4_000_000, 2_000_000, 1_000_000, 6_000_000, 3_000_000];
        let shares = Stage::ALL.map(|stage| stage.shares(&before, &after, 10_000_000));
        let expected = [(0.1, 0.3, 0.6), (0.4, 0.4, 0.2), (0.9, 0.1, 0.0)];
        for (shares, (busy, idle, backpressured)) in shares.into_iter().zip(expected) {
            let differences = [shares.busy - busy, shares.idle - idle, shares.backpressured - backpressured];
            assert!(differences.iter().all(|difference| difference.abs() < 1e-9), "{shares:?}");
        }
        let nothing = Stage::Source.shares(&before, &before, 0);
        assert_eq!(nothing, Shares { busy: 0.0, idle: 1.0, backpressured: 0.0 });
    }
}
