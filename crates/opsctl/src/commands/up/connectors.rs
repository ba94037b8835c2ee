//! Connectors: registered if absent, updated if they differ, left alone if not; then waited for until they run.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use crate::checks::connector_file::ConnectorFile;
use crate::checks::drift;
use crate::clients::connect::{Connect, Running, Status, root_cause};
use crate::clients::docker::Docker;
use crate::commands::Session;
use crate::commands::poll::{Found, Waited, until};
use crate::commands::session::CONNECT;
use crate::failure::{Failure, Result};
use crate::ui::{Outcome, Step};

/// A task that starts reads the schema history and asks MySQL; a rebalance comes before.
const LIMIT: Duration = Duration::from_mins(1);
/// Connect stores positions every five seconds (compose.yaml), once there is one.
const FIRST_POSITION: Duration = Duration::from_secs(15);
/// How long a state must last to be believed: after Connect was killed, it shows for a moment what was before.
const SETTLED: usize = 2;
/// What has failed for so long after a restart will not run by waiting: a task needs seconds to find out.
const FAILED_AGAIN: Duration = Duration::from_secs(10);

/// The connectors' files: those named, else all of the folder.
pub(in crate::commands) fn read(folder: &Path, named: &[PathBuf]) -> Result<Vec<ConnectorFile>> {
    let unreadable = |path: &Path, error: &std::io::Error| {
        Failure::could_not_run(format!("{} cannot be read: {error}", path.display()))
    };
    let mut paths = named.to_vec();
    if paths.is_empty() {
        let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
        paths.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
    }
    paths
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
            ConnectorFile::parse(path, &text)
        })
        .collect()
}

/// Brings one connector to what its file says, and to run.
pub(in crate::commands) async fn bring_up(
    session: &Session,
    docker: &Docker,
    connect: &Connect,
    file: &ConnectorFile,
) -> Result<()> {
    let step = session.steps.begin("connector", format!("connector {} runs", file.name));
    let done = apply(&step, connect, file).await?;
    let runs = wait(&step, docker, connect, &file.name, session.patient(LIMIT)).await?;
    let done = match done {
        Some(words) if runs == Runs::Well => Some(settled(&step, session, connect, &file.name, words).await?),
        done => done,
    };
    let (outcome, words) = match (runs, done) {
        // Somebody did that on purpose; it is for them to end it.
        (Runs::Paused, _) => (Outcome::Warned, format!("paused: opsctl connector resume {}", file.name)),
        (_, Some(words)) => (Outcome::Changed, words),
        (Runs::Restarted, None) => (Outcome::Changed, "restarted what had failed".to_owned()),
        (Runs::Well, None) => (Outcome::Skipped, "as in its file".to_owned()),
    };
    step.end(outcome, words);
    Ok(())
}

/// Waits a little for what makes a crash of Connect harmless: the first place in the binlog, which it stores a few seconds
/// after the first record. A long snapshot is not waited for, but told.
async fn settled(step: &Step<'_>, session: &Session, connect: &Connect, name: &str, done: String) -> Result<String> {
    let ask = async || {
        Ok(match connect.goes_on_after_a_crash(name).await {
            Ok(true) => Found::Ready(()),
            Ok(false) => Found::NotYet("its first position is not stored yet".to_owned()),
            // It runs: what cannot be asked now is no failure.
            Err(failure) => Found::NotYet(failure.message),
        })
    };
    Ok(match until(session.patient(FIRST_POSITION), ask, |words| step.say(words)).await? {
        Waited::Ready(()) => done,
        Waited::TooLate(_) => format!("{done}; until its snapshot is through, a crash of Connect begins it again"),
    })
}

