//! What all turns came to: medians with their spread, and ratios within a round, as a table and as JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::contestant::{BARE, BARE_WRAPPED, FLINK, WORKER, WORKER_FILE, WORKER_WRAPPED};
use super::turn::Measured;

/// A contestant's turns, one a round.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its name.
    pub(crate) name: &'static str,
    /// Bytes of a message's value, on average.
    pub(crate) message_bytes: f64,
    /// What its turns cost, by round.
    pub(crate) turns: Vec<Measured>,
}

/// The middle of some numbers, with the least and the largest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    /// The middle one, or the mean of the two in the middle.
    pub(crate) median: f64,
    /// The least.
    pub(crate) min: f64,
    /// The largest.
    pub(crate) max: f64,
}

impl Spread {
    /// Of at least one number.
    pub(crate) fn of(numbers: impl Iterator<Item = f64>) -> Option<Self> {
        let mut numbers: Vec<f64> = numbers.collect();
        numbers.sort_by(f64::total_cmp);
        let (min, max) = (*numbers.first()?, *numbers.last()?);
        let middle = numbers.len() / 2;
        let upper = *numbers.get(middle)?;
        let median = if numbers.len() % 2 == 1 { upper } else { f64::midpoint(upper, *numbers.get(middle - 1)?) };
        Some(Self { median, min, max })
    }

    /// All three, by name.
    pub(crate) fn json(self) -> Value {
        json!({ "median": self.median, "min": self.min, "max": self.max })
    }
}

/// One of the numbers that a turn gives.
pub(crate) type Number = fn(&Measured) -> f64;

/// Records a second.
pub(crate) const RATE: Number = |turn| turn.records as f64 / turn.seconds;
/// Processor time a record, in µs.
pub(crate) const CPU_US: Number = |turn| turn.cpu_seconds * 1e6 / turn.records as f64;
/// Most memory resident, in MB.
pub(crate) const PEAK_MB: Number = |turn| turn.peak_bytes as f64 / 1e6;
const FIRST_MS: Number = |turn| turn.first_seconds * 1e3;

/// All rows.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// In the order of their turns.
    pub(crate) rows: Vec<Row>,
}

impl Report {
    fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// A contestant's number.
    pub(crate) fn number(&self, name: &str, number: Number) -> Option<Spread> {
        Spread::of(self.row(name)?.turns.iter().map(number))
    }

    /// One contestant's number by another's, each round by itself: what else the machine did then met both.
    pub(crate) fn ratio(&self, (one, other): (&str, &str), number: Number) -> Option<f64> {
        let (one, other) = (self.row(one)?, self.row(other)?);
        let pairs = one.turns.iter().zip(&other.turns);
        Spread::of(pairs.map(|(one, other)| number(one) / number(other))).map(|spread| spread.median)
    }

    /// One contestant's rate by another's, the middle of all rounds.
    pub(crate) fn rate_ratio(&self, names: (&str, &str)) -> Option<f64> {
        self.ratio(names, RATE)
    }

    /// The numbers that floors are kept of; those that were not measured are null.
    pub(crate) fn json(&self) -> Map<String, Value> {
        let median = |name, number| self.number(name, number).map(|spread: Spread| spread.median);
        let mut report = Map::new();
        for (name, value) in [
            ("ratio_to_bare", self.ratio((WORKER, BARE), RATE)),
            ("ratio_to_flink", self.ratio((WORKER, FLINK), RATE)),
            ("cpu_ratio_to_flink", self.ratio((WORKER, FLINK), CPU_US)),
            ("cpu_ratio_to_bare", self.ratio((WORKER, BARE), CPU_US)),
            ("events_per_second", median(WORKER, RATE)),
            ("cpu_us_per_event", median(WORKER, CPU_US)),
            ("rss_peak_mb", median(WORKER, PEAK_MB)),
            ("first_event_ms", median(WORKER, FIRST_MS)),
            ("file_ratio_to_bare", self.ratio((WORKER_FILE, BARE), RATE)),
            ("file_cpu_us_per_event", median(WORKER_FILE, CPU_US)),
            ("wrapped_ratio_to_bare", self.ratio((WORKER_WRAPPED, BARE_WRAPPED), RATE)),
            ("wrapped_cpu_us_per_event", median(WORKER_WRAPPED, CPU_US)),
        ] {
            report.insert(name.to_owned(), json!(value));
        }
        let contestants = self.rows.iter().map(|row| {
            let number = |number| Spread::of(row.turns.iter().map(number)).map(Spread::json);
            let rate = Spread::of(row.turns.iter().map(RATE)).map_or(0.0, |spread| spread.median);
            let value = json!({
                "events_per_second": number(RATE),
                "mb_per_second": rate * row.message_bytes / 1e6,
                "cpu_us_per_event": number(CPU_US),
                "rss_peak_mb": number(PEAK_MB),
                "first_event_ms": number(FIRST_MS),
                "records": row.turns.first().map(|turn| turn.records),
            });
            (row.name.to_owned(), value)
        });
        report.insert("contestants".to_owned(), Value::Object(contestants.collect()));
        report
    }

