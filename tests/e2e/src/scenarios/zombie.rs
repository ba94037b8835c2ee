//! A worker that stands still with a transaction open for longer than the brokers allow, while a second one of the same
//! transactional id goes on from a copy of its state; then it wakes. It is refused, and a `read_committed` reader sees every
//! result once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::audit;
use crate::lines::{Lines, settle};
use crate::load::Load;
use crate::once;
use crate::output::Output;
use crate::pipeline::{FIRST_SYMBOL, Pipeline};
use crate::scenario::Stage;
use crate::sink_topics;
use crate::stack::docker::{self, docker};
use crate::stack::{Stack, Volume};
use crate::wait::{Look, pause_for, until};

const TRANSACTIONAL_ID: &str = "e2e-zombie";
/// What the names of its topics begin with.
const TOPICS: &str = "e2e-zombie";
const SECOND: &str = "worker-zombie-2";
/// Transactions in MySQL at a time.
const PART: usize = 20;
/// Lines before it stands still, and after the other one has come.
const SOME_LINES: usize = 500;
/// Brokers look every ten seconds for transactions that are open for longer than they may be, here ten seconds.
const PAST_ITS_TIME: Duration = Duration::from_secs(25);
/// The second worker has committed some by then.
const FIRST_TRANSACTIONS: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_mins(3);

pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let settings = sink_topics::settings(TRANSACTIONAL_ID, TOPICS);
    let pipeline = stage.pipeline(&settings)?;
    let stack = pipeline.stack;
    let made = stack.topic(&format!("{TOPICS}.raw"))?;
    ensure!(made.replicas.iter().all(|replicas| *replicas == 3), "the sink's topic: {made:?}");
    audit::start(&pipeline)?;
    let second = Second { stack, lines: Lines::follow(&stack.project, SECOND, &stack.logs())? };
    let over = AtomicBool::new(false);
    let mut load = Load::seeded(stage.seed);
    let of_first = thread::scope(|scope| {
        let written = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                pipeline.sql(&load.transactions(PART))?;
            }
            Ok::<(), anyhow::Error>(())
        });
        let took_place = change_places(stage, &pipeline, &second);
        over.store(true, Ordering::Relaxed);
        written.join().map_err(|_| anyhow::anyhow!("the load has panicked"))??;
        took_place
    })?;
    let changes = audit::changes(&pipeline)?;
    stage.note("changes", changes);
    until("every change has come through", LIMIT, || {
        let count = raws(&of_first, &second.lines)?;
        Ok(if count >= changes { Look::Found(()) } else { Look::NotYet(format!("{count} of {changes}")) })
    })
    .with_context(|| pipeline.whereabouts())?;
    // Windows of five seconds.
    settle(&second.lines, Duration::from_secs(8), LIMIT)?;
    let mut written = of_first;
    written.extend(sink_topics::written(second.lines.all()));
    let read = sink_topics::committed(stack, TOPICS)?;
    once::must_be(&written, &read)?;
    ensure!(raws(&written, &second.lines)? == changes, "more orders than changes in MySQL");
    stage.note("results in the sink's topics, each once", read.len());
    Ok(())
}

type Written = std::collections::BTreeMap<String, String>;

