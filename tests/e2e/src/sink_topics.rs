//! What the topics of a worker's Kafka sink hold, beside what the worker wrote to stdout.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Result, ensure};

use crate::lines::Line;
use crate::output::Output;
use crate::stack::Stack;

/// The first tell what went wrong.
const DIFFERENCES_TOLD: usize = 10;
const SETTINGS: &str = "agg.window_ms = 5000
state.checkpoint_interval_ms = 2000
sink.kafka.enabled = true
sink.kafka.transaction_timeout_ms = 10000";

/// Settings of a worker that writes to topics whose names begin with `topics`.
pub(crate) fn settings(transactional_id: &str, topics: &str) -> String {
    let topics = ["raw", "agg", "alerts", "late", "dlq"]
        .map(|stream| format!("sink.kafka.{stream}_topic = \"{topics}.{stream}\""))
        .join("\n");
    format!("{SETTINGS}\nsink.kafka.transactional_id = \"{transactional_id}\"\n{topics}")
}

/// Every committed line of the sink's topics.
pub(crate) fn committed(stack: &Stack, topics: &str) -> Result<Vec<String>> {
    let topics = format!("{topics}\\..*");
    let arguments = ["--include", &topics, "--from-beginning", "--timeout-ms", "15000"];
    let text =
        stack.kafka("kafka-console-consumer", &[&arguments[..], &["--isolation-level", "read_committed"]].concat())?;
    Ok(text.lines().filter(|line| line.starts_with('{')).map(str::to_owned).collect())
}

/// A worker's lines, each once: stdout may repeat some after a crash.
pub(crate) fn written(lines: Vec<Line>) -> BTreeMap<String, String> {
    lines.into_iter().filter_map(|line| Some((id(&line.text)?, line.text))).collect()
}

fn id(line: &str) -> Option<String> {
    match Output::parse(line).ok()? {
        Output::Raw(raw) => Some(raw.id),
        Output::Agg(agg) => Some(agg.id),
        Output::Alert(alert) => Some(alert.id),
        Output::DeadLetter { .. } | Output::Late {} => None,
    }
}

/// The topics hold what was written, each line once; else an error that tells the first differences.
pub(crate) fn must_be(written: &BTreeMap<String, String>, read: &[String]) -> Result<()> {
    let differences = differences(written, read);
    let first = differences.iter().take(DIFFERENCES_TOLD).map(String::as_str).collect::<Vec<_>>().join("\n");
    ensure!(differences.is_empty(), "{} differences, the first:\n{first}", differences.len());
    Ok(())
}

/// What one has and the other has not, or has twice.
fn differences(written: &BTreeMap<String, String>, read: &[String]) -> Vec<String> {
    let mut times: HashMap<&str, usize> = HashMap::new();
    for line in read {
        *times.entry(line).or_default() += 1;
    }
    let mut differences: Vec<String> =
        times.iter().filter(|(_, times)| **times > 1).map(|(line, times)| format!("{times} times: {line}")).collect();
    for line in written.values() {
        if times.remove(line.as_str()).is_none() {
            differences.push(format!("not in the topics: {line}"));
        }
    }
    differences.extend(times.keys().map(|line| format!("in the topics only: {line}")));
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_there_twice_or_too_much_is_told() {
        let written = BTreeMap::from([("1".to_owned(), "a".to_owned()), ("2".to_owned(), "b".to_owned())]);
        let read = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        assert_eq!(differences(&written, &read(&["b", "a"])), Vec::<String>::new());
        assert_eq!(differences(&written, &read(&["a", "b", "a"])), ["2 times: a"]);
        assert_eq!(differences(&written, &read(&["a"])), ["not in the topics: b"]);
        assert_eq!(differences(&written, &read(&["a", "b", "c"])), ["in the topics only: c"]);
    }
}
