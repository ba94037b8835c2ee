//! Real requests over TCP, as bytes, against a server on a free port.

mod api;
mod connections;
mod dashboards;
mod flink_answers;
mod otlp;
mod prometheus;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::connection::Limits;
use super::metrics::METRICS;
use super::server::start_within;
use super::*;
use crate::anomaly::Rule;
use crate::config::{Secret, WebSettings};
use crate::decode::Ignored;
use crate::epoch::{Accounting, Control, Request, RequestState, Trouble};
use crate::sink::Language;
use crate::source::PartitionId;
use crate::telemetry::Telemetry;
use crate::time::clock::{Clock, SystemClock};

const LOOPBACK: &str = "127.0.0.1:0";

/// A run that stands still.
struct Still {
    ready: AtomicBool,
    telemetry: Telemetry,
    about: About,
    control: Option<Control>,
    trouble: Option<Trouble>,
}

impl Default for Still {
    fn default() -> Self {
        let about = About {
            topic: "cdc.orders_db.orders".into(),
            group: "worker".into(),
            window_ms: 300_000,
            language: Language::Korean,
            state_directory: Some("/".into()),
            configuration: Vec::new(),
        };
        let (ready, telemetry) = (AtomicBool::new(false), Telemetry::default());
        Self { ready, telemetry, about, control: None, trouble: None }
    }
}

impl View for Still {
    fn counts(&self) -> Accounting {
        let mut counts = Accounting {
            consumed: 778,
            applied: 700,
            duplicate: 12,
            late: 6,
            dead_letter: 2,
            windows: 31,
            generation: 1,
            without_source_time: 5,
            ..Accounting::default()
        };
        (0..24).for_each(|_| counts.ignore(Ignored::Tombstone));
        (0..34).for_each(|_| counts.ignore(Ignored::OtherTable));
        (0..3).for_each(|_| counts.alert(Rule::LargeOrder));
        counts.alert(Rule::RapidOrders);
        counts
    }

    fn next_offsets(&self) -> Vec<(PartitionId, i64)> {
        let topic: Arc<str> = "cdc.orders_db.orders".into();
        vec![(PartitionId { topic: Arc::clone(&topic), partition: 0 }, 400), (PartitionId { topic, partition: 1 }, 378)]
    }

    fn started_ms(&self) -> i64 {
        1_770_872_100_250
    }

    fn now_ms(&self) -> i64 {
        1_770_872_161_300
    }

    fn boot_ms(&self) -> i64 {
        61_050
    }

    fn parallelism(&self) -> u16 {
        2
    }

    fn epoch(&self) -> u64 {
        9
    }

    fn trouble(&self) -> Option<Trouble> {
        self.trouble.clone()
    }

    fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    fn about(&self) -> &About {
        &self.about
    }

    fn control(&self) -> Option<&Control> {
        self.control.as_ref()
    }

    fn ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }
}

fn settings(listen: &str, token: Option<&str>) -> WebSettings {
    WebSettings { enabled: true, listen: listen.parse().unwrap(), token: token.and_then(Secret::new), otlp: None }
}

