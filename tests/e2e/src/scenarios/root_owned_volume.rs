//! The worker's volume belongs to root, as one that somebody else made does: the worker says so before it reads anything,
//! and `opsctl` gives the volume to the worker's user by a step of its own; the worker is never root.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::lines::settle;
use crate::pipeline::Pipeline;
use crate::scenario::Stage;
use crate::stack::docker::{self, docker};
use crate::stack::{STATE, Volume};
use crate::wait::{Look, until};

const LIMIT: Duration = Duration::from_mins(1);
/// Who the image runs as.
const USER: &str = "10001:10001";

pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let pipeline = stage.pipeline("")?;
    pipeline.sql(&insert(100))?;
    pipeline.wait_for_raws(1, LIMIT)?;

    stage.step("the volume is given to root");
    let stack = pipeline.stack;
    stack.act("stop", &pipeline.worker)?;
    let volume = Volume::of(&stack.container(&pipeline.worker)?)?;
    volume.as_root(&["chown", "-R", "0:0", STATE])?;
    volume.as_root(&["chmod", "0750", STATE])?;
    let mark = pipeline.lines.mark();
    let stopped_at = stack.container(&pipeline.worker)?.inspected["State"]["FinishedAt"].clone();
    // What comes meanwhile must not be lost, and nothing of it may be read.
    pipeline.sql(&insert(101))?;
    stack.act("start", &pipeline.worker)?;
    let said = refusal(&pipeline, stopped_at.as_str().context("no time of its end")?)?;
    stage.note("the worker says", &said);
    for word in [STATE, "uid 0", "uid 10001", "chown -R 10001"] {
        ensure!(said.contains(word), "{word:?} is not in what the worker says: {said}");
    }
    ensure!(pipeline.lines.mark() == mark, "it wrote results: {:?}", pipeline.lines.since(mark));

    stage.step("opsctl worker start");
    pipeline.start_worker("")?;
    let container = stack.container(&pipeline.worker)?;
    let user = container.inspected.pointer("/Config/User").and_then(Value::as_str);
    ensure!(user == Some(USER), "the worker runs as {user:?}");
    let owner = volume.as_root(&["stat", "-c", "%u:%g", STATE])?;
    ensure!(owner.trim() == USER, "the volume belongs to {owner}");
    let left = docker(&["ps", "--all", "--quiet", "--filter", &format!("name={}-volume", container.name)])?;
    ensure!(left.trim().is_empty(), "what prepared the volume is still there: {left}");

    // The state was kept: what came meanwhile comes out once, and nothing of before again.
    pipeline.wait_for_raws(2, LIMIT)?;
    settle(&pipeline.lines, Duration::from_secs(2), LIMIT)?;
    let again: Vec<_> = pipeline.lines.since(mark).into_iter().filter(|line| line.text.contains("\"raw\"")).collect();
    ensure!(again.len() == 1 && again[0].text.contains("\"order_id\":101"), "expected order 101 alone: {again:?}");
    Ok(())
}

fn insert(id: i64) -> String {
    format!("INSERT INTO orders (id, symbol, side, quantity, price) VALUES ({id}, 'OWNED', 'BUY', 1, 10);")
}

/// Its last words since it was started: it ends at once, again and again.
fn refusal(pipeline: &Pipeline<'_>, since: &str) -> Result<String> {
    until("the worker refuses its directory", LIMIT, || {
        let container = pipeline.stack.container(&pipeline.worker)?;
        let log = docker::run(&["logs", "--since", since, &container.id], None, LIMIT)?;
        let line = log.stderr.lines().find(|line| line.contains("belongs to"));
        Ok(line.map_or_else(
            || Look::NotYet(format!("{}: {}", container.state, log.stderr)),
            |line| Look::Found(line.to_owned()),
        ))
    })
}
