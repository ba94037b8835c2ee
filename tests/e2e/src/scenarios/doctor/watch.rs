//! `opsctl watch` restarts what failed, and not again at once; `opsctl bundle` holds what helps and no secret.

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
    forget(stack);
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

/// As a service runs it: for as long as nobody stops it.
pub(super) fn goes_on(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    let mut orders = begin(stage, stack)?;
    forget(stack);
    let password = secret(stack, "mysql.properties")?;
    let mut watching = stack.start_opsctl(&["watch", "--interval", "5"])?;
    watching.wait_for("nothing is wrong", LIMIT, |line| line.contains("nothing is wrong"))?;
    stage.step("a password is changed");
    stack.sql("ALTER USER 'debezium'@'%' IDENTIFIED BY 'another';")?;
    restart_until_failed(stack, "orders")?;
    orders.place(stack)?;
    watching.wait_for("the cause", LIMIT, |line| line.contains("\u{2717} DOC-MYSQL-LOGIN"))?;
    let restarted = watching.wait_for("a restart", LIMIT, |line| line.contains("restarted what failed"))?;
    stage.note("said", restarted);
    stage.step("the password is put back: the next restart helps");
    stack.sql(&format!("ALTER USER 'debezium'@'%' IDENTIFIED BY '{password}';"))?;
    watching.wait_for("well again", LIMIT, |line| line.contains("DOC-MYSQL-LOGIN: well again"))?;
    // After a pause that has grown.
    watching.wait_for("the next restart", LIMIT, |line| line.contains("for the 2. time"))?;
    stack.wait_for_connector("orders")?;
    watching.press_ctrl_c();
    let (code, said) = watching.end(LIMIT)?;
    // Nobody can end it otherwise: it is no failure.
    ensure!(code == Some(0) && !said.contains("interrupted"), "Ctrl-C ends it with {code:?}:\n{said}");
    finish(stage, stack, orders)
}

/// What another run remembers of a connector of that name.
fn forget(stack: &Stack) {
    // None remembers anything where it is not there.
    let _gone = std::fs::remove_file(std::env::temp_dir().join(format!("opsctl-{}.watch.json", stack.project)));
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
    for file in
        ["mysql-root-password", "mysql.properties", "worker-token", "clickhouse-password", "clickhouse-reader-password"]
    {
        ensure!(!unpacked.contains(&secret(stack, file)?), "the secret {file} is in the bundle");
    }
    stage.note("bundle", format_args!("{} files, {} KiB unpacked", files.len(), unpacked.len() / 1024));
    Ok(())
}
