//! Why something did not come up: the containers' states, their last lines, and what these mean.

use crate::checks::explain;
use crate::clients::docker::{Container, Docker};
use crate::failure::Failure;

/// Lines of a log that go with an error.
const LINES: u32 = 12;
/// Looked through for what they mean: the telling line is mostly above the last ones.
const LOOKED_AT: u32 = 200;

/// Adds to a failure what the first of these services that is not well has to say.
pub(crate) async fn explained(failure: Failure, docker: &Docker, services: &[&str]) -> Failure {
    // The failure that is there already must not be lost to another.
    let containers = docker.containers().await.unwrap_or_default();
    let of = |service: &&str| containers.iter().find(|container| container.service == **service);
    if let Some(missing) = services.iter().find(|service| of(service).is_none()) {
        return with_hint(failure, &format!("there is no container of {missing}: opsctl up makes it"));
    }
    let all: Vec<&Container> = services.iter().filter_map(of).collect();
    let worst = all.iter().find(|c| c.is_down()).or_else(|| all.iter().find(|c| !c.is_well())).or(all.first());
    match worst {
        Some(container) => of_container(failure, docker, container).await,
        None => failure,
    }
}

/// Adds the container's state, its last lines and their meaning.
pub(crate) async fn of_container(failure: Failure, docker: &Docker, container: &Container) -> Failure {
    let lines = docker.last_lines(&container.id, LOOKED_AT).await;
    let meaning = explain::log(&lines);
    let state = match (&container.health, container.is_down()) {
        (_, true) => format!("{} {} with code {}", container.service, container.state, container.exit_code),
        (Some(health), _) => format!("{} is {}, {health}", container.service, container.state),
        (None, _) => format!("{} is {}", container.service, container.state),
    };
    let ended = if container.is_down() { explain::exit(container.exit_code, container.oom_killed) } else { None };
    let causes: Vec<&str> = ended.into_iter().chain(meaning.map(|meaning| meaning.what)).collect();
    let cause = if causes.is_empty() { String::new() } else { format!(": {}", causes.join("; ")) };
    let message = format!("{}. {state}{cause}", failure.message.trim_end_matches('.'));
    let kept = lines.len().saturating_sub(LINES as usize);
    let log = lines[kept..].iter().map(|line| format!("{}: {line}", container.service)).collect();
    let remedy =
        meaning.map_or_else(|| format!("opsctl logs {}", container.service), |meaning| meaning.remedy.to_owned());
    with_hint(Failure { message, ..failure }.log(log), &remedy)
}

/// The remedy that is there already comes first.
fn with_hint(failure: Failure, hint: &str) -> Failure {
    match failure.hint.clone() {
        Some(first) => failure.hint(format!("{first}; {hint}")),
        None => failure.hint(hint),
    }
}
