//! The worker is killed ten times under load; what it made of the load must be what SQL itself says.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::scenario::Stage;
use crate::scenarios::oracle;
use crate::wait::{Look, until};

const KILLS: usize = 10;
/// Transactions between two kills: some more parts than kills.
const PART: usize = 120;
/// From a kill to a container that runs again.
const LIMIT: Duration = Duration::from_mins(1);
/// Checkpoints are made between the kills, too.
const SETTINGS: &str = "agg.window_ms = 5000\nstate.checkpoint_interval_ms = 2000";

pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let pipeline = stage.pipeline(SETTINGS)?;
    let mut kills = 0;
    oracle::under_load(stage, &pipeline, PART, |_| {
        if kills == KILLS {
            return Ok(());
        }
        let container = pipeline.stack.container(&pipeline.worker)?;
        let pid = container.inspected.pointer("/State/Pid").and_then(serde_json::Value::as_i64).unwrap_or_default();
        ensure!(pid > 1, "{} has no process to kill", container.name);
        // The process itself: `docker kill` would be a stop that Docker does not mend.
        let killed = Command::new("kill").args(["-9", &pid.to_string()]).status().context("kill")?;
        ensure!(killed.success(), "process {pid} of {} could not be killed", container.name);
        kills += 1;
        until("the worker runs again", LIMIT, || {
            let now = pipeline.stack.container(&pipeline.worker)?;
            let again = now.runs() && now.started_at != container.started_at;
            Ok(if again { Look::Found(()) } else { Look::NotYet(now.state) })
        })
    })?;
    ensure!(kills == KILLS, "{kills} kills only: the load was over too soon");
    stage.note("kills", kills);
    Ok(())
}
