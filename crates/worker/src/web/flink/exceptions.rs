//! What went wrong: the errors that were logged, and the warnings where there is no error.

use serde_json::json;

use super::identity::check_job;
use crate::telemetry::logs::{self, Trouble};
use crate::web::reply::{Ask, Reply, ok};

/// `GET /jobs/{job}/exceptions`
pub(crate) fn answer(ask: &Ask<'_>) -> Reply {
    check_job(ask)?;
    let most = ask.limit("maxExceptions", 20, 100)?;
    let mut troubles = logs::troubles(most + 1);
    let truncated = troubles.len() > most;
    troubles.truncate(most);
    let root = troubles.iter().find(|trouble| trouble.error);
    let entry = |trouble: &Trouble| {
        json!({
            "exceptionName": if trouble.error { "error" } else { "warning" },
            "stacktrace": trouble.message,
            "timestamp": trouble.at_ms,
            "taskName": trouble.room,
            "endpoint": "localhost",
            "taskManagerId": "worker",
            "failureLabels": {},
            "concurrentExceptions": [],
        })
    };
    ok(json!({
        "root-exception": root.map_or("", |trouble| &trouble.message),
        "timestamp": root.map_or(0, |trouble| trouble.at_ms),
        "all-exceptions": [],
        "truncated": truncated,
        "exceptionHistory": { "entries": troubles.iter().map(entry).collect::<Vec<_>>(), "truncated": truncated },
    }))
}
