//! Docker Engine and Compose, and that the stack is there.

use crate::checks::facts::Facts;
use crate::checks::finding::{About, Check, Found, Group, Judged};

/// The Engine that bookworm ships; older ones were not tried.
const OLDEST_ENGINE: u32 = 20;

pub(crate) const CHECKS: &[Check] = &[
    Check { about: &ENGINE, judge: engine },
    Check { about: &COMPOSE, judge: compose },
    Check { about: &STACK, judge: stack },
    Check { about: &NAME_TAKEN, judge: name_taken },
];

const ENGINE: About = About {
    id: "DOC-DOCKER",
    group: Group::Docker,
    title: "Docker Engine answers",
    symptom: "every command says that Docker Engine does not answer",
    cause: "the Engine is not installed or not started, this user may not use its socket, or DOCKER_HOST names a place where nobody listens",
    remedy: "sudo systemctl start docker; sudo usermod -aG docker $USER and a new login; or another DOCKER_HOST",
    why: "nothing of the stack can run or be looked at without it",
    source: "Docker Engine's own messages, each provoked here: no socket, no permission, nobody listening",
};

const COMPOSE: About = About {
    id: "DOC-COMPOSE",
    group: Group::Docker,
    title: "Docker Compose is recent enough",
    symptom: "opsctl up says that Compose is missing or too old",
    cause: "Debian's docker.io brings no Compose v2; versions before 2.24.4 do not know !reset, which compose/kraft.yaml uses",
    remedy: "install Docker Compose 2.24.4 or newer as a plug-in of docker (scripts/test does, on Debian and Ubuntu)",
    why: "the stack is described in Compose's files",
    source: "Compose's release notes",
};

const STACK: About = About {
    id: "DOC-STACK",
    group: Group::Docker,
    title: "the stack is there",
    symptom: "there is nothing to look at",
    cause: "opsctl up was not run yet, opsctl down was, or the stack has another name",
    remedy: "opsctl up; another stack: -p NAME",
    why: "without containers nothing is captured",
    source: "compose labels of the containers",
};

const NAME_TAKEN: About = About {
    id: "DOC-NAME-TAKEN",
    group: Group::Docker,
    title: "nobody else uses the containers' names",
    symptom: "Error response from daemon: Conflict. The container name \"/…\" is already in use by container …",
    cause: "a container that was made by hand, or by another tool, has the name that Compose gives to one of the stack's",
    remedy: "docker rename OTHER NEW-NAME; or another name for this stack: -p NAME",
    why: "Compose cannot make its own container then, and never touches one that is not its own",
    source: "Docker Engine's message",
};

fn engine(facts: &Facts) -> Option<Judged> {
    // It answers, and could not tell its version in time.
    if facts.engine.unreachable.is_none() && facts.engine.version.is_empty() {
        return None;
    }
    let judged = Judged::of(format!("Docker Engine {}", facts.engine.version));
    if let Some((why, remedy)) = &facts.engine.unreachable {
        return Some(judged.with([Found::fail("", "Docker Engine does not answer").evidence(why).remedy(remedy)]));
    }
    let major = facts.engine.version.split('.').next().and_then(|number| number.parse::<u32>().ok());
    let old = major.filter(|major| *major < OLDEST_ENGINE).map(|_| {
        Found::warn("", format!("Docker Engine {} is old", facts.engine.version))
            .evidence(format!("version {}, {OLDEST_ENGINE}.10 is the oldest that was tried", facts.engine.version))
            .remedy("upgrade Docker Engine")
    });
    Some(judged.with(old))
}

fn compose(facts: &Facts) -> Option<Judged> {
    match facts.engine.compose.as_ref()? {
        Ok(version) => Some(Judged::of(format!("Docker Compose {version}"))),
        Err(why) => Some(
            Judged::of("docker compose version")
                .with([Found::fail("", "Docker Compose is missing or too old").evidence(why).remedy(COMPOSE.remedy)]),
        ),
    }
}

fn stack(facts: &Facts) -> Option<Judged> {
    if facts.engine.unreachable.is_some() {
        return None;
    }
    let judged = Judged::of(format!("containers with the label of project {}", facts.project));
    let none = facts.containers.is_empty().then(|| {
        Found::fail("", format!("the stack {} has no containers", facts.project))
            .evidence(format!("no container carries com.docker.compose.project={}", facts.project))
            .remedy(up(facts))
    });
    Some(judged.with(none))
}

/// The command that brings this stack up.
pub(crate) fn up(facts: &Facts) -> String {
    command(facts, "up")
}

/// `opsctl`, for this stack.
pub(crate) fn command(facts: &Facts, rest: &str) -> String {
    if facts.project.is_empty() || facts.project == "cdc-pipeline" {
        format!("opsctl {rest}")
    } else {
        format!("opsctl -p {} {rest}", facts.project)
    }
}

fn name_taken(facts: &Facts) -> Option<Judged> {
    let services = &facts.files.as_ref()?.services;
    let names: Vec<(String, &String)> =
        services.keys().map(|service| (format!("{}-{service}-1", facts.project), service)).collect();
    let taken = facts.others.iter().filter_map(|other| {
        let (name, service) = names.iter().find(|(name, _)| *name == other.name)?;
        Some(
            Found::fail(*service, format!("{name} is somebody else's container"))
                .evidence(format!("{name} of image {}, project {:?}", other.image, other.project))
                .remedy(format!("docker rename {name} {name}-other; then {}", up(facts))),
        )
    });
    Some(Judged::of(format!("names {}-SERVICE-1", facts.project)).with(taken.collect::<Vec<_>>()))
}
