//! Metrics that are sent.

use std::io::{BufRead as _, BufReader};

use serde_json::Value;

use super::*;
use crate::config::OtlpSettings;

// A collector, as far as a worker sees one: it takes requests, and answers each as it is told to.
#[test]
fn metrics_are_sent_to_a_collector_again_and_again() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let otlp = OtlpSettings {
        endpoint: format!("http://{}/v1/metrics", collector.local_addr().unwrap()),
        interval: Duration::from_millis(20),
    };
    let settings = WebSettings { otlp: Some(otlp), ..settings(LOOPBACK, None) };
    let _server = start(&settings, Arc::new(Still::default())).unwrap();
    // The second is told as much as the first, also where that was refused.
    for status in ["503 Service Unavailable", "200 OK"] {
        let (mut stream, _) = collector.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut head, mut line) = (String::new(), String::new());
        while reader.read_line(&mut line).unwrap() > 2 {
            head += &line.to_ascii_lowercase();
            line.clear();
        }
        assert!(head.starts_with("post /v1/metrics http/1.1"), "{head}");
        assert!(head.contains("content-type: application/json"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap();
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        let told: Value = serde_json::from_slice(&body).unwrap();
        let metrics = told["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap();
        assert_eq!(metrics.len(), METRICS.len());
        let consumed = metrics.iter().find(|metric| metric["name"] == "cdc_worker_consumed_records_total").unwrap();
        assert_eq!(consumed["sum"]["dataPoints"][0]["asDouble"], 778.0);
    }
}
