//! What was measured, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::found::Found;
use super::watch::Turn;
use crate::bench::report::{Spread, thousands};

/// Turns of one of the two, a round each.
type Turns = Vec<(Turn, Found)>;

/// All that was measured.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) machine: Value,
    /// The machine's load at the end of the rounds.
    pub(super) load_average: Option<f64>,
    pub(super) worker: Turns,
    pub(super) bare: Turns,
    /// As `benches/latency` tells it; null where it was not measured.
    pub(super) latency: Value,
}

/// One of the numbers that a turn gives.
type Number = fn(&(Turn, Found)) -> f64;

const RATE: Number = |(turn, _)| turn.messages as f64 / turn.seconds;
const MB: Number = |(turn, found)| turn.messages as f64 / turn.seconds * found.message_bytes() / 1e6;
const CPU_US: Number = |(turn, _)| turn.cpu_seconds * 1e6 / turn.events as f64;

fn spread(turns: &Turns, number: Number) -> Option<Spread> {
    Spread::of(turns.iter().map(number))
}

impl Told {
    /// The worker's rate by the bare producer's, each round by itself.
    fn ratio(&self) -> Option<Spread> {
        let pairs = self.worker.iter().zip(&self.bare);
        Spread::of(pairs.map(|(worker, bare)| RATE(worker) / RATE(bare)))
    }

    fn peak_mb(&self) -> Option<f64> {
        let peaks = self.worker.iter().filter_map(|(turn, _)| turn.peak_bytes);
        peaks.max().map(|bytes| bytes as f64 / 1e6)
    }

    /// Percentiles of the time from an event's due time to a `read_committed` reader, in ms.
    fn visible_ms(&self, percentile: &str) -> Option<f64> {
        self.latency["committed"][percentile].as_f64()
    }

    /// For programs, and for the floors.
    pub(super) fn json(&self) -> Value {
        let of = |turns: &Turns| {
            json!({
                "messages_per_second": spread(turns, RATE).map(Spread::json),
                "mb_per_second": spread(turns, MB).map(Spread::json),
                "cpu_us_per_event": spread(turns, CPU_US).map(Spread::json),
                "messages": turns.first().map(|(_, found)| found.messages()),
                "message_bytes": turns.first().map(|(_, found)| found.message_bytes()),
            })
        };
        json!({
            "ratio_to_bare": self.ratio().map(|ratio| ratio.median),
            "ratio_to_bare_spread": self.ratio().map(Spread::json),
            "rounds": self.worker.len().min(self.bare.len()),
            "worker": of(&self.worker),
            "bare": of(&self.bare),
            "rss_peak_mb": self.peak_mb(),
            "visible_ms_p50": self.visible_ms("p50"),
            "visible_ms_p99": self.visible_ms("p99"),
            "visible_ms_p99_9": self.visible_ms("p99.9"),
            "latency_ms": self.latency,
            "load_average_meanwhile": self.load_average,
            "machine": self.machine,
        })
    }

    /// For people, as the README has it.
    pub(super) fn table(&self) -> String {
        let mut text = String::from(
            "| | messages/s (least to most) | MB/s | CPU µs an event |\n\
             |---|---|---|---|\n",
        );
        for (name, turns) in [("bare transactional producer", &self.bare), ("worker, Kafka sink on", &self.worker)] {
            if let (Some(rate), Some(mb), Some(cpu)) = (spread(turns, RATE), spread(turns, MB), spread(turns, CPU_US)) {
                let (least, most) = (thousands(rate.min), thousands(rate.max));
                let median = thousands(rate.median);
                let _infallible =
                    writeln!(text, "| {name} | {median} ({least} to {most}) | {:.0} | {:.2} |", mb.median, cpu.median);
            }
        }
        if let (Some(ratio), Some(peak_mb)) = (self.ratio(), self.peak_mb()) {
            let _infallible = writeln!(
                text,
                "within a round {:.0} % of the bare producer's rate ({:.0} to {:.0} %); {peak_mb:.0} MB resident at most",
                ratio.median * 100.0,
                ratio.min * 100.0,
                ratio.max * 100.0
            );
        }
        if let (Some(p50), Some(p99), Some(p99_9)) =
            (self.visible_ms("p50"), self.visible_ms("p99"), self.visible_ms("p99.9"))
        {
            let rate = &self.latency["rate"];
            let _infallible = writeln!(
                text,
                "from due to a read_committed reader, {rate} events/s: {p50:.0} ms (p50), {p99:.0} ms (p99), \
                 {p99_9:.0} ms (p99.9)"
            );
        }
        let _infallible = writeln!(text, "{}", self.machine);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::found::tests::answer;
    use super::*;
    use crate::bench::floors;

    fn turn(seconds: f64) -> (Turn, Found) {
        let turn =
            Turn { messages: 1_000, events: 500, seconds, cpu_seconds: 0.002, peak_bytes: Some(60_000_000), ends: 9 };
        (turn, Found::read(&answer()).expect("an answer"))
    }

    fn told(worker: &[f64], p99: f64) -> Told {
        Told {
            worker: worker.iter().map(|seconds| turn(*seconds)).collect(),
            bare: vec![turn(1.0), turn(2.0), turn(1.0)],
            latency: json!({"rate": 1000, "committed": {"p50": 70.0, "p99": p99, "p99.9": 140.0}}),
            ..Told::default()
        }
    }

    #[test]
    fn ratios_are_of_one_round() {
        let told = told(&[1.25, 2.5, 1.0], 120.0);
        let json = told.json();
        assert_eq!(json["ratio_to_bare"], json!(0.8));
        assert_eq!(json["worker"]["messages_per_second"]["median"], json!(800.0));
        assert_eq!(json["worker"]["mb_per_second"]["median"], json!(0.16));
        assert_eq!(json["worker"]["cpu_us_per_event"]["median"], json!(4.0));
        assert_eq!((&json["rss_peak_mb"], &json["visible_ms_p99"]), (&json!(60.0), &json!(120.0)));
        let table = told.table();
        assert!(table.contains("| worker, Kafka sink on | 800 (400 to 1,000) | 0 | 4.00 |"), "{table}");
        assert!(table.contains("within a round 80 % of the bare producer's rate (80 to 100 %); 60 MB"), "{table}");
        assert!(table.contains("1000 events/s: 70 ms (p50), 120 ms (p99), 140 ms (p99.9)"), "{table}");
    }

    #[test]
    fn floors_are_held_against_these_numbers() {
        assert_eq!(floors::check(floors::KAFKA_SINK, &told(&[1.25, 2.5, 1.0], 120.0).json()).expect("well"), 2);
        let slow = told(&[2.0, 4.0, 2.0], 251.0).json();
        let error = floors::check(floors::KAFKA_SINK, &slow).expect_err("slow").to_string();
        assert!(error.contains("ratio_to_bare is 0.500, must be >= 0.6"), "{error}");
        assert!(error.contains("visible_ms_p99 is 251.000, must be <= 250"), "{error}");
    }
}
