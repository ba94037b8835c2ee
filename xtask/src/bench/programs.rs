//! The programs that take part, built as CI builds everything.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};

use crate::workspace;

/// Where they are.
#[derive(Debug)]
pub(crate) struct Programs {
    /// The worker.
    pub(crate) worker: PathBuf,
    /// The client alone.
    pub(crate) bare: PathBuf,
    /// Measures from an event's due time to its results.
    pub(crate) latency: PathBuf,
    /// Writes, watches and checks what the Kafka sink writes.
    pub(crate) transactions: PathBuf,
}

impl Programs {
    /// Builds them; cargo says on stderr what it does.
    pub(crate) fn build(root: &Path) -> Result<Self> {
        let benches = ["--bench", "bare", "--bench", "latency", "--bench", "transactions"];
        let built = built(root, &[&["--bin", "worker"], &benches[..]].concat())?;
        let named = |name| named(&built, name);
        Ok(Self {
            worker: named("worker")?,
            bare: named("bare")?,
            latency: named("latency")?,
            transactions: named("transactions")?,
        })
    }
}

/// The worker, and what measures rows for ClickHouse.
pub(crate) fn build_rows(root: &Path) -> Result<(PathBuf, PathBuf)> {
    let built = built(root, &["--bin", "worker", "--bench", "rows"])?;
    Ok((named(&built, "worker")?, named(&built, "rows")?))
}

/// The worker alone.
pub(crate) fn build_worker(root: &Path) -> Result<PathBuf> {
    named(&built(root, &["--bin", "worker"])?, "worker")
}

fn built(root: &Path, targets: &[&str]) -> Result<Vec<PathBuf>> {
    let mut command = workspace::cargo(root);
    command.args(["build", "--profile", "ci", "--locked", "--package", "worker"]).args(targets);
    command.args(["--message-format", "json-render-diagnostics"]).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().context("cargo cannot be started")?;
    if !output.status.success() {
        bail!("cargo build: {}", output.status);
    }
    Ok(workspace::executables(&String::from_utf8_lossy(&output.stdout)))
}

fn named(built: &[PathBuf], name: &str) -> Result<PathBuf> {
    let is_it =
        |path: &&PathBuf| path.file_stem().is_some_and(|stem| stem.to_string_lossy().split('-').next() == Some(name));
    built.iter().find(is_it).cloned().with_context(|| format!("cargo built no {name}"))
}
