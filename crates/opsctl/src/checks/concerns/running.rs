//! Whether each service runs, and if not, what its end tells: code, memory, last telling line.

use crate::checks::concerns::docker::{command, up};
use crate::checks::explain;
use crate::checks::facts::{Container, Facts};
use crate::checks::finding::{About, Check, Found, Group, Judged, Level};
use crate::checks::fix::Fix;

/// Restarts within this time are a loop; older ones are history.
const LOOP_MS: i64 = 10 * 60 * 1000;
/// And of one that is well since.
const SETTLED_MS: i64 = 2 * 60 * 1000;
/// Docker itself restarts once in a while, and so does a broker that meets its own old registration.
const LOOP_RESTARTS: i64 = 2;

pub(crate) const CHECKS: &[Check] = &[
    Check { about: &ZOOKEEPER, judge: |facts| service(facts, &ZOOKEEPER, &["zookeeper"]) },
    Check { about: &BROKER, judge: |facts| service(facts, &BROKER, &["kafka-1", "kafka-2", "kafka-3"]) },
    Check { about: &CONNECT, judge: |facts| service(facts, &CONNECT, &["kafka-connect"]) },
    Check { about: &MYSQL, judge: |facts| service(facts, &MYSQL, &["mysql"]) },
    Check { about: &WORKER, judge: worker },
    Check { about: &OTHERS, judge: others },
    Check { about: &OOM, judge: oom },
    Check { about: &LOOP, judge: restart_loop },
];

const KNOWN: [&str; 6] = ["zookeeper", "kafka-1", "kafka-2", "kafka-3", "kafka-connect", "mysql"];

const ZOOKEEPER: About = About {
    id: "DOC-ZOOKEEPER-DOWN",
    group: Group::Containers,
    title: "ZooKeeper runs",
    symptom: "brokers stop or do not come up; KeeperException$ConnectionLossException",
    cause: "its container was stopped or killed, or its directories cannot be written",
    remedy: "opsctl up",
    why: "the cluster's members and topics are kept there",
    source: "the container's state, exit code and log",
};

const BROKER: About = About {
    id: "DOC-BROKER-DOWN",
    group: Group::Containers,
    title: "three brokers run and answer",
    symptom: "Connection to node 2 (kafka-2/…:29093) could not be established. Broker may not be available. With two of three gone nothing is written any more, and Connect still says RUNNING",
    cause: "the broker's container was stopped or killed (code 137), ended with an error, or does not answer",
    remedy: "opsctl up: data stays, and the copies catch up by themselves (18 s were seen)",
    why: "min.insync.replicas=2 wants two of three: with one gone all goes on, with two nothing is written",
    source: "one and two brokers killed here; the controller notices after ZooKeeper's session time (18 s)",
};

const CONNECT: About = About {
    id: "DOC-CONNECT-DOWN",
    group: Group::Containers,
    title: "Kafka Connect runs",
    symptom: "no new orders reach Kafka; its REST does not answer",
    cause: "its container was stopped or killed, or waits for brokers that are not healthy (state created)",
    remedy: "opsctl up: it goes on from its stored offset, and the worker drops what comes twice",
    why: "nothing is captured while it is away; MySQL keeps its binlog for ten days",
    source: "Connect killed in the middle of 30,000 inserts here: 3,110 repeats, no loss",
};

const MYSQL: About = About {
    id: "DOC-MYSQL-DOWN",
    group: Group::Containers,
    title: "MySQL runs",
    symptom: "the connector's task fails: Communications link failure",
    cause: "its container was stopped or killed, or its first start was cut off and left half a data directory",
    remedy: "opsctl up",
    why: "orders cannot be placed, and nothing can be captured",
    source: "the container's state, exit code and log",
};

const WORKER: About = About {
    id: "DOC-WORKER-DOWN",
    group: Group::Worker,
    title: "the worker runs",
    symptom: "no results, no page on 8081",
    cause: "it was stopped or killed, or refuses its configuration (code 78) or its state (code 3)",
    remedy: "opsctl worker start; opsctl worker logs tells what a code other than 137 means",
    why: "no windows and no alerts; what is in Kafka waits for it",
    source: "the worker's documented exit codes",
};

