//! Connect is killed in the middle of a load: what it repeats is dropped and counted, and the sums are those of SQL.

use anyhow::{Context as _, Result};

use crate::scenario::Stage;
use crate::scenarios::oracle;
use crate::stack::docker::docker;

const CONNECT: &str = "kafka-connect";
/// After this part of the load.
const PART: usize = 2;

pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let pipeline = stage.pipeline("agg.window_ms = 5000")?;
    pipeline.stack.wait_for_position(&pipeline.name)?;
    oracle::under_load(stage, &pipeline, oracle::PART, |part| {
        if part != PART {
            return Ok(());
        }
        let container = pipeline.stack.container(CONNECT)?;
        docker(&["kill", &container.id])?;
        docker(&["start", &container.id])?;
        pipeline.stack.wait_for_connector(&pipeline.name)
    })?;
    let duplicates = pipeline.accounting()?["duplicate"].as_u64().context("the accounting counts no duplicates")?;
    stage.note("repeats dropped", duplicates);
    Ok(())
}
