//! ClickHouse: asked by HTTP, and one beside a stack that has none, for a scenario of its own.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::http;
use crate::signals;
use crate::stack::{Stack, docker};
use crate::wait::{Look, until_slowly};

/// What Compose calls it.
pub(crate) const SERVICE: &str = "clickhouse";
/// The user that `opsctl up` makes for workers.
pub(crate) const USER: &str = "worker";
const PROFILE: [&str; 2] = ["--profile", "analytics"];
/// From a start to an answer, on a slow machine.
const LIMIT: Duration = Duration::from_mins(3);

/// The stack's ClickHouse, in this database. A GET may read only.
pub(crate) fn ask(stack: &Stack, database: &str, method: &str, question: &str) -> Result<Vec<Vec<String>>> {
    let question = utf8_percent_encode(question, NON_ALPHANUMERIC);
    let path = format!("/?database={database}&user={USER}&password={}&query={question}", password(stack)?);
    let answer = http::ask(method, stack.clickhouse(), &path, None, None, Duration::from_secs(10));
    // Its words have the address, and that the password.
    let answer = answer.map_err(|_| anyhow::anyhow!("ClickHouse does not answer"))?;
    ensure!(answer.status == 200, "ClickHouse: {}", answer.body.trim());
    Ok(answer.body.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
}

/// The password of [`USER`].
pub(crate) fn password(stack: &Stack) -> Result<String> {
    let file = stack.secrets().join("clickhouse-password");
    let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(text.trim().to_owned())
}

/// A server that is there for one scenario only; `opsctl` knows nothing of it. Dropped, it is removed with its data.
#[derive(Debug)]
pub(crate) struct Beside<'a> {
    stack: &'a Stack,
}

impl<'a> Beside<'a> {
    /// Starts nothing yet.
    pub(crate) fn new(stack: &'a Stack) -> Self {
        Self { stack }
    }

    /// Makes and starts it, and waits until it answers.
    pub(crate) fn make(&self) -> Result<()> {
        self.stack.compose(&[&PROFILE[..], &["up", "--detach", "--no-deps", SERVICE]].concat(), LIMIT)?;
        self.answers()
    }

    /// It ends in the middle of whatever it does.
    pub(crate) fn kill(&self) -> Result<()> {
        self.stack.act("kill", SERVICE)
    }

    /// Starts it after that, and waits until it answers.
    pub(crate) fn start(&self) -> Result<()> {
        self.stack.act("start", SERVICE)?;
        self.answers()
    }

    fn answers(&self) -> Result<()> {
        until_slowly("ClickHouse answers", LIMIT, || {
            let answer = ask(self.stack, "system", "GET", "SELECT 1");
            Ok(answer.map_or_else(|error| Look::NotYet(format!("{error:#}")), |_| Look::Found(())))
        })
    }
}

impl Drop for Beside<'_> {
    fn drop(&mut self) {
        if self.stack.keep {
            return;
        }
        signals::undisturbed(|| {
            // What cannot be removed goes with the stack.
            let _ = self.stack.compose(&[&PROFILE[..], &["rm", "--stop", "--force", SERVICE]].concat(), LIMIT);
            let _ = docker::docker(&["volume", "rm", "--force", &format!("{}_clickhouse_data", self.stack.project)]);
        });
    }
}
