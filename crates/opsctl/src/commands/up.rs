//! `opsctl up`: from nothing, or from anything, to a pipeline that runs. What is right already is skipped.
//!
//! The order matters: Connect must meet three brokers and its topics as they should be, the worker a connector.

mod connect;
pub(super) mod connectors;
mod images;
mod preflight;
mod secrets;
mod stack;
mod summary;
mod topics;

use crate::cli::UpArgs;
use crate::clients::compose::Compose;
use crate::clients::docker::Docker;
use crate::commands::{Answer, Session, worker};
use crate::failure::Result;
use crate::lock::Lock;
use crate::stack::Variant;
use crate::ui::Outcome;

pub(super) use images::choose as choose_variant;

/// What the steps share.
pub(super) struct Up<'a> {
    pub(super) session: &'a Session,
    pub(super) arguments: &'a UpArgs,
    pub(super) docker: Docker,
    pub(super) variant: Variant,
}

impl Up<'_> {
    pub(super) fn compose(&self) -> Compose<'_> {
        Compose::of(&self.session.stack, self.variant)
    }
}

/// Brings everything up.
pub(super) async fn run(session: &Session, arguments: &UpArgs) -> Result<Answer> {
    let _lock = Lock::take(&session.stack.project, "up")?;
    // Before anything starts: a file that cannot be read should not be found out after a minute.
    let wanted = connectors::read(&session.stack.connectors_dir(), &[])?;

    let step = session.steps.begin("docker", "Docker Engine and Compose answer");
    let docker = session.docker().await?;
    let (engine, compose) = (docker.version().await?, Compose::version().await?);
    let variant = images::choose(session, &arguments.stack, &docker).await?;
    step.end(Outcome::Done, format!("{engine}, {compose}"));

    let up = Up { session, arguments, docker, variant };
    secrets::make(&up)?;
    images::fetch(&up).await?;
    preflight::look(&up).await?;
    stack::start_brokers(&up).await?;
    topics::internal(&up).await?;
    stack::start_all(&up).await?;
    let connect = connect::wait(&up).await?;
    stack::wait_for_mysql(&up).await?;
    for file in &wanted {
        connectors::bring_up(session, &up.docker, &connect, file).await?;
    }
    stack::wait_for_clickhouse(&up).await?;
    if !arguments.no_worker {
        worker::bring_up(session, &up.docker, "worker", &arguments.worker).await?;
    }
    summary::answer(&up).await
}
