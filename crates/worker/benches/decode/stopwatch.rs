//! What a pass cost: by the wall clock, and in processor time of the whole process.

#![expect(clippy::disallowed_methods, reason = "durations are the benchmark's result")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// What a pass cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Time that passed.
    pub(crate) wall: Duration,
    /// Processor time, user and system, of all threads.
    pub(crate) cpu: Duration,
    /// Most memory resident, in bytes; 0 where it was not looked at.
    pub(crate) resident_bytes: u64,
}

/// Runs from its making.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    wall: Instant,
    cpu: Duration,
}

impl Stopwatch {
    /// Starts now.
    pub(crate) fn start() -> Self {
        Self { wall: Instant::now(), cpu: process_time() }
    }

    /// What it has cost so far.
    pub(crate) fn lap(self) -> Cost {
        Cost { cpu: process_time().saturating_sub(self.cpu), wall: self.wall.elapsed(), resident_bytes: 0 }
    }
}

static WITHOUT_CLOCK: AtomicBool = AtomicBool::new(false);

/// From now on processor time reads as none: valgrind has no clock to ask for it.
pub(crate) fn go_without_processor_time() {
    WITHOUT_CLOCK.store(true, Ordering::Relaxed);
}

fn process_time() -> Duration {
    if WITHOUT_CLOCK.load(Ordering::Relaxed) {
        return Duration::ZERO;
    }
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
