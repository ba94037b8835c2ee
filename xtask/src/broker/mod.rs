//! `cargo xtask broker`: a real Apache Kafka 3.6.2 on this machine, one broker in `KRaft` mode, without Docker.
//!
//! What it needs: a Java runtime, and Maven the first time, which brings the jars into the cache.

mod jars;
mod config;
mod metadata;
mod server;

use std::io::IsTerminal as _;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

pub(crate) use crate::broker::server::{Broker, java};
use crate::cli::BrokerOptions;
use crate::process::{Group, Interrupted};
use crate::signals;

/// Tests that need a real Kafka read its address, `127.0.0.1:PORT`, from this variable.
pub(crate) const ADDRESS_VARIABLE: &str = "CDC_TEST_KAFKA";

/// Commands have no deadline of their own here: a day stands for it.
const NO_LIMIT: Duration = Duration::from_hours(24);

/// Java is there and the jars are in the cache, after this if not before; the error says what is missing.
pub(crate) fn ready_to_start() -> Result<()> {
    java()?;
    jars::resolve().map(drop)
}

/// Starts the broker, runs the command beside it, stops the broker; the exit code is the command's.
pub(crate) fn run(options: &BrokerOptions) -> Result<ExitCode> {
    let mut broker = Broker::start(options.port)?;
    let Some((program, arguments)) = options.command.split_first() else {
        println!("{ADDRESS_VARIABLE}={}", broker.address());
        eprintln!("broker: Ctrl-C stops it and removes its data");
        return stay(&mut broker);
    };
    let mut command = Command::new(program);
    command.args(arguments).env(ADDRESS_VARIABLE, broker.address());
    // On a terminal the command may want to read from it, which only the foreground group may do.
    let status = if std::io::stdin().is_terminal() {
        command.status().with_context(|| format!("{program} cannot be started"))?
    } else {
        Group::spawn(&mut command)?.wait(NO_LIMIT)?
    };
    if signals::asked_to_stop() {
        bail!(Interrupted);
    }
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

fn stay(broker: &mut Broker) -> Result<ExitCode> {
    while !signals::asked_to_stop() {
        broker.still_runs()?;
        thread::sleep(Duration::from_millis(100));
    }
    eprintln!("broker: stopping");
    Ok(ExitCode::SUCCESS)
}
