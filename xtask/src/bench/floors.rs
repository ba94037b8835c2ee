//! The floors and ceilings that `--check` holds, kept beside this file, a benchmark each.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::cli::Telling;

/// Of the comparison.
pub(crate) const COMPARISON: &str = include_str!("floors.txt");
/// Of what surviving costs.
pub(crate) const DURABILITY: &str = include_str!("floors-durability.txt");
/// Of what being looked at costs.
pub(crate) const WATCHERS: &str = include_str!("floors-watchers.txt");
/// Of the Kafka sink.
pub(crate) const KAFKA_SINK: &str = include_str!("floors-kafka-sink.txt");
/// Of the ClickHouse sink.
pub(crate) const CLICKHOUSE_SINK: &str = include_str!("floors-clickhouse-sink.txt");
/// Of a sink that is ten times too slow.
pub(crate) const OVERLOAD: &str = include_str!("floors-overload.txt");

/// Tells a report, as JSON or in these words, and holds it to these bounds where that is asked for.
pub(crate) fn tell(telling: Telling, report: &Value, words: impl FnOnce() -> String, floors: &str) -> Result<ExitCode> {
    if telling.json {
        println!("{}", serde_json::to_string_pretty(report)?);
    } else {
        println!("{}", words().trim_end());
    }
    if telling.check {
        let held = check(floors, report)?;
        eprintln!("bench: all {held} floors hold");
    }
    Ok(ExitCode::SUCCESS)
}

/// An error that tells every number of the report on the wrong side of its bound; else how many bounds there are.
pub(crate) fn check(floors: &str, report: &Value) -> Result<usize> {
    let mut broken = Vec::new();
    let lines: Vec<&str> = floors.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).collect();
    for line in &lines {
        let (name, sign, bound) = bound(line).with_context(|| format!("floors.txt: {line:?}"))?;
        let value = report.get(name).and_then(Value::as_f64);
        let holds = value.is_some_and(|value| if sign == ">=" { value >= bound } else { value <= bound });
        if !holds {
            let value = value.map_or_else(|| "missing".to_owned(), |value| format!("{value:.3}"));
            broken.push(format!("{name} is {value}, must be {sign} {bound}"));
        }
    }
    if broken.is_empty() { Ok(lines.len()) } else { bail!("bench --check: {}", broken.join("; ")) }
}

fn bound(line: &str) -> Option<(&str, &str, f64)> {
    let mut words = line.split_whitespace();
    let (name, sign, bound) = (words.next()?, words.next()?, words.next()?.parse().ok()?);
    (words.next().is_none() && matches!(sign, ">=" | "<=")).then_some((name, sign, bound))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LINES: &str = "# words\n\nratio_to_bare >= 0.6\nrss_peak_mb <= 100\n";

    #[test]
    fn what_is_on_the_wrong_side_is_told() {
        assert_eq!(check(LINES, &json!({"ratio_to_bare": 0.6, "rss_peak_mb": 100.0})).expect("holds"), 2);
        let error = check(LINES, &json!({"ratio_to_bare": 0.59, "rss_peak_mb": 101})).expect_err("broken");
        assert_eq!(
            error.to_string(),
            "bench --check: ratio_to_bare is 0.590, must be >= 0.6; rss_peak_mb is 101.000, must be <= 100"
        );
    }

    #[test]
    fn a_number_that_is_missing_does_not_hold() {
        let error = check(LINES, &json!({"ratio_to_bare": 1})).expect_err("broken");
        assert_eq!(error.to_string(), "bench --check: rss_peak_mb is missing, must be <= 100");
    }

    #[test]
    fn the_kept_floors_can_be_read() {
        let error = check(COMPARISON, &json!({})).expect_err("nothing is there").to_string();
        assert!(error.contains("ratio_to_bare is missing"), "{error}");
    }

    #[test]
    fn a_line_that_is_none_is_refused() {
        for line in ["ratio_to_bare > 1", "ratio_to_bare >= x", "ratio_to_bare >= 1 2", "ratio_to_bare"] {
            assert!(check(line, &json!({})).expect_err("no bound").to_string().contains("floors.txt"), "{line}");
        }
    }
}
