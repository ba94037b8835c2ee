//! What is asked for by REST, with real state on disk: checkpoints and savepoints are made, they restore, and what follows
//! is what would have come without them.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use worker::source::generate::GenerateSettings;
use worker::source::market::MarketSettings;

use super::life;
use super::support::{Real, generate, unique};
use crate::program::{Ended, end_of, signal, wait_until, worker};

pub(super) const TOKEN: &str = "correct horse battery staple";
const SOON: Duration = Duration::from_secs(30);

/// A pipeline that several processes run one after the other: one topic, group and output file.
pub(super) struct Life {
    pub(super) folder: tempfile::TempDir,
    bootstrap: String,
    pub(super) topic: String,
    group: String,
    pub(super) port: u16,
}

impl Life {
    pub(super) fn new(real: &Real) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token"), TOKEN).unwrap();
        // A port that was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let bootstrap = std::env::var("CDC_TEST_KAFKA").unwrap();
        Self { folder, bootstrap, topic: real.topic(3), group: unique("group"), port }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a worker with its state in `state`, and waits until it is ready.
    pub(super) fn begin(&self, state: &str, more: &[&str]) -> Child {
        let set = |pair: (&str, &str)| ["--set".to_owned(), format!("{}={}", pair.0, pair.1)];
        let checkpoints = format!("{state}/checkpoints");
        let listen = format!("127.0.0.1:{}", self.port);
        let settings = [
            ("kafka.bootstrap", &*self.bootstrap),
            ("kafka.topic", &self.topic),
            ("kafka.group", &self.group),
            ("format", "json"),
            ("sink.stdout.enabled", "false"),
            ("sink.file.path", "results"),
            ("agg.window_ms", "1000"),
            ("state.dir", state),
            ("state.checkpoints_dir", &checkpoints),
            // Only those that are asked for.
            ("state.checkpoint_interval_ms", "3600000"),
            ("web.listen", &listen),
            ("web.token_file", "token"),
        ];
        let mut child = worker(["run"])
            .args(settings.into_iter().flat_map(set))
            .args(more)
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait_until("the worker is ready", || {
            if child.try_wait().unwrap().is_some() {
                let mut said = String::new();
                child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
                panic!("it has ended: {said}");
            }
            self.ask("GET", "/readyz", "").is_some_and(|(status, _)| status == 200)
        });
        child
    }

    /// One request whose answer is JSON; `None` where nobody answers.
    fn ask(&self, method: &str, path: &str, body: &str) -> Option<(u16, Value)> {
        let (status, body) = self.answer(method, path, body)?;
        Some((status, serde_json::from_str(&body).unwrap_or(Value::Null)))
    }

