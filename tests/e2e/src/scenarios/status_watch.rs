//! `opsctl status --watch`: what changes is on the next screen, and Ctrl-C ends it.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::scenario::Stage;

const LIMIT: Duration = Duration::from_mins(2);

pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    let mut watching = stack.start_opsctl(&["status", "--watch", "1"])?;
    let well = |line: &str| is_shown(line, "running, healthy");
    watching.wait_for("a worker that is well", LIMIT, well)?;
    watching.wait_for("a second screen", LIMIT, well)?;
    stack.act("stop", "worker")?;
    watching.wait_for("a worker that has ended", LIMIT, |line| is_shown(line, "exited"))?;
    stack.act("start", "worker")?;
    watching.wait_for("a worker that is well again", LIMIT, well)?;
    watching.press_ctrl_c();
    let (code, said) = watching.end(LIMIT)?;
    ensure!(code == Some(0) && !said.contains("interrupted"), "Ctrl-C ends it with {code:?}:\n{said}");
    let screens = said.lines().filter(|line| line.starts_with(&format!("{}  2", stack.project))).count();
    stage.note("screens", screens);
    Ok(())
}

/// The worker's row with this state.
fn is_shown(line: &str, state: &str) -> bool {
    line.strip_prefix("worker ").is_some_and(|rest| rest.trim_start().starts_with(state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_of_the_container_is_told_from_what_the_worker_says() {
        assert!(is_shown("worker         running, healthy           9 / 256      2 m", "running"));
        assert!(!is_shown("worker         exited                    - / 256        -", "running"));
        assert!(!is_shown("worker      3 in, 3 out", "running"));
    }
}
