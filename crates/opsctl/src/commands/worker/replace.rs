//! `opsctl worker upgrade`, `opsctl worker scale`: a savepoint, another container, the savepoint restored, and a look whether
//! it goes on from there. Where it does not, the old one comes back with the same savepoint.

use std::path::PathBuf;

use serde_json::Value;

use crate::cli::WorkerArgs;
use crate::clients::docker::{Container, Docker, Launch};
use crate::commands::worker::description::{Lasting, as_started, describe};
use crate::commands::worker::start::{no_image, page, start};
use crate::commands::worker::stop::{Keep, stop};
use crate::commands::worker::{TO_STOP, kept};
use crate::commands::{Answer, Session};
use crate::failure::{Failure, Result};
use crate::ui::Outcome;

/// Another image, or another configuration.
pub(super) async fn upgrade(
    session: &Session,
    docker: &Docker,
    name: &str,
    image: Option<&String>,
    config: Option<&PathBuf>,
) -> Result<Answer> {
    let old = running(session, docker, name).await?;
    let before = as_started(&old);
    let wanted = WorkerArgs {
        image: image.unwrap_or(&before.image).clone(),
        config: config.cloned().or_else(|| before.config.clone()),
        port: before.port,
    };
    let image_id = docker.image_id(&wanted.image).await?.ok_or_else(|| no_image(&wanted.image))?;
    let new = describe(&session.stack, name, &wanted, image_id, Lasting::of(&old))?;
    replace(session, docker, &old, new).await
}

/// Another parallelism.
pub(super) async fn scale(session: &Session, docker: &Docker, name: &str, parallelism: u16) -> Result<Answer> {
    let old = running(session, docker, name).await?;
    let kept = Lasting { parallelism: Some(parallelism), ..Lasting::of(&old) };
    let new = describe(&session.stack, name, &as_started(&old), old.image_id.clone(), kept)?;
    replace(session, docker, &old, new).await
}

async fn running(session: &Session, docker: &Docker, name: &str) -> Result<Container> {
    let found = docker.container(name).await?.filter(|found| found.is_worker && found.state == "running");
    found.ok_or_else(|| session.not_running(name))
}

async fn replace(session: &Session, docker: &Docker, old: &Container, new: Launch) -> Result<Answer> {
    let name = &old.service;
    if old.config_hash == Some(new.hash()) {
        session.steps.begin("worker", format!("{name} is replaced")).end(Outcome::Skipped, "it runs like that already");
        return Ok(Answer::done("").field("worker", name));
    }
    // Made before anything is stopped: a file that is gone by now should stop it here.
    let back = going_back(session, docker, old).await?;
    let savepoint = stop(session, docker, name, Some(old), Keep::SavepointOrGoOn).await?;
    let savepoint = savepoint.ok_or_else(|| Failure::new(format!("{name} left no savepoint")))?;
    let new = Launch { restore: Some(savepoint.clone()), ..new };
    match run(session, docker, &new, &savepoint).await {
        Ok(()) => Ok(Answer::done("").field("worker", name).field("savepoint", &savepoint)),
        Err(failure) => Err(roll_back(session, docker, back, &savepoint, failure).await),
    }
}

/// The container as it is, to be made again. By its image's id where the name means another one by now.
async fn going_back(session: &Session, docker: &Docker, old: &Container) -> Result<Launch> {
    let mut arguments = as_started(old);
    if docker.image_id(&arguments.image).await?.as_ref() != Some(&old.image_id) {
        arguments.image.clone_from(&old.image_id);
    }
    describe(&session.stack, &old.service, &arguments, old.image_id.clone(), Lasting::of(old))
}