    /// One request; `None` where nobody answers.
    fn answer(&self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(SOON)).unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {TOKEN}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    }

    /// The value of a metric without labels.
    pub(super) fn metric(&self, name: &str) -> u64 {
        let (_, text) = self.answer("GET", "/metrics", "").unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.unwrap_or_else(|| panic!("no {name} in {text}"))
    }

    pub(super) fn get(&self, path: &str) -> Value {
        let (status, answer) = self.ask("GET", path, "").unwrap();
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    fn job(&self) -> String {
        self.get("/jobs")["jobs"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Asks for something, waits until it is done; gives what became of it.
    pub(super) fn asked(&self, what: &str, body: &Value) -> Value {
        let job = self.job();
        let (status, answer) = self.ask("POST", &format!("/jobs/{job}/{what}"), &body.to_string()).unwrap();
        assert_eq!(status, 202, "{what}: {answer}");
        let kind = if what == "checkpoints" { "checkpoints" } else { "savepoints" };
        let lookup = format!("/jobs/{job}/{kind}/{}", answer["request-id"].as_str().unwrap());
        let mut outcome = Value::Null;
        wait_until("it is done", || {
            outcome = self.get(&lookup);
            outcome["status"]["id"] == "COMPLETED"
        });
        outcome["operation"].clone()
    }

    fn consumed(&self) -> u64 {
        self.get("/api/v1/accounting")["consumed"].as_u64().unwrap()
    }

    pub(super) fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("results")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    pub(super) fn raw_lines(&self) -> usize {
        self.lines().iter().filter(|line| line["stream"] == "raw").count()
    }
}

fn location(operation: &Value) -> PathBuf {
    operation["location"].as_str().unwrap_or_else(|| panic!("no location in {operation}")).into()
}

pub(super) fn stopped(child: Child) -> Ended {
    signal(&child, "TERM");
    end_of(child, SOON).well()
}

fn inspected(savepoint: &Path) -> Value {
    let directory = savepoint.parent().unwrap().to_str().unwrap();
    let name = savepoint.file_name().unwrap().to_str().unwrap();
    let shown: Ended = worker(["savepoint", "inspect", "--json", name, "--dir", directory]).output().unwrap().into();
    assert_eq!(shown.code, Some(0), "{}", shown.err);
    serde_json::from_str(&shown.out).unwrap()
}

// The state is thrown back to a savepoint after a kill, then moved by a drained one into another directory and another
// parallelism; what stands in the file is what stands in the topic, once.
#[test]
fn i1_savepoints_asked_for_by_rest_restore_and_the_output_goes_on_exactly() {
    const MESSAGES: u64 = 24_000;
    let Some(real) = Real::broker() else { return };
    let life = Life::new(&real);
    let written = std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let market = MarketSettings::default();
            generate(&life.bootstrap, &life.topic, &GenerateSettings { market, count: MESSAGES, rate: Some(2_000) })
        });
        let mut first = life.begin("state-a", &[]);
        let checkpoint = location(&life.asked("checkpoints", &json!({})));
        assert!(life.path(checkpoint.to_str().unwrap()).join("db").is_dir(), "{}", checkpoint.display());
        let aside = life.path("aside");
        let savepoint = location(&life.asked("savepoints", &json!({ "target-directory": aside })));
        assert_eq!(savepoint.parent(), Some(&*aside));
        assert_eq!(inspected(&savepoint)["header"]["drained"], false);
        let saved_at = life.consumed();
        wait_until("more is read than the savepoint has", || life.consumed() > saved_at + 1_000);
        first.kill().unwrap();
        end_of(first, SOON);

        // The log is there: what left after the savepoint is executed again and does not leave twice.
        let second = life.begin("state-a", &["--restore", savepoint.to_str().unwrap()]);
        wait_until("it goes on", || life.consumed() > 1_000);
        let drained = location(&life.asked("stop", &json!({ "targetDirectory": aside, "drain": false })));
        let ended = end_of(second, SOON).well();
        assert!(ended.err.contains("savepoint made"), "{}", ended.err);
        assert_eq!(inspected(&drained)["header"]["drained"], true);

        let third = life.begin("state-b", &["--restore", drained.to_str().unwrap(), "--parallelism", "3"]);
        let written = load.join().unwrap().unwrap();
        let mut seen = 0;
        wait_until("everything has come through and its windows are over", || {
            let before = std::mem::replace(&mut seen, life.lines().len());
            std::thread::sleep(Duration::from_millis(1_500));
            seen == before
        });
        stopped(third);
        written
    });
    assert_eq!(written, MESSAGES);
    assert!(life.raw_lines() as u64 > MESSAGES / 2, "{}", life.raw_lines());
    life::check(&life.lines());
}

#[test]
fn a_savepoint_that_cancels_the_job_ends_the_worker() {
    let Some(real) = Real::broker() else { return };
    let life = Life::new(&real);
    let market = MarketSettings::default();
    generate(&life.bootstrap, &life.topic, &GenerateSettings { market, count: 500, rate: None }).unwrap();
    let child = life.begin("state", &[]);
    wait_until("all are read", || life.consumed() >= 500);
    let made = location(&life.asked("savepoints", &json!({ "cancel-job": true })));
    assert_eq!(end_of(child, SOON).well().summary()["consumed"], 500);
    assert_eq!(made.parent(), Some(Path::new("savepoints")), "state.savepoints_dir, where none is named");
    assert_eq!(inspected(&life.path(made.to_str().unwrap()))["header"]["drained"], true);
}

// A table may stay empty for days.
#[test]
fn a_worker_is_ready_where_nothing_was_ever_written() {
    let Some(real) = Real::broker() else { return };
    let life = Life::new(&real);
    let child = life.begin("state", &[]);
    assert_eq!(life.get("/api/v1/accounting")["consumed"], 0);
    stopped(child);
}

#[test]
fn what_could_not_be_made_is_said_and_the_worker_goes_on() {
    let Some(real) = Real::broker() else { return };
    let life = Life::new(&real);
    let market = MarketSettings::default();
    generate(&life.bootstrap, &life.topic, &GenerateSettings { market, count: 500, rate: None }).unwrap();
    let child = life.begin("state", &[]);
    fs::write(life.path("a-file"), "").unwrap();
    let failed = life.asked("savepoints", &json!({ "target-directory": life.path("a-file/below") }));
    let reason = failed["failure-cause"]["stack-trace"].as_str().unwrap();
    assert!(reason.contains("a-file/below"), "{reason}");
    let listed = life.get("/api/v1/checkpoints");
    assert_eq!((&listed["failed"], &listed["checkpoints"][0]["failure"]), (&1.into(), &reason.into()));
    location(&life.asked("savepoints", &json!({})));
    location(&life.asked("checkpoints", &json!({ "checkpointType": "FULL" })));
    let job = life.job();
    let checkpoints = life.get(&format!("/jobs/{job}/checkpoints"));
    assert_eq!((&checkpoints["counts"]["completed"], &checkpoints["counts"]["failed"]), (&2.into(), &1.into()));
    let size = checkpoints["latest"]["completed"]["state_size"].as_u64().unwrap();
    assert!(size > 0, "{checkpoints}");
    stopped(child);
}
