//! What is told every second: one sample of the run, made once, however many pages are open.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::watch;

use super::view::View;
use crate::telemetry::{HistogramCounts, Recent, Shares, Stage, Step};

/// How many samples are kept: 15 minutes (I7).
const KEPT: usize = 900;
/// How many samples latency quantiles are taken over.
const LATENCY_OVER: usize = 10;

/// One second of the run.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Sample {
    /// When, milliseconds since the Unix epoch.
    pub(super) at_ms: i64,
    /// Records read, a second.
    pub(super) records_per_second: f64,
    /// Alerts, a second.
    pub(super) alerts_per_second: f64,
    /// Epochs, a second.
    pub(super) epochs_per_second: f64,
    /// Records between where we are and the end of all partitions; null where it is not known.
    pub(super) lag_records: Option<u64>,
    /// The longest that a partition has stood still although there is more to read.
    pub(super) stall_age_ms: u64,
    /// Half of the events of the last seconds took at most so long from the database to the output.
    pub(super) latency_p50_ms: Option<u64>,
    /// 99 in 100 of them.
    pub(super) latency_p99_ms: Option<u64>,
}

/// The last seconds, and the text that open pages get.
pub(super) struct Live {
    inner: Mutex<Inner>,
    told: watch::Sender<Arc<str>>,
}

struct Inner {
    samples: Recent<Sample>,
    before: Option<Reading>,
    latencies: Recent<HistogramCounts>,
    shares: [Shares; Stage::ALL.len()],
}

/// What counts up, at one moment.
struct Reading {
    boot_ms: i64,
    consumed: u64,
    alerts: u64,
    epochs: u64,
    spent_ns: [u64; Step::ALL.len()],
}

impl Live {
    pub(super) fn new() -> Self {
        let inner = Inner {
            samples: Recent::new(KEPT),
            before: None,
            latencies: Recent::new(LATENCY_OVER + 1),
            shares: [Shares { idle: 1.0, ..Shares::default() }; Stage::ALL.len()],
        };
        Self { inner: Mutex::new(inner), told: watch::channel(Arc::from("")).0 }
    }

    /// Takes a sample; the first only begins.
    pub(super) fn sample(&self, view: &dyn View) {
        let telemetry = view.telemetry();
        let counts = view.counts();
        let now = Reading {
            boot_ms: view.boot_ms(),
            consumed: counts.consumed,
            alerts: counts.alerts.iter().sum(),
            epochs: telemetry.epoch_records().count(),
            spent_ns: telemetry.steps.spent_ns(),
        };
        let [from_source, from_broker] = telemetry.latency_ms();
        let partitions = telemetry.partitions(now.boot_ms);
        let mut inner = self.inner();
        let inner = &mut *inner;
        inner.latencies.push(if from_source.count() > 0 { from_source } else { from_broker });
        if let Some(before) = &inner.before
            && now.boot_ms > before.boot_ms
        {
            let elapsed_ms = now.boot_ms - before.boot_ms;
            let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 * 1_000.0 / elapsed_ms as f64;
            let latencies = inner.latencies.newest(LATENCY_OVER + 1, |_| true);
            let lately = match &latencies[..] {
                [newest, .., oldest] => Some(newest.since(oldest)),
                _ => None,
            };
            let quantile = |part| lately.as_ref().and_then(|lately| lately.quantile(part));
            inner.samples.push(Sample {
                at_ms: view.now_ms(),
                records_per_second: rate(now.consumed, before.consumed),
                alerts_per_second: rate(now.alerts, before.alerts),
                epochs_per_second: rate(now.epochs, before.epochs),
                lag_records: partitions.iter().filter_map(|partition| partition.lag_records).reduce(|a, b| a + b),
                stall_age_ms: partitions.iter().map(|partition| partition.stall_age_ms).max().unwrap_or_default(),
                latency_p50_ms: quantile(0.5),
                latency_p99_ms: quantile(0.99),
            });
            let elapsed_ns = elapsed_ms as u64 * 1_000_000;
            inner.shares = Stage::ALL.map(|stage| stage.shares(&before.spent_ns, &now.spent_ns, elapsed_ns));
        }
        inner.before = Some(now);
    }

    /// The newest samples, oldest first.
    pub(super) fn samples(&self) -> Vec<Sample> {
        let mut samples = self.inner().samples.newest(KEPT, |_| true);
        samples.reverse();
        samples
    }

    /// The newest sample.
    pub(super) fn newest(&self) -> Option<Sample> {
        self.inner().samples.newest(1, |_| true).pop()
    }

    /// How a stage's time divided in the last second.
    pub(super) fn shares(&self, stage: Stage) -> Shares {
        self.inner().shares[stage as usize]
    }

    /// Tells open pages something.
    pub(super) fn tell(&self, text: Arc<str>) {
        self.told.send_replace(text);
    }

    /// What is told from now on, and what was told last.
    pub(super) fn listen(&self) -> watch::Receiver<Arc<str>> {
        self.told.subscribe()
    }

    /// How many listen.
    pub(super) fn listeners(&self) -> usize {
        self.told.receiver_count()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere leaves whole values.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
