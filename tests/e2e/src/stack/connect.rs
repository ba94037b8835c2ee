//! Kafka Connect's REST, as somebody beside `opsctl` uses it.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use crate::http::{self, Answer};
use crate::stack::Stack;
use crate::wait::{Look, until};

/// While Connect rebalances, an answer takes its time; a write that cannot be stored takes 90 s.
const LIMIT: Duration = Duration::from_mins(2);

/// What is asked of a Connect that cannot store it.
const LATER: Duration = Duration::from_mins(6);

impl Stack {
    /// Asks Connect.
    pub(crate) fn connect(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
        http::ask(method, self.ports.connect(), path, None, body, LIMIT)
    }

    /// Asks on a thread of its own; what was answered, in words.
    pub(crate) fn connect_later(&self, method: &'static str, path: &str, body: Value) -> JoinHandle<String> {
        let (port, path) = (self.ports.connect(), path.to_owned());
        thread::spawn(move || match http::ask(method, port, &path, None, Some(&body), LATER) {
            Ok(answer) => format!("{} {:.200}", answer.status, answer.body),
            Err(error) => format!("{error:#}"),
        })
    }

    /// The id of the cluster that Connect works with.
    pub(crate) fn cluster_id(&self) -> Result<String> {
        Ok(self.connect("GET", "/", None)?.json()?["kafka_cluster_id"].as_str().unwrap_or_default().to_owned())
    }

    /// A connector's configuration as Connect has it.
    pub(crate) fn connector_config(&self, name: &str) -> Result<Value> {
        self.connect("GET", &format!("/connectors/{name}/config"), None)?.json()
    }

    /// Registers a connector, and waits until it and its task run.
    pub(crate) fn put_connector(&self, name: &str, config: &Value) -> Result<()> {
        self.connect("PUT", &format!("/connectors/{name}/config"), Some(config))?.json()?;
        self.wait_for_connector(name)
    }

    /// Waits until a connector and its task run.
    pub(crate) fn wait_for_connector(&self, name: &str) -> Result<()> {
        until(&format!("connector {name} runs"), Duration::from_mins(2), || {
            let status =
                self.connect("GET", &format!("/connectors/{name}/status"), None).and_then(|answer| answer.json());
            let status = match status {
                Ok(status) => status,
                Err(error) => return Ok(Look::NotYet(format!("{error:#}"))),
            };
            let running = |state: &Value| state["state"] == "RUNNING";
            let tasks = status["tasks"].as_array().cloned().unwrap_or_default();
            let all = running(&status["connector"]) && !tasks.is_empty() && tasks.iter().all(running);
            Ok(if all { Look::Found(()) } else { Look::NotYet(status.to_string()) })
        })
    }

    /// Waits until Connect has stored a position past the snapshot. A connector whose Connect dies before begins with a
    /// snapshot again: what changed meanwhile comes as rows, not as changes.
    pub(crate) fn wait_for_position(&self, name: &str) -> Result<()> {
        until(&format!("a position of {name} is stored"), Duration::from_mins(1), || {
            let offsets = self.connect("GET", &format!("/connectors/{name}/offsets"), None)?.json()?;
            Ok(if past_snapshot(&offsets) { Look::Found(()) } else { Look::NotYet(offsets.to_string()) })
        })
    }

    /// Removes a connector.
    pub(crate) fn delete_connector(&self, name: &str) -> Result<()> {
        self.connect("DELETE", &format!("/connectors/{name}"), None)?.json().map(drop)
    }
}

/// Whether an answer of Connect's `offsets` (KIP-875) holds a place in the binlog: while Debezium reads rows, its offset says so.
fn past_snapshot(offsets: &Value) -> bool {
    let offset = &offsets["offsets"][0]["offset"];
    let reads_rows = !offset["snapshot"].is_null() && offset["snapshot"] != false;
    offset["file"].is_string() && (!reads_rows || offset["snapshot_completed"] == true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_snapshot_that_is_not_done_is_no_position() {
        let of = |offset: Value| json!({"offsets": [{"partition": {"server": "e2e"}, "offset": offset}]});
        assert!(!past_snapshot(&json!({"offsets": []})));
        assert!(!past_snapshot(&of(
            json!({"file": "binlog.000002", "snapshot": "INITIAL", "snapshot_completed": false})
        )));
        assert!(past_snapshot(&of(
            json!({"file": "binlog.000002", "snapshot": "INITIAL", "snapshot_completed": true})
        )));
        assert!(past_snapshot(&of(json!({"file": "binlog.000002", "pos": 4, "ts_sec": 1}))));
    }
}