const OTHERS: About = About {
    id: "DOC-CONTAINER-DOWN",
    group: Group::Containers,
    title: "what runs beside the pipeline is well",
    symptom: "Kafka UI, Prometheus, Grafana or another container of this project does not run",
    cause: "it was stopped, killed or ended with an error",
    remedy: "opsctl up --with ui, or --with observability; opsctl logs SERVICE",
    why: "the pipeline goes on without it",
    source: "the container's state, exit code and log",
};

const OOM: About = About {
    id: "DOC-OOM-KILLED",
    group: Group::Containers,
    title: "nothing was killed for its memory",
    symptom: "a container ends with code 137 and an empty log, or something inside it vanishes",
    cause: "it used more memory than its limit; Docker says OOMKilled=true (137 alone is any kill)",
    remedy: "raise the container's mem_limit in compose/compose.yaml, or lower its heap; then opsctl up",
    why: "the kernel kills without warning, in the middle of the work",
    source: "a heap above the limit provoked here: code 137, OOMKilled=true, empty log",
};

const LOOP: About = About {
    id: "DOC-RESTART-LOOP",
    group: Group::Containers,
    title: "nothing restarts again and again",
    symptom: "docker ps shows Restarting, or an uptime of seconds that begins anew",
    cause: "the process ends right after its start; its last lines tell why",
    remedy: "opsctl logs SERVICE",
    why: "it does no work meanwhile, and hides its cause in a growing log",
    source: "Docker's restart count; what known lines mean",
};

fn service(facts: &Facts, about: &'static About, names: &[&str]) -> Option<Judged> {
    if facts.containers.is_empty() {
        return None;
    }
    let wanted: Vec<&str> = names.iter().copied().filter(|name| is_wanted(facts, name)).collect();
    if wanted.is_empty() {
        return None;
    }
    let found = wanted.iter().filter_map(|name| judge(facts, about, name)).collect::<Vec<_>>();
    let states = wanted.iter().map(|name| facts.container(name).map_or_else(|| format!("{name} absent"), state));
    Some(Judged::of(states.collect::<Vec<_>>().join(", ")).with(found))
}

/// The files may not be readable; then what has a container is what is wanted.
fn is_wanted(facts: &Facts, name: &str) -> bool {
    let described = facts.files.as_ref().map(|files| files.services.contains_key(name));
    described.unwrap_or(false) || facts.container(name).is_some() || (facts.files.is_none() && name != "zookeeper")
}

fn judge(facts: &Facts, about: &'static About, name: &str) -> Option<Found> {
    let Some(container) = facts.container(name) else {
        return Some(
            Found::fail(name, format!("{name} has no container"))
                .evidence("it was never made, or removed")
                .remedy(up(facts)),
        );
    };
    let found = unwell(container).or_else(|| silent_broker(facts, about, container))?;
    let fixable = matches!(container.state.as_str(), "exited" | "dead" | "created" | "paused");
    let found = found.remedy(if name == "worker" { command(facts, "worker start") } else { up(facts) });
    Some(if fixable { found.fix(Fix::Start { service: name.to_owned() }) } else { found })
}

/// A broker that is healthy by its own account, and does not take our questions.
fn silent_broker(facts: &Facts, about: &About, container: &Container) -> Option<Found> {
    let kafka = facts.kafka.as_ref().filter(|_| about.id == BROKER.id)?;
    let name = &container.service;
    let silent = !kafka.answering.contains_key(name);
    silent.then(|| {
        Found::fail(name, format!("{name} runs, but does not answer"))
            .evidence(state(container))
            .evidence(telling_line(container))
    })
}

