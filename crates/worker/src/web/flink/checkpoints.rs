//! Checkpoints and savepoints of this run, as Flink lists them. There is one subtask to wait for, which is the worker.

use serde_json::{Value, json};

use super::identity::check_job;
use crate::config::Value as Setting;
use crate::telemetry::CheckpointStatus;
use crate::web::reply::{Ask, Problem, Reply, ok};

/// `GET /jobs/{job}/checkpoints`
pub(crate) fn all(ask: &Ask<'_>) -> Reply {
    check_job(ask)?;
    let checkpoints = &ask.site.view.telemetry().checkpoints;
    let (completed, failed) = checkpoints.counts();
    let history = checkpoints.newest();
    let newest = |wanted: &dyn Fn(&CheckpointStatus) -> bool| {
        history.iter().find(|one| wanted(one)).map_or(Value::Null, statistics)
    };
    let completed_ones: Vec<(u64, u64)> = history
        .iter()
        .filter_map(|one| one.outcome.as_ref().ok().map(|(_, bytes)| (*bytes, one.duration_ms)))
        .collect();
    let sizes = summary(completed_ones.iter().map(|(bytes, _)| *bytes).collect());
    ok(json!({
        "counts": {
            "restored": 0, "total": completed + failed, "in_progress": 0, "completed": completed, "failed": failed,
        },
        "summary": {
            "checkpointed_size": sizes,
            "state_size": sizes,
            "end_to_end_duration": summary(completed_ones.iter().map(|(_, duration_ms)| *duration_ms).collect()),
            "alignment_buffered": summary(Vec::new()),
            "processed_data": summary(Vec::new()),
            "persisted_data": summary(Vec::new()),
        },
        "latest": {
            "completed": newest(&|one| one.outcome.is_ok() && !one.savepoint),
            "savepoint": newest(&|one| one.outcome.is_ok() && one.savepoint),
            "failed": newest(&|one| one.outcome.is_err()),
            "restored": Value::Null,
        },
        "history": history.iter().map(statistics).collect::<Vec<_>>(),
    }))
}

/// `GET /jobs/{job}/checkpoints/details/{checkpoint}`
pub(crate) fn details(ask: &Ask<'_>) -> Reply {
    check_job(ask)?;
    let asked = ask.names.get(1).and_then(|id| id.parse::<u64>().ok());
    let asked = asked.ok_or_else(|| Problem::bad("a checkpoint is asked for by its number"))?;
    let found = ask.site.view.telemetry().checkpoints.newest().into_iter().find(|one| one.id == asked);
    let found = found.ok_or_else(|| Problem::not_found(format!("checkpoint {asked} is not known, or forgotten")))?;
    ok(statistics(&found))
}

/// `GET /jobs/{job}/checkpoints/config`
pub(crate) fn config(ask: &Ask<'_>) -> Reply {
    check_job(ask)?;
    let configured = |key: &str| ask.site.view.about().configuration.iter().find(|entry| entry.key == key);
    let interval_ms = match configured("state.checkpoint_interval_ms").map(|entry| &entry.value) {
        Some(Setting::Integer(interval_ms)) if ask.site.view.control().is_some() => *interval_ms,
        // Flink's word for never.
        _ => i64::MAX,
    };
    ok(json!({
        "mode": "exactly_once",
        "interval": interval_ms,
        "timeout": 0,
        "min_pause": 0,
        "max_concurrent": 1,
        "externalization": { "enabled": true, "delete_on_cancellation": false },
        "state_backend": if ask.site.view.control().is_some() { "rocksdb" } else { "memory" },
        "checkpoint_storage": "local directory",
        "unaligned_checkpoints": false,
        "tolerable_failed_checkpoints": i32::MAX,
        "aligned_checkpoint_timeout": 0,
        "checkpoints_after_tasks_finish": false,
        "state_changelog_enabled": true,
    }))
}

fn statistics(one: &CheckpointStatus) -> Value {
    let ended_ms = one.begun_ms + one.duration_ms as i64;
    let (status, bytes) = match &one.outcome {
        Ok((_, bytes)) => ("COMPLETED", *bytes),
        Err(_) => ("FAILED", 0),
    };
    let mut value = json!({
        "className": status.to_lowercase(),
        "id": one.id,
        "status": status,
        "is_savepoint": one.savepoint,
        "savepointFormat": if one.savepoint { json!("CANONICAL") } else { Value::Null },
        "trigger_timestamp": one.begun_ms,
        "latest_ack_timestamp": if one.outcome.is_ok() { ended_ms } else { -1 },
        "checkpointed_size": bytes,
        "state_size": bytes,
        "end_to_end_duration": one.duration_ms,
        "alignment_buffered": 0,
        "processed_data": 0,
        "persisted_data": 0,
        "num_subtasks": 1,
        "num_acknowledged_subtasks": u8::from(one.outcome.is_ok()),
        "checkpoint_type": if one.savepoint { "SAVEPOINT" } else { "CHECKPOINT" },
        "tasks": {},
    });
    match &one.outcome {
        Ok((place, _)) => {
            value["external_path"] = json!(place.display().to_string());
            value["discarded"] = json!(!place.exists());
        }
        Err(reason) => {
            value["failure_timestamp"] = json!(ended_ms);
            value["failure_message"] = json!(reason);
        }
    }
    value
}

/// Flink's summary of numbers; zeros of nothing.
fn summary(mut numbers: Vec<u64>) -> Value {
    numbers.sort_unstable();
    let count = numbers.len() as u64;
    let quantile = |part: f64| {
        let index = ((numbers.len() as f64 * part).ceil() as usize).clamp(1, numbers.len().max(1)) - 1;
        numbers.get(index).copied().unwrap_or_default() as f64
    };
    json!({
        "min": numbers.first().copied().unwrap_or_default(),
        "max": numbers.last().copied().unwrap_or_default(),
        "avg": numbers.iter().sum::<u64>().checked_div(count).unwrap_or_default(),
        "p50": quantile(0.5),
        "p90": quantile(0.9),
        "p95": quantile(0.95),
        "p99": quantile(0.99),
        "p999": quantile(0.999),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_of_what_there_is() {
        let of_ten = summary((1..=10).rev().collect());
        for (name, value) in [("min", 1.0), ("max", 10.0), ("avg", 5.0), ("p50", 5.0), ("p90", 9.0), ("p999", 10.0)] {
            assert_eq!(of_ten[name].as_f64(), Some(value), "{name}");
        }
        assert_eq!(summary(Vec::new())["p99"], 0.0);
    }
}