fn started(listen: &str, token: Option<&str>) -> Server {
    start(&settings(listen, token), Arc::new(Still::default())).unwrap()
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

fn connect(server: &Server) -> TcpStream {
    let port = server.address().port();
    let stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// Sends a request, which must end its connection, and takes all that comes.
fn send(server: &Server, request: &str) -> Answer {
    let mut stream = connect(server);
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

fn get(server: &Server, path: &str) -> Answer {
    send(server, &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"))
}

#[test]
fn the_overview_is_flinks() {
    let answer = get(&started(LOOPBACK, None), "/overview");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let expected = serde_json::json!({
        "taskmanagers": 1, "slots-total": 2, "slots-available": 0, "jobs-running": 1, "jobs-finished": 0,
        "jobs-cancelled": 0, "jobs-failed": 0, "flink-version": env!("CARGO_PKG_VERSION"), "flink-commit": "unknown",
    });
    assert_eq!(answer.json(), expected);
}

#[test]
fn the_accounting_is_the_summary() {
    let answer = get(&started(LOOPBACK, None), "/api/v1/accounting?since=ever");
    assert_eq!(answer.status, 200);
    let expected = serde_json::json!({
        "consumed": 778, "applied": 700, "duplicate": 12, "late": 6, "dead_letter": 2,
        "ignored": {
            "tombstone": 24, "truncate": 0, "message": 0, "heartbeat": 0, "transaction": 0, "schema_change": 0,
            "other_table": 34,
        },
        "alerts": { "LARGE_ORDER": 3, "HIGH_AMOUNT": 0, "PRICE_SPIKE": 0, "RAPID_ORDERS": 1 },
        "windows": 31, "generation": 1,
    });
    assert_eq!(answer.json(), expected);
}

#[test]
fn metrics_are_in_prometheus_format() {
    let answer = get(&started(LOOPBACK, None), "/metrics");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for expected in [
        "# HELP cdc_worker_consumed_records_total Records read.\n# TYPE cdc_worker_consumed_records_total counter\n\
         cdc_worker_consumed_records_total 778\n",
        "\ncdc_worker_records_total{outcome=\"applied\"} 700\ncdc_worker_records_total{outcome=\"duplicate\"} 12\n\
         cdc_worker_records_total{outcome=\"late\"} 6\ncdc_worker_records_total{outcome=\"dead_letter\"} 2\n\
         cdc_worker_records_total{outcome=\"ignored\"} 58\n",
        "\ncdc_worker_unbalanced_records 0\n",
        "\ncdc_worker_ignored_records_total{type=\"other_table\"} 34\n",
        "\ncdc_worker_alerts_total{rule=\"LARGE_ORDER\"} 3\n",
        "\ncdc_worker_windows_total 31\n",
        "\ncdc_worker_dead_letters_total{reason=\"other\"} 0\n",
        "\ncdc_worker_next_offset{topic=\"cdc.orders_db.orders\",partition=\"1\"} 378\n",
        "\ncdc_worker_epoch 9\n",
        "\ncdc_worker_parallelism 2\n",
        "\ncdc_worker_ready 0\n",
        "\ncdc_worker_start_time_seconds 1770872100.250\n",
        "\ncdc_worker_uptime_seconds 61.050\n",
        "\ncdc_worker_step_duration_seconds_bucket{step=\"execute\",le=\"0.00005\"} 0\n",
    ] {
        assert!(answer.body.contains(expected), "{expected}\nin\n{}", answer.body);
    }
    let declared = METRICS.iter().map(|metric| metric.name);
    let there = answer.body.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let (mut declared, mut there): (Vec<&str>, Vec<&str>) = (declared.collect(), there.collect());
    declared.sort_unstable();
    there.sort_unstable();
    assert_eq!(there, declared, "each metric that is declared is there once, and no other");
}

#[test]
fn the_worker_is_alive_at_once_and_ready_later() {
    let view = Arc::new(Still::default());
    let server = start(&settings(LOOPBACK, None), Arc::clone(&view) as Arc<dyn View>).unwrap();
    let alive = get(&server, "/healthz");
    assert_eq!((alive.status, &*alive.body), (200, "ok"));
    let early = get(&server, "/readyz");
    assert_eq!((early.status, &*early.body), (503, "not ready: no partition has been read and committed yet"));
    view.ready.store(true, Ordering::Relaxed);
    let ready = get(&server, "/readyz");
    assert_eq!((ready.status, &*ready.body), (200, "ok"));
}

#[test]
fn the_page_runs_its_own_script_only() {
    let server = started(LOOPBACK, None);
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/assets/page.js", "text/javascript; charset=utf-8"),
        ("/assets/page.css", "text/css; charset=utf-8"),
    ] {
        let answer = get(&server, path);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)));
        assert_eq!(
            answer.header("content-security-policy"),
            Some(
                "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                 base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
            )
        );
    }
}

#[test]
fn a_path_that_is_not_there_is_said_in_json() {
    let server = started(LOOPBACK, None);
    for path in ["/jars", "/overview/", "/api/v1", "/../etc/passwd", "/%2e%2e/secret"] {
        let answer = get(&server, path);
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.body, r#"{"errors":["not found: /api/v1/openapi.json lists what there is"]}"#);
    }
}

