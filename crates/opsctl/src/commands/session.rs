//! What all commands share: which stack, how progress is shown.

use std::io::{IsTerminal as _, Write as _, stdin};
use std::time::Duration;

use crate::cli::{CommonArgs, WorkerArgs};
use crate::clients::connect::Connect;
use crate::clients::docker::{Container, Docker};
use crate::failure::{Failure, Result};
use crate::stack::Stack;
use crate::ui::{Palette, Steps};

/// Connect's port inside its container.
pub(crate) const CONNECT_PORT: u16 = 8083;
/// Its service.
pub(crate) const CONNECT: &str = "kafka-connect";
/// ClickHouse's service, and its port for HTTP inside its container.
pub(crate) const CLICKHOUSE: &str = "clickhouse";
pub(crate) const CLICKHOUSE_PORT: u16 = 8123;
/// The brokers' services, with the ports inside that advertise an address of the host.
pub(crate) const BROKERS: [(&str, u16); 3] = [("kafka-1", 9092), ("kafka-2", 9093), ("kafka-3", 9094)];
/// Their names.
pub(crate) const BROKER_NAMES: [&str; 3] = [BROKERS[0].0, BROKERS[1].0, BROKERS[2].0];

/// One run of `opsctl`.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) common: CommonArgs,
    pub(crate) stack: Stack,
    pub(crate) steps: Steps,
    /// For what goes to stdout.
    pub(crate) palette: Palette,
}

impl Session {
    pub(crate) fn new(common: CommonArgs) -> Result<Self> {
        let stack = Stack::find(&common)?;
        let (steps, palette) = (Steps::new(&common), Palette::for_stdout(common.color));
        Ok(Self { common, stack, steps, palette })
    }

    /// A limit of time, stretched as asked.
    pub(crate) fn patient(&self, limit: Duration) -> Duration {
        limit * self.common.patience
    }

    /// Docker Engine, for this stack.
    pub(crate) async fn docker(&self) -> Result<Docker> {
        Docker::connect(&self.stack.project).await
    }

    /// Kafka Connect of this stack.
    pub(crate) async fn connect(&self, docker: &Docker) -> Result<Connect> {
        let port = docker.container(CONNECT).await?.and_then(|container| container.published(CONNECT_PORT));
        match port {
            Some(port) => Connect::on(port),
            None => Err(self.not_running(CONNECT)),
        }
    }

    /// The worker as it would be started where no flag says otherwise.
    pub(crate) fn worker_args() -> Result<WorkerArgs> {
        WorkerArgs::of_environment().map_err(|error| Failure::could_not_run(error.to_string()))
    }

    /// What to say where a service is needed and does not run.
    pub(crate) fn not_running(&self, service: &str) -> Failure {
        Failure::could_not_run(format!("{service} of the stack {} does not run", self.stack.project))
            .hint("opsctl up; another stack: -p NAME")
    }

    /// Asks a person; without a terminal nobody is there to ask.
    pub(crate) fn confirm(question: &str, yes: bool) -> Result<()> {
        if yes {
            return Ok(());
        }
        if !stdin().is_terminal() {
            return Err(Failure::could_not_run(format!("{question} There is no terminal to ask on")).hint("--yes"));
        }
        eprint!("{question} [y/N] ");
        let mut line = String::new();
        let read = std::io::stderr().flush().and_then(|()| stdin().read_line(&mut line));
        match read {
            Ok(_) if matches!(line.trim(), "y" | "Y" | "yes") => Ok(()),
            _ => Err(Failure::could_not_run("not confirmed; nothing was done")),
        }
    }
}

/// The brokers' addresses on this host, for those that run.
pub(crate) fn bootstrap(containers: &[Container]) -> Vec<String> {
    let published = |(service, inside): &(&str, u16)| {
        let broker = containers.iter().find(|container| container.service == *service)?;
        broker.published(*inside).map(|port| format!("127.0.0.1:{port}"))
    };
    BROKERS.iter().filter_map(published).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_broker_has_a_port_of_its_own_inside_as_well() {
        let broker = |(service, inside): (&str, u16)| Container {
            service: service.to_owned(),
            ports: vec![(inside, inside + 10_000)],
            ..Container::default()
        };
        let containers: Vec<Container> = BROKERS.into_iter().map(broker).collect();
        assert_eq!(bootstrap(&containers), ["127.0.0.1:19092", "127.0.0.1:19093", "127.0.0.1:19094"]);
        assert_eq!(bootstrap(&containers[1..]), ["127.0.0.1:19093", "127.0.0.1:19094"], "one does not run");
    }
}
