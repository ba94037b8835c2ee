//! The worker's API against its own description: Schemathesis reads the `OpenAPI` document of a worker at work and asks what it
//! allows, and what it does not.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::chaos::{rest, wait};
use crate::ci::Context;
use crate::ci::outcome::Verdict;
use crate::ci::page::{missing, worker};
use crate::process::{Group, ask, run, succeeded};
use crate::workspace;

const REQUIREMENTS: &str = include_str!("api-requirements.txt");
const INSTALL_LIMIT: Duration = Duration::from_mins(5);
const LIMIT: Duration = Duration::from_mins(5);
const START_LIMIT: Duration = Duration::from_mins(1);
const TOKEN: &str = "of-this-test-only";
/// Of each operation, of each kind.
const EXAMPLES: &str = "50";
/// Fewer requests than this means that hardly anything was asked.
const LEAST_REQUESTS: u64 = 300;

/// Asks a demo's page everything that there is, except for its end and for events, which have none.
pub(crate) fn api(context: &mut Context) -> Result<Verdict> {
    if let Some(verdict) = missing(context, &[("python3", "python3")])? {
        return Ok(verdict);
    }
    let program = match schemathesis() {
        Ok(program) => program,
        // As with the advisories of `deny`: what cannot be fetched is not this tree's fault, and is told.
        Err(error) => return Ok(Verdict::Skipped(format!("Schemathesis cannot be had here: {error:#}"))),
    };
    let place = tempfile::Builder::new().prefix("cdc-api-").tempdir()?;
    let token = place.path().join("token");
    fs::write(&token, TOKEN)?;
    let port = rest::free_port()?;
    let mut demo = Command::new(worker(&context.root)?);
    demo.args(["demo", "--for", "10m", "--port", &port.to_string()]).arg("--set");
    demo.arg(format!("web.token_file={}", token.display())).stdout(Stdio::null()).stderr(Stdio::null());
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
    let mut asking = Command::new(program);
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
    Ok(Verdict::Passed(format!("{requests} requests")))
}

/// Schemathesis in an environment of its own, made once for each list of requirements.
fn schemathesis() -> Result<PathBuf> {
    let place = workspace::cache()?.join("schemathesis");
    let (program, made) = (place.join("bin/schemathesis"), place.join("requirements.txt"));
    if fs::read_to_string(&made).is_ok_and(|made| made == REQUIREMENTS) && program.exists() {
        return Ok(program);
    }
    if place.exists() {
        fs::remove_dir_all(&place).with_context(|| format!("{} cannot be removed", place.display()))?;
    }
    let venv = ask(Command::new("python3").args(["-m", "venv"]).arg(&place))?;
    succeeded(venv.status, "python3 -m venv")?;
    let list = place.join("wanted.txt");
    fs::write(&list, REQUIREMENTS)?;
    let mut pip = Command::new(place.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--requirement"])
        .arg(list);
    // Where the network has a certificate authority of its own: pip asks the system's only when told so.
    if let (Some(file), None) = (std::env::var_os("SSL_CERT_FILE"), std::env::var_os("PIP_CERT")) {
        pip.env("PIP_CERT", file);
    }
    succeeded(run(&mut pip, INSTALL_LIMIT)?, "pip install")?;
    fs::write(made, REQUIREMENTS)?;
    Ok(program)
}
