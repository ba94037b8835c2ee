//! CI's steps, in order: the quick ones first, so that a slip shows within seconds.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::broker::{self, Broker};
use crate::ci::Context;
use crate::ci::instructions::instructions;
use crate::ci::outcome::Verdict;
use crate::ci::{api, page, tools};
use crate::cli::{AnalyticsOptions, ImagesOptions};
use crate::clickhouse::{self, ClickHouse, OldClickHouse};
use crate::process::{run, run_seen, succeeded};
use crate::{analytics, chaos, e2e, images, plant, tidy, workspace};

/// Longer than any step takes on a slow machine that builds from nothing; a test that hangs ends here, with a message.
pub(crate) const LIMIT: Duration = Duration::from_hours(1);

/// The pure part is where most of the logic lives: fewer tests than this means that they were not found.
const LEAST_PURE_TESTS: usize = 100;

/// For the simulation, in every run.
const SCHEDULES: &str = "10000";

/// One check or one run of tests.
pub(crate) struct Step {
    /// For `--only` and `--skip`.
    pub(crate) name: &'static str,
    /// The title.
    pub(crate) what: &'static str,
    /// A step that goes before it.
    pub(crate) needs: Option<&'static str>,
    /// An error is a failure of this step; the others run all the same.
    pub(crate) run: fn(&mut Context) -> Result<Verdict>,
}

const fn step(name: &'static str, what: &'static str, run: fn(&mut Context) -> Result<Verdict>) -> Step {
    Step { name, what, needs: None, run }
}

/// All of them.
pub(crate) const STEPS: &[Step] = &[
    step("fmt", "the code is formatted", fmt),
    step("tidy", "the house's rules hold", tidy_rules),
    step("scripts", "the shell scripts parse and pass shellcheck", scripts),
    step("oracle", "the tests' own calculator agrees with results worked out by hand", oracle),
    step("fixtures", "what is derived from recordings is what the scripts make of them", fixtures),
    step("page", "the worker's page is what its source gives", page::build),
    step(
        "alerts",
        "Prometheus' configuration and alert rules, each with a case that fires and one that does not",
        tools::alerts,
    ),
    step("clippy-pure", "no warning in the part without Kafka, RocksDB and web", clippy_pure),
    step("test-pure", "tests of that part", test_pure),
    step("instructions", "decoding takes no more instructions than it did, beside serde_json", instructions),
    step("simulation", "the engine under ten thousand schedules of crashes and faults", simulation),
    step("plant", "bugs that are planted into a copy of the tree turn the tests red", plant_bugs),
    step("clippy", "no warning anywhere", clippy),
    step("docs", "the documentation builds without a warning", docs),
    step("broker", "a real Kafka for the tests", start_broker),
    Step { name: "test", what: "all tests, with all features", needs: Some("broker"), run: test_all },
    step("chaos", "a worker under faults and load brings what the oracle says", short_chaos),
    Step {
        name: "browser",
        what: "the page in Chromium, on a worker at work",
        needs: Some("broker"),
        run: page::browse,
    },
    step("api", "the worker's API is what its description says, whatever is asked", api::api),
    step(
        "analytics",
        "what the business dashboard and its alerts ask, asked of ClickHouse's own engine",
        business_questions,
    ),
    step("deny", "licences, sources and known faults of what we depend on", tools::deny),
    step("machete", "no dependency without use", tools::machete),
    step("images", "the stack's images, from Debian's packages and Maven Central", build_images),
    Step {
        name: "e2e",
        what: "the real stack, from MySQL to the worker's lines",
        needs: Some("images"),
        run: end_to_end,
    },
];

fn cargo_passes(context: &Context, arguments: &[&str]) -> Result<Verdict> {
    passes(workspace::cargo(&context.root).args(arguments), &format!("cargo {}", arguments.join(" ")))
}

fn passes(command: &mut Command, what: &str) -> Result<Verdict> {
    succeeded(run(command, LIMIT)?, what)?;
    Ok(Verdict::passed())
}

fn fmt(context: &mut Context) -> Result<Verdict> {
    cargo_passes(context, &["fmt", "--all", "--check"])
}

fn tidy_rules(context: &mut Context) -> Result<Verdict> {
    let findings = tidy::findings(&context.root)?;
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() { Ok(Verdict::passed()) } else { bail!("{} findings", findings.len()) }
}

