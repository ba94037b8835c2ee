//! Each connector: registered, running, as its file says, able to write.

use std::collections::BTreeMap;

use crate::checks::concerns::docker::{command, up};
use crate::checks::concerns::replicas::takes_writes;
use crate::checks::concerns::topics::data_topics;
use crate::checks::drift::{self, Difference};
use crate::checks::explain;
use crate::checks::facts::{Connector, Facts, HIDDEN, LogLine};
use crate::checks::finding::{About, Check, Found, Group, Judged};
use crate::checks::fix::Fix;
use crate::clients::connect::{Running, root_cause};

/// Debezium tries again every ten seconds or so; older complaints are over.
const REPEATED_MS: i64 = 90_000;

pub(crate) const CHECKS: &[Check] = &[
    Check { about: &MISSING, judge: missing },
    Check { about: &FAILED, judge: failed },
    Check { about: &STALLED, judge: stalled },
    Check { about: &PAUSED, judge: paused },
    Check { about: &DRIFT, judge: drifted },
];

const MISSING: About = About {
    id: "DOC-CONNECTOR-MISSING",
    group: Group::Connect,
    title: "the connectors of connectors/ are registered",
    symptom: "GET /connectors answers []",
    cause: "it was never registered, was deleted, or Connect's topics were lost",
    remedy: "opsctl connector register",
    why: "nothing is captured; with its offsets kept it goes on where it was",
    source: "connectors/ against GET /connectors",
};

const FAILED: About = About {
    id: "DOC-CONNECTOR-FAILED",
    group: Group::Connect,
    title: "connectors and their tasks run",
    symptom: "GET /connectors/NAME/status says FAILED, with a stack trace whose last \"Caused by\" is the cause",
    cause: "MySQL refuses the user or a right, the binlog was purged, the settings are wrong, or a broker was away too long",
    remedy: "mend the cause, then opsctl connector restart NAME (opsctl watch does that by itself, with growing pauses)",
    why: "nothing is captured, and nothing restarts a failed task by itself",
    source: "Kafka Connect's documentation; the trace of the task",
};

const STALLED: About = About {
    id: "DOC-CONNECTOR-STALLED",
    group: Group::Connect,
    title: "connectors deliver",
    symptom: "RUNNING, and nothing arrives in the topic",
    cause: "the topic takes no writes, or Debezium repeats for ever what fails: a purged binlog, a right that was revoked, SHOW MASTER STATUS on MySQL 8.4 and newer",
    remedy: "what it follows from",
    why: "RUNNING says only that nothing has given up",
    source: "two of three brokers killed here; Debezium 2.5 on MySQL 9.7 here: RUNNING, and the topic never appears; a purged binlog under Debezium 3.0.8 here: failed to poll records from SourceTask. Will retry operation",
};

const PAUSED: About = About {
    id: "DOC-CONNECTOR-PAUSED",
    group: Group::Connect,
    title: "no connector is paused",
    symptom: "nothing arrives; the state is PAUSED or STOPPED",
    cause: "somebody paused it",
    remedy: "opsctl connector resume NAME",
    why: "MySQL keeps its binlog for a limited time; paused longer, changes are lost",
    source: "GET /connectors/NAME/status",
};

const DRIFT: About = About {
    id: "DOC-CONNECTOR-DRIFT",
    group: Group::Connect,
    title: "connectors are as their files say",
    symptom: "events look different than expected, or a change of the file has no effect",
    cause: "somebody changed the configuration by REST, or the file was changed and not registered",
    remedy: "opsctl connector diff; opsctl connector register",
    why: "what was tested is the file",
    source: "connectors/ against GET /connectors/NAME/config",
};

fn all(facts: &Facts) -> Option<&[Connector]> {
    Some(facts.answering_connect()?.connectors.as_slice())
}

fn words(connectors: &[Connector]) -> String {
    let states = connectors.iter().map(|connector| {
        let state = connector.status.as_ref().map_or("no state yet", |status| status.connector.state.as_str());
        format!("{} {state}", connector.name)
    });
    let words = states.collect::<Vec<_>>().join(", ");
    if words.is_empty() { "no connectors".to_owned() } else { words }
}

fn missing(facts: &Facts) -> Option<Judged> {
    let connectors = all(facts)?;
    let absent =
        facts.wanted.keys().filter(|name| !connectors.iter().any(|connector| connector.name == **name)).map(|name| {
            Found::fail(name, format!("connector {name} is not registered"))
                .evidence(format!("Connect has {}", words(connectors)))
                .remedy(command(facts, "connector register"))
                .fix(Fix::ApplyConnector { connector: name.clone() })
        });
    Some(Judged::of(words(connectors)).with(absent.collect::<Vec<_>>()))
}

fn parts(connector: &Connector) -> impl Iterator<Item = &Running> {
    connector.status.iter().flat_map(|status| [&status.connector].into_iter().chain(&status.tasks))
}

