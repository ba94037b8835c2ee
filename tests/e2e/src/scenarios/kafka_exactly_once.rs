//! The Kafka sink while its worker is killed thirty times, the broker that coordinates its transactions once, and it is held
//! up for longer than a transaction may be open: a `read_committed` reader sees every result once.

use std::collections::{BTreeMap, HashMap};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::output::Output;
use crate::pipeline::Pipeline;
use crate::scenario::Stage;
use crate::scenarios::oracle;
use crate::stack::Stack;
use crate::wait::{Look, until};

const KILLS: usize = 30;
/// Transactions between two kills.
const PART: usize = 36;
/// The coordinator's broker is killed after this kill, and started again after that one.
const BROKER_KILLED_AFTER: usize = 8;
const BROKER_STARTED_AFTER: usize = 16;
/// The worker is stopped in its tracks after this one; brokers look for transactions that are too old every ten seconds.
const HELD_UP_AFTER: usize = 22;
const HELD_UP: Duration = Duration::from_secs(25);
/// From a kill to a container that runs again.
const LIMIT: Duration = Duration::from_mins(2);
/// The first tell what went wrong.
const DIFFERENCES_TOLD: usize = 10;
const TRANSACTIONAL_ID: &str = "e2e-kafka-exactly-once";
/// What the names of its topics begin with.
const TOPICS: &str = "e2e-exactly-once";
const SETTINGS: &str = "agg.window_ms = 5000
state.checkpoint_interval_ms = 2000
sink.kafka.enabled = true
sink.kafka.transaction_timeout_ms = 10000";

fn settings() -> String {
    let topics = ["raw", "agg", "alerts", "late", "dlq"]
        .map(|stream| format!("sink.kafka.{stream}_topic = \"{TOPICS}.{stream}\""))
        .join("\n");
    format!("{SETTINGS}\nsink.kafka.transactional_id = \"{TRANSACTIONAL_ID}\"\n{topics}")
}

pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let pipeline = stage.pipeline(&settings())?;
    let stack = pipeline.stack;
    let made = stack.topic(&format!("{TOPICS}.raw"))?;
    ensure!(made.replicas.iter().all(|replicas| *replicas == 3), "the sink's topic: {made:?}");
    let coordinator = coordinator(stack)?;
    let mut kills = 0;
    oracle::under_load(stage, &pipeline, PART, |_| {
        if kills == KILLS {
            return Ok(());
        }
        kill(&pipeline)?;
        kills += 1;
        match kills {
            BROKER_KILLED_AFTER => stack.act("kill", &coordinator)?,
            BROKER_STARTED_AFTER => stack.act("start", &coordinator)?,
            HELD_UP_AFTER => {
                let before = pipeline.lines.mark();
                until("results after the kill", LIMIT, || {
                    let came = pipeline.lines.mark() > before;
                    Ok(if came { Look::Found(()) } else { Look::NotYet("no line".to_owned()) })
                })?;
                stack.act("pause", &pipeline.worker)?;
                thread::sleep(HELD_UP);
                stack.act("unpause", &pipeline.worker)?;
            }
            _ => {}
        }
        Ok(())
    })?;
    ensure!(kills == KILLS, "{kills} kills only: the load was over too soon");
    stage.note("kills", kills);
    stage.note("killed: the coordinator of the sink's transactions", &coordinator);
    // What the brokers have committed, as any reader sees it.
    let read = committed(stack)?;
    let differences = differences(&written(&pipeline), &read);
    let first = differences.iter().take(DIFFERENCES_TOLD).map(String::as_str).collect::<Vec<_>>().join("\n");
    ensure!(differences.is_empty(), "{} differences, the first:\n{first}", differences.len());
    stage.note("results in the sink's topics, each once", read.len());
    Ok(())
}

/// The process dies; Docker's growing pause before it starts a container again is not waited for.
fn kill(pipeline: &Pipeline<'_>) -> Result<()> {
    let killed = pipeline.kill_worker()?;
    until("the worker is gone", LIMIT, || {
        let now = pipeline.stack.container(&pipeline.worker)?;
        let gone = !now.runs() || now.started_at != killed.started_at;
        Ok(if gone { Look::Found(()) } else { Look::NotYet(now.state) })
    })?;
    pipeline.stack.act("restart", &pipeline.worker)?;
    pipeline.worker_runs_again(&killed, LIMIT)
}

/// The service of the broker that coordinates the sink's transactions.
fn coordinator(stack: &Stack) -> Result<String> {
    let text = stack.kafka("kafka-transactions", &["describe", "--transactional-id", TRANSACTIONAL_ID])?;
    let id = coordinator_id(&text).with_context(|| format!("kafka-transactions says of {TRANSACTIONAL_ID}: {text}"))?;
    Ok(format!("kafka-{id}"))
}

/// The first column below its title.
fn coordinator_id(text: &str) -> Option<u8> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with("CoordinatorId"));
    lines.nth(1)?.split_whitespace().next()?.parse().ok()
}

/// Every committed line of the sink's topics.
fn committed(stack: &Stack) -> Result<Vec<String>> {
    let topics = format!("{TOPICS}\\..*");
    let arguments = ["--include", &topics, "--from-beginning", "--timeout-ms", "15000"];
    let text =
        stack.kafka("kafka-console-consumer", &[&arguments[..], &["--isolation-level", "read_committed"]].concat())?;
    Ok(text.lines().filter(|line| line.starts_with('{')).map(str::to_owned).collect())
}

/// The worker's lines, each once: stdout may repeat some after a crash.
fn written(pipeline: &Pipeline<'_>) -> BTreeMap<String, String> {
    pipeline.lines.all().into_iter().filter_map(|line| Some((id(&line.text)?, line.text))).collect()
}

fn id(line: &str) -> Option<String> {
    match Output::parse(line).ok()? {
        Output::Raw(raw) => Some(raw.id),
        Output::Agg(agg) => Some(agg.id),
        Output::Alert(alert) => Some(alert.id),
        Output::DeadLetter { .. } | Output::Late {} => None,
    }
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
    fn the_coordinators_id_is_read() {
        let text = "CoordinatorId\tTransactionalId\tProducerId\n2            \te2e-kafka   \t1000\n";
        assert_eq!(coordinator_id(text), Some(2));
        assert_eq!(coordinator_id("Error: no such id"), None);
    }

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
