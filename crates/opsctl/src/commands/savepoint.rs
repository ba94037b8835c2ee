//! `opsctl savepoint …`: portable copies of a worker's state.

use serde_json::Value;

use crate::cli::SavepointCommand;
use crate::clients::docker::Docker;
use crate::clients::worker_page::{Asked, Became};
use crate::commands::poll::{Found, Waited, until};
use crate::commands::worker::kept::{self, Kept};
use crate::commands::worker::{TO_BE_MADE, page};
use crate::commands::{Answer, Session};
use crate::failure::{Failure, Result};
use crate::lock::Lock;
use crate::ui::{Outcome, Palette};

/// Does what was asked.
pub(super) async fn run(session: &Session, command: &SavepointCommand) -> Result<Answer> {
    let docker = session.docker().await?;
    match command {
        SavepointCommand::Trigger { name } => trigger(session, &docker, name).await,
        SavepointCommand::List { name } => {
            let found = kept::list(session, &docker, name).await?;
            Ok(Answer::done(listed(&found, session.palette)).field("savepoints", found))
        }
        SavepointCommand::Inspect { savepoint, name } => inspect(session, &docker, name, savepoint).await,
        SavepointCommand::Dispose { savepoint, name, yes } => dispose(session, &docker, name, savepoint, *yes).await,
    }
}

async fn trigger(session: &Session, docker: &Docker, name: &str) -> Result<Answer> {
    let step = session.steps.begin("savepoint", format!("a savepoint of {name} is made"));
    let page = page(session, docker, name).await?;
    let requested = match page.ask_for_savepoint(false).await? {
        Asked::Accepted(requested) => requested,
        Asked::Refused(why) => return Err(Failure::new(format!("{name} makes no savepoint: {why}"))),
    };
    let ask = async || match page.became(&requested).await {
        Became::Made(path) => Ok(Found::Ready(path)),
        Became::Failed(why) => Err(Failure::new(format!("{name} could not make a savepoint: {why}"))),
        Became::Unknown => Ok(Found::NotYet("it is being written".to_owned())),
    };
    let limit = session.patient(TO_BE_MADE);
    match until(limit, ask, |words| step.say(words)).await? {
        Waited::Ready(path) => {
            step.end(Outcome::Changed, kept::short(&path));
            let text = if session.common.quiet { String::new() } else { kept::short(&path).to_owned() };
            Ok(Answer::done(text).field("worker", name).field("savepoint", kept::short(&path)).field("path", path))
        }
        Waited::TooLate(_) => Err(Failure::new(format!("there is no savepoint of {name} after {} s", limit.as_secs()))
            .hint("opsctl worker logs; it may still come: opsctl savepoint list")),
    }
}

async fn inspect(session: &Session, docker: &Docker, name: &str, savepoint: &str) -> Result<Answer> {
    let savepoint = &known(session, docker, name, savepoint).await?;
    if session.common.json {
        let text = kept::ask(session, docker, name, &["inspect", "--json", savepoint]).await?;
        let whole: Value = serde_json::from_str(&text)
            .map_err(|error| Failure::new(format!("worker savepoint inspect wrote something else: {error}")))?;
        return Ok(Answer::done("").field("savepoint", whole));
    }
    let text = kept::ask(session, docker, name, &["inspect", savepoint]).await?;
    Ok(Answer::done(text.trim_end()))
}

async fn dispose(session: &Session, docker: &Docker, name: &str, savepoint: &str, yes: bool) -> Result<Answer> {
    let savepoint = &known(session, docker, name, savepoint).await?;
    Session::confirm(&format!("Remove the savepoint {savepoint} of {name}?"), yes)?;
    let _lock = Lock::take(&session.stack.project, "savepoint dispose")?;
    let step = session.steps.begin("savepoint", format!("{savepoint} is removed"));
    kept::ask(session, docker, name, &["dispose", "--yes", savepoint]).await?;
    step.end(Outcome::Changed, "");
    Ok(Answer::done("").field("savepoint", savepoint))
}

/// The name of one that is there.
async fn known(session: &Session, docker: &Docker, name: &str, savepoint: &str) -> Result<String> {
    let (found, wanted) = (kept::list(session, docker, name).await?, kept::short(savepoint));
    if found.iter().any(|one| one.name == wanted) {
        return Ok(wanted.to_owned());
    }
    let there: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
    let there = if there.is_empty() { "there are none".to_owned() } else { format!("there are: {}", there.join(", ")) };
    Err(Failure::could_not_run(format!("{name} has no savepoint {wanted:?}"))
        .hint(format!("{there}; opsctl savepoint trigger")))
}

fn listed(found: &[Kept], palette: Palette) -> String {
    if found.is_empty() {
        return "no savepoints; opsctl savepoint trigger makes one".to_owned();
    }
    let width = found.iter().map(|one| one.name.len()).max().unwrap_or(0);
    let head = palette.dim(&format!("{:<width$}  {:>9}  {:>11}  made", "savepoint", "KiB", "parallelism"));
    let row = |one: &Kept| {
        let (kib, number) =
            (one.bytes.div_ceil(1024), one.parallelism.map_or_else(|| "-".to_owned(), |n| n.to_string()));
        let made = one.created_at.as_deref().unwrap_or("-");
        let mark = if one.drained { "  at a stop" } else { "" };
        let refused = one.refused.as_ref().map(|why| palette.red(&format!("  {why}"))).unwrap_or_default();
        format!("{:<width$}  {kib:>9}  {number:>11}  {made}{mark}{refused}", one.name)
    };
    [head].into_iter().chain(found.iter().map(row)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Color;

    #[test]
    fn savepoints_are_a_table() {
        let palette = Palette::for_stdout(Color::Never);
        let one = |name: &str, drained, refused: Option<&str>| Kept {
            name: name.to_owned(),
            path: format!("savepoints/{name}"),
            bytes: 2049,
            drained,
            created_at: refused.is_none().then(|| "2026-11-27T03:00:00.000Z".to_owned()),
            epoch: Some(7),
            parallelism: refused.is_none().then_some(2),
            refused: refused.map(str::to_owned),
        };
        let shown = listed(&[one("x", false, Some("it ends too soon")), one("savepoint-7", true, None)], palette);
        assert_eq!(
            shown,
            "savepoint          KiB  parallelism  made
x                    3            -  -  it ends too soon
savepoint-7          3            2  2026-11-27T03:00:00.000Z  at a stop"
        );
        assert!(listed(&[], palette).contains("opsctl savepoint trigger"));
    }
}
