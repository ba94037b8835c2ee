//! Metrics in Prometheus' text format 0.0.4: names beside their descriptions, base units.

use std::fmt::Write;

use super::answers::VERSION;
use super::view::View;
use crate::anomaly::Rule;
use crate::decode::Ignored;

/// The format's content type.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A metric: its name, type and description.
struct Metric {
    name: &'static str,
    kind: Kind,
    help: &'static str,
}

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

const fn counter(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, help }
}

const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, help }
}

const CONSUMED: Metric = counter("cdc_worker_consumed_records_total", "Records read.");
const RECORDS: Metric =
    counter("cdc_worker_records_total", "Records by what became of them; together they are all that were read.");
const IGNORED: Metric = counter("cdc_worker_ignored_records_total", "Records ignored, by their type.");
const ALERTS: Metric = counter("cdc_worker_alerts_total", "Alerts, by rule.");
const WINDOWS: Metric = counter("cdc_worker_windows_total", "Aggregates of windows given out, corrections included.");
const GENERATIONS: Metric =
    counter("cdc_worker_generations_total", "Times that the binlog began again, after a failover or a reset.");
const WITHOUT_SOURCE_TIME: Metric = counter(
    "cdc_worker_without_source_time_records_total",
    "Order events without source.ts_ms that went by their record's timestamp; in event time only.",
);
const NEXT_OFFSET: Metric = gauge("cdc_worker_next_offset", "Offset of the partition that is read next, as committed.");
const PARALLELISM: Metric = gauge("cdc_worker_parallelism", "Shards that the state is divided into.");
const READY: Metric = gauge("cdc_worker_ready", "1 once partitions have been read and committed, else 0.");
const START: Metric =
    gauge("cdc_worker_start_time_seconds", "When the worker started, in seconds since the Unix epoch.");
const UPTIME: Metric = gauge("cdc_worker_uptime_seconds", "Time since the worker started.");
const BUILD: Metric = gauge("cdc_worker_build_info", "Always 1; the label has the worker's version.");

/// All metrics of a run.
pub(super) fn text(view: &dyn View) -> String {
    let mut out = Exposition(String::with_capacity(4096));
    let counts = view.counts();
    out.single(&CONSUMED, counts.consumed);
    let outcomes = [
        ("applied", counts.applied),
        ("duplicate", counts.duplicate),
        ("late", counts.late),
        ("dead_letter", counts.dead_letter),
        ("ignored", counts.ignored.iter().sum()),
    ];
    out.labelled(&RECORDS, "outcome", outcomes);
    out.labelled(&IGNORED, "type", Ignored::ALL.map(Ignored::name).into_iter().zip(counts.ignored));
    out.labelled(&ALERTS, "rule", Rule::ALL.map(Rule::name).into_iter().zip(counts.alerts));
    out.single(&WINDOWS, counts.windows);
    out.single(&GENERATIONS, counts.generation);
    out.single(&WITHOUT_SOURCE_TIME, counts.without_source_time);
    out.head(&NEXT_OFFSET);
    for (id, next_offset) in view.next_offsets() {
        let (topic, partition) = (escaped(&id.topic), id.partition);
        let labels = format!("{{topic=\"{topic}\",partition=\"{partition}\"}}");
        out.sample(&NEXT_OFFSET, &labels, next_offset);
    }
    out.single(&PARALLELISM, view.parallelism());
    out.single(&READY, u8::from(view.ready()));
    out.single(&START, seconds(view.started_ms()));
    out.single(&UPTIME, seconds(view.now_ms() - view.started_ms()));
    out.labelled(&BUILD, "version", [(VERSION, 1)]);
    out.0
}

/// The text as it grows.
struct Exposition(String);

impl Exposition {
    fn head(&mut self, metric: &Metric) {
        let Metric { name, kind, help } = metric;
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {}\n", kind.word()));
    }

    fn sample(&mut self, metric: &Metric, labels: &str, value: impl std::fmt::Display) {
        self.line(format_args!("{}{labels} {value}\n", metric.name));
    }

    fn single(&mut self, metric: &Metric, value: impl std::fmt::Display) {
        self.head(metric);
        self.sample(metric, "", value);
    }

    fn labelled(&mut self, metric: &Metric, label: &str, values: impl IntoIterator<Item = (&'static str, u64)>) {
        self.head(metric);
        for (name, value) in values {
            self.sample(metric, &format!("{{{label}=\"{name}\"}}"), value);
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // A string takes everything.
        let _taken = self.0.write_fmt(line);
    }
}

/// Milliseconds as seconds, exactly; a time before the start is the start.
fn seconds(ms: i64) -> String {
    let ms = ms.max(0);
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

/// A label's value: the format escapes three characters.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_seconds_with_three_places() {
        for (ms, text) in
            [(0, "0.000"), (7, "0.007"), (61_050, "61.050"), (1_770_872_100_000, "1770872100.000"), (-1, "0.000")]
        {
            assert_eq!(seconds(ms), text);
        }
    }

    #[test]
    fn a_label_cannot_end_its_line() {
        assert_eq!(escaped("a\"b\\c\nd"), r#"a\"b\\c\nd"#);
    }
}
