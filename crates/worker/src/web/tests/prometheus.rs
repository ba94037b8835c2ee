//! Debian's Prometheus asks a server of ours, and answers what dashboards ask it; and its tool finds nothing wrong.
//! Skipped, and said so, where they are not installed.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::*;

/// Starts a program of Debian's package; `None` where it is not there, which CI does not go without.
fn program(name: &str, arguments: &[&str]) -> Option<Child> {
    let mut command = Command::new(name);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let started = command.spawn().ok();
    if started.is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI does not go without {name}");
        let _told = writeln!(std::io::stderr(), "skipped: {name} is not installed (Debian: prometheus)");
    }
    started
}

#[test]
fn promtool_finds_nothing_wrong() {
    let server = started(LOOPBACK, None);
    let text = get(&server, "/metrics").body;
    let Some(mut promtool) = program("promtool", &["check", "metrics"]) else { return };
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.trim().is_empty(), "{said}\n{text}");
}

/// A Prometheus that ends with its test.
struct Prometheus(Child);

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself, which the test has told then.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn write(path: &Path, text: &str) -> String {
    std::fs::write(path, text).unwrap();
    path.display().to_string()
}

#[test]
fn a_real_prometheus_asks_and_answers() {
    const TOKEN: &str = "correct horse";
    let server = started("0.0.0.0:0", Some(TOKEN));
    let directory = tempfile::tempdir().unwrap();
    let token = write(&directory.path().join("token"), TOKEN);
    let port = server.address().port();
    let job = |name: &str, path: &str| {
        format!(
            "  - job_name: {name}\n    metrics_path: {path}\n    authorization: {{credentials_file: {token}}}\n    \
             static_configs: [{{targets: [\"127.0.0.1:{port}\"]}}]\n"
        )
    };
    let jobs = job("worker", "/metrics") + &job("worker-flink", "/metrics/flink");
    let configuration = write(
        &directory.path().join("prometheus.yml"),
        &format!("global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n{jobs}"),
    );
    // A port that was free a moment ago.
    let listen = TcpListener::bind(LOOPBACK).unwrap().local_addr().unwrap();
    let storage = directory.path().join("data").display().to_string();
    let arguments = [
        format!("--config.file={configuration}"),
        format!("--storage.tsdb.path={storage}"),
        format!("--web.listen-address={listen}"),
        "--log.level=error".to_owned(),
    ];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some(child) = program("prometheus", &arguments) else { return };
    let _prometheus = Prometheus(child);
    let ask = |query: &str| -> Option<Value> {
        let mut stream = TcpStream::connect(listen).ok()?;
        let request = format!("GET /api/v1/query?query={query} HTTP/1.0\r\nhost: {listen}\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    };
    for (query, expected) in [
        ("up%7Bjob=%22worker%22%7D", "1"),
        ("up%7Bjob=%22worker-flink%22%7D", "1"),
        ("cdc_worker_consumed_records_total", "778"),
        ("cdc_worker_unbalanced_records", "0"),
        ("sum(cdc_worker_records_total)", "778"),
        ("flink_jobmanager_numRunningJobs", "1"),
        ("count(flink_taskmanager_job_task_busyTimeMsPerSecond)", "3"),
    ] {
        let value = || Some(ask(query)?["data"]["result"][0]["value"][1].as_str()?.to_owned());
        let found = (0..300).find_map(|_| {
            value().filter(|found| found == expected).or_else(|| {
                std::thread::sleep(Duration::from_millis(100));
                None
            })
        });
        assert_eq!(found.as_deref(), Some(expected), "{query}: {:?}", ask(query));
    }
}
