//! ClickHouse's own engine behind its HTTP interface, as the stack's image has it: from the same files, with secrets made by
//! the same script, in a directory that goes when this is dropped.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::analytics::answer::Answer;
use crate::analytics::output;
use crate::chaos::{rest, wait};
use crate::process::Group;
use crate::python::Environment;

const SERVER: &str = "compose/images/clickhouse/server.py";
const SECRETS: &str = "compose/secrets/generate";
/// Loading the engine takes half a second, with cold files some more.
const START_LIMIT: Duration = Duration::from_mins(1);
const ANSWER_LIMIT: Duration = Duration::from_mins(1);

/// The database, as compose.yaml names it.
pub(super) const DATABASE: &str = "cdc";

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum User {
    /// May do everything.
    Worker,
    /// Grafana's: may read.
    Reader,
}

/// Runs until it is dropped.
pub(super) struct Server {
    // Before the directory, so that the engine has gone when that goes.
    _group: Group,
    port: u16,
    passwords: [String; 2],
    _place: TempDir,
}

impl Server {
    /// Starts it and waits until it answers.
    pub(super) fn start(root: &Path, environment: &Environment) -> Result<Self> {
        let place = tempfile::Builder::new().prefix("cdc-clickhouse-").tempdir()?;
        let secrets = place.path().join("secrets");
        output(Command::new("bash").arg(root.join(SECRETS)).arg(&secrets))?;
        let password =
            |name: &str| fs::read_to_string(secrets.join(name)).with_context(|| format!("the secret {name}"));
        let passwords = [password("clickhouse-password")?, password("clickhouse-reader-password")?];
        let port = rest::free_port()?;
        let mut command = Command::new(environment.program("python"));
        // The checkout stays as it is.
        command.env("PYTHONDONTWRITEBYTECODE", "1").arg(root.join(SERVER));
        command.args(["--listen", &format!("127.0.0.1:{port}"), "--database", DATABASE]);
        command.arg("--data").arg(place.path().join("data"));
        command.arg("--users").arg(secrets.join("clickhouse-users.xml"));
        let log = place.path().join("log");
        let file = File::create(&log)?;
        command.stdout(file.try_clone()?).stderr(file);
        let mut group = Group::spawn(&mut command)?;
        wait::until("ClickHouse answers", START_LIMIT, || {
            if let Some(status) = group.try_wait()? {
                bail!("ClickHouse ended ({status}): {}", fs::read_to_string(&log).unwrap_or_default());
            }
            Ok(rest::get_text(port, "/ping").is_ok())
        })?;
        Ok(Self { _group: group, port, passwords, _place: place })
    }

    /// Runs a statement, with these settings; what it answers, as it is.
    pub(super) fn run(&self, user: User, statement: &str, settings: &[(&str, &str)]) -> Result<String> {
        let told = || format!("ClickHouse: {statement:.300}");
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).with_context(told)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        let (name, password) = match user {
            User::Worker => ("worker", &self.passwords[0]),
            User::Reader => ("reader", &self.passwords[1]),
        };
        let settings: Vec<String> = settings.iter().map(|(name, value)| format!("&{name}={value}")).collect();
        let settings = settings.concat();
        let head = format!(
            "POST /?database={DATABASE}{settings} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
             X-ClickHouse-User: {name}\r\nX-ClickHouse-Key: {password}\r\nContent-Length: {}\r\n\r\n",
            statement.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(statement.as_bytes())).with_context(told)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).with_context(told)?;
        let (head, body) = answer.split_once("\r\n\r\n").with_context(told)?;
        if head.split(' ').nth(1) != Some("200") {
            bail!("{}: {}", told(), body.trim());
        }
        Ok(body.to_owned())
    }

    /// Changes something.
    pub(super) fn execute(&self, statement: &str) -> Result<()> {
        self.run(User::Worker, statement, &[]).map(drop)
    }

    /// Asks as Grafana does: as the user who may only read.
    pub(super) fn ask(&self, query: &str, settings: &[(&str, &str)]) -> Result<Answer> {
        let settings = [settings, &[("default_format", "JSONCompact")]].concat();
        Answer::parse(&self.run(User::Reader, query, &settings)?)
    }

    /// The engine's version.
    pub(super) fn version(&self) -> Result<String> {
        Ok(self.run(User::Reader, "SELECT version()", &[])?.trim().to_owned())
    }
}
