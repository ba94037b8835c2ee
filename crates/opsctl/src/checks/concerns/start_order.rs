//! Who waits for whom at the start: health checks, and conditions that wait for them.

use std::collections::BTreeMap;

use crate::checks::concerns::docker::up;
use crate::checks::facts::Facts;
use crate::checks::finding::{About, Check, Found, Group, Judged};
use crate::checks::fix::{ComposeBlock, Fix};

const HEALTHY: &str = "service_healthy";
/// Services that others wait for.
const CHECKED: [&str; 6] = ["zookeeper", "kafka-1", "kafka-2", "kafka-3", "kafka-connect", "mysql"];
const BROKERS: [&str; 3] = ["kafka-1", "kafka-2", "kafka-3"];

pub(crate) const CHECKS: &[Check] = &[Check { about: &ORDER, judge: order }];

const ORDER: About = About {
    id: "DOC-START-ORDER",
    group: Group::Containers,
    title: "everything waits for what it needs",
    symptom: "after docker compose down and up brokers, Connect and the stream processor fail together and restart for minutes",
    cause: "depends_on without a condition waits for a container's start, not for its work; and a condition needs a health check",
    remedy: "opsctl doctor --fix puts health checks and conditions into compose/compose.yaml; then opsctl up",
    why: "Connect that meets half a cluster fails, or makes its topics with too few copies",
    source: "the original pipeline's notes, 7.3",
};

/// What a service has: of its container where there is one, else of the files.
struct Has<'a> {
    health_check: bool,
    depends_on: &'a BTreeMap<String, String>,
    from: &'static str,
}

fn order(facts: &Facts) -> Option<Judged> {
    let mut found = Vec::new();
    let mut looked = 0;
    for service in CHECKED {
        let Some(has) = has(facts, service) else { continue };
        looked += 1;
        if !has.health_check {
            found.push(missing(facts, service, "has no health check", has.from, ComposeBlock::HealthCheck));
        }
        let needs: Vec<&str> = match service {
            "kafka-connect" => BROKERS.to_vec(),
            "kafka-1" | "kafka-2" | "kafka-3" if self::has(facts, "zookeeper").is_some() => vec!["zookeeper"],
            _ => Vec::new(),
        };
        let not_waited: Vec<&str> = needs
            .into_iter()
            .filter(|other| has.depends_on.get(*other).is_none_or(|condition| condition != HEALTHY))
            .collect();
        if !not_waited.is_empty() {
            let what = format!(
                "does not wait until {} {} healthy",
                not_waited.join(", "),
                if not_waited.len() == 1 { "is" } else { "are" }
            );
            found.push(missing(facts, service, &what, has.from, ComposeBlock::DependsOn));
        }
    }
    if looked == 0 {
        return None;
    }
    Some(Judged::of(format!("health checks and depends_on of {looked} services")).with(found))
}

/// A health check is the container's own; who waits for whom is read from the files at each start.
fn has<'a>(facts: &'a Facts, service: &str) -> Option<Has<'a>> {
    let described = facts.files.as_ref().and_then(|files| files.services.get(service));
    match (facts.container(service), described) {
        (Some(container), described) => Some(Has {
            health_check: container.has_health_check,
            depends_on: described.map_or(&container.depends_on, |described| &described.depends_on),
            from: if described.is_some() { "its container and compose.yaml" } else { "its container" },
        }),
        (None, Some(described)) => Some(Has {
            health_check: described.has_health_check,
            depends_on: &described.depends_on,
            from: "compose.yaml",
        }),
        (None, None) => None,
    }
}

fn missing(facts: &Facts, service: &str, what: &str, from: &str, block: ComposeBlock) -> Found {
    let found = Found::warn(service, format!("{service} {what}"))
        .evidence(format!("{from}: no {} as the start needs it", block.name()));
    let described = facts.files.as_ref().and_then(|files| files.services.get(service));
    let files_lack = described.is_some_and(|described| match block {
        ComposeBlock::HealthCheck => !described.has_health_check,
        ComposeBlock::DependsOn => true,
        ComposeBlock::Volumes => described.volumes.is_empty(),
    });
    if files_lack {
        found
            .remedy(format!("opsctl doctor --fix --only DOC-START-ORDER; then {}", up(facts)))
            .fix(Fix::ComposeLines { service: service.to_owned(), block })
    } else {
        // Where the files have it, the container is only older than they are.
        found.remedy(format!("{} makes it anew from compose/compose.yaml", up(facts)))
    }
}
