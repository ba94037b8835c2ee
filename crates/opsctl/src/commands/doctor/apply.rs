//! One repair, carried out.

use std::time::Duration;

use tokio::time::sleep;

use crate::checks::fix::Fix;
use crate::checks::internal_topics::{Repair, grow};
use crate::cli::DoctorArgs;
use crate::clients::docker::{Container, Docker};
use crate::clients::kafka::KafkaAdmin;
use crate::clients::mysql::Client;
use crate::commands::doctor::edit;
use crate::commands::session::{BROKER_NAMES, bootstrap};
use crate::commands::topics::{TO_MOVE, ensure_internal_topics};
use crate::commands::up::connectors;
use crate::commands::{Session, worker};
use crate::failure::{Failure, Result};
use crate::ui::Step;

/// A broker brings its logs through in less.
const TO_STOP: Duration = Duration::from_mins(1);
/// Between two restarts of what failed; after the last it is left to a person.
const BACK_OFF: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(15)];
/// A task that will fail has failed by then.
const TO_FAIL: Duration = Duration::from_secs(6);

/// Does it; what was done, in words.
pub(super) async fn apply(session: &Session, arguments: &DoctorArgs, fix: &Fix, step: &Step<'_>) -> Result<String> {
    let docker = session.docker().await?;
    match fix {
        Fix::InternalTopics => {
            let mended =
                ensure_internal_topics(&admin(&docker).await?, session.patient(TO_MOVE), |words| step.say(words))
                    .await?;
            Ok(mended.repairs.join("; "))
        }
        Fix::RaiseFactor { topic } => raise(&admin(&docker).await?, topic, session.patient(TO_MOVE), step).await,
        Fix::TopicSetting { topic, setting, value } => {
            admin(&docker).await?.set(topic, setting, value).await?;
            Ok("records stay".to_owned())
        }
        Fix::GiveVolume { service, path, uid, gid } => give(&docker, service, path, (*uid, *gid)).await,
        Fix::ClusterId { id } => cluster_id(&docker, id, step).await,
        Fix::ComposeLines { service, block } => edit::add(session, service, *block).await,
        Fix::MySqlVariable { name, value } => {
            mysql(&docker).await?.ask(&docker, &format!("SET GLOBAL {name} = {value}")).await?;
            Ok("for sessions from now on; the server's configuration says it for its next start".to_owned())
        }
        Fix::Grant { user, rights } => {
            let mysql = mysql(&docker).await?;
            for right in rights {
                mysql.ask(&docker, &format!("GRANT {right} TO '{user}'@'%'")).await?;
            }
            Ok(format!("{} granted", rights.len()))
        }
        Fix::MySqlPassword { .. } => {
            let mysql = mysql(&docker).await?;
            Client::inside(&docker, &mysql.0.id).set_password().await?;
            Ok("the one of the secret".to_owned())
        }
        Fix::Start { service } => {
            docker.start(&container(&docker, service).await?).await?;
            Ok("started".to_owned())
        }
        Fix::StartWorker => {
            worker::bring_up(session, &docker, "worker", &arguments.worker).await?;
            Ok("started".to_owned())
        }
        Fix::ApplyConnector { connector } => {
            let connect = session.connect(&docker).await?;
            let files = connectors::read(&session.stack.connectors_dir(), &[])?;
            let file = files.iter().find(|file| file.name == *connector);
            let file = file.ok_or_else(|| Failure::new(format!("connectors/ has no file of {connector}")))?;
            connectors::bring_up(session, &docker, &connect, file).await?;
            Ok("as its file says".to_owned())
        }
        Fix::RestartFailed { connector } => restart_failed(session, &docker, connector, step).await,
    }
}

async fn admin(docker: &Docker) -> Result<KafkaAdmin> {
    Ok(KafkaAdmin::of(bootstrap(&docker.containers().await?)))
}

async fn container(docker: &Docker, service: &str) -> Result<Container> {
    docker
        .container(service)
        .await?
        .ok_or_else(|| Failure::new(format!("{service} has no container any more")).hint("opsctl up"))
}

