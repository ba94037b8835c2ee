//! The worker: stopped, slow, without room, not allowed to write, with records that it cannot read.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::{Fault, LIMIT, Mend, Stage, begin, finish, look, wait_for_verdict};
use crate::stack::{Stack, docker};
use crate::wait::{Look, until_slowly};

/// More than it reads in minutes with a sync for each.
const MANY: usize = 60_000;

pub(super) const STOPPED: Fault = Fault {
    breaks: |stack| stack.act("stop", "worker"),
    root: "DOC-WORKER-DOWN",
    follow: &[],
    mend: Mend::Fix,
    takes_orders: true,
};

/// What is made first by somebody else belongs to root.
pub(super) const ROOT_OWNED: Fault = Fault {
    breaks: |stack| {
        let worker = stack.container("worker")?;
        let image = worker.inspected["Config"]["Image"].as_str().unwrap_or_default().to_owned();
        let volume = format!("{}_worker_state:/v", stack.project);
        stack.act("stop", "worker")?;
        docker::docker(&[
            "run",
            "--rm",
            "--user",
            "0",
            "--network",
            "none",
            "--volume",
            &volume,
            "--entrypoint",
            "chown",
            &image,
            "-R",
            "0:0",
            "/v",
        ])?;
        stack.act("start", "worker")
    },
    root: "DOC-VOLUME-OWNER",
    follow: &["DOC-WORKER-DOWN"],
    mend: Mend::Fix,
    takes_orders: true,
};

/// A worker of its own that syncs after every record, and more orders than that can read.
pub(super) fn lagging(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    let orders = begin(stage, stack)?;
    let pipeline = stage.pipeline("epoch.max_records = 1")?;
    stage.step(format_args!("{MANY} orders for a worker that syncs after each"));
    let rows: Vec<String> =
        (0..MANY).map(|number| format!("({}, 'LAG{}', 'BUY', 1, 1)", 1000 + number, number % 50)).collect();
    for part in rows.chunks(5_000) {
        pipeline.sql(&format!("INSERT INTO orders (id, symbol, side, quantity, price) VALUES {};", part.join(",")))?;
    }
    let verdict = wait_for_verdict(stage, stack, &["DOC-WORKER-LAG"], &[])?;
    stage.step(format_args!("the printed remedy: {}", verdict.remedy("DOC-WORKER-LAG")));
    pipeline.start_worker("")?;
    wait_well(stack)?;
    drop(pipeline);
    finish(stage, stack, orders)
}

/// A connector that writes base64 without its scale: every price is a dead letter of its own worker.
pub(super) fn dead_letters(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    let orders = begin(stage, stack)?;
    let pipeline = stage.pipeline("")?;
    let mut config = stack.connector_config(&pipeline.name)?;
    config["decimal.handling.mode"] = json!("precise");
    stack.put_connector(&pipeline.name, &config)?;
    // The task is started anew with it in a moment; what the old one reads is text still. The price's base64 has letters:
    // what is all digits cannot be told from text.
    let mut id = 100;
    until_slowly("a dead letter", LIMIT, || {
        id += 1;
        pipeline.sql(&format!(
            "INSERT INTO orders (id, symbol, side, quantity, price) VALUES ({id}, 'D', 'BUY', 1, 72000);"
        ))?;
        let accounting = pipeline.accounting()?;
        let dead = accounting["dead_letter"].as_u64().unwrap_or(0) > 0;
        Ok(if dead { Look::Found(()) } else { Look::NotYet(accounting.to_string()) })
    })?;
    let verdict = wait_for_verdict(stage, stack, &["DOC-DECIMAL-MODE"], &["DOC-DEAD-LETTERS"])?;
    stage.step(format_args!("the printed remedy: {}", verdict.remedy("DOC-DECIMAL-MODE")));
    config["decimal.handling.mode"] = json!("string");
    stack.put_connector(&pipeline.name, &config)?;
    let left = wait_for_verdict(stage, stack, &["DOC-DEAD-LETTERS"], &[])?;
    ensure!(left.words("DOC-DEAD-LETTERS").contains("could not read"), "{left}");
    drop(pipeline);
    finish(stage, stack, orders)
}

/// A second worker on a small file system of its own.
pub(super) fn disk_nearly_full(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    let orders = begin(stage, stack)?;
    let label = format!("{}={}", docker::PROJECT_LABEL, stack.project);
    let volume = format!("{}_worker_disk_nearly_full_state", stack.project);
    let small = ["--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=96m,uid=10001"];
    docker::docker(&[&["volume", "create", "--label", &label][..], &small, &[&volume]].concat())?;
    let pipeline = stage.pipeline("")?;
    let id = stack.container(&pipeline.worker)?.id;
    wait_well(stack)?;
    stage.step("filling it");
    docker::docker(&[
        "exec",
        &id,
        "sh",
        "-c",
        "dd if=/dev/zero of=/var/lib/worker/filler bs=1M count=$(($(df -P -m /var/lib/worker | tail -1 | awk '{print $4}') - 3)) 2>/dev/null",
    ])?;
    let verdict = wait_for_verdict(stage, stack, &["DOC-DISK"], &[])?;
    stage.step(format_args!("the printed remedy: {}", verdict.remedy("DOC-DISK")));
    docker::docker(&["exec", &id, "rm", "/var/lib/worker/filler"])?;
    wait_well(stack)?;
    drop(pipeline);
    finish(stage, stack, orders)
}

fn wait_well(stack: &Stack) -> Result<()> {
    until_slowly("the doctor finds all well", Duration::from_mins(3), || {
        let verdict = look(stack)?;
        Ok(match verdict.differs(&[], &[]) {
            None => Look::Found(()),
            Some(why) => Look::NotYet(why),
        })
    })
}
