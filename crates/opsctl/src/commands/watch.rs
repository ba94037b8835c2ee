//! `opsctl watch`: keeps an eye. Restarts failed tasks with growing pauses, tells what changes, repairs nothing else.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use crate::checks::diagnosis::Diagnosis;
use crate::checks::watch_policy::{Decision, Memory};
use crate::cli::WatchArgs;
use crate::commands::{Answer, Session, doctor};
use crate::failure::{Failure, Result};
use crate::lock::Lock;

/// Findings without a cause, by id, with what is wrong.
type Known = BTreeMap<&'static str, String>;

/// Looks once, or until it is interrupted.
pub(super) async fn run(session: &Session, arguments: &WatchArgs) -> Result<Answer> {
    let path = memory_path(session);
    let mut memory = remembered(&path);
    let mut known = None;
    loop {
        let began = Instant::now();
        let (events, exit, now_known) = look(session, arguments, &mut memory, known.as_ref()).await?;
        remember(&path, &memory)?;
        if arguments.once {
            let text = if events.is_empty() {
                "nothing is wrong; nothing was restarted".to_owned()
            } else {
                events.join("\n")
            };
            return Ok(Answer { exit, ..Answer::done(text) }.field("events", events));
        }
        for event in &events {
            if session.common.json {
                println!("{}", json!({"at": format!("{:.0}", Timestamp::now()), "event": event}));
            } else {
                println!("{:.0} {event}", Timestamp::now());
            }
        }
        known = Some(now_known);
        sleep_until(began + Duration::from_secs(arguments.interval)).await;
    }
}

/// One look: what changed since the last, and what was restarted.
async fn look(
    session: &Session,
    arguments: &WatchArgs,
    memory: &mut Memory,
    before: Option<&Known>,
) -> Result<(Vec<String>, crate::failure::Exit, Known)> {
    let facts = doctor::facts(session).await?;
    let diagnosis = Diagnosis::of(&facts);
    let now: Known = diagnosis.roots().map(|finding| (finding.id, finding.what.clone())).collect();
    let mut events = changes(before, &now);
    if before.is_none() {
        events.extend(facts.unseen.iter().map(|unseen| format!("? not looked at: {}: {}", unseen.what, unseen.why)));
    }
    let connectors =
        facts.connect.iter().filter(|connect| connect.silent.is_none()).flat_map(|connect| &connect.connectors);
    let statuses: Vec<_> = connectors.filter_map(|connector| connector.status.clone()).collect();
    if facts.connect.as_ref().is_some_and(|connect| connect.silent.is_none()) {
        let names: Vec<String> = statuses.iter().map(|status| status.name.clone()).collect();
        memory.keep(&names);
    }
    let now_ms = Timestamp::now().as_millisecond();
    for status in &statuses {
        let event = match memory.decide(status, now_ms, arguments.max_restarts) {
            Decision::Leave => continue,
            Decision::Restart { number } => restart(session, &status.name, number).await,
            Decision::Wait { until_ms, number } => {
                // Said once by a watch that goes on, at each run by cron.
                if before.is_some() {
                    continue;
                }
                format!(
                    "connector {} has failed again after {number} restarts; next one in {} s",
                    status.name,
                    (until_ms - now_ms) / 1000
                )
            }
            Decision::GiveUp { number } => {
                if before.is_some() {
                    continue;
                }
                format!("connector {} was restarted {number} times and still fails: opsctl doctor", status.name)
            }
        };
        events.push(event);
    }
    Ok((events, diagnosis.exit(), now))
}

/// What is wrong now and was not, and what was and is no more.
fn changes(before: Option<&Known>, now: &Known) -> Vec<String> {
    let none = Known::new();
    let was = before.unwrap_or(&none);
    let came = now.iter().filter(|(id, what)| was.get(*id) != Some(what)).map(|(id, what)| format!("✗ {id}: {what}"));
    let went = was.keys().filter(|id| !now.contains_key(*id)).map(|id| format!("✓ {id}: well again"));
    let mut events: Vec<String> = came.chain(went).collect();
    if before.is_none() && now.is_empty() {
        events.push("✓ nothing is wrong".to_owned());
    }
    events
}

async fn restart(session: &Session, name: &str, number: u32) -> String {
    // Two who repair at once are worse than one; the next look comes.
    let done = match Lock::take(&session.stack.project, "watch") {
        Ok(_lock) => match session.docker().await {
            Ok(docker) => match session.connect(&docker).await {
                Ok(connect) => connect.restart(name, true).await,
                Err(failure) => Err(failure),
            },
            Err(failure) => Err(failure),
        },
        Err(failure) => Err(failure),
    };
    match done {
        Ok(()) => format!("↻ connector {name}: restarted what failed, for the {number}. time"),
        Err(failure) => format!("connector {name} could not be restarted: {}", failure.message),
    }
}

/// Beside the lock: `--once` from cron must know of the runs before.
fn memory_path(session: &Session) -> PathBuf {
    std::env::temp_dir().join(format!("opsctl-{}.watch.json", session.stack.project))
}

fn remembered(path: &PathBuf) -> Memory {
    // One that cannot be read is a first run.
    std::fs::read_to_string(path).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

fn remember(path: &PathBuf, memory: &Memory) -> Result<()> {
    let failed = |error: std::io::Error| Failure::new(format!("{} cannot be written: {error}", path.display()));
    let new = path.with_extension("json.new");
    std::fs::write(&new, serde_json::to_string(memory).unwrap_or_default()).map_err(failed)?;
    std::fs::rename(&new, path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_is_told() {
        let known = |pairs: &[(&'static str, &str)]| -> Known {
            pairs.iter().map(|(id, what)| (*id, (*what).to_owned())).collect()
        };
        assert_eq!(changes(None, &known(&[])), ["✓ nothing is wrong"]);
        assert_eq!(changes(None, &known(&[("DOC-A", "a")])), ["✗ DOC-A: a"]);
        assert!(changes(Some(&known(&[("DOC-A", "a")])), &known(&[("DOC-A", "a")])).is_empty());
        assert_eq!(
            changes(Some(&known(&[("DOC-A", "a")])), &known(&[("DOC-B", "b")])),
            ["✗ DOC-B: b", "✓ DOC-A: well again"]
        );
    }
}
