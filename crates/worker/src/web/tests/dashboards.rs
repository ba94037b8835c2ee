//! Dashboards and alert rules name metrics that there are: the worker's own, and those that Connect's exporter makes.

use std::path::{Path, PathBuf};

use crate::web::metrics::METRICS;

fn observability() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../compose/observability")
}

/// The names in a query that are ours: what begins as one.
fn names(query: &str) -> Vec<&str> {
    const BEGINNINGS: [&str; 4] = ["cdc_worker_", "process_", "connect_", "debezium_"];
    let words = query.split(|char: char| !(char.is_ascii_alphanumeric() || char == '_'));
    words.filter(|word| BEGINNINGS.iter().any(|beginning| word.starts_with(beginning))).collect()
}

/// Whether Connect's exporter makes it.
fn is_connects(name: &str) -> bool {
    let rules = std::fs::read_to_string(observability().join("connect-metrics.yaml")).unwrap();
    rules.lines().filter_map(|line| line.trim().strip_prefix("name: ")).any(|made| made == name)
}

/// Whether there is such a metric, or part of a histogram.
fn is_there(name: &str) -> bool {
    let is_the_workers = METRICS.iter().any(|metric| {
        let part = name.strip_prefix(metric.name).unwrap_or("no");
        part.is_empty() || (metric.is_histogram() && ["_bucket", "_sum", "_count"].contains(&part))
    });
    is_the_workers || is_connects(name)
}

#[test]
fn every_panel_asks_for_metrics_that_there_are() {
    let mut queries = 0;
    for file in observability().join("grafana/dashboards").read_dir().unwrap() {
        let path = file.unwrap().path();
        let dashboard: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                let query = target["expr"].as_str().unwrap();
                for name in names(query) {
                    assert!(is_there(name), "{}: {name}", path.display());
                }
                assert!(!names(query).is_empty() || query.starts_with("up{"), "{}: {query}", path.display());
                queries += 1;
            }
        }
    }
    assert!(queries > 25, "{queries}");
}

#[test]
fn every_alert_rule_asks_for_metrics_that_there_are() {
    let rules = std::fs::read_to_string(observability().join("alerts.yml")).unwrap();
    let queries: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).collect();
    assert!(queries.len() >= 10);
    for name in queries.into_iter().flat_map(names) {
        assert!(is_there(name), "{name}");
    }
}

#[test]
fn a_name_that_is_not_there_is_found_out() {
    assert!(is_there("cdc_worker_ready") && is_there("cdc_worker_epoch_records_sum"));
    assert!(is_there("connect_tasks") && !is_there("connect_tasks_sum") && !is_there("debezium_nothing"));
    assert!(!is_there("cdc_worker_ready_sum") && !is_there("cdc_worker_nothing") && !is_there("process_"));
}
