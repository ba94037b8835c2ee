//! What was measured, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::pause::Pause;
use super::{DURABLE, IN_MEMORY};
use crate::bench::report::{Report, Spread};

/// All that was measured; what was not is empty.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) machine: Value,
    /// The machine's load while the large state was measured.
    pub(super) load_average: Option<f64>,
    pub(super) symbols: u64,
    /// Seconds from `kill -9` to the first new result.
    pub(super) recoveries: Vec<f64>,
    /// The same with the database lost.
    pub(super) restores: Vec<f64>,
    pub(super) pauses: Vec<Pause>,
    pub(super) rates: Option<Report>,
}

impl Told {
    fn state_mb(&self) -> Option<Spread> {
        Spread::of(self.pauses.iter().map(|pause| pause.bytes / 1e6))
    }

    fn ratio(&self) -> Option<f64> {
        self.rates.as_ref()?.rate_ratio((DURABLE.name, IN_MEMORY.name))
    }

    /// Name, what it is, the numbers: in the table's order.
    fn rows(&self) -> Vec<(&'static str, &'static str, Option<Spread>)> {
        let ms = |seconds: &[f64]| Spread::of(seconds.iter().map(|seconds| seconds * 1e3));
        let of = |number: fn(&Pause) -> f64| Spread::of(self.pauses.iter().map(number));
        vec![
            ("state_mb", "MB of state", self.state_mb()),
            ("recovery_ms", "ms from kill -9 to the first new result", ms(&self.recoveries)),
            ("restore_ms", "the same with the database lost, from the newest checkpoint", ms(&self.restores)),
            ("checkpoint_ms", "ms that making a checkpoint takes, beside the pipeline", of(|one| one.seconds * 1e3)),
            ("gap_during_ms", "longest time without a result while it is made, ms", of(|one| one.longest_ms)),
            ("gap_before_ms", "longest in as long a time right before, ms", of(|one| one.before_ms)),
            ("checkpoint_pause_ms", "by how much it is longer, ms", of(|one| one.longest_ms - one.before_ms)),
        ]
    }

    /// For programs, and for the floors.
    pub(super) fn json(&self) -> Value {
        let mut report = json!({
            "machine": self.machine,
            "load_average_meanwhile": self.load_average,
            "symbols": self.symbols,
            "recoveries_ms": self.recoveries.iter().map(|seconds| seconds * 1e3).collect::<Vec<_>>(),
            "restores_ms": self.restores.iter().map(|seconds| seconds * 1e3).collect::<Vec<_>>(),
            "checkpoints": self.pauses.len(),
            "durable_ratio": self.ratio(),
            "rates": self.rates.as_ref().map(Report::json),
        });
        for (name, _, spread) in self.rows() {
            for (which, number) in [
                ("median", spread.map(|spread| spread.median)),
                ("min", spread.map(|spread| spread.min)),
                ("max", spread.map(|spread| spread.max)),
            ] {
                report[format!("{name}_{which}")] = json!(number);
            }
        }
        report
    }

    /// For people, as the README has it.
    pub(super) fn table(&self) -> String {
        let mut text = String::from("| | times | least | median | most |\n|---|---|---|---|---|\n");
        for (name, what, spread) in self.rows() {
            let times = match name {
                "recovery_ms" => self.recoveries.len(),
                "restore_ms" => self.restores.len(),
                _ => self.pauses.len(),
            };
            if let Some(Spread { median, min, max }) = spread {
                let _infallible = writeln!(text, "| {what} | {times} | {min:.1} | {median:.1} | {max:.1} |");
            }
        }
        if let Some(rates) = &self.rates {
            text += "\n";
            text += &rates.table();
            let ratio = self.ratio().unwrap_or_default();
            let _infallible =
                writeln!(text, "with state and log on disk: {:.0} % of the rate in memory", ratio * 100.0);
        }
        let _infallible = writeln!(text, "{}", self.machine);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::floors;

    fn told(recovery: f64, longest_ms: f64) -> Told {
        let pause = |before_ms| Pause { seconds: 0.4, bytes: 120e6, longest_ms, before_ms };
        Told { recoveries: vec![recovery, 0.5, 0.7], pauses: vec![pause(5.0), pause(7.0)], ..Told::default() }
    }

    #[test]
    fn the_table_has_the_least_the_middle_and_the_most() {
        let table = told(0.6, 9.0).table();
        assert!(table.contains("| ms from kill -9 to the first new result | 3 | 500.0 | 600.0 | 700.0 |"), "{table}");
        assert!(table.contains("| by how much it is longer, ms | 2 | 2.0 | 3.0 | 4.0 |"), "{table}");
        assert!(!table.contains("database lost"), "{table}");
    }

    #[test]
    fn floors_are_held_against_these_numbers() {
        let wrong = |told: &Told| floors::check(floors::DURABILITY, &told.json()).expect_err("no rates").to_string();
        let told_well = wrong(&told(0.6, 9.0));
        assert_eq!(told_well, "bench --check: durable_ratio is missing, must be >= 0.8");
        let mut slow = told(2.1, 19.0);
        slow.recoveries = vec![2.1];
        let told_slow = wrong(&slow);
        assert!(told_slow.contains("recovery_ms_median is 2100.000, must be <= 2000"), "{told_slow}");
        assert!(told_slow.contains("checkpoint_pause_ms_median is 13.000, must be <= 10"), "{told_slow}");
    }
}
