//! `cargo xtask analytics`: what the business dashboard and its alert rules ask, asked of ClickHouse's own engine over the
//! results of recorded orders. Grafana itself cannot be had everywhere: its plug-in's macros are expanded here as it does, and
//! the panels are drawn from the answers.

mod answer;
mod server;
mod schema;
mod rows;
mod grafana;
mod macros;
mod check;
mod picture;

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use crate::analytics::server::Server;
use crate::cli::AnalyticsOptions;
use crate::process::{ask, succeeded};
use crate::python::Environment;
use crate::stopwatch::{Stopwatch, human};
use crate::workspace;

/// ClickHouse's engine as a Python package, with what it needs.
const REQUIREMENTS: &str = include_str!("../../../compose/images/clickhouse/requirements.txt");
const ENVIRONMENT: &str = "chdb";
/// Where the tables are described; the worker carries them out.
const MIGRATIONS: &str = "crates/worker/src/sink/clickhouse/migrations";
const DASHBOARD: &str = "compose/analytics/grafana/dashboards/business.json";
const ALERTS: &str = "compose/analytics/grafana/alerts.json";

/// The engine, fetched once.
pub(crate) fn environment() -> Result<Environment> {
    Environment::with(ENVIRONMENT, REQUIREMENTS)
}

/// Asks everything; draws it where that is wanted.
pub(crate) fn run(root: &Path, options: &AnalyticsOptions) -> Result<ExitCode> {
    let watch = Stopwatch::start();
    let told = check_all(root, options, &environment()?)?;
    println!("analytics: {told}, in {}", human(watch.elapsed()));
    Ok(ExitCode::SUCCESS)
}

/// The same with an environment that is there; what was asked, in words.
pub(crate) fn check_all(root: &Path, options: &AnalyticsOptions, environment: &Environment) -> Result<String> {
    let worker = match &options.worker {
        Some(worker) => worker.clone(),
        None => workspace::built_worker(root)?,
    };
    let server = Server::start(root, environment)?;
    schema::make(&server, &root.join(MIGRATIONS))?;
    let range = rows::fill(root, &server, &worker)?;
    let dashboard = grafana::Dashboard::read(&root.join(DASHBOARD))?;
    let asked = check::panels(&server, &dashboard, &range, options.verbose)?;
    let rules = grafana::rules(&root.join(ALERTS))?;
    check::rules(&server, &rules, &range)?;
    if let Some(file) = &options.svg {
        let note = format!("{}; ClickHouse {}", rows::ABOUT, server.version()?);
        let svg = picture::draw(&dashboard, &asked.answers, &note);
        fs::write(file, svg).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(format!("{} queries of {} panels, {} alert rules", asked.queries, dashboard.panels.len(), rules.len()))
}

/// Runs a program to its end; what it printed.
fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let answer = ask(command)?;
    let said = String::from_utf8_lossy(&answer.stderr);
    succeeded(answer.status, &format!("{name}: {}", said.lines().last().unwrap_or_default()))?;
    String::from_utf8(answer.stdout).with_context(|| format!("{name} printed no text"))
}
