//! Waiting for what may pass: a disk that is full, read-only or failing. Nothing leaves meanwhile, the sources pause, and
//! it is said at once and then now and then.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::Progress;
use crate::time::clock::Clock;

/// The first pause before trying again, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));
/// How often it is said again.
const SAY_EVERY_MS: i64 = 10_000;
/// A run that is told to stop still tries for so long: `RocksDB` keeps an error for a while after its disk is well again. Well
/// below the ten seconds after which Docker kills.
const LAST_TRIES_MS: i64 = 3_000;
/// The longest pause of these: what passes is noticed soon.
const LAST_PAUSE: Duration = Duration::from_millis(100);

/// Tries again, until it works, is no use, or the run is to stop.
#[derive(Clone)]
pub(super) struct Patience<'a> {
    /// Tells since when.
    pub(super) clock: &'a dyn Clock,
    /// Ends the waiting.
    pub(super) stop: Arc<AtomicBool>,
    /// Whether to wait at all: a run whose state is in memory has nothing to lose by ending with the error.
    pub(super) patient: bool,
    /// Shows what is waited for.
    pub(super) progress: Arc<Progress>,
}

impl Patience<'_> {
    /// Does `attempt` until it succeeds, or fails in a way of which `may_pass` says that waiting is no use, or still fails
    /// three seconds after the run was told to stop.
    pub(super) fn until_done<T, E: Display>(
        &self,
        may_pass: impl Fn(&E) -> bool,
        mut attempt: impl FnMut() -> Result<T, E>,
    ) -> Result<T, E> {
        let (mut pause, longest) = PAUSES;
        let (mut said_ms, mut stopping_ms) = (None, None);
        loop {
            let error = match attempt() {
                Ok(done) => {
                    if said_ms.is_some() {
                        tracing::info!("well again: going on");
                        self.progress.well_again();
                    }
                    return Ok(done);
                }
                Err(error) => error,
            };
            if !self.patient || !may_pass(&error) {
                return Err(error);
            }
            let now_ms = self.clock.boot_ms();
            if self.stop.load(Ordering::Relaxed) {
                if now_ms - *stopping_ms.get_or_insert(now_ms) >= LAST_TRIES_MS {
                    return Err(error);
                }
                pause = pause.min(LAST_PAUSE);
            }
            if said_ms.is_none_or(|said_ms| now_ms - said_ms >= SAY_EVERY_MS) {
                said_ms = Some(now_ms);
                tracing::error!("{error}; nothing leaves and nothing is read until this is mended; trying again");
            }
            self.progress.in_trouble(&error.to_string(), self.clock.wall_ms());
            self.clock.pause(pause);
            pause = (pause * 2).min(longest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::clock::ManualClock;

    const FULL: &str = "No space left on device";

    /// What comes of an attempt that succeeds at the `well_at`-th time, where it is told to stop in the `stop_at`-th; and how
    /// long that took.
    fn waited(well_at: u32, stop_at: u32, patient: bool) -> (Result<u32, &'static str>, i64) {
        let clock = ManualClock::at(0);
        let stop = Arc::new(AtomicBool::new(false));
        let patience = Patience { clock: &clock, stop: Arc::clone(&stop), patient, progress: Arc::default() };
        let mut attempts = 0;
        let result = patience.until_done(
            |_| true,
            || {
                attempts += 1;
                if attempts == stop_at {
                    stop.store(true, Ordering::Relaxed);
                }
                if attempts == well_at { Ok(attempts) } else { Err(FULL) }
            },
        );
        (result, clock.boot_ms())
    }

    #[test]
    fn it_waits_for_as_long_as_it_takes() {
        // 20, 40, … 1,280 ms, then two seconds each.
        assert_eq!(waited(1_000, u32::MAX, true), (Ok(1_000), 2_540 + 992 * 2_000));
        assert_eq!(waited(2, u32::MAX, false), (Err(FULL), 0), "not where nothing would be lost");
    }

    #[test]
    fn told_to_stop_it_tries_for_three_seconds_more() {
        assert_eq!(waited(5, 1, true), (Ok(5), 20 + 40 + 80 + 100), "what passes meanwhile is no failure");
        // 140 ms until a pause is the longest, then 29 of them.
        assert_eq!(waited(u32::MAX, 1, true), (Err(FULL), 140 + 29 * 100));
        // After 2,540 + 5 * 2,000 ms: the first pause after the stop is cut short already.
        assert_eq!(waited(u32::MAX, 13, true), (Err(FULL), 12_540 + 3_000));
    }
}