    /// A table in Markdown, as the README has it.
    pub(crate) fn table(&self) -> String {
        let mut text = String::from(
            "| | events/s (least to most) | of bare | MB/s | CPU µs an event | peak memory MB | first event ms |\n\
             |---|---|---|---|---|---|---|\n",
        );
        for row in &self.rows {
            let number = |number: Number| Spread::of(row.turns.iter().map(number));
            let (Some(rate), Some(cpu_us), Some(peak_mb), Some(first_ms)) =
                (number(RATE), number(CPU_US), number(PEAK_MB), number(FIRST_MS))
            else {
                continue;
            };
            let bare = if row.name.ends_with("wrapped") { BARE_WRAPPED } else { BARE };
            let of_bare =
                self.ratio((row.name, bare), RATE).map_or_else(String::new, |ratio| format!("{:.0} %", ratio * 100.0));
            let _infallible = writeln!(
                text,
                "| {} | {} ({} to {}) | {of_bare} | {:.0} | {:.2} | {:.0} | {:.0} |",
                row.name,
                thousands(rate.median),
                thousands(rate.min),
                thousands(rate.max),
                rate.median * row.message_bytes / 1e6,
                cpu_us.median,
                peak_mb.median,
                first_ms.median,
            );
        }
        text
    }

    /// The three whose bars are drawn: name, events/s, CPU µs an event, peak MB.
    pub(crate) fn bars(&self) -> Vec<(&'static str, [f64; 3])> {
        [BARE, WORKER, FLINK].into_iter().filter_map(|name| Some((name, self.bar(name)?))).collect()
    }

    /// What is drawn of one: events/s, CPU µs an event, peak MB.
    pub(crate) fn bar(&self, name: &str) -> Option<[f64; 3]> {
        let median = |number| self.number(name, number).map(|spread: Spread| spread.median);
        Some([median(RATE)?, median(CPU_US)?, median(PEAK_MB)?])
    }
}

/// `1,234,567`
pub(crate) fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &'static str, seconds: &[f64], cpu_seconds: f64) -> Row {
        let turn = |seconds: &f64| Measured {
            records: 1_000_000,
            seconds: *seconds,
            cpu_seconds,
            peak_bytes: 20_000_000,
            first_seconds: 0.05,
        };
        Row { name, message_bytes: 700.0, turns: seconds.iter().map(turn).collect() }
    }

    #[test]
    fn ratios_are_of_one_round() {
        // The second round met a busy machine: both took twice as long, and the ratio is the same.
        let report = Report {
            rows: vec![
                row(BARE, &[1.0, 2.0, 1.0], 0.5),
                row(WORKER, &[1.25, 2.5, 1.25], 1.5),
                row(FLINK, &[12.5, 25.0, 12.5], 20.0),
            ],
        };
        let json = report.json();
        assert_eq!(json["ratio_to_bare"], json!(0.8));
        assert_eq!(json["ratio_to_flink"], json!(10.0));
        assert_eq!(json["cpu_ratio_to_flink"], json!(0.075));
        assert_eq!(json["cpu_us_per_event"], json!(1.5));
        assert_eq!(json["rss_peak_mb"], json!(20.0));
        assert_eq!(json["events_per_second"], json!(800_000.0));
        assert_eq!(json["wrapped_ratio_to_bare"], Value::Null);
        assert_eq!(json["contestants"][WORKER]["events_per_second"]["min"], json!(400_000.0));
        assert!(report.table().contains("| worker | 800,000 (400,000 to 800,000) | 80 % | 560 | 1.50 | 20 | 50 |"));
    }

    #[test]
    fn the_middle_of_an_even_number_is_between() {
        let spread = Spread::of([4.0, 1.0, 2.0, 3.0].into_iter());
        assert_eq!(spread, Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
        assert_eq!(Spread::of(std::iter::empty()), None);
    }

    #[test]
    fn numbers_have_commas() {
        for (number, text) in [(0.0, "0"), (999.4, "999"), (1_000.0, "1,000"), (1_234_567.0, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
    }
}
