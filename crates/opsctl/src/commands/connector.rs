//! `opsctl connector …`: the Debezium connectors in Kafka Connect.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::json;

use crate::checks::drift;
use crate::cli::ConnectorCommand;
use crate::clients::connect::{Connect, Running, Status, root_cause};
use crate::commands::up::connectors::{bring_up, read};
use crate::commands::{Answer, Session};
use crate::failure::{Exit, Failure, Result};
use crate::lock::Lock;
use crate::ui::{Outcome, Palette};

/// Does what was asked.
pub(super) async fn run(session: &Session, command: &ConnectorCommand) -> Result<Answer> {
    match command {
        ConnectorCommand::List => list(session).await,
        ConnectorCommand::Status { name } => status(session, name.as_deref()).await,
        ConnectorCommand::Register { files } => register(session, files).await,
        ConnectorCommand::Diff { files } => diff(session, files).await,
        ConnectorCommand::Pause { name } => {
            let (connect, step) =
                (known(session, name).await?, session.steps.begin("connector", format!("pausing {name}")));
            connect.pause(name).await?;
            step.end(Outcome::Changed, "it keeps its position");
            Ok(Answer::done("").field("connector", name))
        }
        ConnectorCommand::Resume { name } => {
            let (connect, step) =
                (known(session, name).await?, session.steps.begin("connector", format!("resuming {name}")));
            connect.resume(name).await?;
            step.end(Outcome::Changed, "");
            Ok(Answer::done("").field("connector", name))
        }
        ConnectorCommand::Restart { name, all } => restart(session, name, *all).await,
        ConnectorCommand::Delete { name, yes } => delete(session, name, *yes).await,
    }
}

async fn list(session: &Session) -> Result<Answer> {
    let connect = session.connect(&session.docker().await?).await?;
    let found = statuses(&connect, None).await?;
    let lines: Vec<String> = found.iter().map(|status| line(status, session.palette)).collect();
    let text = if lines.is_empty() {
        "no connectors; opsctl connector register makes those of connectors/".to_owned()
    } else {
        lines.join("\n")
    };
    Ok(Answer::done(text).field("connectors", found))
}

async fn status(session: &Session, name: Option<&str>) -> Result<Answer> {
    let connect = session.connect(&session.docker().await?).await?;
    let found = statuses(&connect, name).await?;
    let text: Vec<String> = found.iter().map(|status| details(status, session.palette)).collect();
    let failed = found.iter().any(|status| parts(status).any(|part| part.state == "FAILED"));
    let exit = if failed { Exit::Failed } else { Exit::Done };
    Ok(Answer { exit, ..Answer::done(text.join("\n")) }.field("connectors", found))
}

async fn register(session: &Session, files: &[PathBuf]) -> Result<Answer> {
    let wanted = read(&session.stack.connectors_dir(), files)?;
    let _lock = Lock::take(&session.stack.project, "connector register")?;
    let docker = session.docker().await?;
    let connect = session.connect(&docker).await?;
    for file in &wanted {
        bring_up(session, &docker, &connect, file).await?;
    }
    let names: Vec<&String> = wanted.iter().map(|file| &file.name).collect();
    Ok(Answer::done("").field("connectors", names))
}

async fn diff(session: &Session, files: &[PathBuf]) -> Result<Answer> {
    let wanted = read(&session.stack.connectors_dir(), files)?;
    let connect = session.connect(&session.docker().await?).await?;
    let (mut lines, mut all) = (Vec::new(), Vec::new());
    for file in &wanted {
        let is = connect.settings(&file.name).await?;
        let differences = drift::differences(&is.clone().unwrap_or_default(), &file.settings);
        match (&is, differences.is_empty()) {
            (None, _) => lines.push(format!("{}: not registered; opsctl connector register", file.name)),
            (Some(_), true) => lines.push(format!("{}: as in its file", file.name)),
            (Some(_), false) => {
                lines.push(format!("{}: Connect → file", file.name));
                lines.extend(differences.iter().map(|difference| format!("  {difference}")));
            }
        }
        if is.is_none() || !differences.is_empty() {
            all.push(json!({"connector": file.name, "registered": is.is_some(), "differences": differences}));
        }
    }
    let exit = if all.is_empty() { Exit::Done } else { Exit::Differs };
    Ok(Answer { exit, ..Answer::done(lines.join("\n")) }.field("differ", all))
}

