//! What happened and what came of it: a table for people, JSON for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::compare::Comparison;
use super::fault::Fault;
use crate::cli::ChaosTime;

/// A fault, and the recovery from it.
#[derive(Debug)]
pub(crate) struct Happened {
    pub(crate) time: ChaosTime,
    /// Since the run began.
    pub(crate) at_seconds: f64,
    pub(crate) fault: Fault,
    pub(crate) detail: String,
    /// From the moment from which the worker could go on to its first new result.
    pub(crate) recovered: Duration,
}

impl Happened {
    /// One line.
    pub(crate) fn line(&self) -> String {
        let Self { at_seconds, fault, detail, recovered, .. } = self;
        let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
        format!("{at_seconds:7.1} s  {}{detail}: new results after {:.2} s", fault.name(), recovered.as_secs_f64())
    }
}

/// What one act came to.
#[derive(Debug)]
pub(crate) struct ActReport {
    pub(crate) time: ChaosTime,
    /// Messages of the topic; 0 where it did not come so far.
    pub(crate) records: u64,
    pub(crate) comparison: Comparison,
    /// Why it ended before its time.
    pub(crate) failure: Option<String>,
}

impl ActReport {
    fn is_well(&self) -> bool {
        self.failure.is_none() && self.comparison.differences.is_empty()
    }
}

/// The whole run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) minutes: u32,
    pub(crate) rate: u32,
    pub(crate) happened: Vec<Happened>,
    /// Faults that cannot be had on this machine, and why.
    pub(crate) left_out: Vec<(Fault, String)>,
    pub(crate) acts: Vec<ActReport>,
}

impl Report {
    /// Whether results are what the oracle says, in every act, and something was done to each.
    pub(crate) fn all_well(&self) -> bool {
        let played = |act: &ActReport| self.happened.iter().any(|happened| happened.time == act.time);
        !self.acts.is_empty() && self.acts.iter().all(|act| act.is_well() && played(act))
    }

    /// In one line.
    pub(crate) fn in_short(&self) -> String {
        let records: u64 = self.acts.iter().map(|act| act.records).sum();
        let faults = self.happened.len();
        let out = if self.left_out.is_empty() { String::new() } else { format!(", {} left out", self.left_out.len()) };
        let outcome = if self.all_well() { "every result as the oracle's" } else { "NOT as the oracle's" };
        format!("seed {}: {faults} faults under load{out}, {records} messages, {outcome}", self.seed)
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let mut text =
            String::from("| fault | times | s to new results: least | median | most |\n|---|---|---|---|---|\n");
        let mut by_fault: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for happened in &self.happened {
            by_fault.entry(happened.fault.name()).or_default().push(happened.recovered.as_secs_f64());
        }
        for (fault, mut seconds) in by_fault {
            seconds.sort_by(f64::total_cmp);
            let at = |place: usize| seconds.get(place).copied().unwrap_or_default();
            let (middle, last) = (at(seconds.len() / 2), at(seconds.len().saturating_sub(1)));
            let _infallible =
                writeln!(text, "| {fault} | {} | {:.2} | {middle:.2} | {last:.2} |", seconds.len(), at(0));
        }
        for (fault, why) in &self.left_out {
            let _infallible = writeln!(text, "left out: {}: {why}", fault.name());
        }
        for act in &self.acts {
            let _infallible = writeln!(text, "by {} time: {}", act.time.word(), act.outcome());
            for difference in &act.comparison.differences {
                let _infallible = writeln!(text, "  {difference}");
            }
        }
        text + &self.in_short() + "\n"
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let happened = self.happened.iter().map(|happened| {
            json!({
                "act": happened.time.word(),
                "at_seconds": happened.at_seconds,
                "fault": happened.fault.name(),
                "detail": happened.detail,
                "recovered_seconds": happened.recovered.as_secs_f64(),
            })
        });
        let acts = self.acts.iter().map(|act| {
            let lines = act
                .comparison
                .lines
                .iter()
                .map(|(stream, (oracle, worker))| (stream.clone(), json!({ "oracle": oracle, "worker": worker })));
            json!({
                "act": act.time.word(),
                "records": act.records,
                "symbols": act.comparison.symbols,
                "lines": Value::Object(lines.collect()),
                "accounting": act.comparison.accounting,
                "differences": act.comparison.differences,
                "failure": act.failure,
            })
        });
        let left_out = self.left_out.iter().map(|(fault, why)| json!({ "fault": fault.name(), "why": why }));
        json!({
            "seed": self.seed,
            "minutes": self.minutes,
            "rate": self.rate,
            "well": self.all_well(),
            "faults": happened.collect::<Vec<_>>(),
            "left_out": left_out.collect::<Vec<_>>(),
            "acts": acts.collect::<Vec<_>>(),
        })
    }
}

impl ActReport {
    fn outcome(&self) -> String {
        let Comparison { lines, symbols, accounting, differences } = &self.comparison;
        if let Some(failure) = &self.failure {
            return format!("it came to no comparison: {failure}");
        }
        let mut text = format!("{} messages, {symbols} symbols", self.records);
        if let Some(repeats) = accounting["duplicate"].as_u64().filter(|repeats| *repeats > 0) {
            let _infallible = write!(text, ", {repeats} repeats");
        }
        for (stream, (oracle, worker)) in lines {
            let _infallible = write!(text, "; {stream} {worker} (oracle {oracle})");
        }
        let outcome = match differences.len() {
            0 => "the same as the oracle's".to_owned(),
            count => format!("{count} DIFFERENCES"),
        };
        text + ": " + &outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let happened = |time, fault, ms| Happened {
            time,
            at_seconds: 1.0,
            fault,
            detail: String::new(),
            recovered: Duration::from_millis(ms),
        };
        let act = |time| ActReport { time, records: 5, comparison: Comparison::default(), failure: None };
        Report {
            seed: 7,
            happened: vec![
                happened(ChaosTime::Processing, Fault::Kill, 400),
                happened(ChaosTime::Event, Fault::Kill, 300),
                happened(ChaosTime::Event, Fault::Kill, 900),
            ],
            acts: vec![act(ChaosTime::Processing), act(ChaosTime::Event)],
            ..Report::default()
        }
    }

    #[test]
    fn a_run_without_differences_is_well() {
        let report = report();
        assert!(report.all_well());
        assert!(report.table().contains("| kill | 3 | 0.30 | 0.40 | 0.90 |"), "{}", report.table());
        assert_eq!(report.in_short(), "seed 7: 3 faults under load, 10 messages, every result as the oracle's");
        assert_eq!(report.json()["faults"][1]["recovered_seconds"], 0.3);
    }

    #[test]
    fn what_went_wrong_is_told_and_nothing_at_all_is_not_well() {
        let mut differs = report();
        differs.acts[1].comparison.differences.push("raw of A: lost".to_owned());
        differs.left_out.push((Fault::DiskFull, "only root".to_owned()));
        let mut ended = report();
        ended.acts[0].failure = Some("the worker ended".to_owned());
        let mut idle = report();
        idle.happened.truncate(1);
        for (report, told) in [
            (&differs, "raw of A: lost"),
            (&differs, "left out: disk-full: only root"),
            (&ended, "it came to no comparison: the worker ended"),
            (&idle, "NOT as the oracle's"),
            (&Report::default(), "NOT as the oracle's"),
        ] {
            assert!(!report.all_well() && report.json()["well"] == false);
            assert!(report.table().contains(told), "{}", report.table());
        }
    }
}
