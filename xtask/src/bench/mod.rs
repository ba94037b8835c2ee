//! `cargo xtask bench`: the worker beside the bare client and Flink on one topic; and apart from that decode and the whole
//! pipeline in turns with yardsticks, on recorded messages, and latency against a real Kafka.

mod programs;
mod topic;
mod expected;
mod lines;
mod usage;
mod turn;
mod contestant;
mod flink;
mod report;
mod svg;
mod floors;
mod machine;
mod comparison;
mod scaling;
mod profile;
mod durability;
mod backlog;
mod overload;
mod watchers;
mod kafka_sink;
mod clickhouse_sink;
pub(crate) mod flink_answers;

pub(crate) use lines::{Sums, hundredths};
pub(crate) use programs::build_worker;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::broker::{ADDRESS_VARIABLE, Broker};
use crate::cli::{BenchOptions, BenchSubject, DecodeBenchOptions, LatencyBenchOptions};
use crate::process::{self, succeeded};
use crate::workspace;

/// Building on a slow machine, on top of the measuring itself.
const BUILD_LIMIT: Duration = Duration::from_hours(1);

/// Runs what was asked for.
pub(crate) fn run(root: &Path, options: &BenchOptions) -> Result<ExitCode> {
    match &options.subject {
        None => comparison::run(root, &options.comparison),
        Some(BenchSubject::Decode(options)) => decode(root, options),
        Some(BenchSubject::Latency(options)) => latency(root, options),
        Some(BenchSubject::Scaling(options)) => scaling::run(root, options),
        Some(BenchSubject::Profile(options)) => profile::run(root, options),
        Some(BenchSubject::Durability(options)) => durability::run(root, options),
        Some(BenchSubject::Backlog(options)) => backlog::run(root, options),
        Some(BenchSubject::Overload(options)) => overload::run(root, options),
        Some(BenchSubject::Watchers(options)) => watchers::run(root, options),
        Some(BenchSubject::KafkaSink(options)) => kafka_sink::run(root, options),
        Some(BenchSubject::ClickHouseSink(options)) => clickhouse_sink::run(root, options),
    }
}

/// Builds the benchmark as CI builds everything, runs it, and lets its table or its JSON through.
fn decode(root: &Path, options: &DecodeBenchOptions) -> Result<ExitCode> {
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

/// The same for latency, beside a real broker.
fn latency(root: &Path, options: &LatencyBenchOptions) -> Result<ExitCode> {
    let broker = Broker::start(None)?;
    let mut command = workspace::cargo(root);
    command.args(["bench", "--profile", "ci", "--locked", "--package", "worker", "--bench", "latency", "--"]);
    command.args(["--rate", &options.rate.to_string(), "--seconds", &options.seconds.to_string()]);
    command.args(options.kafka_sink.then_some("--kafka-sink"));
    command.args(options.json.then_some("--json"));
    command.env(ADDRESS_VARIABLE, broker.address());
    let limit = BUILD_LIMIT + Duration::from_secs(u64::from(options.seconds));
    succeeded(process::run(&mut command, limit)?, "cargo bench --bench latency")?;
    Ok(ExitCode::SUCCESS)
}
