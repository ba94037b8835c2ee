//! `ExportMetricsServiceRequest` in OTLP's JSON form (opentelemetry-proto, `metrics/v1/metrics.proto`; numbers of 64 bits are
//! strings there).

use serde_json::{Value, json};

use super::exposed::{Family, Sample};
use crate::web::VERSION;
use crate::web::metrics::Kind;

const SERVICE: &str = "cdc-worker";
/// `AGGREGATION_TEMPORALITY_CUMULATIVE`: counted since the start.
const CUMULATIVE: u8 = 2;
const BUCKET: &str = "_bucket";
const BOUND: &str = "le";

/// Since when was counted, and until when; milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) started_ms: i64,
    pub(super) now_ms: i64,
}

/// The request that tells these.
pub(super) fn of(families: &[Family], times: Times) -> Value {
    let metrics: Vec<Value> = families.iter().map(|family| metric(family, times)).collect();
    let attributes = attributes(&[("service.name", SERVICE), ("service.version", VERSION)]);
    json!({
        "resourceMetrics": [{
            "resource": { "attributes": attributes },
            "scopeMetrics": [{ "scope": { "name": SERVICE, "version": VERSION }, "metrics": metrics }],
        }],
    })
}

fn metric(family: &Family, times: Times) -> Value {
    let mut metric = json!({ "name": family.name, "description": family.help });
    let points = || -> Vec<Value> { family.samples.iter().map(|sample| number(sample, times)).collect() };
    match family.kind {
        Kind::Gauge => metric["gauge"] = json!({ "dataPoints": points() }),
        Kind::Counter => {
            metric["sum"] =
                json!({ "aggregationTemporality": CUMULATIVE, "isMonotonic": true, "dataPoints": points() });
        }
        Kind::Histogram => {
            metric["histogram"] =
                json!({ "aggregationTemporality": CUMULATIVE, "dataPoints": histograms(&family.samples, times) });
        }
    }
    metric
}

fn number(sample: &Sample, times: Times) -> Value {
    let mut point = point(&sample.labels, times);
    point["asDouble"] = json!(sample.value);
    point
}

fn point(labels: &[(String, String)], times: Times) -> Value {
    json!({
        "attributes": attributes(labels),
        "startTimeUnixNano": nanoseconds(times.started_ms),
        "timeUnixNano": nanoseconds(times.now_ms),
    })
}

/// One point for each set of labels: the exposition's buckets count all below, OTLP's only their own.
fn histograms(samples: &[Sample], times: Times) -> Vec<Value> {
    let own = |sample: &Sample| -> Vec<(String, String)> {
        sample.labels.iter().filter(|(name, _)| name != BOUND).cloned().collect()
    };
    let mut sets: Vec<Vec<(String, String)>> = Vec::new();
    for labels in samples.iter().map(own) {
        if !sets.contains(&labels) {
            sets.push(labels);
        }
    }
    let of_set = |set: Vec<(String, String)>| {
        let mut told = point(&set, times);
        let (mut below, mut bounds, mut counts) = (0.0, Vec::new(), Vec::new());
        for sample in samples.iter().filter(|sample| own(sample) == set) {
            match sample.suffix.as_str() {
                BUCKET => {
                    let bound =
                        sample.labels.iter().find(|(name, _)| name == BOUND).and_then(|(_, le)| le.parse().ok());
                    bounds.extend(bound.filter(|bound: &f64| bound.is_finite()));
                    counts.push(whole(sample.value - below));
                    below = sample.value;
                }
                "_sum" => told["sum"] = json!(sample.value),
                _ => told["count"] = json!(whole(sample.value)),
            }
        }
        told["explicitBounds"] = json!(bounds);
        told["bucketCounts"] = json!(counts);
        told
    };
    sets.into_iter().map(of_set).collect()
}

fn whole(count: f64) -> String {
    format!("{count:.0}")
}

fn nanoseconds(ms: i64) -> String {
    (i128::from(ms) * 1_000_000).to_string()
}

fn attributes<N: AsRef<str>, V: AsRef<str>>(labels: &[(N, V)]) -> Vec<Value> {
    let attribute =
        |(name, value): &(N, V)| json!({ "key": name.as_ref(), "value": { "stringValue": value.as_ref() } });
    labels.iter().map(attribute).collect()
}

#[cfg(test)]
mod tests {
    use super::super::exposed::families;
    use super::*;

    const TEXT: &str = "# HELP a_total All of a.\n# TYPE a_total counter\na_total{x=\"1\"} 3\n\
        # HELP c_seconds C.\n# TYPE c_seconds histogram\n\
        c_seconds_bucket{step=\"log\",le=\"0.05\"} 2\nc_seconds_bucket{step=\"log\",le=\"2\"} 3\n\
        c_seconds_bucket{step=\"log\",le=\"+Inf\"} 7\nc_seconds_sum{step=\"log\"} 9.5\nc_seconds_count{step=\"log\"} 7\n\
        c_seconds_bucket{step=\"run\",le=\"+Inf\"} 0\nc_seconds_sum{step=\"run\"} 0\nc_seconds_count{step=\"run\"} 0\n";

    #[test]
    fn counters_and_histograms_are_told_as_the_protocol_has_them() {
        let told = of(&families(TEXT), Times { started_ms: 1_000, now_ms: 61_050 });
        let metrics = &told["resourceMetrics"][0]["scopeMetrics"][0]["metrics"];
        let sum = &metrics[0]["sum"];
        assert_eq!((sum["isMonotonic"] == true, &sum["aggregationTemporality"]), (true, &json!(2)));
        let expected = json!({
            "attributes": [{ "key": "x", "value": { "stringValue": "1" } }],
            "startTimeUnixNano": "1000000000", "timeUnixNano": "61050000000", "asDouble": 3.0,
        });
        assert_eq!((&metrics[0]["name"], &sum["dataPoints"][0]), (&json!("a_total"), &expected));
        let points = metrics[1]["histogram"]["dataPoints"].as_array().unwrap();
        assert_eq!(points.len(), 2);
        let counts =
            |point: &Value| (point["bucketCounts"].clone(), point["explicitBounds"].clone(), point["count"].clone());
        assert_eq!(counts(&points[0]), (json!(["2", "1", "4"]), json!([0.05, 2.0]), json!("7")));
        assert_eq!((&points[0]["sum"], counts(&points[1])), (&json!(9.5), (json!(["0"]), json!([]), json!("0"))));
    }
}
