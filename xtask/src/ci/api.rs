//! What the worker tells over HTTP against descriptions of it: Schemathesis reads the `OpenAPI` document of a worker at work and
//! asks what it allows, and what it does not; the metrics that it sends are read by the protocol's own classes.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::chaos::{rest, wait};
use crate::ci::Context;
use crate::ci::outcome::Verdict;
use crate::ci::page::{missing, worker};
use crate::process::{Group, run, succeeded};
use crate::python::Environment;

const REQUIREMENTS: &str = include_str!("api-requirements.txt");
const LIMIT: Duration = Duration::from_mins(5);
const START_LIMIT: Duration = Duration::from_mins(1);
const TOKEN: &str = "of-this-test-only";
/// Of each operation, of each kind.
const EXAMPLES: &str = "50";
/// Takes what the worker sends by OTLP.
const RECEIVER: &str = "xtask/src/ci/otlp_receiver.py";
/// Fewer metrics than this means that hardly anything was sent.
const LEAST_METRICS: u64 = 30;
/// Fewer requests than this means that hardly anything was asked.
const LEAST_REQUESTS: u64 = 300;

/// Asks a demo's page everything that there is, except for its end and for events, which have none.
pub(crate) fn api(context: &mut Context) -> Result<Verdict> {
    if let Some(verdict) = missing(context, &[("python3", "python3")])? {
        return Ok(verdict);
    }
    let environment = match Environment::with("schemathesis", REQUIREMENTS) {
        Ok(environment) => environment,
        // As with the advisories of `deny`: what cannot be fetched is not this tree's fault, and is told.
        Err(error) => return Ok(Verdict::Skipped(format!("Schemathesis cannot be had here: {error:#}"))),
    };
    let place = tempfile::Builder::new().prefix("cdc-api-").tempdir()?;
    let sent_to = rest::free_port()?;
    let mut receiver = Command::new(environment.program("python"));
    let received = place.path().join("received");
    receiver.arg(context.root.join(RECEIVER)).arg(sent_to.to_string()).stdout(File::create(&received)?);
    let mut receiver = Group::spawn(&mut receiver)?;
    let token = place.path().join("token");
    fs::write(&token, TOKEN)?;
    let port = rest::free_port()?;
    let mut demo = Command::new(worker(&context.root)?);
    demo.args(["demo", "--for", "10m", "--port", &port.to_string()]).arg("--set");
    demo.arg(format!("web.token_file={}", token.display())).stdout(Stdio::null()).stderr(Stdio::null());
    demo.args(["--set", &format!("web.otlp_endpoint=http://127.0.0.1:{sent_to}/v1/metrics")]);
    demo.args(["--set", "web.otlp_interval_ms=1000"]);
    demo.current_dir(place.path());
    let mut demo = Group::spawn(&mut demo)?;
    let mut job = None;
    wait::until("the demo has a page", START_LIMIT, || {
        if let Some(status) = demo.try_wait()? {
            bail!("the demo ended ({status})");
        }
        job = rest::job(port).ok();
        Ok(job.is_some())
    })?;
    let job = job.unwrap_or_default();
    let vertex = rest::get(port, &format!("/jobs/{job}"))?["vertices"][0]["id"].as_str().map(str::to_owned);
    let vertex = vertex.context("the job has no vertices")?;
    let known = format!("[parameters]\n\"path.job\" = \"{job}\"\n\"path.vertex\" = \"{vertex}\"\n");
    fs::write(place.path().join("schemathesis.toml"), known)?;
    let report = place.path().join("report.json");
    let mut asking = Command::new(environment.program("schemathesis"));
    asking.current_dir(place.path()).args(["run", &format!("http://127.0.0.1:{port}/api/v1/openapi.json")]);
    asking.args(["--header", &format!("Authorization: Bearer {TOKEN}")]);
    asking.args(["--exclude-path", "/api/v1/events", "--exclude-path-regex", "/stop$", "--no-color"]);
    asking.args(["--max-examples", EXAMPLES, "--request-timeout", "10", "--generation-deterministic"]);
    asking.arg("--report-json-path").arg(&report);
    succeeded(run(&mut asking, LIMIT)?, "schemathesis run")?;
    if let Some(status) = demo.try_wait()? {
        bail!("the worker has ended meanwhile ({status})");
    }
    let report: Value = serde_json::from_slice(&fs::read(&report).context("Schemathesis' report")?)?;
    let requests = report["test_cases"]["generated"].as_u64().unwrap_or_default();
    if requests < LEAST_REQUESTS {
        bail!("{requests} requests only, at least {LEAST_REQUESTS} are expected");
    }
    let Some(status) = receiver.wait_at_most(START_LIMIT)? else { bail!("no metrics were sent") };
    succeeded(status, "reading the metrics that were sent")?;
    let metrics = metrics(&fs::read_to_string(received)?)?;
    Ok(Verdict::Passed(format!("{requests} requests; {metrics} metrics sent")))
}

/// How many metrics the receiver has read.
fn metrics(said: &str) -> Result<u64> {
    let count = said.trim().parse().context("the receiver counts nothing")?;
    if count < LEAST_METRICS {
        bail!("{count} metrics were sent, at least {LEAST_METRICS} are expected");
    }
    Ok(count)
}