/// The first one stands still, the second one comes, the first one wakes and is refused. Gives what the first one wrote
/// before: what it writes when it wakes is nobody's, since it is not committed.
fn change_places(stage: &mut Stage<'_>, pipeline: &Pipeline<'_>, second: &Second<'_>) -> Result<Written> {
    let (stack, first) = (pipeline.stack, &pipeline.worker);
    until("lines of the first worker", LIMIT, || Ok(more_than(&pipeline.lines, SOME_LINES)))?;
    stage.step("it stands still with a transaction open");
    until("it stands still with a transaction open", LIMIT, || {
        stack.act("pause", first)?;
        let state = transaction(stack)?;
        if state == "Ongoing" {
            return Ok(Look::Found(()));
        }
        stack.act("unpause", first)?;
        Ok(Look::NotYet(state))
    })?;
    thread::sleep(PAST_ITS_TIME);
    settle(&pipeline.lines, Duration::from_secs(1), LIMIT)?;
    let written = sink_topics::written(pipeline.lines.all());

    stage.step("a second one goes on from a copy of its state");
    let container = stack.container(first)?;
    let copy = format!("{}_{}_state", stack.project, SECOND.replace('-', "_"));
    Volume::of(&container)?.copy_to(&stack.project, &copy)?;
    let config = stack.work().join(format!("{first}.toml")).display().to_string();
    let arguments = ["worker", "start", "--name", SECOND, "--worker-port", "0", "--worker-config", &config];
    stack.opsctl(&arguments, LIMIT)?;
    until("lines of the second worker", LIMIT, || Ok(more_than(&second.lines, SOME_LINES)))?;
    // Lines come before their transaction ends, every 100 ms: until one has, the brokers know of nobody in the first one's place.
    pause_for(FIRST_TRANSACTIONS)?;
    let runs = stack.container(SECOND)?.started_at;

    stage.step("the first one wakes");
    // Docker would start it again and again: it would be refused each time.
    docker(&["update", "--restart", "no", &container.id])?;
    stack.act("unpause", first)?;
    let ended = until("it ends", LIMIT, || {
        let now = stack.container(first)?;
        Ok(if now.runs() { Look::NotYet(now.state) } else { Look::Found(now) })
    })?;
    let code = ended.inspected.pointer("/State/ExitCode").and_then(Value::as_i64);
    let log = docker::run(&["logs", "--tail", "20", &ended.id], None, LIMIT)?.stderr;
    ensure!(code == Some(3), "it ended with {code:?}:\n{log}");
    let said = log.lines().rev().find(|line| line.contains("another worker has begun to write"));
    stage.note("it says", said.with_context(|| format!("it did not say why:\n{log}"))?);
    let lines = second.lines.mark();
    until("the second one goes on", LIMIT, || Ok(more_than(&second.lines, lines + SOME_LINES)))?;
    ensure!(stack.container(SECOND)?.started_at == runs, "the second one was started again");
    Ok(written)
}

fn more_than(lines: &Lines, count: usize) -> Look<()> {
    let now = lines.mark();
    if now > count { Look::Found(()) } else { Look::NotYet(format!("{now} lines")) }
}

/// How many changes of orders have a RAW line, of the one or the other.
fn raws(written: &Written, lines: &Lines) -> Result<usize> {
    let mut all = written.clone();
    all.extend(sink_topics::written(lines.all()));
    let mut count = 0;
    for line in all.values() {
        count += usize::from(matches!(Output::parse(line)?, Output::Raw(raw) if raw.symbol != FIRST_SYMBOL));
    }
    Ok(count)
}

/// What the brokers say of the worker's transaction: `Ongoing` while one is open.
fn transaction(stack: &Stack) -> Result<String> {
    let text = stack.kafka("kafka-transactions", &["describe", "--transactional-id", TRANSACTIONAL_ID])?;
    state(&text).with_context(|| format!("kafka-transactions says of {TRANSACTIONAL_ID}: {text}"))
}

/// The column below its title.
fn state(text: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with("CoordinatorId"));
    let place = lines.next()?.split_whitespace().position(|title| title == "TransactionState")?;
    lines.next()?.split_whitespace().nth(place).map(str::to_owned)
}

/// The second worker; it goes with the scenario.
struct Second<'a> {
    stack: &'a Stack,
    lines: Lines,
}

impl Drop for Second<'_> {
    fn drop(&mut self) {
        if !self.stack.keep {
            crate::signals::undisturbed(|| {
                let _ = self.stack.opsctl(&["worker", "stop", "--name", SECOND, "--no-savepoint"], LIMIT);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_a_transaction_is_read() {
        let text = "CoordinatorId\tTransactionalId\tProducerId\tProducerEpoch\tTransactionState\tTransactionTimeoutMs\n\
                    2            \te2e-zombie     \t1000      \t0            \tOngoing         \t10000\n";
        assert_eq!(state(text).as_deref(), Some("Ongoing"));
        assert_eq!(state("Error: no such id"), None);
    }
}
