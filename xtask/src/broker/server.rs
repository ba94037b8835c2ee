//! The broker's process: from an empty directory to the first answer, and down again.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::broker::{config, jars, metadata};
use crate::process::{Group, Interrupted, run};
use crate::signals;
use crate::stopwatch::{Stopwatch, human};
use crate::workspace;

const LIMIT: Duration = Duration::from_mins(1);
const LOG_LINES_SHOWN: usize = 30;
/// A free port may be taken by somebody else before Kafka binds it.
const ATTEMPTS: usize = 3;

/// A running broker; dropped, it stops and its data goes.
#[derive(Debug)]
pub(crate) struct Broker {
    // Declared before the directory: the process ends first.
    process: Group,
    address: SocketAddr,
    directory: TempDir,
}

impl Broker {
    /// Starts one on this port of 127.0.0.1, or on a free one, and waits until it takes part.
    pub(crate) fn start(port: Option<u16>) -> Result<Self> {
        Self::start_with(port, "")
    }

    /// One that is to be killed: its controller does not wait long for the broker that it was before.
    pub(crate) fn start_mortal() -> Result<Self> {
        Self::start_with(None, config::SHORT_SESSIONS)
    }

    fn start_with(port: Option<u16>, more: &str) -> Result<Self> {
        let mut attempt = 1;
        loop {
            match Self::try_start(port, more) {
                Err(error) if port.is_none() && attempt < ATTEMPTS && lost_its_port(&error) => attempt += 1,
                result => return result,
            }
        }
    }

    fn try_start(port: Option<u16>, more: &str) -> Result<Self> {
        let (java, jars) = (java()?, jars::resolve()?);
        let watch = Stopwatch::start();
        let directory = tempfile::Builder::new().prefix("cdc-kafka-").tempdir()?;
        let (port, controller_port) = ports(port)?;
        let properties = config::server_properties(directory.path(), port, controller_port) + more;
        fs::write(directory.path().join("server.properties"), properties)?;
        fs::write(directory.path().join("log4j.properties"), config::LOG4J_PROPERTIES)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        eprintln!("broker: starting Kafka 3.6.2 on {address}");
        let program = Program { java: &java, jars: &jars, directory: directory.path() };
        let formatted = run(&mut program.format()?, LIMIT)?;
        if !formatted.success() {
            bail!("Kafka could not format its storage:\n{}", last_lines(directory.path()));
        }
        let process = Group::spawn(&mut program.serve()?)?;
        let mut broker = Self { process, address, directory };
        broker.wait_until_ready()?;
        eprintln!("broker: ready on {address} after {}", human(watch.elapsed()));
        Ok(broker)
    }

    /// `127.0.0.1:PORT`
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Fails with the log's last lines if the process has ended.
    pub(crate) fn still_runs(&mut self) -> Result<()> {
        if let Some(status) = self.process.try_wait()? {
            bail!("Kafka ended ({status}):\n{}", last_lines(self.directory.path()));
        }
        Ok(())
    }

    /// `kill -9`; its data stays.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Starts it again on the data and the port that it had, and waits until it takes part.
    pub(crate) fn start_again(&mut self) -> Result<()> {
        let (java, jars) = (java()?, jars::resolve()?);
        let program = Program { java: &java, jars: &jars, directory: self.directory.path() };
        self.process = Group::spawn(&mut program.serve()?)?;
        self.wait_until_ready()
    }

    /// One of Kafka's own tools that its core brings, such as `kafka.tools.ConsoleConsumer`; it knows no broker yet.
    pub(crate) fn tool(&self, main_class: &str) -> Result<Command> {
        let mut command = Command::new(java()?);
        command.arg("-Xmx256m").arg("-Dlog4j.rootLogger=ERROR").arg("-cp").arg(jars::resolve()?.join("*"));
        command.arg(main_class).current_dir(self.directory.path());
        Ok(command)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let watch = Stopwatch::start();
        while !metadata::live_brokers(self.address).is_ok_and(|brokers| brokers > 0) {
            self.still_runs()?;
            if signals::asked_to_stop() {
                bail!(Interrupted);
            }
            if watch.elapsed() > LIMIT {
                bail!("Kafka was not ready within {}:\n{}", human(LIMIT), last_lines(self.directory.path()));
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

/// Java's command lines for one data directory.
struct Program<'a> {
    java: &'a Path,
    jars: &'a Path,
    directory: &'a Path,
}

impl Program<'_> {
    fn format(&self) -> Result<Command> {
        let mut command = Command::new(self.java);
        self.add_arguments(&mut command, "kafka.tools.StorageTool")?;
        command
            .args(["format", "--cluster-id", config::CLUSTER_ID, "--config"])
            .arg(self.directory.join("server.properties"));
        Ok(command)
    }

    fn serve(&self) -> Result<Command> {
        // `kill -9` on us must not leave a broker behind: the kernel tells it, where util-linux is there to arrange that.
        let mut command = match workspace::program("setpriv") {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "TERM"]).arg(self.java);
                command
            }
            None => Command::new(self.java),
        };
        self.add_arguments(&mut command, "kafka.Kafka")?;
        command.arg(self.directory.join("server.properties"));
        Ok(command)
    }

    fn add_arguments(&self, command: &mut Command, main_class: &str) -> Result<()> {
        let log = File::options().create(true).append(true).open(log_file(self.directory))?;
        command
            .arg("-Xmx512m")
            .arg(format!("-Dlog4j.configuration=file:{}", self.directory.join("log4j.properties").display()));
        command.arg("-cp").arg(self.jars.join("*")).arg(main_class);
        command.current_dir(self.directory).stdout(log.try_clone()?).stderr(log);
        Ok(())
    }
}

/// Java's launcher: `JAVA_HOME`'s, or the one in `PATH`.
pub(crate) fn java() -> Result<PathBuf> {
    let at_home =
        std::env::var_os("JAVA_HOME").map(|home| Path::new(&home).join("bin/java")).filter(|java| java.is_file());
    at_home.or_else(|| workspace::program("java")).context("a Java runtime (java) is not installed")
}

/// The port asked for, or a free one, and a free one for the controller; both are held until both are known.
fn ports(wanted: Option<u16>) -> Result<(u16, u16)> {
    let port = wanted.unwrap_or(0);
    let broker =
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| format!("port {port} cannot be had"))?;
    let controller = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok((broker.local_addr()?.port(), controller.local_addr()?.port()))
}

fn lost_its_port(error: &anyhow::Error) -> bool {
    error.to_string().contains("Address already in use")
}

fn log_file(directory: &Path) -> PathBuf {
    directory.join("broker.log")
}

fn last_lines(directory: &Path) -> String {
    let log = fs::read_to_string(log_file(directory)).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    lines.get(lines.len().saturating_sub(LOG_LINES_SHOWN)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_named() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = taken.local_addr().expect("an address").port();
        assert_eq!(ports(Some(port)).expect_err("taken").to_string(), format!("port {port} cannot be had"));
        let (broker, controller) = ports(None).expect("two ports");
        assert_ne!(broker, controller);
    }

    #[test]
    fn the_last_lines_of_the_log_are_shown() {
        let directory = tempfile::tempdir().expect("a directory");
        assert_eq!(last_lines(directory.path()), "");
        let log: Vec<_> = (1..=100).map(|line| line.to_string()).collect();
        fs::write(log_file(directory.path()), log.join("\n")).expect("written");
        assert_eq!(last_lines(directory.path()), log[70..].join("\n"));
    }
}
