//! `opsctl up` is refused, interrupted at every step, and run twice at once; whatever it left, the next run goes on from
//! there, and the last one finishes.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::lines::Lines;
use crate::scenario::Stage;
use crate::stack::{Stack, UP_LIMIT};
use crate::stopwatch::{Stopwatch, human};
use crate::wait::pause_for;

const LIMIT: Duration = Duration::from_mins(2);
/// From Ctrl-C to the end of the program.
const TO_STOP: Duration = Duration::from_secs(20);
const TOPICS: [&str; 3] = ["_connect-configs", "_connect-offsets", "_connect-status"];

/// Ctrl-C so many milliseconds after the end of this step: within the one that follows.
const INTERRUPTIONS: [(&str, u64); 12] = [
    ("Docker Engine and Compose answer", 0),
    ("passwords are there", 100),
    ("images are here", 200),
    // Containers are made; brokers start.
    ("ports and memory are free", 1500),
    ("ports and memory are free", 6000),
    ("three brokers answer", 50),
    // Connect is made; it starts.
    ("Connect's internal topics are safe", 300),
    ("Connect's internal topics are safe", 3000),
    ("all containers run", 1000),
    ("Kafka Connect answers", 0),
    ("MySQL answers", 300),
    ("connector orders runs", 300),
];

pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.own_stack()?;
    refused(stage, &stack)?;
    let watch = Stopwatch::start();
    for (step, after_ms) in INTERRUPTIONS {
        stage.step(format_args!("Ctrl-C {after_ms} ms after: {step}"));
        interrupt(&stack, step, Duration::from_millis(after_ms))?;
    }
    stage.note("interrupted", format_args!("{} times in {}", INTERRUPTIONS.len(), human(watch.elapsed())));

    stage.step("one after the other, and two at once");
    let mut first = stack.start_opsctl(&up(&stack))?;
    first.wait_for("its first step", LIMIT, |line| ended(line, INTERRUPTIONS[0].0))?;
    let second = stack.opsctl_answer(&up(&stack), LIMIT)?;
    let words = second.pointer("/error/message").and_then(Value::as_str).unwrap_or_default();
    let holder = format!("opsctl up, process {}", first.id());
    ensure!(words.contains(&holder), "the second at the same time does not name {holder}: {second}");
    let (code, said) = first.end(UP_LIMIT)?;
    ensure!(code == Some(0), "the run after the interruptions ended with {code:?}:\n{said}");

    let answer = stack.up(&[])?;
    ensure!(answer["changed"] == false, "there was something left to do: {answer}");
    for name in TOPICS {
        let topic = stack.topic(name)?;
        ensure!(topic.replicas.iter().all(|replicas| *replicas == 3), "{topic:?}");
        ensure!(topic.configs.contains("cleanup.policy=compact"), "{topic:?}");
    }
    let lines = Lines::follow(&stack.project, "worker", &stack.logs())?;
    for order in [1, 3, 4] {
        let is_it = format!("op=r, orderId={order},");
        lines.wait_for(&is_it, LIMIT, |line| Ok(line.text.contains(&is_it).then_some(())))?;
    }
    Ok(())
}

fn up(stack: &Stack) -> [&str; 3] {
    ["up", "--images", &stack.places.images]
}

/// Whether this line tells that a step has ended well.
fn ended(line: &str, step: &str) -> bool {
    ["✓ ", "· ", "↻ "].iter().any(|mark| line.contains(&format!("{mark}{step}")))
}

fn interrupt(stack: &Stack, step: &str, after: Duration) -> Result<()> {
    let mut run = stack.start_opsctl(&up(stack))?;
    run.wait_for(step, UP_LIMIT, |line| ended(line, step))?;
    pause_for(after)?;
    run.press_ctrl_c();
    let (code, said) = run.end(TO_STOP)?;
    ensure!(code == Some(130), "Ctrl-C {after:?} after {step:?}: exit code {code:?}\n{said}");
    ensure!(said.contains("run it again"), "it does not say that a second run goes on:\n{said}");
    Ok(())
}

/// A port that this program has, and an image that nobody has: nothing of the stack is there afterwards.
fn refused(stage: &Stage<'_>, stack: &Stack) -> Result<()> {
    stage.step("a port that is taken");
    let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, stack.mysql_port()))?;
    let (code, said) = stack.start_opsctl(&up(stack))?.end(LIMIT)?;
    let words = [format!("{} (for mysql) by", stack.mysql_port()), format!("process {}", std::process::id())];
    for word in words.iter().map(String::as_str).chain(["hint: ", "CDC_MYSQL_PORT"]) {
        ensure!(code == Some(3) && said.contains(word), "{word:?} is missing, exit code {code:?}:\n{said}");
    }
    ensure!(stack.containers()?.is_empty(), "something was started all the same");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_step_is_told_from_what_is_said_in_it() {
        let step = "three brokers answer";
        assert!(ended("2026-11-27T03:40:41Z ↻ three brokers answer: 3 of 3 answer (9.1 s)", step));
        assert!(!ended("2026-11-27T03:40:41Z   three brokers answer: 1 of 3 answer", step));
        assert!(!ended("2026-11-27T03:40:41Z ✗ three brokers answer: 1 of 3 answer (60.0 s)", step));
    }
}
