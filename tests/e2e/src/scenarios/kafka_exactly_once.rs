//! The Kafka sink while its worker is killed thirty times, the broker that coordinates its transactions once, and it is held
//! up for longer than a transaction may be open: a `read_committed` reader sees every result once.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::once;
use crate::scenario::Stage;
use crate::scenarios::oracle;
use crate::sink_topics;
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
const TRANSACTIONAL_ID: &str = "e2e-kafka-exactly-once";
/// What the names of its topics begin with.
const TOPICS: &str = "e2e-exactly-once";
pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let pipeline = stage.pipeline(&sink_topics::settings(TRANSACTIONAL_ID, TOPICS))?;
    let stack = pipeline.stack;
    let made = stack.topic(&format!("{TOPICS}.raw"))?;
    ensure!(made.replicas.iter().all(|replicas| *replicas == 3), "the sink's topic: {made:?}");
    let coordinator = coordinator(stack)?;
    let mut kills = 0;
    oracle::under_load(stage, &pipeline, PART, |_| {
        if kills == KILLS {
            return Ok(());
        }
        pipeline.kill_and_start_worker(LIMIT)?;
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
    let read = sink_topics::committed(stack, TOPICS)?;
    once::must_be(&sink_topics::written(pipeline.lines.all()), &read)?;
    stage.note("results in the sink's topics, each once", read.len());
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coordinators_id_is_read() {
        let text = "CoordinatorId\tTransactionalId\tProducerId\n2            \te2e-kafka   \t1000\n";
        assert_eq!(coordinator_id(text), Some(2));
        assert_eq!(coordinator_id("Error: no such id"), None);
    }
}
