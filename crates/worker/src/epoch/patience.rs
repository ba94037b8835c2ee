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
    /// Does `attempt` until it succeeds, or fails in a way of which `may_pass` says that waiting is no use, or the run is
    /// told to stop.
    pub(super) fn until_done<T, E: Display>(
        &self,
        may_pass: impl Fn(&E) -> bool,
        mut attempt: impl FnMut() -> Result<T, E>,
    ) -> Result<T, E> {
        let (mut pause, longest) = PAUSES;
        let mut said_ms = None;
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
            if !self.patient || !may_pass(&error) || self.stop.load(Ordering::Relaxed) {
                return Err(error);
            }
            let now_ms = self.clock.boot_ms();
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
