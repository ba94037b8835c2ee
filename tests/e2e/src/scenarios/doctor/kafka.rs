//! Brokers killed, ZooKeeper's volumes lost, topics that were made wrongly.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{Fault, LIMIT, Mend, Stage, TO_FIX, Verdict, begin, finish, look, wait_for_verdict};
use crate::stack::{Stack, Topic, docker};
use crate::wait::{Look, until_slowly};

const INTERNAL: [&str; 3] = ["_connect-configs", "_connect-offsets", "_connect-status"];
const SECOND: &str = "queued";
const BROKERS: [&str; 3] = ["kafka-1", "kafka-2", "kafka-3"];

pub(super) const ONE_DOWN: Fault = Fault {
    breaks: |stack| stack.act("kill", "kafka-2"),
    root: "DOC-BROKER-DOWN",
    follow: &["DOC-REPLICAS-BEHIND"],
    mend: Mend::Fix,
    takes_orders: true,
};

pub(super) const TWO_DOWN: Fault = Fault {
    breaks: |stack| {
        stack.act("kill", "kafka-2")?;
        stack.act("kill", "kafka-3")
    },
    root: "DOC-BROKER-DOWN",
    follow: &["DOC-NO-WRITES", "DOC-CONNECT-STUCK", "DOC-CONNECTOR-STALLED", "DOC-WORKER-INPUT"],
    mend: Mend::Fix,
    takes_orders: true,
};

/// ZooKeeper kept the topics and tells another id: the one quarrel about ids that can be settled without loss.
pub(super) fn cluster_id(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    let mut orders = begin(stage, stack)?;
    let cluster = stack.cluster_id()?;
    for broker in BROKERS {
        stack.act("stop", broker)?;
    }
    let zookeeper = stack.container("zookeeper")?.id;
    let id = r#"{"version":"1","id":"AnotherClusterAltogethr"}"#;
    docker::docker(&["exec", &zookeeper, "zookeeper-shell", "localhost:2181", "set", "/cluster/id", id])?;
    for broker in BROKERS {
        stack.act("start", broker)?;
    }
    orders.place(stack)?;
    // Without brokers Connect may answer too late to be looked at, which is said, and is no cause.
    let verdict = until_slowly("the doctor names the id", LIMIT, || {
        let verdict = look(stack)?;
        let named = verdict.roots() == ["DOC-CLUSTER-ID"];
        Ok(if named { Look::Found(verdict) } else { Look::NotYet(verdict.to_string()) })
    })?;
    ensure!(verdict.is_fixable("DOC-CLUSTER-ID"), "not fixable: {verdict}");
    stage.step("opsctl doctor --fix --yes");
    let answer = stack.opsctl_answer(&["doctor", "--fix", "--yes"], TO_FIX)?;
    ensure!(answer["error"].is_null(), "--fix: {answer}");
    stack.wait_for_connector("orders")?;
    ensure!(stack.cluster_id()? == cluster, "another cluster: {}, before {cluster}", stack.cluster_id()?);
    finish(stage, stack, orders)
}

pub(super) const POLICY: Fault = Fault {
    breaks: |stack| {
        let set = [
            "--entity-type",
            "topics",
            "--entity-name",
            INTERNAL[1],
            "--alter",
            "--add-config",
            "cleanup.policy=delete",
        ];
        stack.kafka("kafka-configs", &set).map(drop)
    },
    root: "DOC-TOPIC-POLICY",
    follow: &[],
    mend: Mend::Fix,
    takes_orders: true,
};

/// Each topic by itself, then all three, with a connector that is asked for while nothing can be stored.
pub(super) fn factor_one(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    let mut orders = begin(stage, stack)?;
    for topics in INTERNAL.iter().map(std::slice::from_ref).chain([&INTERNAL[..]]) {
        stage.step(format_args!("one copy of {}", topics.join(", ")));
        let before = described(stack, topics)?;
        reduce(stack, topics)?;
        let all = topics.len() == INTERNAL.len();
        let queued = if all { Some(ask_for_a_connector(stack)?) } else { None };
        orders.place(stack)?;
        let verdict = wait_for_verdict(stage, stack, &["DOC-TOPIC-FACTOR"], &["DOC-NO-WRITES", "DOC-CONNECT-STUCK"])?;
        ensure!(verdict.is_fixable("DOC-TOPIC-FACTOR"), "not fixable: {verdict}");
        let answer = stack.opsctl_answer(&["doctor", "--fix", "--yes"], TO_FIX)?;
        ensure!(answer["error"].is_null(), "--fix: {answer}");
        let left = Verdict::of(&answer)?;
        ensure!(!left.roots().iter().any(|id| id == "DOC-TOPIC-FACTOR"), "still there after --fix: {left}");
        for (before, after) in before.iter().zip(described(stack, topics)?) {
            ensure!(before.id == after.id, "a topic was made anew: {} was {}", after.id, before.id);
            ensure!(after.replicas.iter().all(|replicas| *replicas == 3), "not three copies: {after:?}");
        }
        if let Some(asked) = queued {
            carried_out_once(stage, stack, asked)?;
        }
    }
    finish(stage, stack, orders)
}

fn described(stack: &Stack, topics: &[&str]) -> Result<Vec<Topic>> {
    topics.iter().map(|topic| stack.topic(topic)).collect()
}

