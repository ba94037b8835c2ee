//! Names inside the stack's network: resolved now, or was it only a moment?

use std::collections::BTreeMap;

use crate::checks::concerns::docker::up;
use crate::checks::facts::{Container, Facts, LogLine};
use crate::checks::finding::{About, Check, Found, Group, Judged};

const MARKS: [&str; 5] = [
    "UnknownHostException",
    "Name or service not known",
    "Temporary failure in name resolution",
    "DNS resolution failed",
    "No resolvable bootstrap urls",
];
/// Older complaints are history.
const RECENT_MS: i64 = 2 * 60 * 1000;

/// A JVM remembers for ten seconds that a name was unknown (networkaddress.cache.negative.ttl).
const REMEMBERED_MS: i64 = 15_000;

pub(crate) const CHECKS: &[Check] = &[Check { about: &NAMES, judge: names }];

const NAMES: About = About {
    id: "DOC-NAMES",
    group: Group::Containers,
    title: "names resolve inside the network",
    symptom: "UnknownHostException: …: Temporary failure in name resolution; java.net.UnknownHostException: kafka-99: Name or service not known; Couldn't resolve server … from bootstrap.servers as DNS resolution failed; No resolvable bootstrap urls given in bootstrap.servers",
    cause: "transient: after docker compose down and up the network is made anew, and names are known a moment later. Lasting: the name is mistyped, or its container is stopped or in another network: a stopped container's name stops resolving",
    remedy: "transient: nothing, whoever asks tries again. Lasting: start the container that has the name, or mend the name where the report says it is used",
    why: "who cannot resolve a name cannot reach it, whatever else is well",
    source: "the original pipeline's notes, 7.5. \"Name or service not known\" was provoked here; \"Temporary failure in name resolution\" could not be: its text is that of the original pipeline's notes (Flink 1.18)",
};

fn names(facts: &Facts) -> Option<Judged> {
    let mut unknown: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in facts.names.iter().filter(|name| !name.resolves) {
        unknown.entry(&name.wanted).or_default().push(&name.needed_by);
    }
    let mut found: Vec<Found> = unknown.iter().map(|(name, needed_by)| lasting(facts, name, needed_by)).collect();
    found.extend(facts.containers.iter().filter_map(|container| unseen_lasting(facts, container)));
    found.extend(
        facts
            .containers
            .iter()
            .filter(|container| container.runs())
            .filter_map(|container| transient(facts, container)),
    );
    if facts.names.is_empty() && found.is_empty() {
        return None;
    }
    let resolved: Vec<String> = facts
        .names
        .iter()
        .filter(|name| name.resolves)
        .map(|name| format!("{} in {}", name.wanted, name.needed_by))
        .collect();
    Some(Judged::of(if resolved.is_empty() { "containers' logs".to_owned() } else { resolved.join(", ") }).with(found))
}

fn lasting(facts: &Facts, name: &str, needed_by: &[&str]) -> Found {
    let known = facts.container(name);
    let places = needed_by.join(" and ");
    let why = match known {
        Some(container) if !container.runs() => {
            format!("{name} is {}: a stopped container's name is gone, too", container.state)
        }
        Some(_) => format!("{name} runs, but not in the network of {places}"),
        None => format!("no container of this stack is called {name}"),
    };
    let remedy = match known {
        Some(container) if container.runs() => {
            format!("docker network connect --alias {name} {}_default {}", facts.project, container.name)
        }
        Some(_) => up(facts),
        None => format!(
            "mend the name in the configuration of {places} (BOOTSTRAP_SERVERS, database.hostname, kafka.bootstrap), then {}",
            up(facts)
        ),
    };
    let said = needed_by.iter().find_map(|service| complaint(facts.container(service)?, name));
    Found::fail(name, format!("{name} cannot be resolved in {places}, and this lasts"))
        .evidence(format!("getent hosts {name} in {places}: nothing, twice half a second apart"))
        .evidence(why)
        .evidence(said.map_or_else(String::new, |line| format!("log: {}", line.text)))
        .remedy(remedy)
}

