//! Connect's internal topics with one replica under `min.insync.replicas=2`: nothing can be written to them, and all looks
//! well. `opsctl up` raises the factor in place, and what they hold is still there.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::lines::Lines;
use crate::process::finish;
use crate::scenario::Stage;
use crate::stack::{Stack, Topic, docker};
use crate::wait::{Look, pause_for, until_slowly};

const LIMIT: Duration = Duration::from_mins(5);
const START_LIMIT: Duration = Duration::from_mins(8);
const BROKERS: [&str; 3] = ["kafka-1", "kafka-2", "kafka-3"];
const INTERNAL: [(&str, usize); 3] = [("_connect-configs", 1), ("_connect-offsets", 25), ("_connect-status", 5)];
const ORDERS: &str = "cdc.orders_db.orders";
const SNAPSHOT_ROWS: i64 = 3;

pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.own_stack()?;
    make_secrets(&stack)?;
    stage.step("starting brokers, making the topics with factor 1");
    stack.compose(&[&["up", "--detach", "--wait", "mysql"], &BROKERS[..]].concat(), START_LIMIT)?;
    for (topic, partitions) in INTERNAL {
        // With one in-sync replica enough, Connect can work at first: there must be something to lose.
        let (partitions, configs) = (partitions.to_string(), ["cleanup.policy=compact", "min.insync.replicas=1"]);
        let arguments = ["--create", "--topic", topic, "--partitions", &partitions, "--replication-factor", "1"];
        stack.kafka("kafka-topics", &[&arguments[..], &["--config", configs[0], "--config", configs[1]]].concat())?;
    }
    stage.step("starting Connect, registering the connector");
    stack.compose(&["up", "--detach", "--wait", "kafka-connect"], START_LIMIT)?;
    stack.put_connector("orders", &shipped_connector(stage)?)?;
    until_records(&stack, ORDERS, SNAPSHOT_ROWS)?;
    insert(&stack, 5)?;
    until_records(&stack, ORDERS, SNAPSHOT_ROWS + 1)?;
    until_slowly("the connector's offset is stored", LIMIT, || {
        let records = stack.records("_connect-offsets")?;
        Ok(if records > 0 { Look::Found(()) } else { Look::NotYet("none yet".to_owned()) })
    })?;

    stage.step("taking away the exception: now it is broken");
    for (topic, _) in INTERNAL {
        let arguments = ["--entity-type", "topics", "--entity-name", topic, "--alter", "--delete-config"];
        stack.kafka("kafka-configs", &[&arguments[..], &["min.insync.replicas"]].concat())?;
    }
    let before = described(&stack)?;
    for topic in &before {
        ensure!(topic.replicas.iter().all(|replicas| *replicas == 1), "not broken as it should be: {topic:?}");
    }
    let config = stack.connector_config("orders")?;
    insert(&stack, 6)?;
    wait_for_the_fault(&stack)?;

    stage.step("opsctl up");
    let answer = stack.up(&[])?;
    ensure!(answer["changed"] == true, "opsctl says that it changed nothing: {answer}");
    repaired(&before, &described(&stack)?)?;
    let now = stack.connector_config("orders")?;
    ensure!(now == config, "the connector's configuration is another: {now}, before {config}");

    stage.step("restarting Connect: it goes on from its offsets");
    stack.act("restart", "kafka-connect")?;
    stack.wait_for_connector("orders")?;
    insert(&stack, 7)?;
    let lines = Lines::follow(&stack.project, "worker", &stack.logs())?;
    for (order, op) in [(1, "r"), (3, "r"), (4, "r"), (5, "c"), (6, "c"), (7, "c")] {
        let event = format!("op={op}, orderId={order},");
        lines.wait_for(&event, LIMIT, |line| Ok(line.text.contains(&event).then_some(())))?;
    }
    // Offsets lost would have meant a second snapshot: the same rows again, as `r`. It would come before new changes.
    pause_for(Duration::from_secs(2))?;
    let snapshot_rows = lines.all().iter().filter(|line| line.text.contains("op=r,")).count();
    ensure!(snapshot_rows == 3, "{snapshot_rows} rows by snapshot: the offsets are gone");
    Ok(())
}

/// As `opsctl up` makes them.
fn make_secrets(stack: &Stack) -> Result<()> {
    let script = stack.places.root.join("compose/secrets/generate");
    finish(Command::new(script).arg(stack.secrets()), None, LIMIT)?.succeeded().map(drop)
}

fn shipped_connector(stage: &Stage<'_>) -> Result<Value> {
    let text =
        fs::read_to_string(stage.places.root.join("connectors/orders.json")).context("connectors/orders.json")?;
    Ok(serde_json::from_str::<Value>(&text).context("connectors/orders.json")?["config"].take())
}

fn insert(stack: &Stack, id: i64) -> Result<()> {
    let statement = format!(
        "INSERT INTO orders_db.orders (id, symbol, side, quantity, price) VALUES ({id}, '005930', 'BUY', 1, 72000);"
    );
    stack.sql(&statement).map(drop)
}

fn until_records(stack: &Stack, topic: &str, count: i64) -> Result<()> {
    until_slowly(&format!("{count} records in {topic}"), LIMIT, || {
        // Before the connector made it there is no such topic.
        let records = stack.records(topic).unwrap_or(0);
        if records > count {
            bail!("{records} records in {topic}, expected {count}");
        }
        Ok(if records == count { Look::Found(()) } else { Look::NotYet(format!("{records} of them")) })
    })
}

fn described(stack: &Stack) -> Result<Vec<Topic>> {
    INTERNAL.iter().map(|(name, _)| stack.topic(name)).collect()
}

/// Connect complains; without that the repair below would prove nothing.
fn wait_for_the_fault(stack: &Stack) -> Result<()> {
    until_slowly("Connect meets NOT_ENOUGH_REPLICAS", LIMIT, || {
        let id = stack.container("kafka-connect")?.id;
        let log = docker::run(&["logs", "--tail", "2000", &id], None, LIMIT)?;
        let met = log.stdout.contains("NOT_ENOUGH_REPLICAS") || log.stderr.contains("NOT_ENOUGH_REPLICAS");
        Ok(if met { Look::Found(()) } else { Look::NotYet("not in its log".to_owned()) })
    })
}

/// The very topics of before, with three replicas each.
fn repaired(before: &[Topic], after: &[Topic]) -> Result<()> {
    for ((before, after), (name, partitions)) in before.iter().zip(after).zip(INTERNAL) {
        ensure!(after.id == before.id, "{name} was made anew: {} was {}", after.id, before.id);
        ensure!(after.replicas == vec![3; partitions], "{name} has not {partitions} times 3 replicas: {after:?}");
        ensure!(after.in_sync == after.replicas, "{name} has replicas that are not in sync: {after:?}");
        ensure!(after.configs.contains("cleanup.policy=compact"), "{name} is not compacted: {after:?}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_made_anew_is_no_repair() {
        let topics = |id: &str, replicas: usize| -> Vec<Topic> {
            let topic = |partitions: usize| Topic {
                id: id.to_owned(),
                replicas: vec![replicas; partitions],
                in_sync: vec![replicas; partitions],
                configs: "cleanup.policy=compact".to_owned(),
            };
            INTERNAL.iter().map(|(_, partitions)| topic(*partitions)).collect()
        };
        assert!(repaired(&topics("a", 1), &topics("a", 3)).is_ok());
        assert!(repaired(&topics("a", 1), &topics("b", 3)).is_err());
        assert!(repaired(&topics("a", 1), &topics("a", 1)).is_err());
    }
}
