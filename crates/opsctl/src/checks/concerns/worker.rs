//! The worker's work: does it read, does it keep up, does it keep its state, what could it not read.

use serde_json::Value;

use crate::checks::concerns::docker::command;
use crate::checks::concerns::replicas::takes_writes;
use crate::checks::facts::{Facts, Worker};
use crate::checks::finding::{About, Check, Found, Group, Judged};

/// What is on its way between two looks is no lag.
const LAG_NONE: i64 = 500;
/// Catching up for longer than this is told.
const CATCH_UP_SECONDS: f64 = 60.0;
/// Of the interval: then a checkpoint is late, then something is wrong.
const CHECKPOINT_LATE: i64 = 3;
const CHECKPOINT_STUCK: i64 = 10;

pub(crate) const CHECKS: &[Check] = &[
    Check { about: &READY, judge: ready },
    Check { about: &INPUT, judge: input },
    Check { about: &LAG, judge: lag },
    Check { about: &CHECKPOINT, judge: checkpoint },
    Check { about: &DEAD, judge: dead_letters },
];

const READY: About = About {
    id: "DOC-WORKER-NOT-READY",
    group: Group::Worker,
    title: "the worker is ready",
    symptom: "GET /readyz answers 503",
    cause: "it waits for its topic, for brokers, or restores its state; or it is stuck",
    remedy: "opsctl worker logs",
    why: "it has not read and committed anything since its start",
    source: "the worker's own /healthz and /readyz",
};

const INPUT: About = About {
    id: "DOC-WORKER-INPUT",
    group: Group::Worker,
    title: "the worker's topic is there and takes writes",
    symptom: "the worker is ready or waits, and no results come",
    cause: "the topic does not exist yet (the connector makes it with the first row), has no leader, or takes no writes",
    remedy: "what it follows from",
    why: "there is nothing new to read",
    source: "metadata of the cluster",
};

const LAG: About = About {
    id: "DOC-WORKER-LAG",
    group: Group::Worker,
    title: "the worker keeps up",
    symptom: "results come later and later",
    cause: "it gets less processor or disk than it needs, is paused by a full disk, or more is written than it can read",
    remedy: "opsctl status --watch; docker stats; more parallelism or processors",
    why: "windows and alerts are late",
    source: "ends of the topic's partitions less what it committed, twice a moment apart",
};

const CHECKPOINT: About = About {
    id: "DOC-WORKER-CHECKPOINT",
    group: Group::Worker,
    title: "checkpoints are made",
    symptom: "worker checkpoint list shows old ones only",
    cause: "the checkpoints' directory cannot be written, is on another file system, or the disk is full",
    remedy: "opsctl worker logs; opsctl doctor for disk and owners",
    why: "after a loss of its state it would have to read all since the last one again",
    source: "worker checkpoint list inside its container; an idle worker makes none",
};

const DEAD: About = About {
    id: "DOC-DEAD-LETTERS",
    group: Group::Worker,
    title: "every record could be read",
    symptom: "DLQ> lines on stderr; dead_letter in the accounting is above 0",
    cause: "a record is no Debezium event, or a price, quantity or symbol cannot be read; with decimal.handling.mode=precise and no schema: every price",
    remedy: "opsctl worker logs shows each reason; they are kept in dead-letters.ndjson in the worker's volume",
    why: "these orders are in no window and raised no alert",
    source: "the worker's accounting",
};

fn words(workers: &[Worker], of: impl Fn(&Worker) -> String) -> String {
    workers.iter().map(|worker| format!("{} {}", worker.name, of(worker))).collect::<Vec<_>>().join(", ")
}

fn some(facts: &Facts) -> Option<&[Worker]> {
    Some(facts.workers.as_slice()).filter(|workers| !workers.is_empty())
}

fn ready(facts: &Facts) -> Option<Judged> {
    let workers = some(facts)?;
    let found = workers.iter().filter_map(|worker| {
        let why = worker.waits_for.as_ref()?;
        let what = if worker.alive {
            format!("{} is not ready", worker.name)
        } else {
            format!("the page of {} does not answer", worker.name)
        };
        let found = if worker.alive { Found::warn(&worker.name, what) } else { Found::fail(&worker.name, what) };
        Some(found.evidence(why).remedy(command(facts, "worker logs")))
    });
    let judged = Judged::of(words(workers, |worker| {
        if worker.waits_for.is_none() { "ready".to_owned() } else { "not ready".to_owned() }
    }));
    Some(judged.with(found.collect::<Vec<_>>()))
}

fn input(facts: &Facts) -> Option<Judged> {
    let workers = some(facts)?;
    facts.cluster()?;
    let found = workers.iter().filter(|worker| !worker.topic.is_empty()).filter_map(|worker| {
        let topic = &worker.topic;
        match takes_writes(facts, topic) {
            Some(true) => None,
            Some(false) => Some(
                Found::fail(&worker.name, format!("nothing new can reach {}: its topic takes no writes", worker.name))
                    .evidence(format!("{topic} takes no writes"))
                    .remedy(command(facts, "up")),
            ),
            None => Some(
                Found::warn(&worker.name, format!("the topic of {} is not there yet", worker.name))
                    .evidence(format!("no topic {topic}"))
                    .remedy(command(facts, "connector status")),
            ),
        }
    });
    Some(Judged::of(words(workers, |worker| worker.topic.clone())).with(found.collect::<Vec<_>>()))
}

