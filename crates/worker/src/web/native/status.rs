//! What the page shows at a glance, and every second.

use serde_json::{Value, json};

use super::counts::{partition_list, sink_list};
use crate::epoch::Trouble;
use crate::telemetry::Stage;
use crate::web::VERSION;
use crate::web::flink::identity::{job_id, vertex_name};
use crate::web::reply::{Ask, Reply, ok};
use crate::web::site::Site;

/// A partition that stands still for so long although there is more to read is stalled.
const STALLED_MS: u64 = 60_000;

/// The fields of the answer.
pub(crate) const FIELDS: &[(&str, &str)] = &[
    ("version", "string"),
    ("job", "string"),
    ("now_ms", "integer"),
    ("started_ms", "integer"),
    ("ready", "boolean"),
    ("parallelism", "integer"),
    ("problems", "array"),
    ("accounting", "object"),
    ("stages", "array"),
    ("partitions", "array"),
    ("sinks", "array"),
    ("epoch", "integer"),
    ("held", "object"),
];

/// `GET /api/v1/status`
pub(crate) fn answer(ask: &Ask<'_>) -> Reply {
    ok(status(ask.site))
}

/// `GET /api/v1/history`
pub(crate) fn history(ask: &Ask<'_>) -> Reply {
    ok(json!({ "samples": ask.site.live.samples() }))
}

/// The same as a value: open pages get it every second.
pub(crate) fn status(site: &Site) -> Value {
    let view = &site.view;
    let telemetry = view.telemetry();
    let counts = view.counts();
    let (symbols, timers) = telemetry.held();
    let stage = |stage: Stage| {
        let shares = site.live.shares(stage);
        json!({
            "name": format!("{stage:?}").to_lowercase(),
            "description": vertex_name(stage),
            "subtasks": site.subtasks(stage),
            "busy": shares.busy,
            "idle": shares.idle,
            "backpressured": shares.backpressured,
        })
    };
    let checkpoint = telemetry.checkpoints.last_completed().map(|one| {
        json!({
            "begun_ms": one.begun_ms,
            "duration_ms": one.duration_ms,
            "bytes": one.outcome.as_ref().ok().map(|(_, bytes)| bytes),
        })
    });
    json!({
        "version": VERSION,
        "job": job_id(view.about()),
        "topic": view.about().topic,
        "now_ms": view.now_ms(),
        "started_ms": view.started_ms(),
        "ready": view.ready(),
        "parallelism": view.parallelism(),
        "problems": problems(site),
        "accounting": counts,
        "stages": Stage::ALL.map(stage),
        "partitions": partition_list(site),
        "sinks": sink_list(site),
        "epoch": view.epoch(),
        "watermark_ms": telemetry.watermark_ms(),
        "held": { "symbols": symbols, "timers": timers },
        "last_checkpoint": checkpoint,
        "sample": site.live.newest(),
    })
}

/// What is not well, by a word that the page knows; nothing where all is.
fn problems(site: &Site) -> Vec<Value> {
    let (view, telemetry) = (&site.view, site.view.telemetry());
    let mut problems = Vec::new();
    if !view.counts().adds_up() {
        problems.push(json!({ "kind": "accounting" }));
    }
    if let Some(Trouble { what, since_ms }) = view.trouble() {
        problems.push(json!({ "kind": "trouble", "reason": what, "since_ms": since_ms }));
    }
    for partition in telemetry.partitions(view.boot_ms()) {
        if partition.stall_age_ms >= STALLED_MS {
            let age_ms = partition.stall_age_ms;
            problems.push(json!({ "kind": "stalled", "partition": partition.partition, "age_ms": age_ms }));
        }
    }
    let newest = telemetry.checkpoints.newest().into_iter().find(|one| !one.savepoint);
    if let Some(Err(reason)) = newest.map(|one| one.outcome) {
        problems.push(json!({ "kind": "checkpoint", "reason": reason }));
    }
    problems
}
