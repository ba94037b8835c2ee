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
    let (started_ms, now_ms) = (view.started_ms(), view.now_ms());
    let subtask = |number: u32| {
        json!({
            "subtask": number,
            "status": "RUNNING",
            "attempt": 0,
            "host": "localhost",
            "start-time": started_ms,
            "end-time": -1,
            "duration": now_ms - started_ms,
            "metrics": io_metrics(ask.site, stage),
            "taskmanager-id": "worker",
            "start_time": started_ms,
        })
    };
    ok(json!({
        "id": vertex_id(stage),
        "name": vertex_name(stage),
        "parallelism": ask.site.subtasks(stage),
        "maxParallelism": KEY_GROUPS,
        "now": now_ms,
        "subtasks": (0..ask.site.subtasks(stage)).map(subtask).collect::<Vec<_>>(),
    }))
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
        let timestamps = json!({ "CREATED": started_ms, "SCHEDULED": started_ms, "RUNNING": started_ms });
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
    fn back_pressure_has_flinks_three_levels() {
        for (share, word) in [(0.0, "ok"), (0.1, "ok"), (0.11, "low"), (0.5, "low"), (0.51, "high"), (1.0, "high")] {
            assert_eq!(level(Shares { backpressured: share, ..Shares::default() }), word);
        }
    }
}