/// Registers or updates it; what was done, in words.
async fn apply(step: &Step<'_>, connect: &Connect, file: &ConnectorFile) -> Result<Option<String>> {
    let is = connect.settings(&file.name).await?;
    let differences = is.as_ref().map(|is| drift::differences(is, &file.settings));
    if differences.as_ref().is_some_and(Vec::is_empty) {
        return Ok(None);
    }
    step.say("asking Debezium whether the configuration is valid");
    let errors = connect.validate(&file.name, &file.settings).await?;
    if !errors.is_empty() {
        let lines = errors.iter().map(|(setting, message)| format!("{setting}: {message}")).collect();
        return Err(Failure::new(format!("the configuration of {} is not valid", file.name))
            .log(lines)
            .hint("mend it in connectors/ (its README says what each setting is), then run this again"));
    }
    connect.put(&file.name, &file.settings).await?;
    // What counts is what Connect has now, not what it answered.
    let now = connect.settings(&file.name).await?.unwrap_or_default();
    let left = drift::differences(&now, &file.settings);
    if let Some(difference) = left.first() {
        return Err(Failure::new(format!(
            "Connect has another configuration of {} than it was given: {difference}",
            file.name
        )));
    }
    Ok(Some(match differences {
        None => "registered".to_owned(),
        Some(list) => {
            let list: Vec<String> = list.iter().map(ToString::to_string).collect();
            format!("updated: {}", list.join(", "))
        }
    }))
}

/// How it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Runs {
    Well,
    /// After what had failed was restarted.
    Restarted,
    /// It does not, because somebody wants it so.
    Paused,
}

/// Waits until connector and tasks run; restarts once what had failed before.
async fn wait(step: &Step<'_>, docker: &Docker, connect: &Connect, name: &str, limit: Duration) -> Result<Runs> {
    let addresses = docker.container(CONNECT).await?.map(|container| container.addresses).unwrap_or_default();
    let mut settled = 0;
    let mut restarted: Option<Instant> = None;
    let ask = async || {
        let status = connect.status(name).await?;
        let Some(status) = status else { return Ok(Found::NotYet("no state yet".to_owned())) };
        if let Some(part) = first_failed(&status) {
            let words = format!("FAILED: {}", root_cause(&part.trace));
            match restarted {
                None => {
                    connect.restart(name, true).await?;
                    restarted = Some(Instant::now());
                    return Ok(Found::NotYet("failed, restarted once".to_owned()));
                }
                Some(at) if at.elapsed() >= FAILED_AGAIN => return Err(not_mended(name, &words, &part.trace)),
                Some(_) => return Ok(Found::NotYet(words)),
            }
        }
        if matches!(status.connector.state.as_str(), "PAUSED" | "STOPPED") {
            return Ok(Found::Ready(Runs::Paused));
        }
        if let Some(words) = not_running(&status, &addresses) {
            settled = 0;
            return Ok(Found::NotYet(words));
        }
        settled += 1;
        let runs = if restarted.is_some() { Runs::Restarted } else { Runs::Well };
        Ok(if settled >= SETTLED { Found::Ready(runs) } else { Found::NotYet("RUNNING, looking again".to_owned()) })
    };
    match until(limit, ask, |words| step.say(words)).await? {
        Waited::Ready(runs) => Ok(runs),
        Waited::TooLate(words) => Err(failed(connect, name, &words, limit).await),
    }
}

async fn failed(connect: &Connect, name: &str, words: &str, limit: Duration) -> Failure {
    let status = connect.status(name).await.ok().flatten();
    let trace = status.as_ref().and_then(first_failed).map(|failed| failed.trace.clone()).unwrap_or_default();
    with_cause(&format!("connector {name} does not run after {} s: {words}", limit.as_secs()), &trace)
}

/// A restart did not help.
fn not_mended(name: &str, words: &str, trace: &str) -> Failure {
    with_cause(&format!("connector {name} does not run, also after a restart: {words}"), trace)
}

/// The trace's headlines, and what they mean where that is known.
fn with_cause(message: &str, trace: &str) -> Failure {
    let lines: Vec<String> =
        trace.lines().filter(|line| !line.trim_start().starts_with("at ")).take(8).map(str::to_owned).collect();
    let meaning = crate::checks::explain::log(&lines);
    let cause = meaning.map_or_else(String::new, |meaning| format!(" ({})", meaning.what));
    let remedy = meaning.map_or("opsctl logs kafka-connect; opsctl connector restart NAME", |meaning| meaning.remedy);
    Failure::new(format!("{message}{cause}")).log(lines).hint(remedy)
}