/// Takes copies away until each partition has one: what a wrong variable makes from the beginning.
fn reduce(stack: &Stack, topics: &[&str]) -> Result<()> {
    let mut partitions = Vec::new();
    for topic in topics {
        let count = stack.topic(topic)?.replicas.len();
        partitions.extend(
            (0..count).map(|number| json!({"topic": topic, "partition": number, "replicas": [1 + number % 3]})),
        );
    }
    let plan = json!({"version": 1, "partitions": partitions}).to_string();
    let id = stack.container("kafka-1")?.id;
    docker::run(&["exec", "--interactive", &id, "sh", "-c", "cat > /tmp/one-copy.json"], Some(plan), LIMIT)?
        .succeeded()?;
    stack.kafka("kafka-reassign-partitions", &["--reassignment-json-file", "/tmp/one-copy.json", "--execute"])?;
    until_slowly("one copy of each partition", LIMIT, || {
        let topics = described(stack, topics)?;
        let left = topics.iter().flat_map(|topic| &topic.replicas).filter(|replicas| **replicas > 1).count();
        Ok(if left == 0 { Look::Found(()) } else { Look::NotYet(format!("{left} partitions have more")) })
    })
}

/// A connector like the first, for another database; Connect cannot store it and does not say so for 90 s.
fn ask_for_a_connector(stack: &Stack) -> Result<std::thread::JoinHandle<String>> {
    let mut config = stack.connector_config("orders")?;
    for (setting, value) in [
        ("name", SECOND),
        ("topic.prefix", SECOND),
        ("database.server.id", "184099"),
        ("schema.history.internal.kafka.topic", "_schema-history.queued"),
    ] {
        config[setting] = json!(value);
    }
    let asked = stack.connect_later("PUT", &format!("/connectors/{SECOND}/config"), config);
    until_slowly("Connect meets NOT_ENOUGH_REPLICAS", LIMIT, || {
        let id = stack.container("kafka-connect")?.id;
        let log = docker::run(&["logs", "--since", "1m", &id], None, LIMIT)?;
        let met = (log.stdout + &log.stderr).contains("NOT_ENOUGH_REPLICAS");
        Ok(if met { Look::Found(()) } else { Look::NotYet("not in its log".to_owned()) })
    })?;
    Ok(asked)
}

/// What was asked for while nothing could be stored exists now, once; it is taken away again.
fn carried_out_once(stage: &mut Stage<'_>, stack: &Stack, asked: std::thread::JoinHandle<String>) -> Result<()> {
    let answered = asked.join().unwrap_or_else(|_| "no answer".to_owned());
    stage.note("the queued connector was answered", answered);
    until_slowly("the connector that was asked for is there", LIMIT, || {
        let names = stack.connect("GET", "/connectors", None)?.json()?;
        let count = names.as_array().map_or(0, |names| names.iter().filter(|name| **name == SECOND).count());
        Ok(if count == 1 { Look::Found(()) } else { Look::NotYet(names.to_string()) })
    })?;
    let settings: Value = stack.connector_config(SECOND)?;
    ensure!(settings["topic.prefix"] == SECOND, "another configuration: {settings}");
    stack.delete_connector(SECOND)
}

/// ZooKeeper's volumes go, the brokers' stay: what the seed's `down` did. A copy of them is what the doctor asks for.
pub(super) fn zookeeper_lost(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    let orders = begin(stage, stack)?;
    let cluster = stack.cluster_id()?;
    let image = stack.container("zookeeper")?.inspected["Config"]["Image"].as_str().context("no image")?.to_owned();
    stack.down()?;
    stage.step("ZooKeeper's volumes are lost");
    for name in ["zookeeper_data", "zookeeper_log"] {
        copy(stack, &image, name, &format!("{name}_kept"))?;
        docker::docker(&["volume", "rm", &format!("{}_{name}", stack.project)])?;
    }
    // As people do: it says that a dependency failed.
    let _ = stack.compose(&["up", "--detach"], LIMIT);
    let verdict = wait_for_verdict(
        stage,
        stack,
        &["DOC-CLUSTER-ID", "DOC-WORKER-DOWN"],
        &["DOC-BROKER-DOWN", "DOC-CONNECT-DOWN"],
    )?;
    ensure!(!verdict.is_fixable("DOC-CLUSTER-ID"), "ZooKeeper's data is gone: nothing can repair that: {verdict}");
    ensure!(
        verdict.remedy("DOC-CLUSTER-ID").contains("restore ZooKeeper's two volumes"),
        "{}",
        verdict.remedy("DOC-CLUSTER-ID")
    );

    stage.step("the printed remedy: its volumes are restored");
    stack.compose(&["down"], LIMIT)?;
    for name in ["zookeeper_data", "zookeeper_log"] {
        docker::docker(&["volume", "rm", &format!("{}_{name}", stack.project)])?;
        copy(stack, &image, &format!("{name}_kept"), name)?;
        docker::docker(&["volume", "rm", &format!("{}_{name}_kept", stack.project)])?;
    }
    stack.up(&[])?;
    ensure!(stack.cluster_id()? == cluster, "another cluster: {}, before {cluster}", stack.cluster_id()?);
    finish(stage, stack, orders)
}

/// Copies a volume, owners too.
fn copy(stack: &Stack, image: &str, from: &str, to: &str) -> Result<()> {
    let label = format!("{}={}", docker::PROJECT_LABEL, stack.project);
    let volume = format!("com.docker.compose.volume={to}");
    let name = |volume: &str| format!("{}_{volume}", stack.project);
    docker::docker(&["volume", "create", "--label", &label, "--label", &volume, &name(to)])?;
    let (from, to) = (format!("{}:/from:ro", name(from)), format!("{}:/to", name(to)));
    let copy = [
        "run",
        "--rm",
        "--user",
        "0",
        "--network",
        "none",
        "--volume",
        &from,
        "--volume",
        &to,
        "--entrypoint",
        "sh",
        image,
        "-c",
        "cp -a /from/. /to/",
    ];
    docker::run(&copy, None, Duration::from_mins(2))?.succeeded().map(drop)
}
