//! `opsctl down`: the worker first, so that it brings its last epoch through while Kafka is there; then the stack.

use crate::cli::{DownArgs, StackArgs};
use crate::clients::compose::Compose;
use crate::clients::docker::Docker;
use crate::commands::up::choose_variant;
use crate::commands::{Answer, Session, worker};
use crate::failure::Result;
use crate::lock::Lock;
use crate::ui::Outcome;

/// Stops and removes the containers; with `--volumes` the data, too.
pub(super) async fn run(session: &Session, arguments: &DownArgs) -> Result<Answer> {
    let _lock = Lock::take(&session.stack.project, "down")?;
    let docker = session.docker().await?;
    Compose::version().await?;
    let volumes = docker.volumes().await?;
    if arguments.volumes && !volumes.is_empty() {
        let question =
            format!("Remove all data of the stack {}: the volumes {}?", session.stack.project, volumes.join(", "));
        Session::confirm(&question, arguments.yes)?;
    }
    let containers = docker.containers().await?;
    // Whose volumes go needs no copy in them.
    let without = arguments.no_savepoint || arguments.volumes;
    let keep = if without { worker::Keep::Nothing } else { worker::Keep::Savepoint };
    for container in containers.iter().filter(|container| container.is_worker) {
        worker::stop(session, &docker, &container.service, Some(container), keep).await?;
    }
    let variant = choose_variant(session, &StackArgs::default(), &docker).await?;
    let variant = variant.with_all();
    let step = session.steps.begin("containers", "the stack is stopped");
    if containers.iter().all(|container| container.is_worker) && !docker.has_network().await? {
        step.end(Outcome::Skipped, "it did not run");
    } else {
        Compose::of(&session.stack, variant).down(|line| step.say(line)).await?;
        step.end(Outcome::Changed, if arguments.volumes { "" } else { "its data stays" });
    }
    if arguments.volumes {
        remove_volumes(session, &docker).await?;
    }
    Ok(Answer::done("").field("volumes_removed", arguments.volumes))
}

/// Those of Compose's files and those of workers, of both variants.
async fn remove_volumes(session: &Session, docker: &Docker) -> Result<()> {
    let step = session.steps.begin("volumes", "the data is removed");
    let volumes = docker.volumes().await?;
    for volume in &volumes {
        step.say(volume.as_str());
        docker.remove_volume(volume).await?;
    }
    step.end(if volumes.is_empty() { Outcome::Skipped } else { Outcome::Changed }, volumes.join(", "));
    Ok(())
}