fn lag(facts: &Facts) -> Option<Judged> {
    let workers = some(facts)?;
    let known: Vec<(&Worker, (i64, i64))> =
        workers.iter().filter_map(|worker| Some((worker, worker.lag_records?))).collect();
    if known.is_empty() {
        return None;
    }
    let found = known.iter().filter_map(|(worker, (before, now))| {
        if *now <= LAG_NONE {
            return None;
        }
        let read = worker.committed_records.unwrap_or(0);
        let seconds = worker.looked_apart_ms.max(1) as f64 / 1000.0;
        let evidence = format!("lag {before}, {now} after {seconds:.1} s; {read} records committed in between");
        let name = &worker.name;
        let falling = (before - now) as f64 / seconds;
        let found = if read == 0 {
            Found::fail(name, format!("{name} is {now} records behind and does not move"))
        } else if falling <= 0.0 {
            Found::warn(name, format!("{name} is {now} records behind, and falls behind further"))
        } else if *now as f64 / falling > CATCH_UP_SECONDS {
            Found::warn(
                name,
                format!(
                    "{name} is {now} records behind and needs about {:.0} min to catch up",
                    *now as f64 / falling / 60.0
                ),
            )
        } else {
            return None;
        };
        Some(found.evidence(evidence).remedy(format!("{}; docker stats", command(facts, "status --watch"))))
    });
    let words = known
        .iter()
        .map(|(worker, (before, now))| format!("{} lag {before}, then {now}", worker.name))
        .collect::<Vec<_>>()
        .join(", ");
    Some(Judged::of(words).with(found.collect::<Vec<_>>()))
}

fn checkpoint(facts: &Facts) -> Option<Judged> {
    let workers: Vec<&Worker> = some(facts)?.iter().filter(|worker| worker.checkpoints_listed).collect();
    if workers.is_empty() {
        return None;
    }
    let found = workers.iter().filter_map(|worker| {
        let interval = worker.checkpoint_interval_ms.max(1000);
        let started = facts.container(&worker.name).and_then(|container| container.started_ms)?;
        let runs_for = facts.at_ms - started;
        let age = facts.at_ms - worker.checkpoint_ms.unwrap_or(started).max(started);
        // An idle worker has nothing new to keep.
        if worker.uncheckpointed_records == Some(0) || age < CHECKPOINT_LATE * interval {
            return None;
        }
        let what = match worker.checkpoint_ms {
            Some(at) => format!("the newest checkpoint of {} is {} s old", worker.name, (facts.at_ms - at) / 1000),
            None => format!("{} has made no checkpoint in {} s", worker.name, runs_for / 1000),
        };
        let found = if age >= CHECKPOINT_STUCK * interval {
            Found::fail(&worker.name, what)
        } else {
            Found::warn(&worker.name, what)
        };
        Some(
            found
                .evidence(format!(
                    "interval {} s, {} records read since",
                    interval / 1000,
                    worker.uncheckpointed_records.unwrap_or(0)
                ))
                .remedy(command(facts, "worker logs")),
        )
    });
    let age = |worker: &Worker| {
        worker.checkpoint_ms.map_or_else(
            || "no checkpoint yet".to_owned(),
            |at| format!("newest {} s old", (facts.at_ms - at).max(0) / 1000),
        )
    };
    let words = workers.iter().map(|worker| format!("{} {}", worker.name, age(worker))).collect::<Vec<_>>().join(", ");
    Some(Judged::of(words).with(found.collect::<Vec<_>>()))
}

fn dead_letters(facts: &Facts) -> Option<Judged> {
    let workers = some(facts)?;
    let count = |worker: &Worker| worker.accounting.as_ref()?.get("dead_letter").and_then(Value::as_u64);
    let known: Vec<(&Worker, u64)> = workers.iter().filter_map(|worker| Some((worker, count(worker)?))).collect();
    if known.is_empty() {
        return None;
    }
    let found = known.iter().filter(|(_, dead)| *dead > 0).map(|(worker, dead)| {
        let name = &worker.name;
        let line = facts
            .container(name)
            .and_then(|container| container.last_line(|text| text.contains("DLQ>") || text.contains("dead letter")));
        Found::warn(name, format!("{name} could not read {dead} records"))
            .evidence(format!("dead_letter={dead} in the accounting of {name}"))
            .evidence(line.map_or_else(String::new, |line| format!("log: {}", line.text)))
            .remedy(command(facts, "worker logs"))
    });
    let words = known.iter().map(|(worker, dead)| format!("{} {dead}", worker.name)).collect::<Vec<_>>().join(", ");
    Some(Judged::of(format!("dead letters: {words}")).with(found.collect::<Vec<_>>()))
}