fn scripts(context: &mut Context) -> Result<Verdict> {
    let scripts = tidy::shell_scripts(&context.root)?;
    for script in &scripts {
        passes(Command::new("bash").arg("-n").arg(script), &format!("bash -n {}", script.display()))?;
    }
    let Some(shellcheck) = workspace::program("shellcheck") else {
        return Ok(Verdict::Passed(format!("{} scripts parse; shellcheck is not installed", scripts.len())));
    };
    passes(Command::new(shellcheck).arg("--external-sources").args(&scripts).current_dir(&context.root), "shellcheck")?;
    Ok(Verdict::Passed(format!("{} scripts", scripts.len())))
}

fn oracle(context: &mut Context) -> Result<Verdict> {
    python(context, &["tests/oracle/selftest.py"])
}

fn fixtures(context: &mut Context) -> Result<Verdict> {
    python(context, &["tests/fixtures/derive.py", "--check"])
}

fn python(context: &Context, arguments: &[&str]) -> Result<Verdict> {
    passes(
        Command::new("python3").args(arguments).current_dir(&context.root),
        &format!("python3 {}", arguments.join(" ")),
    )
}

fn clippy_pure(context: &mut Context) -> Result<Verdict> {
    let flags = ["clippy", "-p", "worker", "--no-default-features", "--all-targets", "--locked", "--profile", "ci"];
    cargo_passes(context, &[&flags[..], &["--", "-D", "warnings"]].concat())
}

fn clippy(context: &mut Context) -> Result<Verdict> {
    let flags = ["clippy", "--workspace", "--all-features", "--all-targets", "--locked", "--profile", "ci"];
    cargo_passes(context, &[&flags[..], &["--", "-D", "warnings"]].concat())
}

fn docs(context: &mut Context) -> Result<Verdict> {
    let flags = [
        "doc",
        "--workspace",
        "--all-features",
        "--no-deps",
        "--document-private-items",
        "--locked",
        "--profile",
        "ci",
    ];
    passes(workspace::cargo(&context.root).args(flags).env("RUSTDOCFLAGS", "-D warnings"), "cargo doc")
}

fn test_pure(context: &mut Context) -> Result<Verdict> {
    let flags = ["test", "-p", "worker", "--no-default-features", "--locked", "--profile", "ci"];
    let tests = count_tests(workspace::cargo(&context.root).args(flags))?;
    if tests < LEAST_PURE_TESTS {
        bail!("{tests} tests ran, at least {LEAST_PURE_TESTS} are expected");
    }
    Ok(Verdict::Passed(format!("{tests} tests")))
}

fn simulation(context: &mut Context) -> Result<Verdict> {
    let flags = ["test", "-p", "worker", "--no-default-features", "--locked", "--profile", "ci", "--test", "worker"];
    let mut command = workspace::cargo(&context.root);
    command.args(flags).args(["simulation", "--", "--nocapture"]).env("CDC_SIMULATION_SCHEDULES", SCHEDULES);
    // What a wrong schedule prints is the command that plays it again.
    count_tests(command.env_remove("CDC_SIMULATION_SEED"))?;
    Ok(Verdict::Passed(format!("{SCHEDULES} schedules")))
}

fn plant_bugs(context: &mut Context) -> Result<Verdict> {
    let noticed = plant::run_quick(&context.root)?;
    Ok(Verdict::Passed(format!("{noticed} bugs noticed; cargo xtask plant plants all")))
}

fn start_broker(context: &mut Context) -> Result<Verdict> {
    if let Err(reason) = broker::ready_to_start() {
        if context.in_ci {
            bail!("a real Kafka cannot be started, and CI does not go without: {reason:#}");
        }
        return Ok(Verdict::Skipped(format!("a real Kafka cannot be started: {reason:#}")));
    }
    let broker = Broker::start(None)?;
    let address = broker.address();
    context.broker = Some(broker);
    Ok(Verdict::Passed(address))
}