fn failed(facts: &Facts) -> Option<Judged> {
    let connectors = all(facts)?;
    let found = connectors.iter().filter_map(|connector| {
        let failed = parts(connector).find(|part| part.state == "FAILED")?;
        let part = failed.id.map_or_else(|| "the connector".to_owned(), |id| format!("task {id}"));
        let cause = root_cause(&failed.trace);
        let lines: Vec<String> = failed.trace.lines().map(str::to_owned).collect();
        let meaning = explain::log(&lines).map_or_else(String::new, |meaning| format!("that means: {}", meaning.what));
        Some(
            Found::fail(&connector.name, format!("{part} of {} has failed: {cause}", connector.name))
                .evidence(format!("{} {part} FAILED: {cause}", connector.name))
                .evidence(meaning)
                .remedy(command(facts, &format!("connector restart {}", connector.name)))
                .fix(Fix::RestartFailed { connector: connector.name.clone() }),
        )
    });
    Some(Judged::of(words(connectors)).with(found.collect::<Vec<_>>()))
}

fn stalled(facts: &Facts) -> Option<Judged> {
    let connectors = all(facts)?;
    let found = connectors.iter().filter_map(|connector| {
        let running = parts(connector).all(|part| part.state == "RUNNING") && parts(connector).count() > 1;
        if !running {
            return None;
        }
        let topics = data_topics(&connector.settings);
        let refusing: Vec<&String> = topics.iter().filter(|topic| takes_writes(facts, topic) == Some(false)).collect();
        let repeated = repeats(facts, &connector.name);
        if refusing.is_empty() && repeated.is_none() {
            return None;
        }
        let names: Vec<&str> = refusing.iter().map(|name| name.as_str()).collect();
        Some(
            Found::fail(&connector.name, format!("{} says RUNNING and delivers nothing", connector.name))
                .evidence(if names.is_empty() { String::new() } else { format!("no writes to {}", names.join(", ")) })
                .evidence(repeated.map_or_else(String::new, |line| format!("log: {}", line.text)))
                .remedy(format!("{}; {}", command(facts, "logs kafka-connect"), up(facts))),
        )
    });
    Some(Judged::of(words(connectors)).with(found.collect::<Vec<_>>()))
}

/// What a task says that tries the same again and again: Connect calls it RUNNING all the while.
fn repeats<'a>(facts: &'a Facts, connector: &str) -> Option<&'a LogLine> {
    let connect = facts.container("kafka-connect")?;
    let task = format!("WorkerSourceTask{{id={connector}-");
    let recent = |line: &&LogLine| facts.at_ms - line.at_ms < REPEATED_MS;
    let again =
        connect.last_line(|text| text.contains(&task) && text.contains("Will retry operation")).filter(recent)?;
    // What it failed of stands below, a cause under the other.
    let below = connect.log.iter().skip_while(|line| line.at_ms < again.at_ms || !line.text.contains(&task)).skip(1);
    let causes = below.take_while(|line| line.at_ms - again.at_ms < 1000);
    Some(causes.filter(|line| line.text.starts_with("Caused by: ")).last().unwrap_or(again))
}

fn paused(facts: &Facts) -> Option<Judged> {
    let connectors = all(facts)?;
    let is_paused = |connector: &&Connector| {
        connector.status.as_ref().is_some_and(|status| matches!(status.connector.state.as_str(), "PAUSED" | "STOPPED"))
    };
    let found = connectors.iter().filter(is_paused).map(|connector| {
        Found::warn(&connector.name, format!("connector {} is paused", connector.name))
            .evidence(words(std::slice::from_ref(connector)))
            .remedy(command(facts, &format!("connector resume {}", connector.name)))
    });
    Some(Judged::of(words(connectors)).with(found.collect::<Vec<_>>()))
}

fn drifted(facts: &Facts) -> Option<Judged> {
    let connectors = all(facts)?;
    let known: Vec<&Connector> =
        connectors.iter().filter(|connector| facts.wanted.contains_key(&connector.name)).collect();
    if known.is_empty() {
        return None;
    }
    let mut found = Vec::new();
    for connector in &known {
        let Some(wanted) = facts.wanted.get(&connector.name) else { continue };
        // A difference that has a finding of its own is told beside it, the others by themselves.
        let mut by_cause: BTreeMap<Option<&'static str>, Vec<Difference>> = BTreeMap::new();
        for difference in drift::differences(&connector.settings, wanted) {
            by_cause.entry(told_by(&difference)).or_default().push(difference);
        }
        for (cause, differences) in by_cause {
            let settings: Vec<&str> = differences.iter().map(|difference| difference.setting.as_str()).collect();
            let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
            let one = Found::warn(
                &connector.name,
                format!("{} differs from its file in {}", connector.name, settings.join(", ")),
            )
            .evidence(lines.join("; "))
            .remedy(format!("{}; {}", command(facts, "connector diff"), command(facts, "connector register")))
            .fix(Fix::ApplyConnector { connector: connector.name.clone() });
            found.push(match cause {
                Some(id) => one.explained_by(id),
                None => one,
            });
        }
    }
    let names: Vec<&str> = known.iter().map(|connector| connector.name.as_str()).collect();
    Some(Judged::of(format!("configuration of {} against connectors/", names.join(", "))).with(found))
}

/// The check that tells more about such a difference.
fn told_by(difference: &Difference) -> Option<&'static str> {
    match difference.setting.as_str() {
        "decimal.handling.mode" => Some("DOC-DECIMAL-MODE"),
        "snapshot.mode" => Some("DOC-SNAPSHOT-MODE"),
        "database.server.id" => Some("DOC-SERVER-ID"),
        _ if difference.is.as_deref() == Some(HIDDEN) => Some("DOC-SECRET-IN-CONFIG"),
        _ => None,
    }
}
