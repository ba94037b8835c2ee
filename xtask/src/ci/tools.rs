//! Checks by tools that cargo does not bring: cargo-deny and cargo-machete (built in CI if missing), Prometheus' own.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::ci::Context;
use crate::ci::outcome::Verdict;
use crate::ci::steps::LIMIT;
use crate::process::{run, succeeded};
use crate::workspace;

/// The database of known faults is fetched from the net; a network that swallows packets must not hold CI up.
const FETCH_LIMIT: Duration = Duration::from_mins(1);

/// Licences, sources, doubles and, where their database can be fetched, advisories.
pub(crate) fn deny(context: &mut Context) -> Result<Verdict> {
    if let Some(missing) = missing(context, "cargo-deny")? {
        return Ok(missing);
    }
    let checks = ["check", "bans", "licenses", "sources"];
    let status = run(workspace::cargo(&context.root).args(DENY).args(checks), LIMIT)?;
    succeeded(status, "cargo deny check bans licenses sources")?;
    let fetched = run(workspace::cargo(&context.root).args(DENY).args(["fetch", "db"]), FETCH_LIMIT);
    if !fetched.is_ok_and(|status| status.success()) {
        let note = "advisories skipped: their database cannot be fetched here";
        println!("{note}");
        return Ok(Verdict::Passed(note.into()));
    }
    let advisories = ["check", "--disable-fetch", "advisories"];
    let status = run(workspace::cargo(&context.root).args(DENY).args(advisories), LIMIT)?;
    succeeded(status, "cargo deny check advisories")?;
    Ok(Verdict::Passed("advisories too".into()))
}

const DENY: [&str; 5] = ["deny", "--all-features", "--locked", "--config", ".deny.toml"];

/// Dependencies that a manifest names and no code uses.
pub(crate) fn machete(context: &mut Context) -> Result<Verdict> {
    if let Some(missing) = missing(context, "cargo-machete")? {
        return Ok(missing);
    }
    let status = run(workspace::cargo(&context.root).arg("machete"), LIMIT)?;
    succeeded(status, "cargo machete")?;
    Ok(Verdict::passed())
}

/// `promtool` over what Prometheus is given: its configuration, the alert rules, and their tests.
pub(crate) fn alerts(context: &mut Context) -> Result<Verdict> {
    if !installed("promtool") {
        if context.in_ci {
            bail!("promtool is not installed (Debian: prometheus), and CI does not go without");
        }
        return Ok(Verdict::Skipped("promtool is not installed (Debian: prometheus)".into()));
    }
    let place = context.root.join("compose/observability");
    // Its paths are those inside the container: the syntax alone is looked at, the rules have a check of their own.
    for arguments in [
        &["check", "config", "--syntax-only", "prometheus.yml"][..],
        &["check", "rules", "alerts.yml"],
        &["test", "rules", "alerts.test.yml"],
    ] {
        let status = run(Command::new("promtool").args(arguments).current_dir(&place), LIMIT)?;
        succeeded(status, &format!("promtool {}", arguments.join(" ")))?;
    }
    Ok(Verdict::passed())
}

/// Builds a cargo subcommand that is not there; where nobody asked for minutes of building, the step is skipped instead.
fn missing(context: &Context, tool: &str) -> Result<Option<Verdict>> {
    if installed(tool) {
        return Ok(None);
    }
    if !context.in_ci {
        return Ok(Some(Verdict::Skipped(format!("{tool} is not installed (cargo install {tool} --locked)"))));
    }
    println!("{tool} is not installed: building it, which takes some minutes");
    let mut install = workspace::cargo(&context.root);
    succeeded(run(install.args(["install", tool, "--locked"]), LIMIT)?, &format!("cargo install {tool}"))?;
    Ok(None)
}

fn installed(program: &str) -> bool {
    workspace::program(program).is_some()
}
