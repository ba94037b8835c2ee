//! `opsctl worker …`: the worker's container, made through Docker's API beside the stack's own.

mod description;
pub(in crate::commands) mod kept;
mod replace;
mod start;
mod stop;

use std::time::Duration;

use crate::cli::WorkerCommand;
use crate::commands::{Answer, Session, logs};
use crate::failure::Result;
use crate::lock::Lock;

pub(in crate::commands) use description::{CLICKHOUSE_DATABASE, PAGE_PORT};
pub(in crate::commands) use start::{bring_up, page};
pub(in crate::commands) use stop::{Keep, TO_BE_MADE, stop};

/// What it may take to bring its last epoch through and to close its files.
pub(in crate::commands) const TO_STOP: Duration = Duration::from_mins(1);

/// Does what was asked.
pub(super) async fn run(session: &Session, command: &WorkerCommand) -> Result<Answer> {
    match command {
        WorkerCommand::Start { name, worker } => {
            let _lock = Lock::take(&session.stack.project, "worker start")?;
            let docker = session.docker().await?;
            bring_up(session, &docker, name, worker).await?;
            let page = docker.container(name).await?.and_then(|container| container.published(PAGE_PORT));
            let page = page.map(|port| format!("http://127.0.0.1:{port}"));
            Ok(Answer::done("").field("worker", name).field("address", page))
        }
        WorkerCommand::Stop { name, no_savepoint } => {
            let _lock = Lock::take(&session.stack.project, "worker stop")?;
            let docker = session.docker().await?;
            let container = docker.container(name).await?.filter(|container| container.is_worker);
            let keep = if *no_savepoint { Keep::Nothing } else { Keep::Savepoint };
            let savepoint = stop(session, &docker, name, container.as_ref(), keep).await?;
            Ok(Answer::done("").field("worker", name).field("savepoint", savepoint))
        }
        WorkerCommand::Upgrade { name, image, config } => {
            let _lock = Lock::take(&session.stack.project, "worker upgrade")?;
            let docker = session.docker().await?;
            replace::upgrade(session, &docker, name, image.as_ref(), config.as_ref()).await
        }
        WorkerCommand::Scale { name, parallelism } => {
            let _lock = Lock::take(&session.stack.project, "worker scale")?;
            let docker = session.docker().await?;
            replace::scale(session, &docker, name, *parallelism).await
        }
        WorkerCommand::Logs { name, logs: flags } => {
            logs::show(session, std::slice::from_ref(name), *flags, false).await
        }
    }
}
