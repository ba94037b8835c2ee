//! The job: state, graph, configuration, metrics.

use serde_json::{Map, Value, json};

use super::identity::{check_job, job_name, vertex_id, vertex_name};
use super::overview::checked_name;
use super::vertices::io_metrics;
use crate::route::KEY_GROUPS;
use crate::telemetry::Stage;
use crate::web::metrics::flink_job_metrics;
use crate::web::reply::{Ask, Problem, Reply, ok};
use crate::web::site::Site;

/// How many tasks are in each of Flink's states: all run.
pub(super) fn task_counts(running: u32) -> Value {
    const STATES: [&str; 10] = [
        "CREATED",
        "SCHEDULED",
        "DEPLOYING",
        "RUNNING",
        "FINISHED",
        "CANCELING",
        "CANCELED",
        "FAILED",
        "RECONCILING",
        "INITIALIZING",
    ];
    let count = |state: &str| if state == "RUNNING" { running } else { 0 };
    STATES.map(|state| (state.to_owned(), json!(count(state)))).into_iter().collect::<Map<_, _>>().into()
}

/// `GET /jobs/{job}`
pub(crate) fn job(ask: &Ask<'_>) -> Reply {
    let (id, name) = checked_name(ask)?;
    let view = &ask.site.view;
    let (started_ms, now_ms) = (view.started_ms(), view.now_ms());
    let vertex = |stage: Stage| {
        let subtasks = ask.site.subtasks(stage);
        json!({
            "id": vertex_id(stage),
            "slotSharingGroupId": vertex_id(Stage::Source),
            "name": vertex_name(stage),
            "maxParallelism": KEY_GROUPS,
            "parallelism": subtasks,
            "status": "RUNNING",
            "start-time": started_ms,
            "end-time": -1,
            "duration": now_ms - started_ms,
            "tasks": task_counts(subtasks),
            "metrics": io_metrics(ask.site, stage),
        })
    };
    let total: u32 = Stage::ALL.into_iter().map(|stage| ask.site.subtasks(stage)).sum();
    ok(json!({
        "jid": id,
        "name": name,
        "isStoppable": view.control().is_some(),
        "state": "RUNNING",
        "job-type": "STREAMING",
        "start-time": started_ms,
        "end-time": -1,
        "duration": now_ms - started_ms,
        "maxParallelism": KEY_GROUPS,
        "now": now_ms,
        "timestamps": {
            "INITIALIZING": started_ms, "CREATED": started_ms, "RUNNING": started_ms, "FAILING": 0, "FAILED": 0,
            "CANCELLING": 0, "CANCELED": 0, "FINISHED": 0, "RESTARTING": 0, "SUSPENDED": 0, "RECONCILING": 0,
        },
        "vertices": Stage::ALL.map(vertex),
        "status-counts": task_counts(total),
        "plan": plan(ask.site, &id),
    }))
}

/// `GET /jobs/{job}/status`
pub(crate) fn status(ask: &Ask<'_>) -> Reply {
    check_job(ask)?;
    ok(json!({ "status": "RUNNING" }))
}

/// `GET /jobs/{job}/plan`
pub(crate) fn plan_only(ask: &Ask<'_>) -> Reply {
    let id = check_job(ask)?;
    ok(json!({ "plan": plan(ask.site, &id) }))
}

/// The graph: three vertices in a row.
fn plan(site: &Site, id: &str) -> Value {
    let node = |stage: Stage, before: Option<(Stage, &str)>| {
        let mut node = json!({
            "id": vertex_id(stage),
            "parallelism": site.subtasks(stage),
            "operator": "",
            "operator_strategy": "",
            "description": vertex_name(stage),
            "optimizer_properties": {},
        });
        if let Some((before, strategy)) = before {
            let id = vertex_id(before);
            node["inputs"] =
                json!([{ "num": 0, "id": id, "ship_strategy": strategy, "exchange": "pipelined_bounded" }]);
        }
        node
    };
    json!({
        "jid": id,
        "name": job_name(site.view.about()),
        "type": "STREAMING",
        "nodes": [
            node(Stage::Source, None),
            node(Stage::Execute, Some((Stage::Source, "HASH"))),
            node(Stage::Deliver, Some((Stage::Execute, "REBALANCE"))),
        ],
    })
}

/// `GET /jobs/{job}/config`
pub(crate) fn config(ask: &Ask<'_>) -> Reply {
    let (id, name) = checked_name(ask)?;
    let user: Map<String, Value> = ask
        .site
        .view
        .about()
        .configuration
        .iter()
        .map(|entry| (entry.key.to_owned(), json!(entry.value.to_string())))
        .collect();
    ok(json!({
        "jid": id,
        "name": name,
        "execution-config": {
            "execution-mode": "PIPELINED",
            "restart-strategy": "Restarted by whatever started it.",
            "job-parallelism": ask.site.view.parallelism(),
            "object-reuse-mode": true,
            "user-config": user,
        },
    }))
}

/// `GET /jobs/{job}/metrics`
pub(crate) fn metrics(ask: &Ask<'_>) -> Reply {
    check_job(ask)?;
    let all = flink_job_metrics(ask.site);
    let Some(wanted) = ask.parameter("get") else {
        return ok(all.iter().map(|(name, _)| json!({ "id": name })).collect());
    };
    let names: Vec<&str> = wanted.split(',').filter(|name| !name.is_empty()).collect();
    if names.len() > all.len() {
        return Err(Problem::bad(format!("get names at most {} metrics", all.len())));
    }
    let found = all.iter().filter(|(name, _)| names.contains(name));
    ok(found.map(|(name, value)| json!({ "id": name, "value": value.to_string() })).collect())
}
