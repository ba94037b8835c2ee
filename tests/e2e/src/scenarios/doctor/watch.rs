//! `opsctl watch --once` restarts what failed, and not again at once; `opsctl bundle` holds what helps and no secret.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::mysql::restart_until_failed;
use super::{LIMIT, Stage, begin, finish};
use crate::process::finish as run;
use crate::stack::Stack;

pub(super) fn watch(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    let mut orders = begin(stage, stack)?;
    // What another run remembers of a connector of that name.
    let _ = std::fs::remove_file(std::env::temp_dir().join(format!("opsctl-{}.watch.json", stack.project)));
    let password = secret(stack, "mysql.properties")?;
    stack.sql("ALTER USER 'debezium'@'%' IDENTIFIED BY 'another';")?;
    restart_until_failed(stack, "orders")?;
    orders.place(stack)?;
    let first = look(stack)?;
    ensure!(first.contains("restarted what failed, for the 1. time"), "nothing was restarted: {first}");
    restart_until_failed(stack, "orders")?;
    let second = look(stack)?;
    ensure!(second.contains("next one in"), "it was restarted again at once: {second}");
    stage.note("pause", &second);
    stack.sql(&format!("ALTER USER 'debezium'@'%' IDENTIFIED BY '{password}';"))?;
    stack.opsctl(&["connector", "restart", "orders"], LIMIT)?;
    stack.wait_for_connector("orders")?;
    finish(stage, stack, orders)
}

fn look(stack: &Stack) -> Result<String> {
    Ok(stack.opsctl_answer(&["watch", "--once"], LIMIT)?["events"].to_string())
}

/// The value of a secret's file: the password of the one with names, the whole of the others.
fn secret(stack: &Stack, file: &str) -> Result<String> {
    let text = std::fs::read_to_string(stack.secrets().join(file)).with_context(|| file.to_owned())?;
    let value = text.lines().find_map(|line| line.strip_prefix("password=")).unwrap_or(&text);
    ensure!(!value.trim().is_empty(), "{file} holds no secret");
    Ok(value.trim().to_owned())
}

pub(super) fn bundle(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    let path = stack.work().join("bundle.tar.gz").display().to_string();
    let answer: Value = stack.opsctl(&["bundle", "--out", &path], LIMIT)?;
    let files = answer["files"].as_array().context("no list of files")?;
    for name in ["doctor.json", "facts.json", "compose.json", "connectors/orders.json", "worker/worker-accounting.json"]
    {
        ensure!(files.iter().any(|file| file == name), "{name} is not in it: {answer}");
    }
    let unpacked = run(Command::new("tar").args(["-xzOf", &path]), None, Duration::from_mins(1))?.succeeded()?;
    for file in ["mysql-root-password", "mysql.properties", "worker-token"] {
        ensure!(!unpacked.contains(&secret(stack, file)?), "the secret {file} is in the bundle");
    }
    stage.note("bundle", format_args!("{} files, {} KiB unpacked", files.len(), unpacked.len() / 1024));
    Ok(())
}
