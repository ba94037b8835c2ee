//! `cargo xtask bench decode`: decode and the whole pipeline in turns with yardsticks, on recorded messages.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::cli::{BenchOptions, BenchSubject};
use crate::process::{self, succeeded};
use crate::workspace;

/// Building on a slow machine, on top of the measuring itself.
const BUILD_LIMIT: Duration = Duration::from_hours(1);

/// Builds the benchmark as CI builds everything, runs it, and lets its table or its JSON through.
pub(crate) fn run(root: &Path, options: &BenchOptions) -> Result<ExitCode> {
    let BenchSubject::Decode(options) = &options.subject;
    let mut command = workspace::cargo(root);
    command.args(["bench", "--profile", "ci", "--locked", "--package", "worker", "--no-default-features"]);
    command.args(["--bench", "decode", "--", "--seconds", &options.seconds.to_string()]);
    command.args(options.json.then_some("--json"));
    if let Some(text) = &options.only {
        command.args(["--only", text]);
    }
    if let Some(path) = &options.recording {
        // Cargo starts the benchmark in its package's directory.
        let path = path.canonicalize().with_context(|| format!("{} cannot be read", path.display()))?;
        command.arg("--recording").arg(path);
    }
    let limit = BUILD_LIMIT + Duration::from_secs(options.seconds);
    succeeded(process::run(&mut command, limit)?, "cargo bench --bench decode")?;
    Ok(ExitCode::SUCCESS)
}
