//! The worker's own answers on its port: alive, ready, counts, savepoints.
//!
//! Savepoints are asked for as with Flink 1.18: <https://nightlies.apache.org/flink/flink-docs-release-1.18/docs/ops/rest_api/>.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::failure::{Failure, Result};

/// It answers from memory.
const TO_ANSWER: Duration = Duration::from_secs(2);

/// A worker's page.
#[derive(Clone)]
pub(crate) struct WorkerPage {
    http: reqwest::Client,
    base: String,
    /// The page's own, for what is more than alive and ready.
    token: Option<String>,
}

/// A savepoint that a worker was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Requested {
    path: String,
}

/// What the worker said to it.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Accepted(Requested),
    /// It makes none, and why.
    Refused(String),
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Became {
    /// Not yet anything, or the worker does not answer: it may have ended, as it was told to.
    Unknown,
    /// It is made; the file, as the worker names it.
    Made(String),
    /// It could not be made, and why.
    Failed(String),
}

impl WorkerPage {
    /// The page on this port of 127.0.0.1.
    pub(crate) fn on(port: u16, token: Option<String>) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(TO_ANSWER).build();
        let http = http.map_err(|error| Failure::could_not_run(format!("no HTTP client: {error}")))?;
        Ok(Self { http, base: format!("http://127.0.0.1:{port}"), token })
    }

    /// Its address for people.
    pub(crate) fn address(&self) -> &str {
        &self.base
    }

    /// It answers.
    pub(crate) async fn is_alive(&self) -> bool {
        matches!(self.http.get(format!("{}/healthz", self.base)).send().await, Ok(answer) if answer.status().is_success())
    }

    /// It has its partitions and has brought an epoch through; else what it says it waits for.
    pub(crate) async fn readiness(&self) -> std::result::Result<(), String> {
        let answer =
            self.http.get(format!("{}/readyz", self.base)).send().await.map_err(|_| "does not answer".to_owned())?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(answer.text().await.unwrap_or_default())
    }

    /// The offsets that it reads next, as committed: topic, partition, offset. None if it does not answer.
    pub(crate) async fn next_offsets(&self) -> Option<Vec<(String, i32, i64)>> {
        let answer = self.ask("/metrics").await?;
        Some(answer.text().await.ok()?.lines().filter_map(next_offset).collect())
    }

    /// Its metrics, as Prometheus reads them.
    pub(crate) async fn metrics(&self) -> Option<String> {
        self.ask("/metrics").await?.text().await.ok()
    }

    /// What became of every record: the accounting that `worker --summary` writes; none if it does not answer.
    pub(crate) async fn accounting(&self) -> Option<Value> {
        self.ask("/api/v1/accounting").await?.json().await.ok()
    }

    /// All that its page shows; none if it does not answer, or has no such thing.
    pub(crate) async fn status(&self) -> Option<Value> {
        self.ask("/api/v1/status").await?.json().await.ok()
    }

    /// Asks for a savepoint, and to end then if `stop`.
    pub(crate) async fn ask_for_savepoint(&self, stop: bool) -> Result<Asked> {
        let unreachable = |error: reqwest::Error| {
            Failure::new(format!("the worker at {} does not answer: {}", self.base, error.without_url()))
                .hint("opsctl worker logs")
        };
        let jobs = self.with_token(self.http.get(format!("{}/jobs", self.base))).send().await.map_err(unreachable)?;
        let jobs: Value = match jobs.status() {
            StatusCode::OK => jobs.json().await.map_err(unreachable)?,
            StatusCode::NOT_FOUND => {
                return Ok(Asked::Refused("this worker cannot be asked for savepoints".to_owned()));
            }
            _ => return Ok(Asked::Refused(refusal(jobs).await)),
        };
        let job = jobs.pointer("/jobs/0/id").and_then(Value::as_str).unwrap_or_default();
        let what = if stop { "stop" } else { "savepoints" };
        let request = self.http.request(Method::POST, format!("{}/jobs/{job}/{what}", self.base)).json(&json!({}));
        let answer = self.with_token(request).send().await.map_err(unreachable)?;
        if !answer.status().is_success() {
            return Ok(Asked::Refused(refusal(answer).await));
        }
        let answer: Value = answer.json().await.map_err(unreachable)?;
        let id = answer.get("request-id").and_then(Value::as_str).unwrap_or_default();
        Ok(Asked::Accepted(Requested { path: format!("/jobs/{job}/savepoints/{id}") }))
    }

    /// What became of a savepoint that was asked for.
    pub(crate) async fn became(&self, requested: &Requested) -> Became {
        let Some(answer) = self.ask(&requested.path).await else { return Became::Unknown };
        answer.json().await.map_or(Became::Unknown, |answer| became(&answer))
    }

    async fn ask(&self, path: &str) -> Option<Response> {
        let asked = self.with_token(self.http.get(format!("{}{path}", self.base))).send().await;
        asked.ok().filter(|answer| answer.status().is_success())
    }

    fn with_token(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}

/// `{"errors": ["…"]}`, as Flink writes them.
async fn refusal(answer: Response) -> String {
    let status = answer.status();
    let said: Value = answer.json().await.unwrap_or_default();
    said.pointer("/errors/0").and_then(Value::as_str).map_or_else(|| format!("it answers {status}"), str::to_owned)
}

fn became(answer: &Value) -> Became {
    let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    match (text("/operation/location"), text("/operation/failure-cause/stack-trace")) {
        (Some(location), _) => Became::Made(location),
        (None, Some(reason)) => Became::Failed(reason),
        (None, None) => Became::Unknown,
    }
}

/// `cdc_worker_next_offset{topic="…",partition="0"} 42`
fn next_offset(line: &str) -> Option<(String, i32, i64)> {
    let rest = line.strip_prefix("cdc_worker_next_offset{topic=\"")?;
    let (topic, rest) = rest.split_once("\",partition=\"")?;
    let (partition, offset) = rest.split_once("\"} ")?;
    Some((topic.to_owned(), partition.parse().ok()?, offset.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read_from_the_metrics() {
        let line = r#"cdc_worker_next_offset{topic="cdc.orders_db.orders",partition="2"} 42"#;
        assert_eq!(next_offset(line), Some(("cdc.orders_db.orders".to_owned(), 2, 42)));
        assert_eq!(next_offset("# TYPE cdc_worker_next_offset gauge"), None);
    }

    #[test]
    fn what_became_of_a_savepoint_is_read_as_flink_writes_it() {
        for (answer, expected) in [
            (json!({"status": {"id": "IN_PROGRESS"}}), Became::Unknown),
            (
                json!({"status": {"id": "COMPLETED"}, "operation": {"location": "savepoints/a"}}),
                Became::Made("savepoints/a".into()),
            ),
            (
                json!({"status": {"id": "COMPLETED"}, "operation": {"failure-cause": {"class": "worker", "stack-trace": "disk full"}}}),
                Became::Failed("disk full".into()),
            ),
        ] {
            assert_eq!(became(&answer), expected, "{answer}");
        }
    }
}
