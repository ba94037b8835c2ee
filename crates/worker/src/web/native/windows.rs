//! Windows as they fill.

use serde_json::{Value, json};

use crate::telemetry::SymbolWindows;
use crate::web::reply::{Ask, Reply, ok};
use crate::window::Aggregate;

/// `GET /api/v1/windows`
pub(crate) fn answer(ask: &Ask<'_>) -> Reply {
    let limit = ask.limit("limit", 20, 200)?;
    let window_ms = ask.site.view.about().window_ms;
    let symbols = ask.site.view.telemetry().windows(window_ms, limit);
    ok(json!({
        "now_ms": ask.site.view.now_ms(),
        "window_ms": window_ms,
        "symbols": symbols.iter().map(symbol).collect::<Vec<_>>(),
    }))
}

fn symbol(one: &SymbolWindows) -> Value {
    json!({
        "symbol": one.symbol.as_str(),
        "open": one.open.iter().map(aggregate).collect::<Vec<_>>(),
        "results": one.results.iter().map(aggregate).collect::<Vec<_>>(),
    })
}

/// Amounts are exact: they are texts, as on stdout.
fn aggregate(window: &Aggregate) -> Value {
    json!({
        "start_ms": window.start_ms,
        "end_ms": window.end_ms,
        "orders": window.orders,
        "buys": window.buys,
        "sells": window.sells,
        "total": window.total.to_string(),
        "avg": window.average.to_string(),
        "min": window.min.to_string(),
        "max": window.max.to_string(),
        "revision": window.revision,
    })
}
