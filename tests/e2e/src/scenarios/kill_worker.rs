//! The worker is killed ten times under load; what it made of the load must be what SQL itself says.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::scenario::Stage;
use crate::scenarios::oracle;

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
        let killed = pipeline.kill_worker()?;
        kills += 1;
        pipeline.worker_runs_again(&killed, LIMIT)
    })?;
    ensure!(kills == KILLS, "{kills} kills only: the load was over too soon");
    stage.note("kills", kills);
    Ok(())
}
