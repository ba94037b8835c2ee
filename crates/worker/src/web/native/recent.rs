//! The last alerts, dead letters, checkpoints and exceptions.

use serde_json::{Value, json};

use crate::anomaly::{Finding, Rule};
use crate::event::OrderId;
use crate::sink::Language;
use crate::telemetry::logs;
use crate::telemetry::{CheckpointStatus, SeenAlert, SeenDeadLetter};
use crate::web::reply::{Ask, Problem, Reply, ok};

/// `GET /api/v1/alerts`
pub(crate) fn alerts(ask: &Ask<'_>) -> Reply {
    let limit = ask.limit("limit", 100, 500)?;
    let rule = ask.parameter("rule");
    if rule.is_some_and(|rule| Rule::ALL.iter().all(|known| known.name() != rule)) {
        return Err(Problem::bad(format!("rule is one of {}", Rule::ALL.map(Rule::name).join(", "))));
    }
    let symbol = ask.parameter("symbol").filter(|symbol| !symbol.is_empty());
    let found = ask.site.view.telemetry().alerts(limit, rule, symbol);
    ok(json!({ "alerts": found.iter().map(alert).collect::<Vec<_>>() }))
}

/// An alert with its message in both languages: whose page it is says which is shown.
pub(super) fn alert(seen: &SeenAlert) -> Value {
    let order_id = match &seen.order_id {
        OrderId::Integer(id) => json!(id),
        OrderId::Unsigned(id) => json!(id),
        OrderId::Text(id) => json!(id.as_str()),
    };
    json!({
        "rule": seen.rule.name(),
        "symbol": seen.symbol.as_str(),
        "order_id": order_id,
        "at_ms": seen.alert.at_ms,
        "message": {
            "ko": message(Language::Korean, &seen.alert.finding),
            "en": message(Language::English, &seen.alert.finding),
        },
        "topic": seen.place.topic,
        "partition": seen.place.partition,
        "offset": seen.place.offset,
    })
}

fn message(language: Language, finding: &Finding) -> String {
    let mut text = Vec::new();
    language.write_message(finding, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// `GET /api/v1/dead-letters`
pub(crate) fn dead_letters(ask: &Ask<'_>) -> Reply {
    let limit = ask.limit("limit", 50, 500)?;
    let telemetry = ask.site.view.telemetry();
    let shown = |seen: &SeenDeadLetter| {
        json!({
            "topic": seen.place.topic,
            "partition": seen.place.partition,
            "offset": seen.place.offset,
            "timestamp_ms": if seen.timestamp_ms < 0 { Value::Null } else { json!(seen.timestamp_ms) },
            "reason": &*seen.reason,
            "value": seen.value,
            "value_bytes": seen.value_bytes,
        })
    };
    ok(json!({
        "dead_letters": telemetry.dead_letters(limit).iter().map(shown).collect::<Vec<_>>(),
        "by_reason": telemetry.reasons(),
    }))
}

/// `GET /api/v1/checkpoints`
pub(crate) fn checkpoints(ask: &Ask<'_>) -> Reply {
    let checkpoints = &ask.site.view.telemetry().checkpoints;
    let (completed, failed) = checkpoints.counts();
    let shown = |one: &CheckpointStatus| {
        json!({
            "id": one.id,
            "savepoint": one.savepoint,
            "begun_ms": one.begun_ms,
            "duration_ms": one.duration_ms,
            "bytes": one.outcome.as_ref().ok().map(|(_, bytes)| bytes),
            "location": one.outcome.as_ref().ok().map(|(place, _)| place.display().to_string()),
            "failure": one.outcome.as_ref().err(),
        })
    };
    ok(json!({
        "can_be_made": ask.site.view.control().is_some(),
        "completed": completed,
        "failed": failed,
        "checkpoints": checkpoints.newest().iter().map(shown).collect::<Vec<_>>(),
    }))
}

/// `GET /api/v1/exceptions`
pub(crate) fn exceptions(_ask: &Ask<'_>) -> Reply {
    let shown = |one: &logs::Trouble| json!({ "at_ms": one.at_ms, "error": one.error, "message": one.message, "room": one.room });
    ok(json!({ "exceptions": logs::troubles(100).iter().map(shown).collect::<Vec<_>>() }))
}
