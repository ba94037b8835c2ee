//! The effective configuration. Secrets print as stars, here as everywhere (I10).

use serde_json::{Map, Value, json};

use crate::web::reply::{Ask, Reply, ok};

/// `GET /api/v1/configuration`: what `worker config --json` prints.
pub(crate) fn answer(ask: &Ask<'_>) -> Reply {
    let entries = ask.site.view.about().configuration.iter();
    let keys: Map<String, Value> = entries
        .map(|entry| (entry.key.to_owned(), json!({ "value": entry.value, "source": entry.origin.to_string() })))
        .collect();
    ok(json!({ "configuration": keys }))
}