/// What is wrong with a container, if anything is; without remedy.
fn unwell(container: &Container) -> Option<Found> {
    let name = &container.service;
    let runs = container.runs();
    let health = container.health.as_deref();
    let found = match (runs, health) {
        (true, Some("unhealthy")) => {
            Found::fail(name, format!("{name} runs, but does not do its work: its health check fails"))
        }
        (true, Some("starting")) => Found::warn(name, format!("{name} is still starting")),
        (true, _) => return None,
        (false, _) if container.state == "paused" => Found::fail(name, format!("{name} is paused")),
        (false, _) if container.state == "restarting" => {
            Found::fail(name, format!("{name} ends and is restarted, {} times so far", container.restarts))
        }
        (false, _) if container.state == "created" => Found::fail(name, format!("{name} was made and never started")),
        (false, _) => Found::fail(name, format!("{name} has ended with code {}", container.exit_code)),
    };
    let ended = matches!(container.state.as_str(), "exited" | "dead" | "restarting");
    let code = if ended { explain::exit(container.exit_code, container.oom_killed) } else { None };
    let found = found.evidence(state(container)).evidence(code.unwrap_or_default());
    let found =
        if health == Some("unhealthy") && runs { found.evidence(one_line(&container.health_output)) } else { found };
    let found = found.evidence(&container.error);
    Some(found.evidence(telling_line(container)))
}

/// `kafka-1 exited 137`
fn state(container: &Container) -> String {
    let health = container.health.as_ref().map_or_else(String::new, |health| format!(", {health}"));
    let code = if container.runs() { String::new() } else { format!(" with code {}", container.exit_code) };
    format!("{} {}{code}{health}", container.service, container.state)
}