fn complaint<'a>(container: &'a Container, name: &str) -> Option<&'a LogLine> {
    container.last_line(|text| text.contains(name) && MARKS.iter().any(|mark| text.contains(mark)))
}

/// A container that is down and whose last words are of a name: nobody could look it up inside it.
fn unseen_lasting(facts: &Facts, container: &Container) -> Option<Found> {
    if container.runs() || facts.names.iter().any(|name| name.needed_by == container.service) {
        return None;
    }
    let line = container.last_line(|text| MARKS.iter().any(|mark| text.contains(mark)))?;
    let name = unresolved_name(&line.text).unwrap_or_default();
    let known = facts.container(&name);
    let lasting = known.is_none_or(|named| !named.runs());
    let subject = if name.is_empty() { container.service.clone() } else { name.clone() };
    lasting.then(|| {
        Found::fail(
            subject,
            format!(
                "{} ended because it could not resolve {}",
                container.service,
                if name.is_empty() { "a name" } else { &name }
            ),
        )
        .evidence(format!("log: {}", line.text))
        .evidence(if known.is_some() {
            format!("{name} does not run")
        } else {
            format!("no container of this stack is called {name}")
        })
        .remedy(format!(
            "mend the name in the configuration of {}, or start what has it: {}",
            container.service,
            up(facts)
        ))
    })
}

/// It complained a moment ago, and every name that it needs resolves now.
fn transient(facts: &Facts, container: &Container) -> Option<Found> {
    let line = container.last_line(|text| MARKS.iter().any(|mark| text.contains(mark)))?;
    let looked_up: Vec<_> = facts.names.iter().filter(|name| name.needed_by == container.service).collect();
    let all_resolve = !looked_up.is_empty() && looked_up.iter().all(|name| name.resolves);
    let named = unresolved_name(&line.text);
    let resolves = match &named {
        // What it complained of may be a name that nobody looked up.
        Some(name) => {
            looked_up.iter().any(|known| known.wanted == *name && known.resolves)
                || facts.container(name).is_some_and(Container::runs)
        }
        None => all_resolve,
    };
    let recent = facts.at_ms - line.at_ms < RECENT_MS;
    // Before it ran, nobody could have known its name: that is the start's order, not the network.
    let ran = named
        .as_deref()
        .and_then(|name| facts.container(name)?.started_ms)
        .is_none_or(|at| at + REMEMBERED_MS < line.at_ms);
    (recent && resolves && ran).then(|| {
        Found::warn(
            &container.service,
            format!(
                "{} could not resolve {} for a moment, and can now",
                container.service,
                named.as_deref().unwrap_or("a name")
            ),
        )
        .evidence(format!("log: {}", line.text))
        .remedy("nothing: it has healed by itself")
    })
}

/// `UnknownHostException: kafka-99: Name or service not known`, `Couldn't resolve server kafka-99:29092 from bootstrap.servers`
fn unresolved_name(text: &str) -> Option<String> {
    let after = text
        .split_once("UnknownHostException: ")
        .or_else(|| text.split_once("Couldn't resolve server "))
        .or_else(|| text.split_once("Failed to resolve '"))?
        .1;
    let name: String =
        after.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_read_from_the_complaint() {
        for (text, name) in [
            ("UnknownHostException: flink-jobmanager: Temporary failure in name resolution", Some("flink-jobmanager")),
            ("java.net.UnknownHostException: kafka-99: Name or service not known", Some("kafka-99")),
            (
                "WARN Couldn't resolve server kafka-99:29092 from bootstrap.servers as DNS resolution failed",
                Some("kafka-99"),
            ),
            ("ConfigException: No resolvable bootstrap urls given in bootstrap.servers", None),
        ] {
            assert_eq!(unresolved_name(text).as_deref(), name, "{text}");
        }
    }
}
