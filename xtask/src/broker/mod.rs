//! `cargo xtask broker`: a real Apache Kafka 3.6.2 on this machine, one broker in `KRaft` mode, without Docker.
//!
//! What it needs: a Java runtime, and Maven the first time, which brings the jars into the cache.

mod jars;
mod config;
mod metadata;
mod server;

use std::process::ExitCode;

use anyhow::Result;

use crate::beside;
pub(crate) use crate::broker::server::{Broker, java};
use crate::cli::BrokerOptions;

/// Tests that need a real Kafka read its address, `127.0.0.1:PORT`, from this variable.
pub(crate) const ADDRESS_VARIABLE: &str = "CDC_TEST_KAFKA";

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
        return beside::stay("broker", || broker.still_runs());
    };
    beside::run(program, arguments, &[(ADDRESS_VARIABLE, &broker.address())])
}