fn test_all(context: &mut Context) -> Result<Verdict> {
    let mut command = workspace::cargo(&context.root);
    command.args(["test", "--workspace", "--all-features", "--locked", "--profile", "ci", "--no-fail-fast"]);
    command.env_remove(broker::ADDRESS_VARIABLE).env_remove(clickhouse::ADDRESS_VARIABLE);
    command.env_remove(clickhouse::OLD_ADDRESS_VARIABLE);
    let mut note = String::new();
    match &context.broker {
        Some(broker) => drop(command.env(broker::ADDRESS_VARIABLE, broker.address())),
        None if context.in_ci => bail!("not run: they need the real Kafka, and CI does not go without"),
        None => note.push_str("; those that need a real Kafka did nothing"),
    }
    let current = ClickHouse::start(&context.root, None);
    match &current {
        Ok(current) => drop(command.env(clickhouse::ADDRESS_VARIABLE, current.address())),
        Err(reason) if context.in_ci => bail!("not run: they need ClickHouse, and CI does not go without: {reason:#}"),
        Err(reason) => note = format!("{note}; those that need ClickHouse did nothing: {reason:#}"),
    }
    let old = OldClickHouse::start();
    match &old {
        Ok(old) => drop(command.env(clickhouse::OLD_ADDRESS_VARIABLE, old.address())),
        // Debian's alone, and of a certain release: not there is not this tree's fault.
        Err(reason) => note = format!("{note}; those that need ClickHouse 18.16 did nothing: {reason:#}"),
    }
    let tests = count_tests(&mut command)?;
    Ok(Verdict::Passed(format!("{tests} tests{note}")))
}

fn short_chaos(context: &mut Context) -> Result<Verdict> {
    if let Err(reason) = broker::ready_to_start() {
        if context.in_ci {
            bail!("a real Kafka cannot be started, and CI does not go without: {reason:#}");
        }
        return Ok(Verdict::Skipped(format!("a real Kafka cannot be started: {reason:#}")));
    }
    Ok(Verdict::Passed(chaos::run_short(&context.root)?))
}

fn build_images(context: &mut Context) -> Result<Verdict> {
    if let Some(verdict) = without_docker(context)? {
        return Ok(verdict);
    }
    images::run(&context.root, &ImagesOptions { only: Vec::new(), list: false, fresh: false })?;
    Ok(Verdict::passed())
}

fn end_to_end(context: &mut Context) -> Result<Verdict> {
    if let Some(verdict) = without_docker(context)? {
        return Ok(verdict);
    }
    Ok(Verdict::Passed(e2e::run_marked(&context.root)?))
}

fn business_questions(context: &mut Context) -> Result<Verdict> {
    let environment = match analytics::environment() {
        Ok(environment) => environment,
        // What cannot be fetched is not this tree's fault, and is told.
        Err(error) => return Ok(Verdict::Skipped(format!("ClickHouse's engine cannot be had here: {error:#}"))),
    };
    Ok(Verdict::Passed(analytics::check_all(&context.root, &AnalyticsOptions::default(), &environment)?))
}

/// A machine without Docker runs everything else; CI does not go without.
fn without_docker(context: &Context) -> Result<Option<Verdict>> {
    match images::ready() {
        Ok(()) => Ok(None),
        Err(reason) if context.in_ci => Err(reason.context("CI does not go without")),
        Err(reason) => Ok(Some(Verdict::Skipped(format!("{reason:#}")))),
    }
}

/// Runs `cargo test` and adds up what its closing lines say; no test at all is a failure.
fn count_tests(command: &mut Command) -> Result<usize> {
    let mut tests = 0;
    let status = run_seen(command, LIMIT, |line| tests += tests_passed(line).unwrap_or(0))?;
    succeeded(status, "cargo test")?;
    if tests == 0 {
        bail!("cargo test ran no test");
    }
    Ok(tests)
}

/// `test result: ok. 12 passed; 0 failed; …` → 12.
fn tests_passed(line: &str) -> Option<usize> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    counts.split_once(" passed")?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_cargo_test_are_read() {
        let ok = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        for (line, count) in
            [(ok, Some(12)), ("test result: FAILED. 3 passed; 1 failed;", Some(3)), ("test a ... ok", None), ("", None)]
        {
            assert_eq!(tests_passed(line), count, "{line}");
        }
    }

    #[test]
    fn a_run_without_tests_fails() {
        let error =
            count_tests(Command::new("echo").arg("test result: ok. 0 passed; 0 failed;")).expect_err("none ran");
        assert_eq!(error.to_string(), "cargo test ran no test");
        let count =
            count_tests(Command::new("printf").arg("test result: ok. 2 passed;\\ntest result: ok. 5 passed;\\n"));
        assert_eq!(count.expect("seven"), 7);
    }
}
