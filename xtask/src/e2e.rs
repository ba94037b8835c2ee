//! `cargo xtask e2e`: builds images, `opsctl` and the program that runs the scenarios, then becomes it.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result};

use crate::cli::{E2eOptions, ImagesOptions};
use crate::process::{ask, succeeded};
use crate::{images, workspace};

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