async fn restart(session: &Session, name: &str, all: bool) -> Result<Answer> {
    let connect = known(session, name).await?;
    let step = session.steps.begin("connector", format!("restarting {name}"));
    let failed = connect.status(name).await?.is_some_and(|status| parts(&status).any(|part| part.state == "FAILED"));
    if !all && !failed {
        step.end(Outcome::Skipped, "nothing has failed; --all restarts what runs, too");
    } else {
        connect.restart(name, !all).await?;
        step.end(Outcome::Changed, if all { "connector and all tasks" } else { "what had failed" });
    }
    Ok(Answer::done("").field("connector", name))
}

async fn delete(session: &Session, name: &str, yes: bool) -> Result<Answer> {
    let connect = known(session, name).await?;
    Session::confirm(
        &format!("Delete the connector {name}? Its offsets stay: registered again it goes on where it was."),
        yes,
    )?;
    let _lock = Lock::take(&session.stack.project, "connector delete")?;
    let step = session.steps.begin("connector", format!("deleting {name}"));
    connect.delete(name).await?;
    step.end(Outcome::Changed, "its offsets stay");
    Ok(Answer::done("").field("connector", name))
}

/// Connect, after it was seen that it has this connector.
async fn known(session: &Session, name: &str) -> Result<Connect> {
    let connect = session.connect(&session.docker().await?).await?;
    let names = connect.connectors().await?;
    if names.iter().any(|known| known == name) { Ok(connect) } else { Err(unknown(name, &names)) }
}

async fn statuses(connect: &Connect, name: Option<&str>) -> Result<Vec<Status>> {
    let names = connect.connectors().await?;
    if let Some(name) = name
        && !names.iter().any(|known| known == name)
    {
        return Err(unknown(name, &names));
    }
    let mut found = Vec::new();
    for known in names.iter().filter(|known| name.is_none_or(|name| name == *known)) {
        // One that was registered a moment ago has no state yet.
        found.extend(connect.status(known).await?);
    }
    Ok(found)
}

fn unknown(name: &str, names: &[String]) -> Failure {
    let there = if names.is_empty() { "there are none".to_owned() } else { format!("there are: {}", names.join(", ")) };
    Failure::could_not_run(format!("Connect has no connector {name:?}"))
        .hint(format!("{there}; opsctl connector register"))
}

fn parts(status: &Status) -> impl Iterator<Item = &Running> {
    [&status.connector].into_iter().chain(&status.tasks)
}

/// `orders  RUNNING  task 0 RUNNING`
pub(super) fn line(status: &Status, palette: Palette) -> String {
    let mut text = format!("{}  {}", palette.bold(&status.name), state(&status.connector, palette));
    if status.tasks.is_empty() {
        text.push_str("  no tasks");
    }
    for task in &status.tasks {
        // Writing to a String cannot fail.
        let _ = write!(text, "  task {} {}", task.id.unwrap_or_default(), state(task, palette));
    }
    text
}

/// The line, and under it the first cause of each failure.
fn details(status: &Status, palette: Palette) -> String {
    let mut text = line(status, palette);
    for part in parts(status).filter(|part| part.state == "FAILED") {
        let name = part.id.map_or_else(|| "connector".to_owned(), |id| format!("task {id}"));
        let _ = write!(text, "\n  {name}: {}", root_cause(&part.trace));
    }
    text
}

fn state(running: &Running, palette: Palette) -> String {
    match running.state.as_str() {
        "RUNNING" => palette.green("RUNNING"),
        "FAILED" => palette.red("FAILED"),
        other => palette.yellow(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Color;

    fn status(task: &str, trace: &str) -> Status {
        let running = |id, state: &str, trace: &str| Running {
            id,
            state: state.to_owned(),
            worker_id: "10.0.0.7:8083".to_owned(),
            trace: trace.to_owned(),
        };
        Status {
            name: "orders".into(),
            connector: running(None, "RUNNING", ""),
            tasks: vec![running(Some(0), task, trace)],
        }
    }

    #[test]
    fn a_connector_is_a_line_and_a_failure_its_first_cause() {
        let palette = Palette::for_stdout(Color::Never);
        assert_eq!(line(&status("RUNNING", ""), palette), "orders  RUNNING  task 0 RUNNING");
        let trace = "a.B: outer\n\tat x\nCaused by: java.sql.SQLException: Access denied for user 'debezium'\n\tat y";
        assert_eq!(
            details(&status("FAILED", trace), palette),
            "orders  RUNNING  task 0 FAILED\n  task 0: java.sql.SQLException: Access denied for user 'debezium'"
        );
    }

    #[test]
    fn a_mistyped_name_is_told_with_those_that_are_there() {
        let refused = unknown("order", &["orders".to_owned()]);
        assert!(
            refused.to_string().contains("\"order\"") && refused.to_string().contains("there are: orders"),
            "{refused}"
        );
    }
}
