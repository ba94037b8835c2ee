//! The worker's image is replaced under load: savepoint, another image, restore. One that does not start is rolled back. What
//! came of the load is what SQL itself says, and no line came twice: neither was a crash.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::output::Output;
use crate::pipeline::Pipeline;
use crate::scenario::Stage;
use crate::scenarios::oracle;
use crate::stack::docker;
use crate::stopwatch::{Stopwatch, human};

/// Transactions between two looks.
const PART: usize = 120;
const SAVEPOINT_AFTER: usize = 2;
const UPGRADE_AFTER: usize = 3;
const BROKEN_AFTER: usize = 5;
const LIMIT: Duration = Duration::from_mins(5);
/// The same worker in another image.
const NEXT: &str = "cdc-local/worker:e2e-next";
/// An image whose program ends at once, with nothing on stdout.
const BROKEN: &str = "cdc-local/worker:e2e-broken";

pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let pipeline = stage.pipeline("agg.window_ms = 5000")?;
    let image = image(&pipeline, "/Config/Image")?;
    make_image(NEXT, &format!("FROM {image}\nLABEL e2e=next\n"))?;
    make_image(BROKEN, &format!("FROM {image}\nLABEL e2e=broken\nENTRYPOINT [\"worker\", \"no-such-command\"]\n"))?;
    let mut notes = Vec::new();
    let mut note = |what: &'static str, watch: &Stopwatch| notes.push((what, human(watch.elapsed())));
    oracle::under_load(stage, &pipeline, PART, |part| {
        let watch = Stopwatch::start();
        match part {
            SAVEPOINT_AFTER => {
                kept(&pipeline)?;
                note("savepoint made, listed, inspected, disposed of", &watch);
            }
            UPGRADE_AFTER => {
                let before = self::image(&pipeline, "/Image")?;
                let answer = upgrade(&pipeline, NEXT)?;
                ensure!(answer["ok"] == true, "the upgrade failed: {answer}");
                ensure!(self::image(&pipeline, "/Image")? != before, "it runs the image of before");
                note("upgrade", &watch);
            }
            BROKEN_AFTER => {
                rolled_back(&pipeline)?;
                note("upgrade to an image that does not start, rolled back", &watch);
            }
            _ => {}
        }
        Ok(())
    })?;
    for (what, took) in notes {
        stage.note(what, took);
    }
    once(&pipeline)
}

/// A savepoint that is asked for, and the worker goes on.
fn kept(pipeline: &Pipeline<'_>) -> Result<()> {
    let opsctl = |arguments: &[&str]| {
        pipeline.stack.opsctl(&[&["savepoint"], arguments, &["--name", &pipeline.worker]].concat(), LIMIT)
    };
    let started_at = pipeline.stack.container(&pipeline.worker)?.started_at;
    let made = opsctl(&["trigger"])?;
    let name = made["savepoint"].as_str().context("no name of the savepoint")?.to_owned();
    let names = |listed: &Value| -> Vec<String> {
        let listed = listed["savepoints"].as_array().cloned().unwrap_or_default();
        listed.iter().filter_map(|one| one["name"].as_str().map(str::to_owned)).collect()
    };
    let listed = opsctl(&["list"])?;
    ensure!(names(&listed) == [name.clone()], "expected {name} alone: {listed}");
    let inspected = opsctl(&["inspect", &name])?;
    let partitions = inspected.pointer("/savepoint/partitions").and_then(Value::as_array).map_or(0, Vec::len);
    ensure!(partitions == 3, "{partitions} partitions are in it: {inspected}");
    opsctl(&["dispose", "--yes", &name])?;
    let listed = opsctl(&["list"])?;
    ensure!(names(&listed).is_empty(), "it is still there: {listed}");
    ensure!(pipeline.stack.container(&pipeline.worker)?.started_at == started_at, "the worker was started again");
    Ok(())
}

fn upgrade(pipeline: &Pipeline<'_>, image: &str) -> Result<Value> {
    pipeline.stack.opsctl_answer(&["worker", "upgrade", "--name", &pipeline.worker, "--worker-image", image], LIMIT)
}

fn rolled_back(pipeline: &Pipeline<'_>) -> Result<()> {
    let before = image(pipeline, "/Image")?;
    let answer = upgrade(pipeline, BROKEN)?;
    let words = answer.pointer("/error/message").and_then(Value::as_str).unwrap_or_default();
    ensure!(words.contains("does not stay up") && words.contains("runs as before"), "what it says: {answer}");
    ensure!(image(pipeline, "/Image")? == before, "it runs another image than before");
    let ready = pipeline.page("/readyz")?;
    ensure!(ready.status == 200, "it is not ready: {ready:?}");
    Ok(())
}

fn image(pipeline: &Pipeline<'_>, pointer: &str) -> Result<String> {
    let container = pipeline.stack.container(&pipeline.worker)?;
    let found = container.inspected.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    found.with_context(|| format!("{} has no {pointer}", container.name))
}

fn make_image(tag: &str, dockerfile: &str) -> Result<()> {
    docker::run(&["build", "--quiet", "--tag", tag, "-"], Some(dockerfile.to_owned()), LIMIT)?.succeeded().map(drop)
}

/// No RAW line has an id that was there before.
fn once(pipeline: &Pipeline<'_>) -> Result<()> {
    let mut seen = HashSet::new();
    for (_, output) in pipeline.lines.outputs()? {
        if let Output::Raw(raw) = output {
            ensure!(seen.insert(raw.id.clone()), "{} came twice", raw.id);
        }
    }
    Ok(())
}
