//! Metrics for Prometheus, in its text format 0.0.4. Names, types, units and descriptions stand in [`names`] once.

mod exposition;
mod flink;
mod names;
mod run;

pub(super) use exposition::CONTENT_TYPE;
pub(super) use flink::{flink_job_metrics, flink_text};
pub(super) use names::Kind;
pub(super) use run::text;

#[cfg(test)]
pub(super) use names::METRICS;
