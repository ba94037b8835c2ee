//! `cargo xtask e2e`: the real stack under test, from MySQL to the worker's lines.
//!
//! `scenarios/` says what is tested, one file each; `stack/` is the stack as a scenario handles it; `pipeline` gives a
//! scenario its own table, connector, topic and worker on it; `runner` keeps the order and cleans up.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool: what it prints is its result")]

mod cli;
mod signals;
mod stopwatch;
mod process;
mod wait;
mod http;
mod cents;
mod output;
mod lines;
mod stack;
mod pipeline;
mod load;
mod audit;
mod once;
mod sink_topics;
mod clickhouse;
mod sink_tables;
mod lossy_proxy;
mod scenario;
mod scenarios;
mod report;
mod lock;
mod runner;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Parser as _;

use crate::cli::Cli;
use crate::lock::Lock;
use crate::report::{Entry, Report, Verdict};
use crate::runner::Runner;
use crate::signals::Interrupted;
use crate::stack::{Places, docker};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match signals::listen().and_then(|()| run(&cli)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if error.is::<Interrupted>() => {
            eprintln!("e2e: interrupted; the stack is taken down");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("e2e: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A line of progress.
fn say(words: &str) {
    println!("e2e: {words}");
}

/// Whether all went well.
fn run(cli: &Cli) -> Result<bool> {
    if cli.list {
        print!("{}", scenarios::list());
        return Ok(true);
    }
    let chosen = scenarios::chosen(cli);
    let places = places(cli)?;
    let mut report = Report::default();
    if let Some(reason) = docker::absent() {
        return without_docker(&reason, &chosen, &places, report);
    }
    let _lock = Lock::take(&cli.project)?;
    // The last run's are worth nothing once another has begun.
    let _ = fs::remove_dir_all(&places.output);
    fs::create_dir_all(&places.output).with_context(|| format!("{} cannot be made", places.output.display()))?;
    say(&format!("{} scenarios, seed {}; logs and report: {}", chosen.len(), cli.seed, places.output.display()));
    let result = Runner::new(cli, &places).run(&chosen, &mut report);
    report.write(&places.output)?;
    result?;
    print!("\n{report}");
    Ok(report.all_well())
}

/// A machine without Docker can still run everything else; CI must not go without.
fn without_docker(reason: &str, chosen: &[&scenario::Scenario], places: &Places, mut report: Report) -> Result<bool> {
    if env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false")) {
        bail!("{reason}\nCI does not go without");
    }
    for scenario in chosen {
        let verdict = Verdict::Skipped(reason.to_owned());
        report.0.push(Entry { name: scenario.name, seed: 0, verdict, took: Duration::ZERO, notes: Vec::new() });
    }
    fs::create_dir_all(&places.output).with_context(|| format!("{} cannot be made", places.output.display()))?;
    report.write(&places.output)?;
    print!("{report}");
    Ok(report.all_well())
}

/// This program lies in `target/PROFILE`, with `opsctl` beside it.
fn places(cli: &Cli) -> Result<Places> {
    let me = env::current_exe().context("this program does not know where it lies")?;
    let beside = me.parent().context("this program lies nowhere")?;
    let target = beside.parent().context("this program lies in no target directory")?;
    let root = PathBuf::from(env::var_os("CDC_E2E_ROOT").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()));
    let root = root.ancestors().find(|path| path.join("compose/compose.yaml").is_file()).map(Path::to_path_buf);
    let opsctl = beside.join("opsctl");
    if !opsctl.is_file() {
        bail!("{} is not there: run this as `cargo xtask e2e`, which builds it", opsctl.display());
    }
    Ok(Places {
        root: root.context("the checkout with compose/compose.yaml is not found")?,
        opsctl,
        output: target.join("e2e"),
        images: cli.images.clone(),
    })
}
