//! The containers of Compose: started in two steps, skipped where they run as they should.

use std::time::Duration;

use crate::clients::docker::Container;
use crate::clients::kafka::KafkaAdmin;
use crate::commands::diagnose::explained;
use crate::commands::poll::{Found, Waited, until};
use crate::commands::session::{BROKER_NAMES, BROKERS, CLICKHOUSE, bootstrap};
use crate::commands::up::Up;
use crate::failure::{Failure, Result};
use crate::ui::{Outcome, Step};

/// From the start of their containers on.
const BROKERS_LIMIT: Duration = Duration::from_mins(1);
/// A first start makes users and tables.
const DATABASE_LIMIT: Duration = Duration::from_mins(2);

/// Starts the brokers (and what they stand on) and MySQL, and waits until three brokers know each other.
pub(super) async fn start_brokers(up: &Up<'_>) -> Result<()> {
    let step = up.session.steps.begin("brokers", "three brokers answer");
    let services = [&BROKER_NAMES[..], &["mysql"]].concat();
    let started = start(up, &step, &services).await?;
    let limit = up.session.patient(BROKERS_LIMIT);
    let waited = until(limit, async || brokers(up).await, |words| step.say(words)).await?;
    match waited {
        Waited::Ready(words) => step.end(if started { Outcome::Changed } else { Outcome::Skipped }, words),
        Waited::TooLate(words) => {
            let failure = Failure::new(format!("after {} s {words}", limit.as_secs()));
            return Err(explained(failure, &up.docker, &BROKER_NAMES).await);
        }
    }
    Ok(())
}

/// Starts the rest.
pub(super) async fn start_all(up: &Up<'_>) -> Result<()> {
    let step = up.session.steps.begin("containers", "all containers run");
    let started = start(up, &step, &[]).await?;
    step.end(if started { Outcome::Changed } else { Outcome::Skipped }, "");
    Ok(())
}

/// Waits until MySQL takes connections: a connector that is registered before would fail.
pub(super) async fn wait_for_mysql(up: &Up<'_>) -> Result<()> {
    wait_for(up, "mysql", "MySQL").await
}

/// Waits until ClickHouse, where it is wanted, takes statements: a worker that is started before would wait for it.
pub(super) async fn wait_for_clickhouse(up: &Up<'_>) -> Result<()> {
    if up.variant.extras.analytics { wait_for(up, CLICKHOUSE, "ClickHouse").await } else { Ok(()) }
}

async fn wait_for(up: &Up<'_>, service: &'static str, name: &str) -> Result<()> {
    let step = up.session.steps.begin(service, format!("{name} answers"));
    let healthy = async || {
        let container = up.docker.container(service).await?;
        Ok(match container {
            Some(container) if container.is_well() => Found::Ready(()),
            Some(container) if container.is_down() => {
                Found::NotYet(format!("{} with code {}", container.state, container.exit_code))
            }
            Some(container) => Found::NotYet(container.health.unwrap_or(container.state)),
            None => Found::NotYet("no container".to_owned()),
        })
    };
    let limit = up.session.patient(DATABASE_LIMIT);
    match until(limit, healthy, |words| step.say(words)).await? {
        Waited::Ready(()) => step.end(Outcome::Done, ""),
        Waited::TooLate(words) => {
            let failure = Failure::new(format!("{name} is not well after {} s: {words}", limit.as_secs()));
            return Err(explained(failure, &up.docker, &[service]).await);
        }
    }
    Ok(())
}

/// Compose's `up` for these services, unless they run and are what the files say. Whether anything was done.
async fn start(up: &Up<'_>, step: &Step<'_>, services: &[&str]) -> Result<bool> {
    let hashes = up.compose().hashes().await?;
    let containers = up.docker.containers().await?;
    let names: Vec<&str> =
        if services.is_empty() { hashes.keys().map(String::as_str).collect() } else { services.to_vec() };
    let of = |service: &str| containers.iter().find(|container| container.service == service);
    let as_it_should_be =
        |service: &&str| of(service).is_some_and(|container| is_current(container, hashes.get(*service)));
    if names.iter().all(as_it_should_be) {
        return Ok(false);
    }
    // Compose gives up when a dependency ends, although Docker starts it again and it then comes up: a second try
    // finds it running.
    if let Err(first) = up.compose().up(services, |line| step.say(line)).await {
        step.say(format!("once more, after: {}", first.message));
        if let Err(failure) = up.compose().up(services, |line| step.say(line)).await {
            return Err(explained(failure, &up.docker, &names).await);
        }
    }
    Ok(true)
}

fn is_current(container: &Container, hash: Option<&String>) -> bool {
    container.state == "running" && hash.is_some() && container.config_hash.as_ref() == hash
}

/// Every broker, asked by itself, says that it is one of three.
async fn brokers(up: &Up<'_>) -> Result<Found<String>> {
    let containers = up.docker.containers().await?;
    let addresses = bootstrap(&containers);
    let answering = KafkaAdmin::answering(&addresses).await;
    let known = answering.iter().map(|seen| seen.brokers.len()).min().unwrap_or(0);
    let words = format!("{} of {} answer", answering.len(), BROKERS.len());
    Ok(if answering.len() == BROKERS.len() && known == BROKERS.len() {
        Found::Ready(words)
    } else if answering.len() == BROKERS.len() {
        Found::NotYet(format!("{words}, one knows {known} of {}", BROKERS.len()))
    } else {
        Found::NotYet(words)
    })
}
