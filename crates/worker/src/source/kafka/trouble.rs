//! What keeps the source from reading: kept for whoever asks, and said in the log at once, then ever more rarely.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::time::clock::Clock;

/// Trouble that lasts so long is spoken of so often, both in milliseconds.
const PACES_MS: [(i64, i64); 3] = [(60_000, 10_000), (600_000, 60_000), (i64::MAX, 600_000)];

/// Shared by the threads that meet trouble and those that show it.
pub(super) struct Trouble {
    clock: Arc<dyn Clock>,
    now: Mutex<Option<Lasting>>,
}

#[derive(Debug)]
struct Lasting {
    why: String,
    since_ms: i64,
    said_ms: i64,
}

impl Trouble {
    /// None so far.
    pub(super) fn none(clock: Arc<dyn Clock>) -> Self {
        Self { clock, now: Mutex::new(None) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Lasting>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is trouble, for this reason now.
    pub(super) fn tell(&self, why: String) {
        let now_ms = self.clock.boot_ms();
        let mut lock = self.lock();
        let lasting = lock.get_or_insert_with(|| Lasting { why: String::new(), since_ms: now_ms, said_ms: i64::MIN });
        if is_due(lasting.since_ms, lasting.said_ms, now_ms) {
            lasting.said_ms = now_ms;
            tracing::warn!("kafka: {why}");
        }
        lasting.why = why;
    }

    /// It is over: `how`, for the log, if there was any.
    pub(super) fn over(&self, how: impl FnOnce() -> String) {
        if let Some(Lasting { since_ms, .. }) = self.lock().take() {
            tracing::info!(after_ms = self.clock.boot_ms() - since_ms, "kafka: {}", how());
        }
    }

    /// The trouble in words, with how long it lasts.
    pub(super) fn text(&self) -> Option<String> {
        let now_ms = self.clock.boot_ms();
        self.lock().as_ref().map(|lasting| format!("{}, for {} s", lasting.why, (now_ms - lasting.since_ms) / 1_000))
    }
}

/// Whether to speak at `now_ms` of what lasts since `since_ms` and was last spoken of at `said_ms`.
fn is_due(since_ms: i64, said_ms: i64, now_ms: i64) -> bool {
    let lasts_ms = now_ms - since_ms;
    let pace_ms = PACES_MS.iter().find(|(up_to_ms, _)| lasts_ms <= *up_to_ms).map_or(0, |(_, pace_ms)| *pace_ms);
    now_ms.saturating_sub(said_ms) >= pace_ms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::clock::SystemClock;

    #[test]
    fn trouble_is_spoken_of_at_once_then_every_ten_seconds_a_minute_ten_minutes() {
        let mut said = Vec::new();
        let mut last_ms = i64::MIN;
        for second in 0..=3_000 {
            let now_ms = 5 + second * 1_000;
            if is_due(5, last_ms, now_ms) {
                last_ms = now_ms;
                said.push(second);
            }
        }
        let expected: Vec<_> =
            (0..=60).step_by(10).chain((120..=600).step_by(60)).chain((1_200..=3_000).step_by(600)).collect();
        assert_eq!(said, expected);
    }

    #[test]
    fn trouble_is_there_until_it_is_over() {
        let trouble = Trouble::none(Arc::new(SystemClock));
        assert_eq!(trouble.text(), None);
        trouble.tell("first".to_owned());
        trouble.tell("then".to_owned());
        assert_eq!(trouble.text().as_deref(), Some("then, for 0 s"));
        trouble.over(|| "well".to_owned());
        assert_eq!(trouble.text(), None);
    }
}
