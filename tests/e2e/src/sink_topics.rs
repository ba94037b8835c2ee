//! What the topics of a worker's Kafka sink hold, beside what the worker wrote to stdout.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::lines::Line;
use crate::output::Output;
use crate::stack::Stack;

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
    Output::parse(line).ok()?.id().map(str::to_owned)
}
