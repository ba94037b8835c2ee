//! Kafka Connect's REST API: connectors, their states and configurations.
//!
//! Paths and answers: <https://kafka.apache.org/36/documentation.html#connect_rest>.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::{Failure, Result};

/// A connector's settings: all of them are text in Connect.
pub(crate) type Settings = BTreeMap<String, String>;

/// How long a rebalance is waited for: half a minute in pauses.
const REBALANCE_PAUSE: Duration = Duration::from_millis(500);
const REBALANCE_PAUSES: usize = 60;
/// Connect asks MySQL while it validates; a rebalance holds answers back for seconds.
const TO_ANSWER: Duration = Duration::from_secs(30);
/// To see whether it is there at all.
const TO_SHOW_UP: Duration = Duration::from_secs(3);

/// A connector and its tasks, as they run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Status {
    pub(crate) name: String,
    pub(crate) connector: Running,
    #[serde(default)]
    pub(crate) tasks: Vec<Running>,
}

/// What runs where, or why not.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Running {
    /// A task's number; none for the connector itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<u32>,
    /// `RUNNING`, `FAILED`, `PAUSED`, `STOPPED`, `UNASSIGNED`, `RESTARTING`.
    pub(crate) state: String,
    /// The Connect worker that has it, as `address:port`.
    #[serde(default)]
    pub(crate) worker_id: String,
    /// A failure's stack trace.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) trace: String,
}

/// A client of one Connect.
#[derive(Clone, Debug)]
pub(crate) struct Connect {
    http: reqwest::Client,
    base: String,
}

impl Connect {
    /// Connect's REST API on this port of 127.0.0.1.
    pub(crate) fn on(port: u16) -> Result<Self> {
        // A proxy of the environment is for other hosts than this one.
        let http = reqwest::Client::builder().no_proxy().timeout(TO_ANSWER).build();
        let http = http.map_err(|error| Failure::could_not_run(format!("no HTTP client: {error}")))?;
        Ok(Self { http, base: format!("http://127.0.0.1:{port}") })
    }

    /// Its address for people.
    pub(crate) fn address(&self) -> &str {
        &self.base
    }

