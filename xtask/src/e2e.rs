//! `cargo xtask e2e`: builds images, `opsctl` and the program that runs the scenarios, then becomes it.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::cli::{E2eOptions, ImagesOptions};
use crate::process::{ask, run_patiently, succeeded};
use crate::{images, workspace};

/// Longer than all scenarios on a slow machine.
const LIMIT: Duration = Duration::from_hours(1);
/// Taking a stack down, with its logs kept.
const TIME_TO_END: Duration = Duration::from_mins(2);

/// Flags with which no stack is started, so that no image is needed.
const WITHOUT_STACK: [&str; 3] = ["--list", "--help", "-h"];

/// Runs what the flags say. From here on Ctrl-C is the scenarios' own: they take their stack down.
pub(crate) fn run(root: &Path, options: &E2eOptions) -> Result<ExitCode> {
    let program = build(root)?;
    let without_stack = options.flags.iter().any(|flag| WITHOUT_STACK.contains(&flag.as_str()));
    let public = options.flags.iter().any(|flag| flag.contains("public"));
    // Where there is no Docker the program says so: as skipped, or as a failure in CI.
    if !without_stack && !public && images::ready().is_ok() {
        images::run(root, &ImagesOptions { only: Vec::new(), list: false, fresh: false })?;
    }
    Err(command(&program, root, &options.flags).exec()).context("the scenarios cannot be started")
}

/// The marked scenarios as a step of CI: their closing line.
pub(crate) fn run_marked(root: &Path) -> Result<String> {
    let program = build(root)?;
    let mut closing_line = String::new();
    let status = run_patiently(&mut command(&program, root, &[]), LIMIT, TIME_TO_END, |line| {
        if counts(line).is_some() {
            line.clone_into(&mut closing_line);
        }
    })?;
    if !status.success() {
        bail!("{}", if closing_line.is_empty() { status.to_string() } else { closing_line });
    }
    match counts(&closing_line) {
        Some([passed, 0, 0]) if passed > 0 => Ok(closing_line),
        _ => bail!("not all scenarios ran: {closing_line:?}"),
    }
}

fn command(program: &Path, root: &Path, flags: &[String]) -> Command {
    let mut command = Command::new(program);
    command.args(flags).current_dir(root).env("CDC_E2E_ROOT", root);
    command
}

/// `opsctl` and the program, side by side in the target directory; its path.
fn build(root: &Path) -> Result<PathBuf> {
    let mut command = workspace::cargo(root);
    command.args(["build", "--profile", "ci", "--locked", "--package", "opsctl", "--package", "e2e"]);
    command.args(["--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit());
    let answer = ask(&mut command)?;
    succeeded(answer.status, "cargo build of opsctl and e2e")?;
    let messages = String::from_utf8_lossy(&answer.stdout);
    workspace::executables(&messages)
        .into_iter()
        .find(|path| path.file_name().is_some_and(|name| name == "e2e"))
        .context("cargo built e2e and does not say where")
}

/// `7 passed, 0 failed, 0 skipped`
fn counts(line: &str) -> Option<[usize; 3]> {
    let mut counts = line
        .split(", ")
        .zip(["passed", "failed", "skipped"])
        .map(|(part, word)| part.strip_suffix(word)?.trim_end().parse::<usize>().ok());
    let counts = [counts.next()??, counts.next()??, counts.next()??];
    (line.split(", ").count() == 3).then_some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_is_read() {
        for (line, expected) in [
            ("7 passed, 0 failed, 1 skipped", Some([7, 0, 1])),
            ("7 passed, 0 failed", None),
            ("e2e: 7 passed, 0 failed, 1 skipped", None),
            ("7 passed, 0 failed, 1 skipped, 2 more", None),
            ("", None),
        ] {
            assert_eq!(counts(line), expected, "{line}");
        }
    }
}
