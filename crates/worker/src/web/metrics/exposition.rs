//! The text format as it is written.

use std::fmt::{Display, Write};

use super::names::Metric;
use crate::telemetry::HistogramCounts;

/// The format's content type.
pub(in crate::web) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The text as it grows.
pub(super) struct Exposition(pub(super) String);

impl Exposition {
    pub(super) fn new() -> Self {
        Self(String::with_capacity(16 * 1024))
    }

    pub(super) fn head(&mut self, metric: &Metric) {
        let Metric { name, kind, help } = metric;
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {}\n", kind.word()));
    }

    pub(super) fn sample(&mut self, metric: &Metric, labels: &str, value: impl Display) {
        self.line(format_args!("{}{labels} {value}\n", metric.name));
    }

    pub(super) fn single(&mut self, metric: &Metric, value: impl Display) {
        self.head(metric);
        self.sample(metric, "", value);
    }

    pub(super) fn labelled<N: AsRef<str>, V: Display>(
        &mut self,
        metric: &Metric,
        label: &str,
        values: impl IntoIterator<Item = (N, V)>,
    ) {
        self.head(metric);
        for (name, value) in values {
            self.sample(metric, &format!("{{{label}=\"{}\"}}", escaped(name.as_ref())), value);
        }
    }

    /// A histogram's samples; `labels` stand without braces, `per_second` of its values are one in the metric's unit.
    pub(super) fn histogram(&mut self, metric: &Metric, labels: &str, counts: &HistogramCounts, per_second: u64) {
        let (name, mut below) = (metric.name, 0);
        let comma = if labels.is_empty() { "" } else { "," };
        for (bound, count) in counts.bounds.iter().zip(&counts.counts) {
            below += count;
            let bound = *bound as f64 / per_second as f64;
            self.line(format_args!("{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {below}\n"));
        }
        let count = counts.count();
        self.line(format_args!("{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {count}\n"));
        let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let sum = counts.sum as f64 / per_second as f64;
        self.line(format_args!("{name}_sum{braces} {sum}\n{name}_count{braces} {count}\n"));
    }

    pub(super) fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // A string takes everything.
        let _taken = self.0.write_fmt(line);
    }
}

/// Milliseconds as seconds, exactly; a time before the start is the start.
pub(super) fn seconds(ms: i64) -> String {
    let ms = ms.max(0);
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

/// A label's value: the format escapes three characters.
pub(super) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::super::names::Kind;
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

    #[test]
    fn buckets_count_what_is_below_them() {
        let metric = Metric { name: "m_seconds", kind: Kind::Histogram, help: "M." };
        let counts = HistogramCounts { bounds: &[50, 2_000], counts: vec![2, 1, 4], sum: 9_500 };
        let mut out = Exposition::new();
        out.histogram(&metric, "step=\"log\"", &counts, 1_000);
        let expected = "m_seconds_bucket{step=\"log\",le=\"0.05\"} 2\nm_seconds_bucket{step=\"log\",le=\"2\"} 3\n\
                        m_seconds_bucket{step=\"log\",le=\"+Inf\"} 7\nm_seconds_sum{step=\"log\"} 9.5\n\
                        m_seconds_count{step=\"log\"} 7\n";
        assert_eq!(out.0, expected);
    }
}
