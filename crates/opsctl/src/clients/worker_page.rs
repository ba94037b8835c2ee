//! The worker's own answers on its port: alive, ready, counts.

use std::time::Duration;

use serde_json::Value;

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

    async fn ask(&self, path: &str) -> Option<reqwest::Response> {
        let mut request = self.http.get(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        request.send().await.ok().filter(|answer| answer.status().is_success())
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
}
