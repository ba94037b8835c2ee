//! A worker is stopped: with a savepoint where it can make one, and in any case with all that it has read committed.

use std::time::Duration;

use jiff::Timestamp;

use crate::clients::docker::{Container, Docker};
use crate::clients::worker_page::{Asked, Became, Requested, WorkerPage};
use crate::commands::Session;
use crate::commands::poll::{Found, Waited, until};
use crate::commands::worker::description::PAGE_PORT;
use crate::commands::worker::{TO_STOP, kept};
use crate::failure::{Failure, Result};
use crate::ui::{Outcome, Step};

/// The largest states take minutes to be written.
pub(in crate::commands) const TO_BE_MADE: Duration = Duration::from_mins(5);

/// What is kept of a worker that is stopped, besides its volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Keep {
    /// A savepoint if it can be made; it is stopped all the same.
    Savepoint,
    /// A savepoint, or it is not stopped.
    SavepointOrGoOn,
    Nothing,
}

/// Stops and removes a worker; its volume stays. The savepoint that was made, as the worker names it.
pub(in crate::commands) async fn stop(
    session: &Session,
    docker: &Docker,
    name: &str,
    container: Option<&Container>,
    keep: Keep,
) -> Result<Option<String>> {
    let step = session.steps.begin("worker", format!("{name} is stopped"));
    let Some(container) = container else {
        step.end(Outcome::Skipped, "it did not run");
        return Ok(None);
    };
    let runs = container.state == "running";
    let made = match keep {
        Keep::Nothing => Ok(None),
        Keep::Savepoint if !runs => Ok(None),
        Keep::Savepoint | Keep::SavepointOrGoOn => with_savepoint(session, &step, docker, container).await.map(Some),
    };
    if let (Keep::SavepointOrGoOn, Err(failure)) = (keep, &made) {
        return Err(failure.clone());
    }
    step.say(format!("it brings its last epoch through, {} s at most", TO_STOP.as_secs()));
    docker.stop(container, TO_STOP).await?;
    let ended = docker.container(name).await?;
    docker.remove(container).await?;
    let (outcome, words) = told(ended.map_or(0, |ended| ended.exit_code), &made);
    step.end(outcome, words);
    Ok(made.unwrap_or_default())
}

/// How it went, in words.
fn told(exit_code: i64, made: &Result<Option<String>>) -> (Outcome, String) {
    let kept = match made {
        Ok(Some(savepoint)) => format!("savepoint {}", kept::short(savepoint)),
        Ok(None) => "its state stays".to_owned(),
        Err(failure) => format!("no savepoint ({}); its state stays", failure.message),
    };
    match (exit_code, made) {
        // 143 is SIGTERM that nobody handled; 137 is SIGKILL after the limit.
        (1.., _) => (Outcome::Warned, format!("it ended with code {exit_code}; {kept}")),
        (_, Err(_)) => (Outcome::Warned, kept),
        _ => (Outcome::Changed, kept),
    }
}

/// Asks it to make a savepoint behind its last epoch and to end, and waits for both. On an error it goes on as before.
async fn with_savepoint(session: &Session, step: &Step<'_>, docker: &Docker, container: &Container) -> Result<String> {
    let name = &container.service;
    let port =
        container.published(PAGE_PORT).ok_or_else(|| Failure::new(format!("{name} has no page to be asked by")))?;
    let page = WorkerPage::on(port, session.stack.worker_token_text())?;
    // Docker would start it again at once.
    docker.start_again(container, false).await?;
    let asked_at = Timestamp::now();
    let made = match page.ask_for_savepoint(true).await {
        Ok(Asked::Accepted(requested)) => {
            step.say("it makes a savepoint and ends");
            ended(session, step, docker, container, (&page, &requested, asked_at)).await
        }
        Ok(Asked::Refused(why)) => Err(Failure::new(why)),
        Err(failure) => Err(failure),
    };
    if made.is_err() {
        docker.start_again(container, true).await?;
    }
    made
}

/// Waits until it has ended, which it does behind the savepoint; then looks for it.
async fn ended(
    session: &Session,
    step: &Step<'_>,
    docker: &Docker,
    container: &Container,
    (page, requested, asked_at): (&WorkerPage, &Requested, Timestamp),
) -> Result<String> {
    let name = &container.service;
    let mut location = None;
    let ask = async || {
        match page.became(requested).await {
            Became::Failed(why) => return Err(Failure::new(format!("{name} could not make a savepoint: {why}"))),
            Became::Made(path) => location = Some(path),
            Became::Unknown => {}
        }
        let now = docker.container(name).await?;
        let runs = now.is_some_and(|now| now.id == container.id && now.state == "running");
        Ok(if runs { Found::NotYet("it makes a savepoint and ends".to_owned()) } else { Found::Ready(()) })
    };
    let limit = session.patient(TO_BE_MADE);
    match until(limit, ask, |words| step.say(words)).await? {
        Waited::Ready(()) => {}
        Waited::TooLate(_) => {
            return Err(Failure::new(format!(
                "{name} has not ended {} s after it was asked for a savepoint",
                limit.as_secs()
            ))
            .hint("opsctl worker logs"));
        }
    }
    if let Some(location) = location {
        return Ok(location);
    }
    // It was faster than our questions: the newest is the one, if it is not older than the wish for it.
    let newest = kept::list(session, docker, name).await?.into_iter().next_back();
    let ours = newest.filter(|newest| newest.drained && newest.is_since(asked_at));
    ours.map(|newest| newest.path)
        .ok_or_else(|| Failure::new(format!("{name} has ended, but left no savepoint")).hint("opsctl worker logs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_it_is_told() {
        for (code, made, outcome, words) in [
            (
                0,
                Ok(Some("savepoints/savepoint-7.json.zst".to_owned())),
                Outcome::Changed,
                "savepoint savepoint-7.json.zst",
            ),
            (0, Ok(None), Outcome::Changed, "its state stays"),
            (137, Ok(None), Outcome::Warned, "it ended with code 137; its state stays"),
            (0, Err(Failure::new("disk full")), Outcome::Warned, "no savepoint (disk full); its state stays"),
        ] {
            assert_eq!(told(code, &made), (outcome, words.to_owned()));
        }
    }
}
