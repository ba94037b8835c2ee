//! `cargo xtask fuzz`: the decoder against made-up bytes, with cargo-fuzz on a nightly toolchain.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::cli::FuzzOptions;
use crate::process::{self, succeeded};
use crate::stopwatch::{Stopwatch, human};
use crate::workspace;

/// Building the target and the standard library's instrumentation, on top of the fuzzing itself.
const BUILD_LIMIT: Duration = Duration::from_mins(30);

/// Runs the target `decode` for the given time; a finding is a failure, and libFuzzer names the file that shows it again.
pub(crate) fn run(root: &Path, options: &FuzzOptions) -> Result<ExitCode> {
    let package = root.join("crates/worker/fuzz");
    if !package.join("Cargo.toml").is_file() {
        bail!("there is no fuzz target in {}", package.display());
    }
    if workspace::program("cargo-fuzz").is_none() {
        bail!("cargo-fuzz is not installed: cargo install cargo-fuzz --locked");
    }
    let nightly = nightly_cargo()
        .context("fuzzing needs a nightly toolchain: rustup toolchain install nightly --profile minimal")?;
    let watch = Stopwatch::start();
    let mut command = Command::new(nightly);
    // `cargo xtask` runs on stable and says so to its children.
    command.current_dir(root.join("crates/worker")).env("RUSTUP_TOOLCHAIN", "nightly").env_remove("CARGO");
    command.args(["fuzz", "run", "decode", "--", "-rss_limit_mb=2048", "-timeout=10", "-print_final_stats=1"]);
    command.arg(format!("-max_total_time={}", options.seconds));
    let limit = BUILD_LIMIT + Duration::from_secs(u64::from(options.seconds));
    succeeded(process::run(&mut command, limit)?, "cargo fuzz run decode")?;
    println!("fuzz: decode, {} s without a finding (with its build {})", options.seconds, human(watch.elapsed()));
    Ok(ExitCode::SUCCESS)
}

fn nightly_cargo() -> Option<PathBuf> {
    let rustup = workspace::program("rustup")?;
    let output = process::ask(Command::new(rustup).args(["which", "cargo", "--toolchain", "nightly"])).ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    path.is_file().then_some(path)
}
