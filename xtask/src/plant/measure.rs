//! Builds the copy and runs the tests that are there for a bug.

use std::fmt;
use std::io::{Read as _, Seek as _};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::plant::copy::Copy;
use crate::process::{Group, ask};
use crate::workspace;

/// So many schedules at most, before a bug counts as not noticed.
const SCHEDULES: &str = "3000";
/// Little is optimised: most of the time goes into building one crate again and again.
const PROFILE: &str = "planted";
/// A bug may also keep the tests from ending.
const RUN_LIMIT: Duration = Duration::from_mins(5);

/// Where tests stand, and what they need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// In the library itself.
    Library,
    /// Beside it.
    Engine,
    /// Beside it, with a server.
    ClickHouse,
}

/// Which tests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tests {
    /// Where they stand.
    pub(crate) kind: Kind,
    /// A part of their names.
    pub(crate) filter: String,
}

impl Tests {
    /// The ClickHouse sink is a part that can be left out; most bugs are built without it.
    fn needs_clickhouse_sink(&self) -> bool {
        self.kind == Kind::ClickHouse || self.filter.starts_with("sink::clickhouse")
    }
}

/// What became of them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All passed.
    Green,
    /// The simulation noticed with this schedule, the first being 1.
    Schedule(u64),
    /// These failed.
    Failed(Vec<String>),
    /// They did not end in time.
    Hung,
    /// There was nothing to run: the compiler refuses the bug. It must be planted anew.
    NotBuilt(String),
}

impl Outcome {
    /// Whether anybody noticed.
    pub(crate) fn is_red(&self) -> bool {
        !matches!(self, Self::Green | Self::NotBuilt(_))
    }

    /// What tests that ended with a failure have said.
    fn read(output: &str) -> Option<Self> {
        if let Some(line) = output.lines().find_map(|line| line.strip_prefix("schedule ")) {
            return line.split(' ').next()?.parse().ok().map(Self::Schedule);
        }
        let failed = |line: &str| Some(line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?.to_owned());
        let mut names: Vec<String> = output.lines().filter_map(failed).collect();
        names.sort();
        (!names.is_empty()).then_some(Self::Failed(names))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Green => f.write_str("GREEN: not noticed"),
            Self::Schedule(number) => write!(f, "red with schedule {number}"),
            Self::Failed(names) => write!(f, "red: {}", names.join(", ")),
            Self::Hung => f.write_str("red: the tests did not end"),
            Self::NotBuilt(why) => write!(f, "NOT BUILT: {why}"),
        }
    }
}

/// Builds and runs; `variables` name the servers that there are.
pub(crate) fn run(copy: &Copy, tests: &Tests, variables: &[(&str, &str)]) -> Result<Outcome> {
    let binary = match build(copy, tests)? {
        Ok(binary) => binary,
        Err(why) => return Ok(Outcome::NotBuilt(why)),
    };
    let mut output = tempfile::tempfile()?;
    let mut command = Command::new(binary);
    // As cargo starts tests.
    command.arg(&tests.filter).current_dir(copy.tree().join("crates/worker"));
    command.env("CDC_SIMULATION_SCHEDULES", SCHEDULES).env_remove("CDC_SIMULATION_SEED");
    command.envs(variables.iter().copied());
    command.stdout(output.try_clone()?).stderr(output.try_clone()?);
    let ended = Group::spawn(&mut command)?.wait_at_most(RUN_LIMIT)?;
    output.rewind()?;
    let mut text = String::new();
    output.read_to_string(&mut text)?;
    match ended {
        None => Ok(Outcome::Hung),
        Some(status) if !status.success() => {
            Outcome::read(&text).with_context(|| format!("the tests ended with {status} and named none:\n{text}"))
        }
        Some(_) if text.contains("test result: ok. 0 passed") => bail!("no test is named {}", tests.filter),
        Some(_) => Ok(Outcome::Green),
    }
}

/// The binary that holds the tests, or what the compiler says instead.
fn build(copy: &Copy, tests: &Tests) -> Result<Result<PathBuf, String>> {
    let mut cargo = workspace::cargo(copy.tree());
    cargo.args(["test", "--no-run", "--locked", "--profile", PROFILE, "-p", "worker", "--no-default-features"]);
    if tests.needs_clickhouse_sink() {
        cargo.args(["--features", "clickhouse"]);
    }
    cargo.args(if tests.kind == Kind::Library { &["--lib"][..] } else { &["--test", "worker"] });
    cargo.args(["--message-format", "json"]).env("CARGO_TARGET_DIR", copy.target());
    let built = ask(&mut cargo)?;
    let messages = String::from_utf8_lossy(&built.stdout).into_owned();
    if !built.status.success() {
        let rendered = messages.lines().find_map(|line| Some(line.split_once("\"rendered\":\"error")?.1));
        let why =
            rendered.map_or_else(|| String::from_utf8_lossy(&built.stderr), |text| text.chars().take(600).collect());
        return Ok(Err(why.into_owned()));
    }
    // The program itself is built beside the tests that run it.
    let is_test = |path: &PathBuf| path.parent().is_some_and(|folder| folder.ends_with("deps"));
    let binary = workspace::executables(&messages).into_iter().find(is_test);
    binary.context("cargo names no binary of tests").map(Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tests_say_is_read() {
        let simulation = "test a ... ok\nschedule 17 of seed 17 is wrong; alone: CDC_…\ntest b ... FAILED\n";
        assert_eq!(Outcome::read(simulation), Some(Outcome::Schedule(17)));
        let library = "test b ... FAILED\ntest a::c ... FAILED\ntest d ... ok\n";
        assert_eq!(Outcome::read(library), Some(Outcome::Failed(vec!["a::c".to_owned(), "b".to_owned()])));
        assert_eq!(Outcome::read("error: Signal 9"), None);
    }
}
