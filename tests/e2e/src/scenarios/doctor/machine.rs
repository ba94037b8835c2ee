//! Memory and compose.yaml.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{Fault, LIMIT, Mend, Stage, TO_FIX, begin, finish, wait_for_verdict};
use crate::stack::docker;
use crate::wait::{Look, until};

const CONNECT: &str = "kafka-connect";

pub(super) const HEAP: Fault = Fault {
    breaks: |stack| {
        stack.compose_laid_over(
            "services: {}\n",
            &[("CDC_CONNECT_HEAP_OPTS", "-Xms256m -Xmx2g")],
            &["up", "--detach", CONNECT],
        )?;
        stack.wait_for_connector("orders")
    },
    root: "DOC-HEAP",
    follow: &[],
    mend: Mend::Remedy(|stack| stack.up(&[]).map(drop)),
    takes_orders: true,
};

/// MySQL gets less memory than it needs to start: killed by the kernel, again and again.
pub(super) const OOM: Fault = Fault {
    breaks: |stack| {
        let id = stack.container("mysql")?.id;
        stack.act("stop", "mysql")?;
        docker::docker(&["update", "--memory", "96m", "--memory-swap", "96m", &id])?;
        stack.act("start", "mysql")?;
        until("Docker saw it killed for memory", LIMIT, || {
            let killed = stack.container("mysql")?.inspected.pointer("/State/OOMKilled").and_then(Value::as_bool);
            Ok(if killed == Some(true) { Look::Found(()) } else { Look::NotYet(format!("OOMKilled is {killed:?}")) })
        })
    },
    root: "DOC-OOM-KILLED",
    follow: &["DOC-MYSQL-DOWN"],
    mend: Mend::Remedy(|stack| {
        let id = stack.container("mysql")?.id;
        // One that is about to be restarted takes no other limit.
        stack.act("stop", "mysql")?;
        docker::docker(&["update", "--memory", "1g", "--memory-swap", "2g", &id])?;
        stack.up(&[]).map(drop)
    }),
    takes_orders: false,
};

/// compose.yaml as the seed had it: nobody waits for anybody's health. `--fix` shows a diff and applies it.
pub(super) fn no_health_checks(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    let orders = begin(stage, stack)?;
    let copy = stack.copied_checkout()?;
    let file = copy.places.root.join("compose/compose.yaml");
    let whole = fs::read_to_string(&file).context("the copied compose.yaml")?;
    fs::write(&file, without_health(&whole))?;
    stage.step("making Connect and its brokers from it");
    // Not what they depend on: from another directory that would be made anew, too, and a broker that stops while ZooKeeper
    // does leaves its registration behind.
    copy.compose(&["up", "--detach", "--no-deps", "kafka-3", CONNECT], TO_FIX)?;
    copy.wait_for_connector("orders")?;
    let verdict = wait_for_verdict(stage, &copy, &["DOC-START-ORDER"], &[])?;
    ensure!(verdict.is_fixable("DOC-START-ORDER"), "not fixable: {verdict}");

    stage.step("opsctl doctor --fix --yes");
    let answer = copy.opsctl_answer(&["doctor", "--fix", "--yes"], TO_FIX)?;
    ensure!(answer["error"].is_null(), "--fix: {answer}");
    let diff = answer["diff"].as_str().unwrap_or_default();
    ensure!(
        diff.contains("+    healthcheck: {test: [CMD, bash, /opt/probes/kafka, \"29094\", \"3\"]"),
        "the diff: {diff}"
    );
    ensure!(diff.contains("+    depends_on: {kafka-1: {condition: service_healthy}"), "the diff: {diff}");
    stage.note("diff", format_args!("{} lines", diff.lines().count()));
    copy.wait_for_connector("orders")?;
    stage.step("back to the files as they are");
    stack.up(&[])?;
    finish(stage, stack, orders)
}

/// Without the health check of kafka-3 and Connect's conditions.
fn without_health(text: &str) -> String {
    let mut kept = Vec::new();
    let mut service = "";
    let mut skipping = false;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        if indent == 2 && line.ends_with(':') {
            service = line.trim().trim_end_matches(':');
        }
        skipping = skipping && indent > 4;
        let starts = |key: &str| line.trim_start().starts_with(key) && indent == 4;
        let goes = (service == "kafka-3" && starts("healthcheck:"))
            || (service == CONNECT && (starts("healthcheck:") || starts("depends_on:")));
        if goes {
            skipping = true;
        }
        if !skipping {
            kept.push(line);
        }
    }
    kept.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_meant_goes() {
        let text = include_str!("../../../../../compose/compose.yaml");
        let without = without_health(text);
        let count = |text: &str, word: &str| text.matches(word).count();
        assert_eq!(count(text, "healthcheck:") - count(&without, "healthcheck:"), 2);
        assert_eq!(count(text, "condition: service_healthy") - count(&without, "condition: service_healthy"), 3);
        assert!(without.contains("OFFSET_FLUSH_INTERVAL_MS") && without.contains("/opt/probes/kafka, \"29093\""));
    }
}
