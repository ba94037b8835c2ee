//! Servers that tests need: a command runs beside one, or it stays until somebody has enough.

use std::io::IsTerminal as _;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::process::{Group, Interrupted};
use crate::signals;

/// Commands have no deadline of their own here: a day stands for it.
const NO_LIMIT: Duration = Duration::from_hours(24);

/// Runs a program with these variables in its environment; the exit code is its own.
pub(crate) fn run(program: &str, arguments: &[String], variables: &[(&str, &str)]) -> Result<ExitCode> {
    let mut command = Command::new(program);
    command.args(arguments).envs(variables.iter().copied());
    // On a terminal the command may want to read from it, which only the foreground group may do.
    let status = if std::io::stdin().is_terminal() {
        command.status().with_context(|| format!("{program} cannot be started"))?
    } else {
        Group::spawn(&mut command)?.wait(NO_LIMIT)?
    };
    if signals::asked_to_stop() {
        bail!(Interrupted);
    }
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Stays until Ctrl-C, or until it does not run any more.
pub(crate) fn stay(name: &str, mut still_runs: impl FnMut() -> Result<()>) -> Result<ExitCode> {
    eprintln!("{name}: Ctrl-C stops it and removes its data");
    while !signals::asked_to_stop() {
        still_runs()?;
        thread::sleep(Duration::from_millis(100));
    }
    eprintln!("{name}: stopping");
    Ok(ExitCode::SUCCESS)
}
