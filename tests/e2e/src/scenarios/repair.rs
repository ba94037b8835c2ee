//! What somebody did behind `opsctl`'s back: a connector's setting, the policy of Connect's topics, MySQL's password.
//! `opsctl` names each, mends what it can, and says what to do about the rest.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::scenario::Stage;
use crate::stack::Stack;
use crate::stopwatch::{Stopwatch, human};
use crate::wait::{Look, until};

const LIMIT: Duration = Duration::from_mins(2);
const TOPICS: [&str; 3] = ["_connect-configs", "_connect-offsets", "_connect-status"];

pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    stage.step("a connector's settings are changed");
    connector_drift(stack)?;
    stage.step("Connect's topics would be forgotten");
    policies(stack)?;
    stage.step("a configuration that Debezium rejects");
    rejected(stack)?;
    stage.step("MySQL refuses the password");
    let took = password(stack)?;
    stage.note("until a refused password is told", human(took));
    let answer = stack.up(&[])?;
    ensure!(answer["changed"] == false, "something was left to mend: {answer}");
    Ok(())
}

fn connector_drift(stack: &Stack) -> Result<()> {
    let shipped = stack.connector_config("orders")?;
    let mut other = shipped.clone();
    other["heartbeat.interval.ms"] = json!("77000");
    other["max.batch.size"] = json!("100");
    stack.put_connector("orders", &other)?;
    let differences = stack.opsctl_answer(&["connector", "diff"], LIMIT)?;
    ensure!(differences["ok"] == false, "connector diff sees no difference: {differences}");
    let answer = stack.up(&[])?;
    let detail = step(&answer, "connector")?;
    for word in ["updated", "heartbeat.interval.ms: \"77000\" →", "max.batch.size: \"100\" →"] {
        ensure!(detail.contains(word), "{word:?} is not told: {detail}");
    }
    let now = stack.connector_config("orders")?;
    ensure!(now == shipped, "it is not as in its file: {now}");
    Ok(())
}

fn policies(stack: &Stack) -> Result<()> {
    for topic in TOPICS {
        let arguments = ["--entity-type", "topics", "--entity-name", topic, "--alter", "--add-config"];
        stack.kafka("kafka-configs", &[&arguments[..], &["cleanup.policy=delete"]].concat())?;
    }
    let answer = stack.up(&[])?;
    let detail = step(&answer, "topics")?;
    for name in TOPICS {
        ensure!(detail.contains(&format!("{name}: cleanup.policy delete → compact")), "{name} is not told: {detail}");
        let topic = stack.topic(name)?;
        ensure!(topic.configs.contains("cleanup.policy=compact"), "{name} is as it was: {topic:?}");
    }
    Ok(())
}

fn rejected(stack: &Stack) -> Result<()> {
    let mut config = stack.connector_config("orders")?;
    config["snapshot.mode"] = json!("sometimes");
    config.as_object_mut().context("an object")?.remove("name");
    let file = stack.work().join("rejected.json");
    fs::write(&file, json!({ "name": "rejected", "config": config }).to_string())?;
    let answer = stack.opsctl_answer(&["connector", "register", &file.display().to_string()], LIMIT)?;
    let error = &answer["error"];
    let said = error["log"][0].as_str().unwrap_or_default();
    // Debezium's own words: which setting, and what it may be.
    let theirs = said.starts_with("snapshot.mode: ") && said.contains("Value must be one of always, never");
    ensure!(theirs, "not Debezium's words: {error}");
    ensure!(error["hint"].as_str().is_some_and(|hint| hint.contains("connectors/")), "no next step: {error}");
    let answer = stack.connect("GET", "/connectors/rejected", None)?;
    ensure!(answer.status == 404, "it is there all the same: {}", answer.body);
    Ok(())
}

/// How long it took until `up` said so.
fn password(stack: &Stack) -> Result<Duration> {
    let properties = stack.secrets().join("mysql.properties");
    let properties = fs::read_to_string(&properties).with_context(|| format!("{}", properties.display()))?;
    let right = properties.lines().find_map(|line| line.strip_prefix("password=")).context("no password=")?;
    set_password(stack, "another")?;
    stack.connect("POST", "/connectors/orders/restart?includeTasks=true", None)?.json()?;
    until("the task fails", LIMIT, || {
        let status = stack.connect("GET", "/connectors/orders/status", None)?.json()?;
        let failed = status["tasks"][0]["state"] == "FAILED" || status["connector"]["state"] == "FAILED";
        Ok(if failed { Look::Found(()) } else { Look::NotYet(status.to_string()) })
    })?;
    let (code, said) = stack.start_opsctl(&["connector", "status"])?.end(LIMIT)?;
    ensure!(code == Some(2) && said.contains("Access denied for user 'debezium'"), "{code:?}: {said}");

    let watch = Stopwatch::start();
    let (code, said) = stack.start_opsctl(&["up", "--images", &stack.places.images])?.end(LIMIT)?;
    let took = watch.elapsed();
    for word in
        ["Access denied for user 'debezium'", "MySQL refuses the user or the password", "hint: ", "mysql.properties"]
    {
        ensure!(code == Some(2) && said.contains(word), "{word:?} is missing, exit code {code:?}:\n{said}");
    }
    ensure!(!said.contains(right), "the password is told");

    set_password(stack, right)?;
    let answer = stack.up(&[])?;
    let detail = step(&answer, "connector")?;
    ensure!(detail.contains("restarted what had failed"), "{detail}");
    Ok(took)
}

fn set_password(stack: &Stack, password: &str) -> Result<()> {
    stack.sql(&format!("ALTER USER debezium@'%' IDENTIFIED BY '{password}';")).map(drop)
}

/// What a step said at its end.
fn step(answer: &Value, id: &str) -> Result<String> {
    let steps = answer["steps"].as_array().context("no steps")?;
    let found = steps.iter().find(|step| step["id"] == id).with_context(|| format!("no step {id}: {answer}"))?;
    Ok(found["detail"].as_str().unwrap_or_default().to_owned())
}
