//! A worker is started, left alone where it runs as it should, or replaced where it does not.

use std::time::Duration;

use crate::cli::WorkerArgs;
use crate::clients::docker::{Container, Docker, Launch};
use crate::clients::worker_page::WorkerPage;
use crate::commands::Session;
use crate::commands::diagnose::of_container;
use crate::commands::poll::{Found, Waited, until};
use crate::commands::session::CLICKHOUSE;
use crate::commands::worker::TO_STOP;
use crate::commands::worker::description::{Lasting, PAGE_PORT, describe};
use crate::commands::worker::stop::{Keep, stop};
use crate::failure::{Failure, Result};
use crate::ui::{Outcome, Step};

/// It restores its state, takes its partitions and brings an epoch through.
const TO_BE_READY: Duration = Duration::from_mins(1);

/// Brings one worker to what flags and files say, and to run.
pub(in crate::commands) async fn bring_up(
    session: &Session,
    docker: &Docker,
    name: &str,
    arguments: &WorkerArgs,
) -> Result<()> {
    let image = &arguments.image;
    let image_id = docker.image_id(image).await?.ok_or_else(|| no_image(image))?;
    if !docker.has_network().await? {
        return Err(session.not_running("the network"));
    }
    let found = docker.container(name).await?;
    let parallelism = found.as_ref().and_then(|found| found.parallelism);
    // Where it is there, every worker writes to it: it came with `up --with analytics`.
    let clickhouse = docker.container(CLICKHOUSE).await?.is_some();
    let launch = describe(&session.stack, name, arguments, image_id, Lasting { parallelism, clickhouse })?;
    match &found {
        Some(found) if found.state == "running" && ends_again_and_again(session, found).await => {
            // What it needs, its volume for one, is prepared anew; there is nothing that it could make a savepoint of.
            stop(session, docker, name, Some(found), Keep::Nothing).await?;
        }
        Some(found) if found.state == "running" && found.config_hash == Some(launch.hash()) => {
            return leave_alone(session, docker, found).await;
        }
        Some(found) if found.state == "running" => {
            stop(session, docker, name, Some(found), Keep::Savepoint).await?;
        }
        // It was stopped by hand, or an earlier start of it was cut off.
        Some(found) => docker.remove(found).await?,
        None => {}
    }
    let step = session.steps.begin("worker", format!("{name} runs"));
    let (outcome, words) = start(session, &step, docker, &launch).await?;
    step.end(outcome, words);
    Ok(())
}

/// One that runs as it should: until it is ready, if it is not yet.
async fn leave_alone(session: &Session, docker: &Docker, found: &Container) -> Result<()> {
    let name = &found.service;
    let step = session.steps.begin("worker", format!("{name} runs"));
    // A stop that was interrupted before it stopped anything.
    if !found.starts_again {
        docker.start_again(found, true).await?;
    }
    let page = page(session, docker, name).await?;
    let (outcome, words) = match page.readiness().await {
        Ok(()) => (Outcome::Skipped, format!("as it should be, {}", page.address())),
        Err(_) => wait(&step, docker, name, &page, Outcome::Skipped, session.patient(TO_BE_READY)).await?,
    };
    step.end(outcome, words);
    Ok(())
}

/// Docker has started it before, and it is not ready now either.
async fn ends_again_and_again(session: &Session, found: &Container) -> bool {
    let port = found.published(PAGE_PORT).filter(|_| found.restarts > 0);
    let page = port.and_then(|port| WorkerPage::on(port, session.stack.worker_token_text()).ok());
    match page {
        Some(page) => page.readiness().await.is_err(),
        None => found.restarts > 0,
    }
}

/// Starts it and waits until it is ready; how that went.
pub(super) async fn start(
    session: &Session,
    step: &Step<'_>,
    docker: &Docker,
    launch: &Launch,
) -> Result<(Outcome, String)> {
    step.say(format!("its volume belongs to {}", launch.user));
    docker.prepare_volume(launch).await?;
    step.say(format!("starting {}", launch.image));
    docker.launch(launch).await?;
    // One look for both: one that ends at once has its port at one moment and not at the next.
    let Some(started) = docker.container(&launch.service).await? else {
        return Err(session.not_running(&launch.service));
    };
    let Some(port) = started.published(PAGE_PORT) else { return Err(does_not_stay_up(docker, &started).await?) };
    let page = WorkerPage::on(port, session.stack.worker_token_text())?;
    let limit = session.patient(TO_BE_READY);
    wait(step, docker, &launch.service, &page, Outcome::Changed, limit).await
}

/// The page of the worker that is there.
pub(in crate::commands) async fn page(session: &Session, docker: &Docker, name: &str) -> Result<WorkerPage> {
    let port = docker.container(name).await?.and_then(|container| container.published(PAGE_PORT));
    WorkerPage::on(port.ok_or_else(|| session.not_running(name))?, session.stack.worker_token_text())
}

/// Waits until it has its partitions. One that ends again and again is stopped: it would not heal by itself.
async fn wait(
    step: &Step<'_>,
    docker: &Docker,
    name: &str,
    page: &WorkerPage,
    outcome: Outcome,
    limit: Duration,
) -> Result<(Outcome, String)> {
    let ready = async || {
        let Some(container) = docker.container(name).await? else {
            return Err(Failure::new(format!("{name} was removed while it started")).hint("opsctl up"));
        };
        if container.is_down() || container.restarts > 0 {
            return Err(does_not_stay_up(docker, &container).await?);
        }
        Ok(match page.readiness().await {
            Ok(()) => Found::Ready(()),
            Err(words) => Found::NotYet(words),
        })
    };
    match until(limit, ready, |words| step.say(words)).await? {
        Waited::Ready(()) => Ok((outcome, page.address().to_owned())),
        // It may well wait for a topic that is not there yet.
        Waited::TooLate(words) if page.is_alive().await => Ok((Outcome::Warned, format!("alive, and {words}"))),
        Waited::TooLate(words) => {
            let failure = Failure::new(format!("{name} {words}, {} s after its start", limit.as_secs()));
            Err(match docker.container(name).await? {
                Some(container) => of_container(failure, docker, &container).await,
                None => failure,
            })
        }
    }
}

/// It ended by itself, and would again: it is stopped, and its last words told.
async fn does_not_stay_up(docker: &Docker, container: &Container) -> Result<Failure> {
    let failure = Failure::new(format!("{} does not stay up", container.service));
    let failure = of_container(failure, docker, container).await;
    docker.stop(container, TO_STOP).await?;
    Ok(failure)
}

pub(super) fn no_image(image: &str) -> Failure {
    let failure = Failure::could_not_run(format!("the worker's image {image} is not on this machine"));
    if image.starts_with("cdc-local/") {
        failure.hint("cargo xtask images --only worker builds it; another one: --worker-image or CDC_WORKER_IMAGE")
    } else {
        failure.hint(format!("docker pull {image}; or build one: cargo xtask images --only worker, and leave --worker-image (CDC_WORKER_IMAGE) out"))
    }
}
