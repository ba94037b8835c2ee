//! The cluster and its jobs: one task manager, which is this worker, and one job, which runs.

use serde_json::{Value, json};

use super::identity::{check_job, job_id, job_name};
use super::job::task_counts;
use crate::telemetry::Stage;
use crate::web::VERSION;
use crate::web::reply::{Ask, Reply, ok};

/// `GET /overview`
pub(crate) fn cluster(ask: &Ask<'_>) -> Reply {
    ok(json!({
        "taskmanagers": 1,
        "slots-total": ask.site.view.parallelism(),
        "slots-available": 0,
        "jobs-running": 1,
        "jobs-finished": 0,
        "jobs-cancelled": 0,
        "jobs-failed": 0,
        "flink-version": VERSION,
        // Builds of ours do not know it.
        "flink-commit": "unknown",
    }))
}

/// `GET /config`
pub(crate) fn config(_ask: &Ask<'_>) -> Reply {
    ok(json!({
        "refresh-interval": 1_000,
        "timezone-name": "Coordinated Universal Time",
        "timezone-offset": 0,
        "flink-version": VERSION,
        "flink-revision": "unknown",
        "features": { "web-submit": false, "web-cancel": false, "web-rescale": false, "web-history": false },
    }))
}

/// `GET /jobs`
pub(crate) fn jobs(ask: &Ask<'_>) -> Reply {
    ok(json!({ "jobs": [{ "id": job_id(ask.site.view.about()), "status": "RUNNING" }] }))
}

/// `GET /jobs/overview`
pub(crate) fn jobs_overview(ask: &Ask<'_>) -> Reply {
    let view = &ask.site.view;
    let total: u32 = Stage::ALL.into_iter().map(|stage| ask.site.subtasks(stage)).sum();
    let mut tasks = task_counts(total);
    tasks["total"] = json!(total);
    ok(json!({ "jobs": [{
        "jid": job_id(view.about()),
        "name": job_name(view.about()),
        "start-time": view.started_ms(),
        "end-time": -1,
        "duration": view.now_ms() - view.started_ms(),
        "state": "RUNNING",
        "last-modification": view.started_ms(),
        "tasks": lower_case(&tasks),
    }] }))
}

/// Flink writes states in capitals everywhere but here.
fn lower_case(counts: &Value) -> Value {
    let pairs = counts.as_object().into_iter().flatten();
    pairs.map(|(state, count)| (state.to_lowercase(), count.clone())).collect::<serde_json::Map<_, _>>().into()
}

/// The job's id, for those that only need to know that it is the right one.
pub(crate) fn checked_name(ask: &Ask<'_>) -> Result<(String, String), crate::web::reply::Problem> {
    Ok((check_job(ask)?, job_name(ask.site.view.about())))
}