/// Starts it and sees that it goes on where the savepoint ends.
async fn run(session: &Session, docker: &Docker, launch: &Launch, savepoint: &str) -> Result<()> {
    let name = &launch.service;
    let step = session.steps.begin("worker", format!("{name} runs with {}", described(launch)));
    match start(session, &step, docker, launch).await? {
        (Outcome::Warned, words) => return Err(Failure::new(format!("{name} does not get ready: {words}"))),
        (_, address) => step.say(address),
    }
    let inspected = kept::ask(session, docker, name, &["inspect", "--json", kept::short(savepoint)]).await?;
    let restored = positions(&serde_json::from_str(&inspected).unwrap_or_default());
    let now = page(session, docker, name).await?.next_offsets().await.unwrap_or_default();
    if let Some((topic, partition, offset)) = behind(&restored, &now) {
        return Err(Failure::new(format!(
            "{name} is ready, but reads {topic}-{partition} below offset {offset}, where the savepoint ends"
        )));
    }
    step.end(Outcome::Changed, format!("from {}, {} partitions", kept::short(savepoint), restored.len()));
    Ok(())
}

fn described(launch: &Launch) -> String {
    match launch.parallelism {
        Some(number) => format!("{}, parallelism {number}", launch.image),
        None => launch.image.clone(),
    }
}

async fn roll_back(session: &Session, docker: &Docker, back: Launch, savepoint: &str, why: Failure) -> Failure {
    let name = back.service.clone();
    let step = session.steps.begin("rollback", format!("{name} runs as before"));
    // Another way to write the same path: a worker restores once what it is given, and the new one may have done so.
    let restore = if savepoint.starts_with('/') { format!("/.{savepoint}") } else { format!("./{savepoint}") };
    let back = Launch { restore: Some(restore), ..back };
    let gone = async {
        if let Some(container) = docker.container(&name).await? {
            docker.stop(&container, TO_STOP).await?;
            docker.remove(&container).await?;
        }
        start(session, &step, docker, &back).await
    };
    match gone.await {
        Ok((_, words)) => {
            step.end(Outcome::Changed, format!("{}, {words}", described(&back)));
            let message = format!("{}; {name} runs as before, with {}", why.message, described(&back));
            let hint = why.hint.clone().unwrap_or_default();
            Failure { message, ..why }.hint(format!("{hint}; opsctl up would start the new one again: name the old one with --worker-image until that is mended"))
        }
        Err(failure) => {
            let message = format!("{}; the old one does not run either: {}", why.message, failure.message);
            Failure { message, ..why }.hint(format!("opsctl worker start; the savepoint is {savepoint}"))
        }
    }
}

/// Topic, partition, and the offset that is read next.
type Position = (String, i32, i64);

/// Where a savepoint ends, as `worker savepoint inspect --json` tells.
fn positions(inspected: &Value) -> Vec<Position> {
    let partitions = inspected.get("partitions").and_then(Value::as_array).into_iter().flatten();
    partitions
        .filter_map(|one| {
            let number = one.get("partition")?.as_i64()?.try_into().ok()?;
            Some((one.get("topic")?.as_str()?.to_owned(), number, one.get("next_offset")?.as_i64()?))
        })
        .collect()
}

/// The first partition that is not read from where it was left, or not at all.
fn behind<'a>(restored: &'a [Position], now: &[Position]) -> Option<&'a Position> {
    restored.iter().find(|(topic, partition, offset)| {
        let read = now.iter().find(|(name, number, _)| name == topic && number == partition);
        read.is_none_or(|(_, _, next)| next < offset)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_reads_before_the_savepoint_s_end_has_not_restored_it() {
        let inspected = serde_json::json!({"partitions": [
            {"topic": "t", "partition": 0, "next_offset": 5}, {"topic": "t", "partition": 1, "next_offset": 7}]});
        let restored = positions(&inspected);
        let at = |partition, offset| ("t".to_owned(), partition, offset);
        assert_eq!(restored, [at(0, 5), at(1, 7)]);
        assert_eq!(behind(&restored, &[at(1, 7), at(0, 9)]), None);
        assert_eq!(behind(&restored, &[at(0, 5), at(1, 6)]), Some(&at(1, 7)));
        assert_eq!(behind(&restored, &[at(0, 5)]), Some(&at(1, 7)));
    }
}