/// MySQL's container.
struct MySql(Container);

impl MySql {
    async fn ask(&self, docker: &Docker, statement: &str) -> Result<()> {
        let asked = Client::inside(docker, &self.0.id).ask(statement).await;
        asked.map(drop).map_err(|failure| Failure {
            message: format!("MySQL, asked to {statement}: {}", failure.message),
            ..failure
        })
    }
}

async fn mysql(docker: &Docker) -> Result<MySql> {
    container(docker, "mysql").await.map(MySql)
}

async fn raise(admin: &KafkaAdmin, topic: &str, limit: Duration, step: &Step<'_>) -> Result<String> {
    let cluster = admin.cluster().await?;
    let seen = cluster.topic(topic).ok_or_else(|| Failure::new(format!("{topic} is not there any more")))?;
    let Some(Repair::Grow { to, from, .. }) = grow(&cluster, seen)? else {
        return Ok("it has three copies".to_owned());
    };
    admin.reassign(topic, &to).await?;
    let numbers: Vec<i32> = to.iter().map(|(number, _)| *number).collect();
    let end = tokio::time::Instant::now() + limit;
    loop {
        let left = admin.moving(topic, &numbers).await?;
        if left == 0 {
            return Ok(format!("replication factor {from} → 3, {} partitions", numbers.len()));
        }
        if tokio::time::Instant::now() >= end {
            return Err(Failure::new(format!(
                "{topic}: {left} partitions are still being copied after {} s",
                limit.as_secs()
            ))
            .hint("the brokers go on copying: opsctl status shows them; run this again"));
        }
        step.say(format!("{left} partitions are being copied"));
        sleep(Duration::from_millis(500)).await;
    }
}

async fn give(docker: &Docker, service: &str, path: &str, owner: (u32, u32)) -> Result<String> {
    let container = container(docker, service).await?;
    let volume = docker.volume_at(&container.id, path).await?;
    let volume = volume.ok_or_else(|| Failure::new(format!("{service} has no volume at {path}")))?;
    docker.give_volume(&volume, &container.image, owner).await?;
    docker.restart(&container, TO_STOP).await?;
    Ok(format!("the volume {volume} belongs to {}:{}", owner.0, owner.1))
}

/// ZooKeeper's shell is in its image; what it sets is one node.
async fn cluster_id(docker: &Docker, id: &str, step: &Step<'_>) -> Result<String> {
    let zookeeper = container(docker, "zookeeper").await?;
    let value = format!("{{\"version\":\"1\",\"id\":\"{id}\"}}");
    step.say("zookeeper-shell");
    let said =
        docker.ask_inside(&zookeeper.id, &["zookeeper-shell", "localhost:2181", "set", "/cluster/id", &value]).await?;
    said.well().map_err(|failure| Failure { message: format!("zookeeper-shell: {}", failure.message), ..failure })?;
    for service in BROKER_NAMES {
        step.say(format!("restarting {service}"));
        docker.restart(&container(docker, service).await?, TO_STOP).await?;
    }
    Ok("the brokers start with their data".to_owned())
}

async fn restart_failed(session: &Session, docker: &Docker, name: &str, step: &Step<'_>) -> Result<String> {
    let connect = session.connect(docker).await?;
    for (number, pause) in BACK_OFF.iter().enumerate() {
        connect.restart(name, true).await?;
        sleep(TO_FAIL).await;
        let status = connect.status(name).await?;
        let parts = status.iter().flat_map(|status| [&status.connector].into_iter().chain(&status.tasks));
        if parts.clone().count() > 1 && parts.clone().all(|part| part.state == "RUNNING") {
            return Ok(format!("it runs after {} restarts", number + 1));
        }
        step.say(format!("not yet after {} restarts", number + 1));
        sleep(*pause).await;
    }
    Ok(format!("restarted {} times; see what is left", BACK_OFF.len()))
}
