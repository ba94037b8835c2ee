//! What was measured, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::FORMS;
use super::turn::Turn;
use crate::bench::report::{Spread, thousands};

/// All that was measured.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) machine: Value,
    /// The machine's load at the end of the rounds.
    pub(super) load_average: Option<f64>,
    /// Of each form its turns, one a round, in the order of [`FORMS`].
    pub(super) turns: [Vec<Turn>; FORMS.len()],
}

/// One of the numbers that a turn gives.
type Number = fn(&Turn) -> f64;

const RATE: Number = |turn| turn.rows as f64 / turn.seconds;
const MB: Number = |turn| turn.bytes as f64 / turn.seconds / 1e6;
const CPU_US: Number = |turn| turn.cpu_seconds * 1e6 / turn.rows as f64;

fn spread(turns: &[Turn], number: Number) -> Option<Spread> {
    Spread::of(turns.iter().map(number))
}

impl Told {
    /// The sink's rate by the slower one's of encoder and engine, each round by itself.
    fn ratio(&self) -> Option<Spread> {
        let [encoder, engine, sink] = &self.turns;
        let rounds = encoder.iter().zip(engine).zip(sink);
        Spread::of(rounds.map(|((encoder, engine), sink)| RATE(sink) / RATE(encoder).min(RATE(engine))))
    }

    /// By how much the process grew at most, and what waited at most, in MB.
    fn memory_mb(&self) -> Option<(f64, f64)> {
        let [.., sink] = &self.turns;
        let most = |number: fn(&Turn) -> Option<u64>| sink.iter().filter_map(number).max();
        let (growth, waiting) = (most(|turn| turn.growth_bytes)?, most(|turn| turn.waiting_bytes)?);
        Some((growth as f64 / 1e6, waiting as f64 / 1e6))
    }

    /// For programs, and for the floors.
    pub(super) fn json(&self) -> Value {
        let mut report = json!({
            "ratio_to_slower": self.ratio().map(|ratio| ratio.median),
            "ratio_to_slower_spread": self.ratio().map(Spread::json),
            "memory_growth_mb": self.memory_mb().map(|(growth, _)| growth),
            "waiting_mb": self.memory_mb().map(|(_, waiting)| waiting),
            "load_average_meanwhile": self.load_average,
            "machine": self.machine,
        });
        for (form, turns) in FORMS.iter().zip(&self.turns) {
            report[*form] = json!({
                "rows_per_second": spread(turns, RATE).map(Spread::json),
                "mb_per_second": spread(turns, MB).map(Spread::json),
                "cpu_us_per_row": spread(turns, CPU_US).map(Spread::json),
                "rows": turns.first().map(|turn| turn.rows),
                "rounds": turns.len(),
            });
        }
        report
    }

    /// For people, as the README has it.
    pub(super) fn table(&self) -> String {
        let mut text = String::from(
            "| | rows/s (least to most) | MB/s | CPU µs a row |\n\
             |---|---|---|---|\n",
        );
        let names = ["encoder alone", "engine alone, by the plain client", "sink: both together"];
        for (name, turns) in names.iter().zip(&self.turns) {
            if let (Some(rate), Some(mb), Some(cpu)) = (spread(turns, RATE), spread(turns, MB), spread(turns, CPU_US)) {
                let (median, least, most) = (thousands(rate.median), thousands(rate.min), thousands(rate.max));
                let _infallible =
                    writeln!(text, "| {name} | {median} ({least} to {most}) | {:.0} | {:.2} |", mb.median, cpu.median);
            }
        }
        if let (Some(ratio), Some((growth_mb, waiting_mb))) = (self.ratio(), self.memory_mb()) {
            let _infallible = writeln!(
                text,
                "within a round {:.0} % of the slower of the two ({:.0} to {:.0} %); {growth_mb:.0} MB more resident, \
                 {waiting_mb:.0} MB waiting at most",
                ratio.median * 100.0,
                ratio.min * 100.0,
                ratio.max * 100.0
            );
        }
        let _infallible = writeln!(text, "{}", self.machine);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::turn::tests::turn;
    use super::*;
    use crate::bench::floors;

    // Rates of 1,000 rows: the engine is the slower one but in the second round.
    fn told(sink_seconds: [f64; 3], growth_bytes: u64) -> Told {
        let of = |seconds: [f64; 3], growth| seconds.map(|seconds| turn(seconds, growth, &Value::Null)).to_vec();
        let turns = [of([0.5, 4.0, 0.5], None), of([1.0, 2.0, 1.0], None), of(sink_seconds, Some(growth_bytes))];
        Told { turns, ..Told::default() }
    }

    #[test]
    fn the_ratio_is_to_the_slower_of_a_round() {
        let told = told([1.25, 4.0, 1.6], 40_000_000);
        let json = told.json();
        assert_eq!(json["ratio_to_slower"], json!(0.8));
        assert_eq!(json["ratio_to_slower_spread"], json!({"median": 0.8, "min": 0.625, "max": 1.0}));
        assert_eq!(json["encoder"]["rows_per_second"]["median"], json!(2_000.0));
        assert_eq!(json["engine"]["mb_per_second"]["median"], json!(0.25));
        let table = told.table();
        assert!(table.contains("| encoder alone | 2,000 (250 to 2,000) | 0 | 1.00 |"), "{table}");
        assert!(table.contains("within a round 80 % of the slower of the two (62 to 100 %); 40 MB more"), "{table}");
    }

    #[test]
    fn floors_are_held_against_these_numbers() {
        let held = floors::check(floors::CLICKHOUSE_SINK, &told([1.25, 4.0, 1.6], 40_000_000).json());
        assert_eq!(held.expect("well"), 2);
        let slow = told([2.0, 8.0, 2.0], 120_000_000).json();
        let error = floors::check(floors::CLICKHOUSE_SINK, &slow).expect_err("slow").to_string();
        assert!(error.contains("ratio_to_slower is 0.500, must be >= 0.8"), "{error}");
        assert!(error.contains("memory_growth_mb is 120.000, must be <= 100"), "{error}");
    }
}
