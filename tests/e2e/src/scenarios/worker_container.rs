//! The worker's container: what it may do, what it uses, what it tells; a second one beside it, replaced and stopped.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::scenario::Stage;
use crate::stack::docker::docker;
use crate::stack::{Container, Stack};
use crate::wait::{Look, until};

const LIMIT: Duration = Duration::from_mins(2);
const MB: u64 = 1_000_000;
const MIB: u64 = 1024 * 1024;
/// An idle worker, and its image on top of its base.
const IDLE_MIB_MAX: u64 = 64;
const IMAGE_MB_MAX: u64 = 150;
const MEMORY_LIMIT: u64 = 256 * MIB;
const SECOND: &str = "worker-second";

pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    let worker = stack.container("worker")?;
    confined(&worker)?;
    no_secrets(stack)?;
    let idle = idle_mib(stack)?;
    stage.note("an idle worker uses", format_args!("{idle} MiB"));
    ensure!(idle <= IDLE_MIB_MAX, "an idle worker uses {idle} MiB, more than {IDLE_MIB_MAX}");
    if stack.places.images == "local" {
        let image = worker.inspected["Image"].as_str().context("no image")?;
        let own = size(image)?.saturating_sub(size("cdc-local/debian:host")?) / MB;
        stage.note("its image on top of its base", format_args!("{own} MB"));
        ensure!(own <= IMAGE_MB_MAX, "{own} MB on top of the base, more than {IMAGE_MB_MAX}");
    }
    stage.step("logs are followed");
    followed(stack)?;
    stage.step("a second worker is started, replaced, stopped");
    second(stack)?;
    let now = stack.container("worker")?;
    ensure!((&now.id, &now.started_at) == (&worker.id, &worker.started_at), "the first was not left alone");
    Ok(())
}

fn confined(worker: &Container) -> Result<()> {
    for (pointer, expected) in [
        ("/Config/User", json!("10001:10001")),
        ("/HostConfig/ReadonlyRootfs", json!(true)),
        ("/HostConfig/Memory", json!(MEMORY_LIMIT)),
        ("/HostConfig/CapDrop", json!(["ALL"])),
        ("/HostConfig/Privileged", json!(false)),
        ("/HostConfig/SecurityOpt", json!(["no-new-privileges:true"])),
        ("/NetworkSettings/Ports/8081~1tcp/0/HostIp", json!("127.0.0.1")),
    ] {
        let found = worker.inspected.pointer(pointer).unwrap_or(&Value::Null);
        ensure!(*found == expected, "{pointer} is {found}, not {expected}");
    }
    Ok(())
}

/// In no container's environment, labels or arguments.
fn no_secrets(stack: &Stack) -> Result<()> {
    let mut secrets = Vec::new();
    for file in
        ["mysql-root-password", "mysql.properties", "worker-token", "clickhouse-password", "clickhouse-reader-password"]
    {
        let text = fs::read_to_string(stack.secrets().join(file)).with_context(|| file.to_owned())?;
        // The properties name a user, too, which is no secret.
        secrets.extend(text.lines().map(|line| line.rsplit('=').next().unwrap_or(line).to_owned()));
    }
    secrets.retain(|secret| secret.len() > 10);
    ensure!(secrets.len() == 5, "{} secrets, not 5", secrets.len());
    for container in stack.containers()? {
        let told = container.inspected.to_string();
        ensure!(!secrets.iter().any(|secret| told.contains(secret)), "{} tells a secret", container.name);
    }
    Ok(())
}

fn idle_mib(stack: &Stack) -> Result<u64> {
    let answer = stack.opsctl(&["status"], LIMIT)?;
    let containers = answer.pointer("/status/containers").and_then(Value::as_array).context("no containers")?.clone();
    let worker = containers.iter().find(|container| container["service"] == "worker").context("no worker")?;
    Ok(worker["memory_bytes"].as_u64().context("no memory")?.div_ceil(MIB))
}

fn size(image: &str) -> Result<u64> {
    let text = docker(&["image", "inspect", "--format", "{{.Size}}", image])?;
    text.trim().parse().with_context(|| format!("{image}: {text}"))
}

fn followed(stack: &Stack) -> Result<()> {
    let mut worker = stack.start_opsctl(&["worker", "logs", "--follow", "--tail", "0"])?;
    let mut several = stack.start_opsctl(&["logs", "--follow", "--tail", "1", "worker", "kafka-1"])?;
    several.wait_for("a line of the broker", LIMIT, |line| line.starts_with("kafka-1 │ "))?;
    let order = stack.number("SELECT MAX(id) + 1000 FROM orders_db.orders")?;
    stack.sql(&format!(
        "INSERT INTO orders_db.orders (id, symbol, side, quantity, price) VALUES ({order}, 'FOLLOWED', 'BUY', 1, 5);"
    ))?;
    let words = format!("orderId={order}, symbol=FOLLOWED");
    worker.wait_for(&words, LIMIT, |line| line.starts_with("RAW:") && line.contains(&words))?;
    several.wait_for(&words, LIMIT, |line| line.starts_with("worker  │ RAW:") && line.contains(&words))?;
    for follower in [worker, several] {
        follower.press_ctrl_c();
        let (code, said) = follower.end(LIMIT)?;
        // Nobody can end it otherwise: it is no failure.
        ensure!(code == Some(0) && !said.contains("interrupted"), "Ctrl-C ends it with {code:?}:\n{said}");
    }
    Ok(())
}

fn second(stack: &Stack) -> Result<()> {
    let file = stack.work().join("second.toml");
    let shipped = fs::read_to_string(stack.places.root.join("compose/worker.toml"))?;
    let start = |settings: &str| {
        let mut config: toml::Table = shipped.parse().context("compose/worker.toml")?;
        crate::pipeline::merge(&mut config, settings.parse()?);
        fs::write(&file, config.to_string())?;
        let file = file.display().to_string();
        let arguments = ["worker", "start", "--name", SECOND, "--worker-port", "0", "--worker-config", &file];
        let answer = stack.opsctl(&arguments, LIMIT)?;
        Ok::<_, anyhow::Error>((answer, stack.container(SECOND)?))
    };
    let (_, first) = start("format = \"json\"")?;
    ensure!(first.runs(), "it does not run: {}", first.state);
    let (answer, again) = start("format = \"json\"")?;
    ensure!(answer["changed"] == false && again.id == first.id, "it was replaced although nothing differs: {answer}");
    let (answer, other) = start("format = \"json\"\nlanguage = \"en\"")?;
    ensure!(answer["changed"] == true && other.id != first.id, "another configuration replaced nothing: {answer}");
    until("one container of that name", LIMIT, || {
        let all = stack.containers()?.into_iter().filter(|container| container.service == SECOND).count();
        Ok(if all == 1 { Look::Found(()) } else { Look::NotYet(format!("{all} of them")) })
    })?;
    stack.opsctl(&["worker", "stop", "--name", SECOND], LIMIT)?;
    ensure!(stack.container(SECOND).is_err(), "{SECOND} is still there");
    let answer = stack.opsctl(&["worker", "stop", "--name", SECOND], LIMIT)?;
    ensure!(answer["changed"] == false, "what does not run was stopped: {answer}");
    Ok(())
}
