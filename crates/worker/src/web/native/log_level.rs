//! The log's level, read and changed while the worker runs.

use axum::http::StatusCode;
use serde_json::json;

use crate::config::LogLevel;
use crate::telemetry::logs;
use crate::web::reply::{Ask, Problem, Reply, ok};

/// `GET /api/v1/log-level`
pub(crate) fn read(_ask: &Ask<'_>) -> Reply {
    ok(json!({ "level": logs::level().map_or("off", LogLevel::word) }))
}

/// `PUT /api/v1/log-level`
pub(crate) fn change(ask: &Ask<'_>) -> Reply {
    let level = ask.text("level")?.and_then(LogLevel::from_word);
    let level = level.ok_or_else(|| Problem::bad(format!("level is one of {}", LogLevel::WORDS.join(", "))))?;
    logs::set_level(level).map_err(|error| Problem::new(StatusCode::CONFLICT, error.to_string()))?;
    tracing::info!("the log's level is {} from now on", level.word());
    ok(json!({ "level": level.word() }))
}
