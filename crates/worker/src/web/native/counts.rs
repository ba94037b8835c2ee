//! Counts, partitions, latency, sinks.

use serde_json::{Value, json};

use crate::telemetry::HistogramCounts;
use crate::web::reply::{Ask, Problem, Reply, ok};
use crate::web::site::Site;

/// `GET /api/v1/accounting`
pub(crate) fn accounting(ask: &Ask<'_>) -> Reply {
    let counts = serde_json::to_value(ask.site.view.counts());
    counts.map_err(|error| Problem::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, error.to_string())).and_then(ok)
}

/// `GET /api/v1/partitions`
pub(crate) fn partitions(ask: &Ask<'_>) -> Reply {
    ok(json!({ "partitions": partition_list(ask.site) }))
}

pub(super) fn partition_list(site: &Site) -> Vec<Value> {
    let partitions = site.view.telemetry().partitions(site.view.boot_ms());
    let shown = partitions.into_iter().map(|partition| {
        json!({
            "topic": partition.topic,
            "partition": partition.partition,
            "next_offset": partition.next_offset,
            "end_offset": partition.end_offset,
            "records": partition.records,
            "lag_records": partition.lag_records,
            "stall_age_ms": partition.stall_age_ms,
            "replicas": partition.replicas.map(|replicas| replicas.assigned),
            "in_sync_replicas": partition.replicas.map(|replicas| replicas.in_sync),
        })
    });
    shown.collect()
}

/// `GET /api/v1/latency`
pub(crate) fn latency(ask: &Ask<'_>) -> Reply {
    let [from_source, from_broker] = ask.site.view.telemetry().latency_ms();
    ok(json!({ "from_source": histogram(&from_source), "from_broker": histogram(&from_broker) }))
}

fn histogram(counts: &HistogramCounts) -> Value {
    let bounds = counts.bounds.iter().map(|bound| json!(bound)).chain([Value::Null]);
    let buckets: Vec<Value> =
        bounds.zip(&counts.counts).map(|(bound, count)| json!({ "up_to_ms": bound, "samples": count })).collect();
    json!({
        "samples": counts.count(),
        "p50_ms": counts.quantile(0.5),
        "p90_ms": counts.quantile(0.9),
        "p99_ms": counts.quantile(0.99),
        "p999_ms": counts.quantile(0.999),
        "buckets": buckets,
    })
}

/// `GET /api/v1/sinks`
pub(crate) fn sinks(ask: &Ask<'_>) -> Reply {
    ok(json!({ "sinks": sink_list(ask.site) }))
}

pub(super) fn sink_list(site: &Site) -> Vec<Value> {
    let telemetry = site.view.telemetry();
    let last_epoch = telemetry.last_epoch();
    let sinks = telemetry.sinks().into_iter();
    sinks
        .map(|sink| {
            let behind = last_epoch.saturating_sub(sink.epoch);
            json!({
                "name": sink.name,
                "epoch": sink.epoch,
                "at_ms": sink.at_ms,
                "epochs_behind": behind,
                "waiting_bytes": sink.waiting_bytes,
                "misfits": sink.misfits,
                "trouble": sink.trouble,
            })
        })
        .collect()
}