fn first_failed(status: &Status) -> Option<&Running> {
    [&status.connector].into_iter().chain(&status.tasks).find(|running| running.state == "FAILED")
}

/// Why it does not run, or none if connector and at least one task do, on the Connect that is there now.
fn not_running(status: &Status, addresses: &[String]) -> Option<String> {
    if status.tasks.is_empty() {
        return Some(format!("{}, no task yet", status.connector.state));
    }
    for running in [&status.connector].into_iter().chain(&status.tasks) {
        let part = running.id.map_or_else(|| "connector".to_owned(), |id| format!("task {id}"));
        if running.state != "RUNNING" {
            return Some(format!("{part} is {}", running.state));
        }
        let host = running.worker_id.rsplit_once(':').map_or("", |(host, _)| host);
        if !addresses.is_empty() && !addresses.iter().any(|address| address == host) {
            return Some(format!("{part} was RUNNING on {}, which is gone", running.worker_id));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(connector: &str, tasks: &[(&str, &str)]) -> Status {
        let running = |id, state: &str, host: &str| Running {
            id,
            state: state.to_owned(),
            worker_id: format!("{host}:8083"),
            trace: String::new(),
        };
        Status {
            name: "orders".to_owned(),
            connector: running(None, connector, "10.0.0.7"),
            tasks: tasks.iter().zip(0..).map(|((state, host), id)| running(Some(id), state, host)).collect(),
        }
    }

    #[test]
    fn only_a_connector_with_its_tasks_on_this_connect_runs() {
        let here = ["10.0.0.7".to_owned()];
        for (status, words) in [
            (status("RUNNING", &[("RUNNING", "10.0.0.7")]), None),
            (status("RUNNING", &[]), Some("no task yet")),
            (status("UNASSIGNED", &[("RUNNING", "10.0.0.7")]), Some("connector is UNASSIGNED")),
            (status("RUNNING", &[("RUNNING", "10.0.0.9")]), Some("which is gone")),
        ] {
            let seen = not_running(&status, &here);
            assert_eq!(seen.is_some(), words.is_some(), "{seen:?}");
            assert!(seen.unwrap_or_default().contains(words.unwrap_or_default()));
        }
    }

    #[test]
    fn a_failure_is_told_with_its_first_cause_and_what_to_do() {
        let trace = "org.apache.kafka.connect.errors.ConnectException: Error configuring an instance\n\tat a.B.c(D.java:1)\nCaused by: io.debezium.DebeziumException: java.sql.SQLException: Access denied for user 'debezium'@'172.18.0.7' (using password: YES)\n\tat x\n";
        let told = not_mended("orders", "FAILED: x", trace);
        assert!(told.message.contains("also after a restart: FAILED: x (MySQL refuses the user"), "{told}");
        assert_eq!(told.log.len(), 2, "{told}");
        assert!(told.hint.as_ref().is_some_and(|hint| hint.contains("mysql.properties")), "{told}");
        let unknown = not_mended("orders", "FAILED: x", "a.B: never seen\n\tat x");
        assert!(unknown.hint.as_ref().is_some_and(|hint| hint.contains("opsctl logs kafka-connect")), "{unknown}");
    }

    #[test]
    fn files_are_read_in_order_and_others_left_alone() {
        let folder = tempfile::tempdir().expect("a directory");
        for (name, text) in [("b.json", r#"{"name":"b","config":{"connector.class":"x"}}"#), ("README.md", "no")] {
            std::fs::write(folder.path().join(name), text).expect("written");
        }
        let names: Vec<String> = read(folder.path(), &[]).expect("read").into_iter().map(|file| file.name).collect();
        assert_eq!(names, ["b"]);
        let missing = read(folder.path(), &[folder.path().join("none.json")]).expect_err("not there");
        assert!(missing.message.contains("none.json"), "{missing}");
    }
}
