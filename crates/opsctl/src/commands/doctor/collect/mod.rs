//! Looking at everything at once. Each collector has its own deadline; one that fails says what could not be looked at, and
//! the others go on. Nothing here changes anything.

mod containers;
mod files;
mod kafka;
mod connect;
mod machine;
mod mysql;
mod names;
mod workers;
mod clickhouse;
mod grafana;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;
use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::checks::concerns::cluster_id::MARK;
use crate::checks::facts::{Container, Engine, Facts, Unseen};
use crate::clients::docker::{self, Docker};
use crate::commands::Session;
use crate::commands::session::CLICKHOUSE;
use crate::failure::{Failure, Result};
use crate::stack::Stack;

/// What all of it may take on a machine that has time for it is five seconds; no collector waits longer than this.
const DEADLINE: Duration = Duration::from_secs(4);

/// What every collector needs.
pub(super) struct Look {
    pub(super) stack: Stack,
    pub(super) docker: Docker,
    /// The project's containers, as the other clients see them.
    pub(super) containers: Vec<docker::Container>,
}

/// A piece of the facts.
enum Piece {
    Files(Box<crate::checks::facts::Files>, Vec<crate::checks::facts::Taken>),
    Engine(Box<Engine>),
    Compose(std::result::Result<String, String>),
    Host(crate::checks::facts::Host),
    Containers(Vec<Container>),
    Others(Vec<crate::checks::facts::Other>),
    Kafka(Box<crate::checks::facts::Kafka>),
    Connect(Box<crate::checks::facts::Connect>),
    MySql(Box<crate::checks::facts::MySql>),
    Workers(Vec<crate::checks::facts::Worker>),
    Names(Vec<crate::checks::facts::Name>),
    ClickHouse(Box<crate::checks::facts::ClickHouse>),
    Grafana(crate::checks::facts::Grafana),
}

/// Everything that can be seen now.
pub(in crate::commands) async fn facts(session: &Session) -> Result<Facts> {
    let mut facts =
        Facts { project: session.stack.project.clone(), at_ms: Timestamp::now().as_millisecond(), ..Facts::default() };
    facts.wanted = files::wanted(&session.stack)?;
    let docker = match session.docker().await {
        Ok(docker) => docker,
        Err(failure) => {
            facts.engine.unreachable = Some((failure.message, failure.hint.unwrap_or_default()));
            facts.engine.compose = None;
            return Ok(facts);
        }
    };
    let containers = docker.containers().await.unwrap_or_default();
    let deadline = session.patient(DEADLINE);
    let look = Arc::new(Look { stack: session.stack.clone(), docker, containers });
    let mut set: JoinSet<(&'static str, std::result::Result<Piece, String>)> = JoinSet::new();
    let mut ask = |what: &'static str, piece: std::pin::Pin<Box<dyn Future<Output = Result<Piece>> + Send>>| {
        set.spawn(async move {
            match timeout(deadline, piece).await {
                Ok(Ok(piece)) => (what, Ok(piece)),
                Ok(Err(Failure { message, .. })) => (what, Err(message)),
                Err(_) => (what, Err(format!("no answer within {} s", deadline.as_secs()))),
            }
        });
    };
    let of = || Arc::clone(&look);
    let seen = of();
    ask("Docker Engine", Box::pin(async move { Ok(Piece::Engine(Box::new(machine::engine(&seen).await?))) }));
    ask("Docker Compose", Box::pin(async move { Ok(Piece::Compose(machine::compose().await)) }));
    let seen = of();
    ask("this machine", Box::pin(async move { Ok(Piece::Host(machine::host(&seen).await)) }));
    let seen = of();
    ask(
        "Compose's files and ports",
        Box::pin(async move {
            let (files, taken) = files::described(&seen).await?;
            Ok(Piece::Files(Box::new(files), taken))
        }),
    );
    let seen = of();
    ask("containers", Box::pin(async move { Ok(Piece::Containers(containers::ours(&seen).await?)) }));
    let seen = of();
    ask("other containers", Box::pin(async move { Ok(Piece::Others(containers::others(&seen).await?)) }));
    let reachable = !machine::is_remote();
    if !look.containers.is_empty() && !reachable {
        facts.unseen.push(Unseen {
            what: "Kafka, Kafka Connect, workers".to_owned(),
            why: "their ports are on loopback of the machine that DOCKER_HOST names: run opsctl there".to_owned(),
        });
    }
    if !look.containers.is_empty() && reachable {
        let seen = of();
        ask("Kafka", Box::pin(async move { Ok(Piece::Kafka(Box::new(kafka::seen(&seen).await))) }));
        let seen = of();
        ask("Kafka Connect", Box::pin(async move { Ok(Piece::Connect(Box::new(connect::seen(&seen).await?))) }));
        let seen = of();
        ask("workers", Box::pin(async move { Ok(Piece::Workers(workers::seen(&seen).await)) }));
        if let Some(container) = look.runs(CLICKHOUSE).cloned() {
            let seen = of();
            let piece = async move { Ok(Piece::ClickHouse(Box::new(clickhouse::seen(&seen, &container).await?))) };
            ask("ClickHouse", Box::pin(piece));
        }
        if let Some(container) = look.runs("grafana").cloned() {
            ask("Grafana", Box::pin(async move { Ok(Piece::Grafana(grafana::seen(&container).await?)) }));
        }
    }
    // These are asked inside their containers, wherever these run.
    if !look.containers.is_empty() {
        if look.runs("mysql").is_some() {
            let seen = of();
            ask("MySQL", Box::pin(async move { Ok(Piece::MySql(Box::new(mysql::seen(&seen).await?))) }));
        }
        let seen = of();
        let wanted = facts.wanted.clone();
        ask("names", Box::pin(async move { Ok(Piece::Names(names::seen(&seen, &wanted).await?)) }));
    }
    while let Some(joined) = set.join_next().await {
        let Ok((what, piece)) = joined else { continue };
        match piece {
            Ok(piece) => place(&mut facts, piece),
            Err(why) => facts.unseen.push(Unseen { what: what.to_owned(), why }),
        }
    }
    // A shell in a JVM takes seconds: only where it decides whether anything can be mended.
    let other_cluster =
        facts.containers.iter().any(|container| container.last_line(|text| text.contains(MARK)).is_some());
    if let (true, Some(zookeeper)) = (other_cluster, look.runs("zookeeper")) {
        facts.zookeeper_topics =
            timeout(deadline * 2, kafka::zookeeper_topics(&look, &zookeeper.id)).await.ok().flatten();
    }
    // As they were asked, whatever came first.
    facts.unseen.sort_by(|a, b| a.what.cmp(&b.what));
    Ok(facts)
}

