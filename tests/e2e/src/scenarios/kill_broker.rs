//! A broker is killed under load: the one that coordinates the worker's group and Connect's. Two go on without it; when it
//! is back, its copies catch up, and the sums are those of SQL.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::scenario::Stage;
use crate::scenarios::oracle;
use crate::stack::Stack;
use crate::stopwatch::{Stopwatch, human};
use crate::wait::{Look, until, until_slowly};

/// Transactions between two looks.
const PART: usize = 120;
/// It is killed after this part of the load, and started again after that one.
const KILLED_AFTER: usize = 2;
const STARTED_AFTER: usize = 6;
/// Until the controller has noticed and clients have turned to the others: ZooKeeper's session is 18 s.
const LIMIT: Duration = Duration::from_mins(2);
/// RAW lines that must come while it is away.
const MEANWHILE: usize = 200;

pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let pipeline = stage.pipeline("agg.window_ms = 5000")?;
    let stack = pipeline.stack;
    // `opsctl` gives every worker beside the first a group of its own.
    let broker = coordinator(stack, &format!("cdc-{}", pipeline.worker))?;
    stage.note("killed: the coordinator of the worker's group", &broker);
    let (mut mark, mut killed, mut away) = (0, Stopwatch::start(), None);
    oracle::under_load(stage, &pipeline, PART, |part| {
        match part {
            KILLED_AFTER => {
                stack.act("kill", &broker)?;
                (mark, killed) = (pipeline.lines.mark(), Stopwatch::start());
            }
            STARTED_AFTER => {
                until("results while the broker is away", LIMIT, || {
                    let came = pipeline.lines.mark() - mark;
                    Ok(if came >= MEANWHILE { Look::Found(()) } else { Look::NotYet(format!("{came} lines")) })
                })?;
                ensure!(!stack.container(&broker)?.runs(), "{broker} runs: it was to be away");
                stack.act("start", &broker)?;
                away = Some(killed.elapsed());
            }
            _ => {}
        }
        Ok(())
    })?;
    stage.note("away", human(away.context("the load was over before the broker was started again")?));
    let topic = pipeline.topic();
    until_slowly("all copies are up to date again", LIMIT, || {
        let topic = stack.topic(&topic)?;
        let whole = topic.in_sync == topic.replicas;
        Ok(if whole { Look::Found(()) } else { Look::NotYet(format!("{topic:?}")) })
    })?;
    // Nothing of it is left for others to mend.
    let answer = stack.opsctl(&["status"], LIMIT)?;
    ensure!(answer["status"]["kafka"]["brokers_answering"] == 3, "{}", answer["status"]["kafka"]);
    Ok(())
}

/// The service of the broker that coordinates this group.
fn coordinator(stack: &Stack, group: &str) -> Result<String> {
    until_slowly("the coordinator of the worker's group", LIMIT, || {
        // Until its first offsets are committed there is no such group, which the tool takes for a failure.
        let asked = stack.kafka("kafka-consumer-groups", &["--describe", "--state", "--group", group]);
        let text = asked.unwrap_or_else(|error| format!("{error:#}"));
        Ok(named(&text).map_or_else(|| Look::NotYet(text.clone()), Look::Found))
    })
}

/// `e2e_a  kafka-2:29093 (2)  …`: the second column.
fn named(text: &str) -> Option<String> {
    let address = text.split_whitespace().find(|word| word.starts_with("kafka-") && word.contains(":2909"))?;
    address.split_once(':').map(|(host, _)| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coordinator_is_read() {
        let text = "Consumer group 'g' has no active members.\n\nGROUP  COORDINATOR (ID)      ASSIGNMENT-STRATEGY  STATE  #MEMBERS\ng      kafka-2:29093 (2)                          Empty  0\n";
        assert_eq!(named(text).as_deref(), Some("kafka-2"));
        assert_eq!(named("Error: Consumer group 'g' does not exist."), None);
    }
}
