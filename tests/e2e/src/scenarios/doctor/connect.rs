//! What is wrong with a connector's configuration, with Connect's variables, with names.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::{Fault, LIMIT, Mend, Stage, begin, finish, look, wait_for_verdict};
use crate::stack::{Stack, docker};
use crate::wait::{Look, until_slowly};

const CONNECT: &str = "kafka-connect";

/// Nobody registers it by the file any more.
fn set(stack: &Stack, setting: &str, value: &str) -> Result<()> {
    let mut config = stack.connector_config("orders")?;
    config[setting] = json!(value);
    stack.put_connector("orders", &config)
}

pub(super) const DRIFT: Fault = Fault {
    breaks: |stack| set(stack, "heartbeat.interval.ms", "33000"),
    root: "DOC-CONNECTOR-DRIFT",
    follow: &[],
    mend: Mend::Fix,
    takes_orders: true,
};

/// Without orders meanwhile: each would be a dead letter, which stays counted.
pub(super) const DECIMAL: Fault = Fault {
    breaks: |stack| set(stack, "decimal.handling.mode", "precise"),
    root: "DOC-DECIMAL-MODE",
    follow: &["DOC-CONNECTOR-DRIFT"],
    mend: Mend::Fix,
    takes_orders: false,
};

pub(super) const SECRET: Fault = Fault {
    breaks: |stack| {
        let password = std::fs::read_to_string(stack.secrets().join("mysql.properties"))?;
        let password = password.lines().find_map(|line| line.strip_prefix("password=")).unwrap_or_default().to_owned();
        ensure!(!password.is_empty(), "mysql.properties has no password");
        set(stack, "database.password", &password)?;
        for arguments in [&["doctor"][..], &["doctor", "-v"], &["connector", "diff"]] {
            let said = stack.opsctl_answer(arguments, LIMIT)?.to_string();
            ensure!(!said.contains(&password), "opsctl {} shows the password", arguments.join(" "));
        }
        Ok(())
    },
    root: "DOC-SECRET-IN-CONFIG",
    follow: &["DOC-CONNECTOR-DRIFT"],
    mend: Mend::Fix,
    takes_orders: true,
};

/// Variables as the seed had them: Connect's image ignores them.
const WITHOUT_PREFIX: &str = "services:
  kafka-connect:
    environment:
      CONNECT_CONFIG_STORAGE_REPLICATION_FACTOR: !reset null
      CONNECT_OFFSET_STORAGE_REPLICATION_FACTOR: !reset null
      CONNECT_STATUS_STORAGE_REPLICATION_FACTOR: !reset null
      CONFIG_STORAGE_REPLICATION_FACTOR: \"3\"
      OFFSET_STORAGE_REPLICATION_FACTOR: \"3\"
      STATUS_STORAGE_REPLICATION_FACTOR: \"3\"
";

pub(super) const ENV_PREFIX: Fault = Fault {
    breaks: |stack| {
        stack.compose_laid_over(WITHOUT_PREFIX, &[], &["up", "--detach", CONNECT])?;
        stack.wait_for_connector("orders")
    },
    root: "DOC-CONNECT-ENV",
    follow: &[],
    // From the files, which are right.
    mend: Mend::Remedy(|stack| stack.up(&[]).map(drop)),
    takes_orders: true,
};

/// MySQL leaves the network: its name stops resolving, and this lasts. Back again, what Connect wrote is of a moment ago.
pub(super) fn dns(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    let orders = begin(stage, stack)?;
    let network = format!("{}_default", stack.project);
    let mysql = stack.container("mysql")?.name;
    stage.step("taking MySQL out of the network");
    docker::docker(&["network", "disconnect", &network, &mysql])?;
    // Its task asks for the name at its next start.
    stack.connect("POST", "/connectors/orders/restart?includeTasks=true", None)?;
    let verdict = wait_for_verdict(stage, stack, &["DOC-NAMES"], &[])?;
    ensure!(verdict.words("DOC-NAMES").contains("lasts"), "not told as lasting: {verdict}");
    wait_until_connect_complains(stack)?;

    stage.step(format_args!("the printed remedy: {}", verdict.remedy("DOC-NAMES")));
    ensure!(
        verdict.remedy("DOC-NAMES").contains("docker network connect"),
        "another remedy: {}",
        verdict.remedy("DOC-NAMES")
    );
    docker::docker(&["network", "connect", "--alias", "mysql", &network, &mysql])?;
    let transient = until_slowly("the doctor tells that it was for a moment", Duration::from_mins(1), || {
        let verdict = look(stack)?;
        let told = verdict.words("DOC-NAMES").contains("for a moment");
        Ok(if told { Look::Found(verdict) } else { Look::NotYet(verdict.to_string()) })
    })?;
    stage.note("transient", &transient);
    // What failed meanwhile is restarted; where nothing did, nothing is done.
    let restarted = stack.opsctl_answer(&["doctor", "--fix", "--yes", "--only", "DOC-CONNECTOR-FAILED"], LIMIT)?;
    stage.note("restarted", &restarted["applied"]);
    stack.wait_for_connector("orders")?;
    finish(stage, stack, orders)
}

fn wait_until_connect_complains(stack: &Stack) -> Result<()> {
    until_slowly("Connect cannot resolve MySQL's name", LIMIT, || {
        let id = stack.container(CONNECT)?.id;
        let log = docker::run(&["logs", "--since", "2m", &id], None, LIMIT)?;
        let said = log.stdout + &log.stderr;
        Ok(if said.contains("UnknownHostException") {
            Look::Found(())
        } else {
            Look::NotYet("not in its log".to_owned())
        })
    })
}
