//! MySQL: passwords, rights, the binlog, its port.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context as _, Result, ensure};

use super::{Fault, LIMIT, Mend, Stage, begin, finish, wait_for_verdict};
use crate::pipeline::Pipeline;
use crate::stack::Stack;
use crate::wait::{Look, until_slowly};

/// Its task is started anew, as a rebalance would, and meets what was changed.
pub(super) fn restart_until_failed(stack: &Stack, connector: &str) -> Result<()> {
    stack.connect("POST", &format!("/connectors/{connector}/restart?includeTasks=true"), None)?;
    until_failed(stack, connector)
}

fn until_failed(stack: &Stack, connector: &str) -> Result<()> {
    until_slowly(&format!("{connector} has failed"), LIMIT, || {
        let status = stack.connect("GET", &format!("/connectors/{connector}/status"), None)?.body;
        Ok(if status.contains("\"FAILED\"") { Look::Found(()) } else { Look::NotYet(status) })
    })
}

pub(super) const PASSWORD: Fault = Fault {
    breaks: |stack| {
        stack.sql("ALTER USER 'debezium'@'%' IDENTIFIED BY 'another';")?;
        restart_until_failed(stack, "orders")
    },
    root: "DOC-MYSQL-LOGIN",
    follow: &["DOC-CONNECTOR-FAILED"],
    mend: Mend::Fix,
    takes_orders: true,
};

pub(super) const GRANT: Fault = Fault {
    breaks: |stack| {
        stack.sql("REVOKE REPLICATION SLAVE, REPLICATION CLIENT ON *.* FROM 'debezium'@'%';")?;
        restart_until_failed(stack, "orders")
    },
    root: "DOC-MYSQL-GRANTS",
    follow: &["DOC-CONNECTOR-FAILED"],
    mend: Mend::Fix,
    takes_orders: true,
};

/// Without orders meanwhile: a session that begins now would write them as SQL, and they would never be captured.
pub(super) const FORMAT: Fault = Fault {
    breaks: |stack| stack.sql("SET GLOBAL binlog_format = STATEMENT;").map(drop),
    root: "DOC-BINLOG-FORMAT",
    follow: &[],
    mend: Mend::Fix,
    takes_orders: false,
};

/// A second connector is stopped, its place in the binlog is purged; the stack's own goes on.
pub(super) fn purged(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    let mut orders = begin(stage, stack)?;
    let pipeline = stage.pipeline("")?;
    let name = pipeline.name.clone();
    stage.step("stopping the second connector, purging what it has not read");
    stack.connect("PUT", &format!("/connectors/{name}/stop"), None)?;
    until_state(stack, &name, "STOPPED")?;
    insert(&pipeline, 10)?;
    stack.sql("FLUSH BINARY LOGS;")?;
    orders.place(stack)?;
    orders.wait()?;
    // The stack's own connector has to be past it, and to have said so.
    until_slowly("the stack's connector is in the new file", LIMIT, || {
        let newest =
            stack.sql("SHOW BINARY LOGS;")?.last().and_then(|row| row.first().cloned()).context("no binlog")?;
        let offsets = stack.connect("GET", "/connectors/orders/offsets", None)?.body;
        Ok(if offsets.contains(&newest) { Look::Found(()) } else { Look::NotYet(format!("{newest}: {offsets}")) })
    })?;
    let newest = stack.sql("SHOW BINARY LOGS;")?.last().and_then(|row| row.first().cloned()).context("no binlog")?;
    stack.sql(&format!("PURGE BINARY LOGS TO '{newest}';"))?;
    stack.connect("PUT", &format!("/connectors/{name}/resume"), None)?;
    // Debezium 3.0 asks again and again: RUNNING all the while.
    let verdict = wait_for_verdict(stage, stack, &["DOC-BINLOG-PURGED"], &["DOC-CONNECTOR-STALLED"])?;
    ensure!(!verdict.is_fixable("DOC-BINLOG-PURGED"), "what was purged cannot be repaired: {verdict}");

    stage.step("the printed remedy: a new snapshot");
    let config = stack.connector_config(&name)?;
    stack.connect("PUT", &format!("/connectors/{name}/stop"), None)?;
    until_state(stack, &name, "STOPPED")?;
    stack.connect("DELETE", &format!("/connectors/{name}/offsets"), None)?.json()?;
    stack.delete_connector(&name)?;
    let mark = pipeline.lines.mark();
    stack.put_connector(&name, &config)?;
    until_slowly("the purged row comes by snapshot", LIMIT, || {
        let lines = pipeline.lines.since(mark);
        let there =
            lines.iter().any(|line| line.text.contains("\"op\":\"r\"") && line.text.contains("\"order_id\":10,"));
        Ok(if there { Look::Found(()) } else { Look::NotYet(format!("{} lines", lines.len())) })
    })?;
    drop(pipeline);
    finish(stage, stack, orders)
}

fn insert(pipeline: &Pipeline<'_>, id: i64) -> Result<()> {
    pipeline
        .sql(&format!("INSERT INTO orders (id, symbol, side, quantity, price) VALUES ({id}, 'P', 'BUY', 1, 1);"))
        .map(drop)
}

fn until_state(stack: &Stack, connector: &str, state: &str) -> Result<()> {
    until_slowly(&format!("{connector} is {state}"), LIMIT, || {
        let status = stack.connect("GET", &format!("/connectors/{connector}/status"), None)?.json()?;
        let tasks = status["tasks"].as_array().map_or(0, Vec::len);
        let there = status["connector"]["state"] == state && tasks == 0;
        Ok(if there { Look::Found(()) } else { Look::NotYet(status.to_string()) })
    })
}

/// MySQL is stopped, and before it comes again somebody else listens on its port.
pub(super) fn port_taken(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    let orders = begin(stage, stack)?;
    let port = stack.container("mysql")?.published(3306).context("MySQL has no port")?;
    stack.act("stop", "mysql")?;
    let somebody = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| format!("port {port}"))?;
    let started = stack.act("start", "mysql");
    ensure!(started.is_err(), "MySQL started although its port is taken");
    let verdict = wait_for_verdict(stage, stack, &["DOC-PORT-TAKEN"], &["DOC-MYSQL-DOWN"])?;
    let words = verdict.words("DOC-PORT-TAKEN");
    ensure!(
        words.contains(&port.to_string()) && words.contains(&std::process::id().to_string()),
        "who has it is not told: {words}"
    );

    stage.step(format_args!("the printed remedy: {}", verdict.remedy("DOC-PORT-TAKEN")));
    drop(somebody);
    stack.up(&[])?;
    stack.wait_for_connector("orders")?;
    finish(stage, stack, orders)
}