#[test]
fn every_answer_may_neither_be_kept_nor_framed() {
    let server = started(LOOPBACK, None);
    let post =
        |path: &str| send(&server, &format!("POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"));
    let refused = post("/jobs/any/stop");
    let paths = ["/", "/overview", "/api/v1/accounting", "/metrics", "/healthz", "/readyz", "/nowhere"];
    for answer in paths.map(|path| get(&server, path)).iter().chain([&refused]) {
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"), "{policy}");
    }
    assert_eq!(refused.status, 403);
    assert_eq!(
        refused.body,
        r#"{"errors":["nothing can be changed here: the worker has no token; set web.token_file"]}"#
    );
    // Where no token would help, that is said instead.
    assert_eq!((post("/overview").status, post("/overview").header("allow")), (405, Some("GET, HEAD")));
    assert_eq!(post("/nowhere").status, 404);
}

#[test]
fn head_tells_the_length_alone() {
    let answer =
        send(&started(LOOPBACK, None), "HEAD /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    assert_eq!((answer.status, &*answer.body), (200, ""));
    assert_eq!(answer.header("content-length"), Some("2"));
}

#[test]
fn another_name_for_this_machine_gets_nothing() {
    let server = started(LOOPBACK, None);
    let by_number = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", server.address());
    assert_eq!(send(&server, &by_number).status, 200);
    let rebound = send(&server, "GET /overview HTTP/1.1\r\nhost: evil.example\r\n\r\n");
    assert_eq!(rebound.status, 403);
    assert_eq!(
        rebound.body,
        concat!(
            r#"{"errors":["this host name is not served here: use localhost, 127.0.0.1 or the address in "#,
            r#"web.listen"]}"#
        )
    );
}

#[test]
fn past_loopback_the_token_opens_everything() {
    let server = started("0.0.0.0:0", Some("correct horse"));
    let ask = |path: &str, more: &str| {
        send(&server, &format!("GET {path} HTTP/1.1\r\nhost: worker.example\r\nconnection: close\r\n{more}\r\n"))
    };
    for path in ["/overview", "/api/v1/accounting", "/metrics", "/nowhere"] {
        let refused = ask(path, "authorization: Bearer wrong\r\n");
        assert_eq!(refused.status, 401, "{path}");
        assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"worker\""));
        assert_eq!(refused.body, r#"{"errors":["send the token of web.token: \"Authorization: Bearer TOKEN\""]}"#);
    }
    assert_eq!(ask("/overview", "authorization: Bearer correct horse\r\n").status, 200);
    assert_eq!(ask("/healthz", "").status, 200);
    assert_eq!(ask("/readyz", "").status, 503);
    let page = ask("/", "");
    assert_eq!(page.status, 200, "it asks for the token itself, and there is nothing else in it");
}

// I10: no secret in REST.
#[test]
fn no_answer_has_the_token() {
    let server = started("0.0.0.0:0", Some("hunter2-hunter2"));
    for path in ["/", "/overview", "/api/v1/accounting", "/metrics", "/nowhere", "/hunter2-hunter2"] {
        for token in ["", "authorization: Bearer hunter2-hunter2\r\n"] {
            let request = format!("GET {path} HTTP/1.1\r\nhost: any\r\nconnection: close\r\n{token}\r\n");
            let answer = send(&server, &request);
            assert!(!answer.head.contains("hunter2") && !answer.body.contains("hunter2"), "{path}");
        }
    }
    assert!(!format!("{:?}", settings(LOOPBACK, Some("hunter2-hunter2"))).contains("hunter2"));
}

#[test]
fn what_cannot_be_listened_on_is_one_clear_line() {
    let refusal = |listen: &str, token: Option<&str>| {
        start(&settings(listen, token), Arc::new(Still::default())).unwrap_err().to_string()
    };
    let other = TcpListener::bind(LOOPBACK).unwrap();
    let taken = other.local_addr().unwrap().to_string();
    assert_eq!(
        refusal(&taken, None),
        format!(
            "web: {taken} is in use by another program: free it, give another with web.listen, or switch the page off \
             with web.enabled=false"
        )
    );
    // TEST-NET-1: no machine's address.
    assert_eq!(
        refusal("192.0.2.1:8081", Some("token")),
        "web: 192.0.2.1:8081 is no address of this machine: give one with web.listen (127.0.0.1: this machine only; \
         0.0.0.0: from everywhere), or switch the page off with web.enabled=false"
    );
    assert_eq!(
        refusal("0.0.0.0:0", None),
        "web: 0.0.0.0:0 can be reached from other machines and there is no token: set web.token_file"
    );
}