    /// Whether it answers, and has joined its group: this question goes through the thread that does the work.
    pub(crate) async fn is_up(&self) -> std::result::Result<(), String> {
        let asked = self.http.get(format!("{}/connectors", self.base)).timeout(TO_SHOW_UP).send().await;
        match asked {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("answers {}", answer.status())),
            Err(error) if error.is_timeout() => Err("does not answer yet".to_owned()),
            Err(_) => Err("not reachable yet".to_owned()),
        }
    }

    /// Names of all connectors.
    pub(crate) async fn connectors(&self) -> Result<Vec<String>> {
        let mut names: Vec<String> = self.ask(Method::GET, "/connectors", None).await?.read("the connectors")?;
        names.sort();
        Ok(names)
    }

    /// The configuration that Connect has, without the name that it adds; none if there is no such connector.
    pub(crate) async fn settings(&self, name: &str) -> Result<Option<Settings>> {
        let answer = self.ask(Method::GET, &format!("/connectors/{name}/config"), None).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let mut settings: Settings = answer.read(&format!("the configuration of {name}"))?;
        settings.remove("name");
        Ok(Some(settings))
    }

    /// How it runs; none if there is no such connector, or none yet.
    pub(crate) async fn status(&self, name: &str) -> Result<Option<Status>> {
        let answer = self.ask(Method::GET, &format!("/connectors/{name}/status"), None).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        answer.read(&format!("the state of {name}")).map(Some)
    }

    /// Its version.
    pub(crate) async fn version(&self) -> Result<String> {
        let seen: Value = self.ask(Method::GET, "/", None).await?.read("its version")?;
        Ok(seen.get("version").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    /// Class → version of the connectors that it could run.
    pub(crate) async fn plugins(&self) -> Result<BTreeMap<String, String>> {
        let seen: Vec<Value> = self.ask(Method::GET, "/connector-plugins", None).await?.read("its plug-ins")?;
        let word = |plugin: &Value, name: &str| plugin.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(seen
            .iter()
            .filter_map(|plugin| Some((word(plugin, "class")?, word(plugin, "version").unwrap_or_default())))
            .collect())
    }

    /// The binlog file that a connector reads next, as its stored offset has it.
    pub(crate) async fn binlog_file(&self, name: &str) -> Result<Option<String>> {
        let offset = self.offset(name).await?.unwrap_or_default();
        Ok(offset.get("file").and_then(Value::as_str).map(str::to_owned))
    }

    /// Whether a place in the binlog is stored from which the connector goes on after a crash. Until then it would begin
    /// with a snapshot again, and what changed meanwhile would come as rows, not as changes. A Connect that is too old to be
    /// asked is taken at its word.
    pub(crate) async fn goes_on_after_a_crash(&self, name: &str) -> Result<bool> {
        Ok(self.offset(name).await?.is_none_or(|offset| is_past_snapshot(&offset)))
    }

    /// A connector's stored offset, null before the first (KIP-875, Connect 3.6 and newer); `None` where it cannot be asked.
    async fn offset(&self, name: &str) -> Result<Option<Value>> {
        let answer = self.ask(Method::GET, &format!("/connectors/{name}/offsets"), None).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let seen: Value = answer.read(&format!("the offsets of {name}"))?;
        Ok(Some(seen.pointer("/offsets/0/offset").cloned().unwrap_or_default()))
    }

    /// What the plug-in itself finds wrong with these settings: pairs of setting and message. It may try to reach the
    /// database for this.
    pub(crate) async fn validate(&self, name: &str, settings: &Settings) -> Result<Vec<(String, String)>> {
        let class = settings.get("connector.class").map_or("", String::as_str);
        let plugin = class.rsplit('.').next().unwrap_or(class);
        let mut body = settings.clone();
        body.insert("name".to_owned(), name.to_owned());
        let body = serde_json::json!(body);
        let answer = self.ask(Method::PUT, &format!("/connector-plugins/{plugin}/config/validate"), Some(body)).await?;
        let seen: Value = answer.read(&format!("whether the configuration of {name} is valid"))?;
        Ok(errors(&seen))
    }

    /// Makes the connector, or gives it this configuration. May be repeated; a POST that timed out may not.
    pub(crate) async fn put(&self, name: &str, settings: &Settings) -> Result<()> {
        let body = serde_json::json!(settings);
        let answer = self.ask(Method::PUT, &format!("/connectors/{name}/config"), Some(body)).await?;
        answer.accepted(&format!("the configuration of {name}"))
    }

    /// Stops reading, keeps the position.
    pub(crate) async fn pause(&self, name: &str) -> Result<()> {
        let answer = self.ask(Method::PUT, &format!("/connectors/{name}/pause"), None).await?;
        answer.accepted(&format!("pausing {name}"))
    }

    /// Goes on.
    pub(crate) async fn resume(&self, name: &str) -> Result<()> {
        let answer = self.ask(Method::PUT, &format!("/connectors/{name}/resume"), None).await?;
        answer.accepted(&format!("resuming {name}"))
    }

    /// Restarts the connector and its tasks: those that failed, or all (KIP-745).
    pub(crate) async fn restart(&self, name: &str, only_failed: bool) -> Result<()> {
        let path = format!("/connectors/{name}/restart?includeTasks=true&onlyFailed={only_failed}");
        self.ask(Method::POST, &path, None).await?.accepted(&format!("restarting {name}"))
    }

    /// Removes the connector; its offsets stay.
    pub(crate) async fn delete(&self, name: &str) -> Result<()> {
        self.ask(Method::DELETE, &format!("/connectors/{name}"), None).await?.accepted(&format!("deleting {name}"))
    }

    /// Asks again while Connect is between two assignments of its work: it has done nothing of what it was asked then.
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Answer> {
        for _ in 0..REBALANCE_PAUSES {
            let answer = self.ask_once(method.clone(), path, body.clone()).await?;
            if !answer.is_rebalancing() {
                return Ok(answer);
            }
            tokio::time::sleep(REBALANCE_PAUSE).await;
        }
        self.ask_once(method, path, body).await
    }

    async fn ask_once(&self, method: Method, path: &str, body: Option<Value>) -> Result<Answer> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let unreachable = |error: reqwest::Error| {
            let why =
                if error.is_timeout() { format!("no answer within {} s", TO_ANSWER.as_secs()) } else { reason(&error) };
            Failure::new(format!("Kafka Connect at {}: {why}", self.base))
                .hint("opsctl status; opsctl logs kafka-connect")
        };
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(unreachable)?.to_vec();
        Ok(Answer { status, body })
    }
}

/// What Connect said.
struct Answer {
    status: StatusCode,
    body: Vec<u8>,
}

impl Answer {
    fn read<T: serde::de::DeserializeOwned>(&self, what: &str) -> Result<T> {
        if !self.status.is_success() {
            return Err(self.refused(what));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| Failure::new(format!("Kafka Connect, asked for {what}, answered something else: {error}")))
    }

    fn accepted(&self, what: &str) -> Result<()> {
        if self.status.is_success() { Ok(()) } else { Err(self.refused(what)) }
    }

