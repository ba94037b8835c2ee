//! `cargo xtask flink-answers`: what Flink's own REST API says of the job that the worker replaces, kept as a fixture. The
//! worker's tests hold their answers under the same paths beside it.

use std::fs::{self, File};
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};

use super::flink::{Flink, Job, VERSION};
use super::programs::Programs;
use super::topic::{self, Market};
use crate::broker::Broker;
use crate::chaos::{rest, wait};
use crate::process::Group;

/// Where the answers are kept.
const FIXTURE: &str = "tests/fixtures/flink-answers.json";
const TOPIC: &str = "flink-answers";
const LIMIT: Duration = Duration::from_mins(2);

/// What is asked, as the worker's routes name it.
const PATHS: [&str; 17] = [
    "/overview",
    "/config",
    "/jobs",
    "/jobs/overview",
    "/jobs/{job}",
    "/jobs/{job}/status",
    "/jobs/{job}/plan",
    "/jobs/{job}/config",
    "/jobs/{job}/exceptions",
    "/jobs/{job}/checkpoints",
    "/jobs/{job}/checkpoints/config",
    "/jobs/{job}/checkpoints/details/{checkpoint}",
    "/jobs/{job}/metrics",
    "/jobs/{job}/vertices/{vertex}",
    "/jobs/{job}/vertices/{vertex}/backpressure",
    "/jobs/{job}/vertices/{vertex}/watermarks",
    "/jobs/{job}/vertices/{vertex}/subtasktimes",
];

/// Runs the job for a moment, asks, and writes the fixture.
pub(crate) fn run(root: &Path) -> Result<ExitCode> {
    let (programs, flink) = (Programs::build(root)?, Flink::build(root)?);
    let broker = Broker::start(None)?;
    let address = broker.address();
    let market =
        Market { topic: TOPIC.to_owned(), count: 20_000, seed: 1, symbols: 100, partitions: 3, ..Market::default() };
    topic::generate(&programs, &address, &market)?;
    let place = tempfile::Builder::new().prefix("cdc-flink-answers-").tempdir()?;
    let port = rest::free_port()?;
    let mut command = flink.command(Job {
        bootstrap: &address,
        topic: TOPIC,
        group: TOPIC,
        state: "rocksdb",
        window_ms: 5_000,
        checkpoints: place.path(),
    });
    command.args(["--rest-port", &port.to_string(), "--checkpoint-ms", "1000"]);
    let log = place.path().join("log");
    command.stdout(Stdio::null()).stderr(File::create(&log)?);
    let mut group = Group::spawn(&mut command)?;
    let answers = ask(port, place.path(), || match group.try_wait()? {
        Some(status) => bail!("the job ended ({status}): {}", fs::read_to_string(&log).unwrap_or_default()),
        None => Ok(()),
    })?;
    group.stop(LIMIT)?;
    let text = serde_json::to_string_pretty(&json!({ "flink": VERSION, "answers": answers }))?;
    fs::write(root.join(FIXTURE), text + "\n").with_context(|| format!("{FIXTURE} cannot be written"))?;
    println!("{FIXTURE}: {} answers of Flink {VERSION}", answers.len());
    Ok(ExitCode::SUCCESS)
}

/// Asks a job that has made a checkpoint and a savepoint.
fn ask(port: u16, place: &Path, mut must_live: impl FnMut() -> Result<()>) -> Result<Map<String, Value>> {
    let mut found = None;
    wait::until("the job has made a checkpoint", LIMIT, || {
        must_live()?;
        wait::pause(200)?;
        found = rest::job(port).ok().and_then(|job| {
            let checkpoints = rest::get(port, &format!("/jobs/{job}/checkpoints")).ok()?;
            let checkpoint = checkpoints.pointer("/latest/completed/id")?.as_u64()?;
            Some((job, checkpoint))
        });
        Ok(found.is_some())
    })?;
    let (job, _) = found.context("no job")?;
    let mut answers = Map::new();
    let where_to = json!({ "target-directory": format!("file://{}", place.display()), "cancel-job": false });
    let asked = rest::post(port, &format!("/jobs/{job}/savepoints"), &where_to)?;
    let trigger = asked["request-id"].as_str().context("no request-id")?.to_owned();
    answers.insert("POST /jobs/{job}/savepoints".to_owned(), asked);
    let savepoint = format!("/jobs/{job}/savepoints/{trigger}");
    wait::until("the savepoint is made", LIMIT, || {
        wait::pause(100)?;
        Ok(rest::get(port, &savepoint)?.pointer("/status/id") == Some(&json!("COMPLETED")))
    })?;
    answers.insert("GET /jobs/{job}/savepoints/{trigger}".to_owned(), rest::get(port, &savepoint)?);
    let vertices = rest::get(port, &format!("/jobs/{job}"))?;
    let vertex = vertices["vertices"][0]["id"].as_str().context("no vertex")?.to_owned();
    let checkpoint = rest::get(port, &format!("/jobs/{job}/checkpoints"))?["latest"]["completed"]["id"].to_string();
    for path in PATHS {
        let real = path.replace("{job}", &job).replace("{vertex}", &vertex).replace("{checkpoint}", &checkpoint);
        answers.insert(format!("GET {path}"), rest::get(port, &real).with_context(|| path.to_owned())?);
    }
    Ok(answers)
}
