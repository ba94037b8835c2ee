//! The worker's parallelism is changed under load, up and down: what it made of the load is what SQL itself says.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::pipeline::Pipeline;
use crate::scenario::Stage;
use crate::scenarios::oracle;
use crate::stopwatch::{Stopwatch, human};

/// Transactions between two looks.
const PART: usize = 120;
/// After this part of the load the worker has this parallelism.
const SCALES: [(usize, u16); 3] = [(2, 2), (4, 8), (6, 3)];
const LIMIT: Duration = Duration::from_mins(5);

pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let settings = "agg.window_ms = 5000\nparallelism = 1";
    let pipeline = stage.pipeline(settings)?;
    ensure!(parallelism(&pipeline)? == 1, "it began with another parallelism");
    let mut times = Vec::new();
    oracle::under_load(stage, &pipeline, PART, |part| {
        let Some((_, number)) = SCALES.iter().find(|(after, _)| *after == part) else { return Ok(()) };
        let watch = Stopwatch::start();
        pipeline.stack.opsctl(&["worker", "scale", "--name", &pipeline.worker, &number.to_string()], LIMIT)?;
        times.push(human(watch.elapsed()));
        let now = parallelism(&pipeline)?;
        ensure!(now == u64::from(*number), "{now} threads share the symbols, not {number}");
        Ok(())
    })?;
    ensure!(times.len() == SCALES.len(), "the load was over after {} of {} scales", times.len(), SCALES.len());
    stage.note("1 → 2 → 8 → 3", times.join(", "));
    // Started once more as before it is left as it is.
    let answer = pipeline.start_worker(settings)?;
    ensure!(answer["changed"] == false && parallelism(&pipeline)? == 3, "it did not stay as it was: {answer}");
    Ok(())
}

/// Flink's word for what shares the symbols.
fn parallelism(pipeline: &Pipeline<'_>) -> Result<u64> {
    Ok(pipeline.page("/overview")?.json()?["slots-total"].as_u64().unwrap_or_default())
}
