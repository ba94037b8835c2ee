//! Debian's Prometheus scrapes a worker at work, and every query of the dashboards finds something to show. Skipped, and
//! said so, where Prometheus is not installed; CI does not go without.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use worker::source::generate::GenerateSettings;
use worker::source::market::MarketSettings;

use super::asked::{Life, stopped};
use super::support::Real;
use crate::program::wait_until;

/// A Prometheus that ends with its test.
struct Prometheus {
    child: Child,
    port: u16,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself, which the test has told then.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Prometheus {
    fn start(life: &Life) -> Option<Self> {
        let job = |name: &str, path: &str| {
            format!(
                "  - job_name: {name}\n    metrics_path: {path}\n    static_configs: [{{targets: [\"127.0.0.1:{}\"]}}]\n",
                life.port
            )
        };
        let jobs = job("worker", "/metrics") + &job("worker-flink", "/metrics/flink");
        let configuration = format!("global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n{jobs}");
        fs::write(life.path("prometheus.yml"), configuration).unwrap();
        // A port that was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let started = Command::new("prometheus")
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=prometheus", "--log.level=error"])
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .current_dir(life.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = started else {
            assert!(std::env::var_os("CI").is_none(), "CI does not go without prometheus");
            println!("skipped: prometheus is not installed");
            return None;
        };
        Some(Self { child, port })
    }

    /// What a query gives: how many series.
    fn series(&self, query: &str) -> Option<usize> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        let query = query.bytes().fold(String::new(), |query, byte| query + &format!("%{byte:02X}"));
        write!(stream, "GET /api/v1/query?query={query} HTTP/1.0\r\nhost: localhost\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let answer: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
        Some(answer["data"]["result"].as_array()?.len())
    }
}

/// Every query of every panel, with the panel's title.
fn queries() -> Vec<(String, String)> {
    let dashboards = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../compose/observability/grafana/dashboards");
    let mut found = Vec::new();
    for file in dashboards.read_dir().unwrap() {
        let dashboard: Value = serde_json::from_slice(&fs::read(file.unwrap().path()).unwrap()).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                found.push((text(&panel["title"]), text(&target["expr"])));
            }
        }
    }
    found
}

#[test]
fn every_panel_of_every_dashboard_has_something_to_show() {
    let Some(real) = Real::broker() else { return };
    let life = Life::new(&real);
    let market = MarketSettings::default();
    real.generate(&life.topic, &GenerateSettings { market, count: 2_000, rate: None }).unwrap();
    real.send(&life.topic, 0, Some("{\"op\":"), 1_000);
    real.flush();
    let Some(prometheus) = Prometheus::start(&life) else { return };
    let child = life.begin("state", &[]);
    life.asked("checkpoints", &json!({}));
    let queries = queries();
    assert!(queries.len() > 30, "{}", queries.len());
    // There is no Connect here: its panels are asked on the real stack (e2e's `observability`).
    let of_worker = |(_, query): &&(String, String)| !["connect_", "debezium_"].iter().any(|name| query.contains(name));
    for (panel, query) in queries.iter().filter(of_worker) {
        wait_until(&format!("panel {panel:?} shows something: {query}"), || {
            prometheus.series(query).is_some_and(|series| series > 0)
        });
    }
    wait_until("Flink's names too", || prometheus.series("flink_jobmanager_job_uptime") == Some(1));
    stopped(child);
}
