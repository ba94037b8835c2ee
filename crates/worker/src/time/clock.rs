//! The machine's clocks, and the epoch clock made of them: never backwards, and a jump is not believed at once.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Reads the machine's clocks. A test moves a [`ManualClock`] by hand.
pub trait Clock: Send + Sync {
    /// Milliseconds since the Unix epoch.
    fn wall_ms(&self) -> i64;
    /// Milliseconds since boot, suspend included: never set by anybody.
    fn boot_ms(&self) -> i64;
    /// Waits for so long.
    fn pause(&self, duration: Duration);
    /// The same in nanoseconds, as finely as the clock has it: for measuring how long something takes.
    fn boot_ns(&self) -> i64 {
        self.boot_ms() * 1_000_000
    }
}

/// The real clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl SystemClock {
    fn read(id: ClockId) -> i64 {
        let time = clock_gettime(id);
        time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
    }
}

impl Clock for SystemClock {
    fn wall_ms(&self) -> i64 {
        Self::read(ClockId::Realtime)
    }

    fn boot_ms(&self) -> i64 {
        Self::read(ClockId::Boottime)
    }

    fn pause(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    fn boot_ns(&self) -> i64 {
        let time = clock_gettime(ClockId::Boottime);
        time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}

/// A clock that stands until it is moved.
#[derive(Debug, Default)]
pub struct ManualClock {
    wall_ms: AtomicI64,
    boot_ms: AtomicI64,
}

impl ManualClock {
    /// A clock that shows `wall_ms`, on a machine that has just booted.
    pub fn at(wall_ms: i64) -> Self {
        Self { wall_ms: AtomicI64::new(wall_ms), boot_ms: AtomicI64::new(0) }
    }

    /// Time passes: both clocks go on.
    pub fn advance(&self, by_ms: i64) {
        self.wall_ms.fetch_add(by_ms, Ordering::Relaxed);
        self.boot_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    /// Somebody sets the wall clock: only that one moves.
    pub fn set_wall(&self, wall_ms: i64) {
        self.wall_ms.store(wall_ms, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn wall_ms(&self) -> i64 {
        self.wall_ms.load(Ordering::Relaxed)
    }

    fn boot_ms(&self) -> i64 {
        self.boot_ms.load(Ordering::Relaxed)
    }

    /// Time passes at once.
    fn pause(&self, duration: Duration) {
        self.advance(duration.as_millis() as i64);
    }
}

/// A difference between the clocks above this is a jump: 1 hour.
const JUMP_MS: i64 = 3_600_000;
/// A jump that stands for this long is believed: 1 minute.
const HOLD_MS: i64 = 60_000;

/// The clock of epochs (`design.md`): the largest of the wall clock and the last value given, so never backwards. A wall
/// clock that moves more than an hour against the time since boot is held for a minute, then accepted if it stands.
#[derive(Clone, Debug)]
pub struct EpochClock {
    last_ms: i64,
    /// Wall minus boot as last believed; `None` before the first reading.
    offset_ms: Option<i64>,
    /// Since when (boot time) a jump is held.
    held_since_ms: Option<i64>,
    jumps: u64,
}

impl EpochClock {
    /// A clock that never goes below `not_before_ms`: the last logged or committed clock.
    pub fn starting_at(not_before_ms: i64) -> Self {
        Self { last_ms: not_before_ms, offset_ms: None, held_since_ms: None, jumps: 0 }
    }

    /// A logged epoch had this clock: the next one's is not below it.
    pub fn is_at_least(&mut self, clock_ms: i64) {
        self.last_ms = self.last_ms.max(clock_ms);
    }

    /// The clock of the next epoch.
    pub fn next_ms(&mut self, clock: &dyn Clock) -> i64 {
        let (wall_ms, boot_ms) = (clock.wall_ms(), clock.boot_ms());
        let offset_ms = self.believe(wall_ms - boot_ms, boot_ms);
        self.last_ms = self.last_ms.max(boot_ms + offset_ms);
        self.last_ms
    }

    /// How many jumps were accepted after their minute.
    pub fn jumps(&self) -> u64 {
        self.jumps
    }

    fn believe(&mut self, seen_ms: i64, boot_ms: i64) -> i64 {
        let Some(believed_ms) = self.offset_ms else {
            self.offset_ms = Some(seen_ms);
            return seen_ms;
        };
        if (seen_ms - believed_ms).abs() > JUMP_MS {
            let since_ms = *self.held_since_ms.get_or_insert(boot_ms);
            if boot_ms - since_ms < HOLD_MS {
                return believed_ms;
            }
            self.jumps += 1;
        }
        self.held_since_ms = None;
        self.offset_ms = Some(seen_ms);
        seen_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_770_000_000_000;

    #[test]
    fn the_epoch_clock_never_goes_backwards() {
        let wall = ManualClock::at(NOON);
        let mut clock = EpochClock::starting_at(NOON + 50);
        assert_eq!(clock.next_ms(&wall), NOON + 50, "the log was ahead of the wall clock");
        wall.advance(100);
        assert_eq!(clock.next_ms(&wall), NOON + 100);
        wall.set_wall(NOON + 40); // NTP steps back by 60 ms
        assert_eq!(clock.next_ms(&wall), NOON + 100);
        wall.advance(61);
        assert_eq!(clock.next_ms(&wall), NOON + 101);
    }

    #[test]
    fn a_jump_is_held_for_a_minute_and_then_believed() {
        let wall = ManualClock::at(NOON);
        let mut clock = EpochClock::starting_at(0);
        clock.next_ms(&wall);
        wall.set_wall(NOON + 24 * JUMP_MS);
        assert_eq!(clock.next_ms(&wall), NOON);
        wall.advance(HOLD_MS - 1);
        assert_eq!(clock.next_ms(&wall), NOON + HOLD_MS - 1, "time goes on by the boot clock meanwhile");
        wall.advance(1);
        assert_eq!(clock.next_ms(&wall), NOON + 24 * JUMP_MS + HOLD_MS);
        assert_eq!(clock.jumps(), 1);
    }

    #[test]
    fn a_jump_that_is_taken_back_never_happened() {
        let wall = ManualClock::at(NOON);
        let mut clock = EpochClock::starting_at(0);
        clock.next_ms(&wall);
        wall.set_wall(NOON + 2 * JUMP_MS);
        clock.next_ms(&wall);
        wall.set_wall(NOON + 500);
        assert_eq!(clock.next_ms(&wall), NOON + 500);
        assert_eq!(clock.jumps(), 0);
    }

    #[test]
    fn an_hour_exactly_is_no_jump() {
        let wall = ManualClock::at(NOON);
        let mut clock = EpochClock::starting_at(0);
        clock.next_ms(&wall);
        wall.set_wall(NOON + JUMP_MS);
        assert_eq!(clock.next_ms(&wall), NOON + JUMP_MS);
    }

    #[test]
    fn the_system_clock_runs() {
        let clock = SystemClock;
        assert!(clock.wall_ms() > NOON);
        assert!(clock.boot_ms() > 0);
    }
}
