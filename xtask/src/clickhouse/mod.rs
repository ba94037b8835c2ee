//! `cargo xtask clickhouse`: a current ClickHouse on this machine, without Docker: the engine that the Python package chdb
//! carries, behind the stack's own server for it (`compose/images/clickhouse`).
//!
//! What it needs: Python with venv, and the package index the first time (900 MB in the cache).

mod debian;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::cli::ClickHouseOptions;
pub(crate) use crate::clickhouse::debian::OldClickHouse;
use crate::process::Group;
use crate::stopwatch::{Stopwatch, human};
use crate::{analytics, beside};

/// Tests that need ClickHouse read its address, `127.0.0.1:PORT`, from this variable.
pub(crate) const ADDRESS_VARIABLE: &str = "CDC_TEST_CLICKHOUSE";
/// Those that need Debian's old one, from this.
pub(crate) const OLD_ADDRESS_VARIABLE: &str = "CDC_TEST_CLICKHOUSE_OLD";

const SERVER: &str = "compose/images/clickhouse/server.py";

/// A running server; dropped, it stops and its data goes.
#[derive(Debug)]
pub(crate) struct ClickHouse {
    // Declared before the directory: the process ends first.
    process: Group,
    address: String,
    _directory: TempDir,
}

impl ClickHouse {
    /// Starts one on this port of 127.0.0.1, or on a free one, and waits until it takes part.
    pub(crate) fn start(root: &Path, port: Option<u16>) -> Result<Self> {
        let python = analytics::environment()?.program("python");
        let watch = Stopwatch::start();
        let directory = tempfile::Builder::new().prefix("cdc-clickhouse-").tempdir()?;
        let log = directory.path().join("server.log");
        let mut command = Command::new(python);
        // The checkout stays as it is.
        command.env("PYTHONDONTWRITEBYTECODE", "1").arg(root.join(SERVER));
        command.args(["--listen", &format!("127.0.0.1:{}", port.unwrap_or(0))]);
        command.arg("--data").arg(directory.path().join("data")).stdout(Stdio::piped()).stderr(File::create(&log)?);
        let mut process = Group::spawn(&mut command)?;
        let stdout = process.take_stdout().context("the server has no standard output")?;
        // Its first line, once it listens; an end without one is its failure.
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let Some((_, address)) = line.trim().rsplit_once(" on ") else {
            bail!("the server ended:\n{}", fs::read_to_string(&log).unwrap_or_default());
        };
        let address = address.to_owned();
        eprintln!("clickhouse: ready on {address} after {}", human(watch.elapsed()));
        Ok(Self { process, address, _directory: directory })
    }

    fn still_runs(&mut self) -> Result<()> {
        match self.process.try_wait()? {
            Some(status) => bail!("ClickHouse ended ({status})"),
            None => Ok(()),
        }
    }

    /// `127.0.0.1:PORT`
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

/// Starts it, runs the command beside it, stops it; the exit code is the command's.
pub(crate) fn run(root: &Path, options: &ClickHouseOptions) -> Result<ExitCode> {
    let mut server = ClickHouse::start(root, options.port)?;
    let Some((program, arguments)) = options.command.split_first() else {
        println!("{ADDRESS_VARIABLE}={}", server.address());
        return beside::stay("clickhouse", || server.still_runs());
    };
    let old = OldClickHouse::start();
    let mut variables = vec![(ADDRESS_VARIABLE, server.address())];
    match &old {
        Ok(old) => variables.push((OLD_ADDRESS_VARIABLE, old.address())),
        Err(reason) => eprintln!("clickhouse: Debian's 18.16 cannot be had here: {reason:#}"),
    }
    beside::run(program, arguments, &variables)
}