/// What is about to be started: the files and the machine, without what runs.
pub(in crate::commands) async fn before_start(session: &Session) -> Result<Facts> {
    let mut facts =
        Facts { project: session.stack.project.clone(), at_ms: Timestamp::now().as_millisecond(), ..Facts::default() };
    facts.wanted = files::wanted(&session.stack)?;
    let docker = session.docker().await?;
    let containers = docker.containers().await?;
    let look = Look { stack: session.stack.clone(), docker, containers };
    let (files, (others, host)) =
        join(files::described(&look), join(containers::others(&look), machine::host(&look))).await;
    facts.files = Some(files?.0);
    facts.others = others?;
    facts.host = host;
    Ok(facts)
}

fn place(facts: &mut Facts, piece: Piece) {
    match piece {
        Piece::Engine(engine) => facts.engine = Engine { compose: facts.engine.compose.take(), ..*engine },
        Piece::Compose(version) => facts.engine.compose = Some(version),
        Piece::Host(host) => {
            facts.host.memory_available_bytes = host.memory_available_bytes;
            facts.host.disks = host.disks;
        }
        Piece::Files(files, taken) => {
            facts.files = Some(*files);
            facts.host.taken = taken;
        }
        Piece::Containers(containers) => facts.containers = containers,
        Piece::Others(others) => facts.others = others,
        Piece::Kafka(kafka) => facts.kafka = Some(*kafka),
        Piece::Connect(connect) => facts.connect = Some(*connect),
        Piece::MySql(mysql) => facts.mysql = Some(*mysql),
        Piece::Workers(workers) => facts.workers = workers,
        Piece::Names(names) => facts.names = names,
        Piece::ClickHouse(clickhouse) => facts.clickhouse = Some(*clickhouse),
        Piece::Grafana(grafana) => facts.grafana = Some(grafana),
    }
}

impl Look {
    /// The running container of this service.
    pub(super) fn runs(&self, service: &str) -> Option<&docker::Container> {
        self.containers.iter().find(|container| container.service == service && container.state == "running")
    }
}
