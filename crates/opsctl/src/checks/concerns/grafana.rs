//! Grafana, where it is there.

use crate::checks::concerns::docker::command;
use crate::checks::facts::Facts;
use crate::checks::finding::{About, Check, Found, Group, Judged};

const SERVICE: &str = "grafana";

pub(crate) const CHECKS: &[Check] = &[Check { about: &SILENT, judge: silent }];

const SILENT: About = About {
    id: "DOC-GRAFANA-SILENT",
    group: Group::Analytics,
    title: "Grafana answers",
    symptom: "its page does not load",
    cause: "it is starting, fetches its plug-in for ClickHouse from a network that it cannot reach, or refuses a file of compose/observability or compose/analytics",
    remedy: "opsctl logs grafana",
    why: "nobody sees the dashboards, and its alerts are not worked out; the pipeline goes on",
    source: "GET /api/health",
};

fn silent(facts: &Facts) -> Option<Judged> {
    let grafana = facts.grafana.as_ref()?;
    facts.container(SERVICE).filter(|container| container.runs())?;
    let found = grafana.silent.as_ref().map(|why| {
        Found::warn(SERVICE, "Grafana does not answer").evidence(why).remedy(command(facts, "logs grafana"))
    });
    Some(Judged::of(format!("GET /api/health of Grafana {}", grafana.version)).with(found))
}