    /// 409 by the manual; 500 with the same words was seen too, after a change of configuration.
    fn is_rebalancing(&self) -> bool {
        self.status == StatusCode::CONFLICT
            || (self.status == StatusCode::INTERNAL_SERVER_ERROR
                && String::from_utf8_lossy(&self.body).contains("a rebalance is expected"))
    }

    /// Connect's own message, where there is one.
    fn refused(&self, what: &str) -> Failure {
        let said: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let message = said.get("message").and_then(Value::as_str).unwrap_or("no message");
        let failure = Failure::new(format!("Kafka Connect refused {what} ({}): {message}", self.status));
        match self.status {
            StatusCode::NOT_FOUND => failure.hint("opsctl connector list"),
            StatusCode::CONFLICT => failure.hint("it is rebalancing: run this again in a few seconds"),
            _ => failure,
        }
    }
}

/// The deepest reason: reqwest itself only says "error sending request".
fn reason(error: &reqwest::Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(next) = deepest.source() {
        deepest = next;
    }
    deepest.to_string()
}

/// The settings with errors in an answer of `config/validate`.
fn errors(answer: &Value) -> Vec<(String, String)> {
    let settings = answer.get("configs").and_then(Value::as_array).into_iter().flatten();
    let mut found = Vec::new();
    for value in settings.filter_map(|setting| setting.get("value")) {
        let name = value.get("name").and_then(Value::as_str).unwrap_or_default();
        let messages = value.get("errors").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        found.extend(messages.map(|message| (name.to_owned(), message.to_owned())));
    }
    found
}

/// The cause at the bottom of a Java stack trace: its last `Caused by:`, else its first line.
pub(crate) fn root_cause(trace: &str) -> &str {
    let caused = trace.lines().rev().find_map(|line| line.trim().strip_prefix("Caused by: "));
    caused.unwrap_or_else(|| trace.lines().next().unwrap_or_default())
}

/// Debezium marks the offsets of a snapshot, and its last row's as the one that completes it.
fn is_past_snapshot(offset: &Value) -> bool {
    let of_snapshot = offset.get("snapshot").is_some_and(|mark| !mark.is_null() && mark != false);
    offset.get("file").is_some() && (!of_snapshot || offset.get("snapshot_completed") == Some(&Value::Bool(true)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_snapshot_that_is_not_done_is_no_place_to_go_on_from() {
        use serde_json::json;
        for (offset, past) in [
            (json!(null), false),
            (json!({"file": "mysql-bin.000003", "snapshot": "INITIAL", "snapshot_completed": false}), false),
            (json!({"file": "mysql-bin.000003", "snapshot": true}), false),
            (json!({"file": "mysql-bin.000003", "snapshot": "INITIAL", "snapshot_completed": true}), true),
            (json!({"file": "mysql-bin.000003", "pos": 4, "gtids": "a:1-9"}), true),
        ] {
            assert_eq!(super::is_past_snapshot(&offset), past, "{offset}");
        }
    }

    use super::*;

    #[test]
    fn the_cause_is_the_last_caused_by() {
        let trace = "org.apache.kafka.ConnectException: An exception\n\tat a.b(C.java:1)\nCaused by: io.debezium.X: outer\n\tat x\nCaused by: java.sql.SQLException: Access denied for user\n\t... 5 more\n";
        assert_eq!(root_cause(trace), "java.sql.SQLException: Access denied for user");
        assert_eq!(root_cause("plain\n\tat x"), "plain");
        assert_eq!(root_cause(""), "");
    }

    #[test]
    fn an_answer_between_two_assignments_is_asked_for_again() {
        let body = |text: &str| format!("{{\"error_code\":500,\"message\":\"{text}\"}}").into_bytes();
        let expected = "Request cannot be completed because a rebalance is expected";
        for (status, text, again) in [
            (StatusCode::INTERNAL_SERVER_ERROR, expected, true),
            (StatusCode::CONFLICT, "Cannot complete request momentarily due to stale configuration", true),
            (StatusCode::INTERNAL_SERVER_ERROR, "Request timed out", false),
            (StatusCode::OK, expected, false),
        ] {
            assert_eq!(Answer { status, body: body(text) }.is_rebalancing(), again, "{status} {text}");
        }
    }

    #[test]
    fn errors_of_a_validation_are_found() {
        let answer = serde_json::json!({"error_count": 1, "configs": [
            {"definition": {}, "value": {"name": "database.hostname", "errors": ["Unable to connect: Access denied"]}},
            {"definition": {}, "value": {"name": "topic.prefix", "errors": []}}]});
        assert_eq!(errors(&answer), [("database.hostname".to_owned(), "Unable to connect: Access denied".to_owned())]);
    }
}
