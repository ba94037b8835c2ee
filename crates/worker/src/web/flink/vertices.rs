//! The vertices of the job graph, which are the engine's stages. Subtasks of a stage are its shards; they share the
//! stage's threads, so each has the stage's share of busy time.

use serde_json::{Value, json};

use super::identity::{check_vertex, vertex_id, vertex_name};
use crate::route::KEY_GROUPS;
use crate::telemetry::{Shares, Stage, Step};
use crate::web::reply::{Ask, Reply, ok};
use crate::web::site::Site;

/// What a stage takes and gives, as Flink's vertices have it. Bytes are not counted.
pub(super) fn io_metrics(site: &Site, stage: Stage) -> Value {
    let counts = site.view.counts();
    let outputs = counts.applied + counts.late + counts.windows + counts.alerts.iter().sum::<u64>();
    let events = counts.applied + counts.late;
    let (read, written) = match stage {
        Stage::Source => (0, counts.consumed),
        Stage::Execute => (counts.consumed, outputs.max(events)),
        Stage::Deliver => (outputs.max(events), 0),
    };
    let spent_ms = |step: Step| site.view.telemetry().steps.spent_ns()[step as usize] / 1_000_000;
    let (busy, backpressured) = match stage {
        Stage::Source => (spent_ms(Step::Log), spent_ms(Step::HandOver) + spent_ms(Step::Execute)),
        Stage::Execute => (spent_ms(Step::Execute), spent_ms(Step::HandOver)),
        Stage::Deliver => (spent_ms(Step::Deliver) + spent_ms(Step::Commit), 0),
    };
    let lived_ms = (site.view.now_ms() - site.view.started_ms()).max(0) as u64;
    json!({
        "read-bytes": 0,
        "read-bytes-complete": false,
        "write-bytes": 0,
        "write-bytes-complete": false,
        "read-records": read,
        "read-records-complete": true,
        "write-records": written,
        "write-records-complete": true,
        "accumulated-backpressured-time": backpressured,
        "accumulated-idle-time": lived_ms.saturating_sub(busy + backpressured),
        "accumulated-busy-time": busy as f64,
    })
}

/// `GET /jobs/{job}/vertices/{vertex}`
pub(crate) fn vertex(ask: &Ask<'_>) -> Reply {
    let stage = check_vertex(ask)?;
    let view = &ask.site.view;
    let (started_ms, now_ms, count) = (view.started_ms(), view.now_ms(), ask.site.subtasks(stage));
    let (metrics, durations) = (of_subtask(ask.site, stage, count), durations(now_ms - started_ms));
    let subtask = |number: u32| {
        json!({
            "subtask": number,
            "status": "RUNNING",
            "attempt": 0,
            "host": "localhost",
            "start-time": started_ms,
            "end-time": -1,
            "duration": now_ms - started_ms,
            "metrics": metrics,
            "taskmanager-id": "worker",
            "start_time": started_ms,
            "status-duration": durations,
        })
    };
    ok(json!({
        "id": vertex_id(stage),
        "name": vertex_name(stage),
        "parallelism": ask.site.subtasks(stage),
        "maxParallelism": KEY_GROUPS,
        "now": now_ms,
        "subtasks": (0..count).map(subtask).collect::<Vec<_>>(),
        "aggregated": {
            "metrics": aggregated(&metrics, count),
            "status-duration": aggregated(&durations, count),
        },
    }))
}

/// How long a subtask was in each state; it starts in no time.
fn durations(running_ms: i64) -> Value {
    json!({ "CREATED": 0, "SCHEDULED": 0, "DEPLOYING": 0, "INITIALIZING": 0, "RUNNING": running_ms })
}

/// A stage's metrics as one of its subtasks has them: shards share its threads, so each has its times; records are not
/// counted by shard, and an even part of them is marked as incomplete.
fn of_subtask(site: &Site, stage: Stage, count: u32) -> Value {
    let mut metrics = io_metrics(site, stage);
    if count > 1 {
        for name in ["read-records", "write-records"] {
            metrics[name] = json!(metrics[name].as_u64().unwrap_or_default() / u64::from(count));
            metrics[format!("{name}-complete")] = json!(false);
        }
    }
    metrics
}