/// The last line that explains it: one with a known meaning, else the last one that complains.
pub(crate) fn telling_line(container: &Container) -> String {
    let texts: Vec<String> = container.log.iter().map(|line| line.text.clone()).collect();
    let meaning = explain::log(&texts);
    let marked = meaning.and_then(|meaning| container.last_line(|text| meaning.fits(text)));
    match (meaning, marked.or(container.log.last())) {
        (Some(meaning), Some(line)) => format!("log: {} ({})", one_line(&line.text), meaning.what),
        (None, Some(line)) => format!("log: {}", one_line(&line.text)),
        (_, None) => String::new(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}

fn worker(facts: &Facts) -> Option<Judged> {
    if facts.containers.is_empty() {
        return None;
    }
    let workers: Vec<&Container> = facts.containers.iter().filter(|container| container.is_worker).collect();
    let judged = Judged::of(if workers.is_empty() {
        "no worker".to_owned()
    } else {
        workers.iter().map(|worker| state(worker)).collect::<Vec<_>>().join(", ")
    });
    if workers.is_empty() {
        let none = Found::fail("worker", "there is no worker")
            .evidence("no container with the worker's role")
            .remedy(command(facts, "worker start"));
        return Some(judged.with([none.fix(Fix::StartWorker)]));
    }
    // Its own account is newer than a health check that runs every ten seconds.
    let is_ready =
        |worker: &Container| facts.workers.iter().any(|own| own.name == worker.service && own.waits_for.is_none());
    let found = workers.into_iter().filter(|worker| !worker.runs() || !is_ready(worker)).filter_map(|worker| {
        let found = unwell(worker)?;
        let name = if worker.service == "worker" { String::new() } else { format!(" --name {}", worker.service) };
        let meaning = match worker.exit_code {
            3 => "code 3: it refused its state, or the group has members",
            78 => "code 78: it refused its configuration",
            _ => "",
        };
        let found = found.evidence(meaning).remedy(command(facts, &format!("worker start{name}")));
        let stopped = matches!(worker.state.as_str(), "exited" | "dead" | "created" | "paused");
        Some(if stopped { found.fix(Fix::Start { service: worker.service.clone() }) } else { found })
    });
    Some(judged.with(found.collect::<Vec<_>>()))
}

fn others(facts: &Facts) -> Option<Judged> {
    let others: Vec<&Container> = facts
        .containers
        .iter()
        .filter(|container| !container.is_worker && !KNOWN.contains(&container.service.as_str()))
        .collect();
    if others.is_empty() {
        return None;
    }
    let found = others.iter().filter_map(|container| {
        // Something that did its one task and ended well is no trouble.
        let done = container.state == "exited" && container.exit_code == 0;
        let found = unwell(container).filter(|_| !done)?;
        Some(Found { level: Level::Warn, ..found }.remedy(command(facts, &format!("logs {}", container.service))))
    });
    let found = found.collect::<Vec<_>>();
    Some(Judged::of(others.iter().map(|other| state(other)).collect::<Vec<_>>().join(", ")).with(found))
}

fn oom(facts: &Facts) -> Option<Judged> {
    if facts.containers.is_empty() {
        return None;
    }
    // Docker keeps the mark when a container is started again: of one that runs it counts if Docker itself just restarted it.
    let recent = |container: &Container| container.started_ms.is_some_and(|at| facts.at_ms - at < LOOP_MS);
    let counts = |container: &&Container| {
        container.oom_killed && (!container.runs() || (container.restarts > 0 && recent(container)))
    };
    let killed = facts.containers.iter().filter(counts).map(|container| {
        let limit = container.memory_limit_bytes >> 20;
        let what = if container.runs() {
            format!("{} was killed for memory and started again: its limit is {limit} MiB", container.service)
        } else {
            format!("{} was killed for memory: its limit is {limit} MiB", container.service)
        };
        Found::fail(&container.service, what)
            .evidence(format!("{}: OOMKilled=true, code {}, limit {limit} MiB", container.service, container.exit_code))
            .remedy(format!(
                "raise mem_limit of {} in compose/compose.yaml (or lower what it uses), then {}",
                container.service,
                up(facts)
            ))
    });
    Some(Judged::of("State.OOMKilled of every container").with(killed.collect::<Vec<_>>()))
}

fn restart_loop(facts: &Facts) -> Option<Judged> {
    if facts.containers.is_empty() {
        return None;
    }
    let age_ms = |container: &Container| container.started_ms.map(|at| facts.at_ms - at);
    let recent = |container: &Container| {
        // Docker starts it no more: whoever stopped or killed it, that is another finding.
        if container.state == "exited" {
            return false;
        }
        // What has run well for minutes has got over it: a broker, its own registration that a kill left behind.
        let settled =
            container.state == "running" && container.health.as_deref().is_none_or(|health| health == "healthy");
        age_ms(container).is_some_and(|age_ms| age_ms < if settled { SETTLED_MS } else { LOOP_MS })
    };
    let loops = facts.containers.iter().filter(|container| container.restarts > LOOP_RESTARTS && recent(container));
    let found = loops.map(|container| {
        Found::fail(&container.service, format!("{} was restarted {} times", container.service, container.restarts))
            .evidence(format!("{}, restarted {} times", state(container), container.restarts))
            .evidence(telling_line(container))
            .remedy(command(facts, &format!("logs {}", container.service)))
    });
    Some(
        Judged::of("restart counts of the last ten minutes, of two where a container is well since")
            .with(found.collect::<Vec<_>>()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    // A broker that was killed and started again met its own registration, and ended three times before it was gone: repaired,
    // it was called broken for ten minutes.
    #[test]
    fn what_has_got_over_it_is_no_loop() {
        let minutes_ago = |minutes: i64, state: &str, health: Option<&str>| {
            let container = Container {
                service: "kafka-2".to_owned(),
                state: state.to_owned(),
                health: health.map(str::to_owned),
                restarts: 3,
                started_ms: Some(1_795_000_000_000 - minutes * 60_000),
                ..Container::default()
            };
            let facts = Facts { at_ms: 1_795_000_000_000, containers: vec![container], ..Facts::default() };
            restart_loop(&facts).is_some_and(|judged| !judged.found.is_empty())
        };
        for (minutes, state, health, is_loop) in [
            (1, "running", Some("healthy"), true),
            (3, "running", Some("healthy"), false),
            (3, "running", None, false),
            (3, "running", Some("unhealthy"), true),
            (3, "running", Some("starting"), true),
            (3, "restarting", None, true),
            (1, "exited", None, false),
            (11, "restarting", None, false),
        ] {
            assert_eq!(minutes_ago(minutes, state, health), is_loop, "{minutes} minutes ago, {state}, {health:?}");
        }
    }
}
