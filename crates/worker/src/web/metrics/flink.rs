//! The metrics that dashboards for Flink ask for, under its names. They are apart: Prometheus' own linter does not like
//! such names, and nobody should see everything twice.

use std::fmt::Display;

use super::exposition::{Exposition, escaped};
use crate::telemetry::Stage;
use crate::web::flink::identity::{job_id, job_name, vertex_id, vertex_name};
use crate::web::site::Site;

/// Metrics of the job, as `/jobs/{job}/metrics` names them.
pub(in crate::web) fn flink_job_metrics(site: &Site) -> Vec<(&'static str, f64)> {
    let view = &site.view;
    let checkpoints = &view.telemetry().checkpoints;
    let (completed, failed) = checkpoints.counts();
    let last = checkpoints.last_completed();
    let bytes = last.as_ref().and_then(|one| one.outcome.as_ref().ok()).map_or(-1.0, |(_, bytes)| *bytes as f64);
    vec![
        ("uptime", (view.now_ms() - view.started_ms()) as f64),
        ("downtime", 0.0),
        ("numRestarts", 0.0),
        ("fullRestarts", 0.0),
        ("lastCheckpointDuration", last.as_ref().map_or(-1.0, |one| one.duration_ms as f64)),
        ("lastCheckpointSize", bytes),
        ("lastCheckpointFullSize", bytes),
        ("totalNumberOfCheckpoints", (completed + failed) as f64),
        ("numberOfCompletedCheckpoints", completed as f64),
        ("numberOfFailedCheckpoints", failed as f64),
        ("numberOfInProgressCheckpoints", 0.0),
    ]
}

/// `GET /metrics/flink`
pub(in crate::web) fn flink_text(site: &Site) -> String {
    let (view, about) = (&site.view, site.view.about());
    let mut out = Exposition::new();
    let mut gauge = |name: &str, labels: &str, value: &dyn Display| {
        out.line(format_args!("# TYPE {name} gauge\n{name}{labels} {value}\n"));
    };
    gauge("flink_jobmanager_numRegisteredTaskManagers", "", &1);
    gauge("flink_jobmanager_numRunningJobs", "", &1);
    gauge("flink_jobmanager_taskSlotsTotal", "", &view.parallelism());
    gauge("flink_jobmanager_taskSlotsAvailable", "", &0);
    let job = format!("job_id=\"{}\",job_name=\"{}\"", job_id(about), escaped(&job_name(about)));
    for (name, value) in flink_job_metrics(site) {
        gauge(&format!("flink_jobmanager_job_{name}"), &format!("{{{job}}}"), &value);
    }
    let counts = view.counts();
    let outputs = counts.applied + counts.late + counts.windows + counts.alerts.iter().sum::<u64>();
    let labels = |stage: Stage| {
        let (id, name) = (vertex_id(stage), escaped(vertex_name(stage)));
        format!("{{{job},task_id=\"{id}\",task_name=\"{name}\",subtask_index=\"0\"}}")
    };
    let through = |stage: Stage| match stage {
        Stage::Source => (0, counts.consumed),
        Stage::Execute => (counts.consumed, outputs),
        Stage::Deliver => (outputs, 0),
    };
    let mut family = |name: &str, value: &dyn Fn(Stage) -> f64| {
        out.line(format_args!("# TYPE flink_taskmanager_job_task_{name} gauge\n"));
        for stage in Stage::ALL {
            out.line(format_args!("flink_taskmanager_job_task_{name}{} {}\n", labels(stage), value(stage)));
        }
    };
    family("numRecordsIn", &|stage| through(stage).0 as f64);
    family("numRecordsOut", &|stage| through(stage).1 as f64);
    family("busyTimeMsPerSecond", &|stage| site.live.shares(stage).busy * 1_000.0);
    family("idleTimeMsPerSecond", &|stage| site.live.shares(stage).idle * 1_000.0);
    family("backPressuredTimeMsPerSecond", &|stage| site.live.shares(stage).backpressured * 1_000.0);
    out.0
}
