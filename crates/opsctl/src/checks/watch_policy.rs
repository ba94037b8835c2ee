//! When `watch` restarts what failed: with pauses that grow, so that what cannot heal is not hammered, and what can is not left.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clients::connect::Status;

/// After the n-th restart in a row: n² + n minutes, an hour at most (as Strimzi's operator does).
const LONGEST_PAUSE_MS: i64 = 60 * 60_000;
/// What ran for so long without failing has healed: the next failure is a first one.
const HEALED_MS: i64 = 10 * 60_000;

/// What is remembered of each connector between two looks, also between two runs with `--once`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Memory {
    connectors: BTreeMap<String, Attempts>,
}

/// Restarts in a row.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
struct Attempts {
    restarts: u32,
    last_ms: i64,
    /// Since when it runs again.
    well_since_ms: Option<i64>,
}

/// What to do about one connector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It runs, or somebody wants it not to.
    Leave,
    /// Now, for the n-th time in a row.
    Restart { number: u32 },
    /// Not before then.
    Wait { until_ms: i64, number: u32 },
    /// It was restarted so often that it is for a person now.
    GiveUp { number: u32 },
}

impl Memory {
    /// Looks at a connector's state now; what is restarted is counted at once.
    pub(crate) fn decide(&mut self, status: &Status, now_ms: i64, most: Option<u32>) -> Decision {
        let failed = [&status.connector].into_iter().chain(&status.tasks).any(|part| part.state == "FAILED");
        let known = self.connectors.get(&status.name).copied();
        if !failed {
            if let Some(attempts) = self.connectors.get_mut(&status.name) {
                let since = *attempts.well_since_ms.get_or_insert(now_ms);
                if now_ms - since >= HEALED_MS {
                    self.connectors.remove(&status.name);
                }
            }
            return Decision::Leave;
        }
        let attempts = known.unwrap_or_default();
        let until_ms = attempts.last_ms + pause_ms(attempts.restarts);
        if most.is_some_and(|most| attempts.restarts >= most) {
            return Decision::GiveUp { number: attempts.restarts };
        }
        if attempts.restarts > 0 && now_ms < until_ms {
            return Decision::Wait { until_ms, number: attempts.restarts };
        }
        let restarts = attempts.restarts.saturating_add(1);
        self.connectors.insert(status.name.clone(), Attempts { restarts, last_ms: now_ms, well_since_ms: None });
        Decision::Restart { number: restarts }
    }

    /// Connectors that are no more are forgotten.
    pub(crate) fn keep(&mut self, names: &[String]) {
        self.connectors.retain(|name, _| names.contains(name));
    }
}

fn pause_ms(restarts: u32) -> i64 {
    let restarts = i64::from(restarts);
    (restarts * restarts + restarts).saturating_mul(60_000).min(LONGEST_PAUSE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::connect::Running;

    const MINUTE: i64 = 60_000;

    fn status(task: &str) -> Status {
        let running =
            |id, state: &str| Running { id, state: state.to_owned(), worker_id: String::new(), trace: String::new() };
        Status { name: "orders".into(), connector: running(None, "RUNNING"), tasks: vec![running(Some(0), task)] }
    }

    #[test]
    fn pauses_grow_up_to_an_hour() {
        let mut memory = Memory::default();
        let (mut now, mut pauses) = (0, Vec::new());
        for number in 1..=10 {
            assert_eq!(memory.decide(&status("FAILED"), now, None), Decision::Restart { number });
            let Decision::Wait { until_ms, .. } = memory.decide(&status("FAILED"), now, None) else {
                panic!("no pause")
            };
            pauses.push((until_ms - now) / MINUTE);
            now = until_ms;
        }
        // n² + n: 2, 6, 12, … and never more than 60.
        assert_eq!(pauses, [2, 6, 12, 20, 30, 42, 56, 60, 60, 60]);
    }

    #[test]
    fn what_has_run_for_ten_minutes_begins_anew() {
        let mut memory = Memory::default();
        memory.decide(&status("FAILED"), 0, None);
        memory.decide(&status("RUNNING"), MINUTE, None);
        // A short recovery is none: it counts on.
        assert_eq!(memory.decide(&status("FAILED"), 5 * MINUTE, None), Decision::Restart { number: 2 });
        memory.decide(&status("RUNNING"), 6 * MINUTE, None);
        memory.decide(&status("RUNNING"), 16 * MINUTE, None);
        assert_eq!(memory.decide(&status("FAILED"), 17 * MINUTE, None), Decision::Restart { number: 1 });
    }

    #[test]
    fn what_somebody_paused_is_left_alone_and_a_limit_is_kept() {
        let mut memory = Memory::default();
        assert_eq!(memory.decide(&status("PAUSED"), 0, None), Decision::Leave);
        assert_eq!(memory.decide(&status("FAILED"), 0, Some(1)), Decision::Restart { number: 1 });
        assert_eq!(memory.decide(&status("FAILED"), 100 * MINUTE, Some(1)), Decision::GiveUp { number: 1 });
        memory.keep(&[]);
        assert_eq!(memory, Memory::default());
    }
}
