//! The project's own tools: `cargo xtask ci | tidy | broker | clickhouse | fuzz | plant | bench | chaos | images | analytics | e2e`.
//!
//! One file or folder a task. It does not depend on the worker: it calls cargo and the programs that cargo builds.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool: what it prints is its result")]

mod cli;
mod signals;
mod stopwatch;
mod process;
mod workspace;
mod python;
mod tidy;
mod beside;
mod broker;
mod clickhouse;
mod fuzz;
mod plant;
mod bench;
mod chaos;
mod images;
mod analytics;
mod e2e;
mod ci;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Task};
use crate::process::Interrupted;

fn main() -> ExitCode {
    let task = Cli::parse().task;
    match signals::listen().and_then(|()| run(task)) {
        Ok(code) => code,
        Err(error) if error.is::<Interrupted>() => {
            eprintln!("xtask: {error}");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<ExitCode> {
    let root = workspace::root()?;
    match task {
        Task::Ci(options) => ci::run(&root, &options),
        Task::Tidy => tidy::run(&root),
        Task::Broker(options) => broker::run(&options),
        Task::ClickHouse(options) => clickhouse::run(&root, &options),
        Task::Fuzz(options) => fuzz::run(&root, &options),
        Task::FlinkAnswers => bench::flink_answers::run(&root),
        Task::Plant(options) => plant::run(&root, &options),
        Task::Bench(options) => bench::run(&root, &options),
        Task::Chaos(options) => chaos::run(&root, &options),
        Task::Images(options) => images::run(&root, &options),
        Task::Analytics(options) => analytics::run(&root, &options),
        Task::E2e(options) => e2e::run(&root, &options),
    }
}
