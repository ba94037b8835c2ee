//! `opsctl worker …`: the worker's container, made through Docker's API beside the stack's own.

mod description;
mod start;

use std::time::Duration;

use crate::cli::WorkerCommand;
use crate::clients::docker::{Container, Docker};
use crate::commands::{Answer, Session, logs};
use crate::failure::Result;
use crate::lock::Lock;
use crate::ui::Outcome;

pub(in crate::commands) use description::PAGE_PORT;
pub(in crate::commands) use start::bring_up;

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
        WorkerCommand::Stop { name } => {
            let _lock = Lock::take(&session.stack.project, "worker stop")?;
            let docker = session.docker().await?;
            let container = docker.container(name).await?.filter(|container| container.is_worker);
            stop(session, &docker, name, container.as_ref()).await?;
            Ok(Answer::done("").field("worker", name))
        }
        WorkerCommand::Logs { name, logs: flags } => {
            logs::show(session, std::slice::from_ref(name), *flags, false).await
        }
    }
}

/// Stops and removes a worker; its volume stays.
pub(in crate::commands) async fn stop(
    session: &Session,
    docker: &Docker,
    name: &str,
    container: Option<&Container>,
) -> Result<()> {
    let step = session.steps.begin("worker", format!("{name} is stopped"));
    let Some(container) = container else {
        step.end(Outcome::Skipped, "it did not run");
        return Ok(());
    };
    step.say(format!("it brings its last epoch through, {} s at most", TO_STOP.as_secs()));
    docker.stop(container, TO_STOP).await?;
    let ended = docker.container(name).await?;
    docker.remove(container).await?;
    match ended.map(|ended| ended.exit_code) {
        // 143 is SIGTERM that nobody handled; 137 is SIGKILL after the limit.
        Some(code @ 1..) => step.end(Outcome::Warned, format!("it ended with code {code}; its state stays")),
        _ => step.end(Outcome::Changed, "its state stays"),
    }
    Ok(())
}