/// Flink's statistics of numbers that all subtasks have alike.
fn aggregated(of_each: &Value, count: u32) -> Value {
    let numbers =
        of_each.as_object().into_iter().flatten().filter_map(|(name, value)| Some((name, value.as_f64()? as u64)));
    let statistics = numbers.map(|(name, value)| {
        let statistics = json!({
            "min": value, "max": value, "avg": value, "sum": value * u64::from(count),
            "median": value, "p25": value, "p75": value, "p95": value,
        });
        (name.clone(), statistics)
    });
    Value::Object(statistics.collect())
}

/// `GET /jobs/{job}/vertices/{vertex}/backpressure`
pub(crate) fn backpressure(ask: &Ask<'_>) -> Reply {
    let stage = check_vertex(ask)?;
    let shares = ask.site.live.shares(stage);
    let subtask = |number: u32| {
        json!({
            "subtask": number,
            "backpressureLevel": level(shares),
            "ratio": shares.backpressured,
            "idleRatio": shares.idle,
            "busyRatio": shares.busy,
            "backpressure-level": level(shares),
        })
    };
    ok(json!({
        "status": "ok",
        "backpressureLevel": level(shares),
        "end-timestamp": ask.site.view.now_ms(),
        "subtasks": (0..ask.site.subtasks(stage)).map(subtask).collect::<Vec<_>>(),
        "backpressure-level": level(shares),
    }))
}

/// Flink's words for a share of back-pressured time.
fn level(shares: Shares) -> &'static str {
    match shares.backpressured {
        high if high > 0.5 => "high",
        low if low > 0.1 => "low",
        _ => "ok",
    }
}

/// `GET /jobs/{job}/vertices/{vertex}/watermarks`
pub(crate) fn watermarks(ask: &Ask<'_>) -> Reply {
    let stage = check_vertex(ask)?;
    let Some(watermark_ms) = ask.site.view.telemetry().watermark_ms() else { return ok(json!([])) };
    let subtask =
        |number: u32| json!({ "id": format!("{number}.currentInputWatermark"), "value": watermark_ms.to_string() });
    ok((0..ask.site.subtasks(stage)).map(subtask).collect())
}

/// `GET /jobs/{job}/vertices/{vertex}/subtasktimes`
pub(crate) fn times(ask: &Ask<'_>) -> Reply {
    let stage = check_vertex(ask)?;
    let view = &ask.site.view;
    let (started_ms, now_ms) = (view.started_ms(), view.now_ms());
    let subtask = |number: u32| {
        // 0: it was never in that state.
        let timestamps = json!({
            "CREATED": started_ms, "SCHEDULED": started_ms, "DEPLOYING": started_ms, "INITIALIZING": started_ms,
            "RUNNING": started_ms, "FINISHED": 0, "CANCELING": 0, "CANCELED": 0, "FAILED": 0, "RECONCILING": 0,
        });
        json!({ "subtask": number, "host": "localhost", "duration": now_ms - started_ms, "timestamps": timestamps })
    };
    ok(json!({
        "id": vertex_id(stage),
        "name": vertex_name(stage),
        "now": now_ms,
        "subtasks": (0..ask.site.subtasks(stage)).map(subtask).collect::<Vec<_>>(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_have_alike_is_added_up() {
        let of_each = json!({ "read-records": 7, "accumulated-busy-time": 2.0, "read-records-complete": true });
        let expected = |value: u64, sum: u64| {
            json!({
                "min": value, "max": value, "avg": value, "sum": sum, "median": value, "p25": value, "p75": value,
                "p95": value,
            })
        };
        let all = json!({ "read-records": expected(7, 21), "accumulated-busy-time": expected(2, 6) });
        assert_eq!(aggregated(&of_each, 3), all);
    }

    #[test]
    fn back_pressure_has_flinks_three_levels() {
        for (share, word) in [(0.0, "ok"), (0.1, "ok"), (0.11, "low"), (0.5, "low"), (0.51, "high"), (1.0, "high")] {
            assert_eq!(level(Shares { backpressured: share, ..Shares::default() }), word);
        }
    }
}
