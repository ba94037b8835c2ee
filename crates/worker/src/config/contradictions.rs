//! Values that are right one by one and wrong together.

use super::domain::StateBackend;
use super::error::ConfigError;
use super::layers::Values;
use super::settings::Settings;

/// Epochs whose bytes are in memory at a time: one gathered, one executed, one delivered, one in reserve for a re-read.
const EPOCHS_IN_MEMORY: u64 = 4;

/// What a symbol in memory takes, with its share of the index: an estimate, for symbols with one open window.
const HOT_SYMBOL_BYTES: u64 = crate::state::HOT_SYMBOL_BYTES as u64;

/// Refuses the first contradiction. `memory_limit_bytes` is the container's limit, `None` without one.
pub(super) fn refuse(settings: &Settings, values: &Values, memory_limit_bytes: Option<u64>) -> Result<(), ConfigError> {
    refuse_open_page(settings, values)?;
    refuse_shared_columns(values)?;
    refuse_shared_files(values)?;
    if settings.sink.kafka.is_some() {
        refuse_kafka_sink(settings, values)?;
    }
    if settings.sink.clickhouse.is_some() {
        super::clickhouse::refuse(settings.state.backend, values)?;
    }
    memory_limit_bytes.map_or(Ok(()), |limit| refuse_too_much_memory(settings, values, limit))
}

/// A page that other machines reach must ask for a token.
fn refuse_open_page(settings: &Settings, values: &Values) -> Result<(), ConfigError> {
    let web = &settings.web;
    if !web.enabled || web.listen.ip().is_loopback() || web.token.is_some() {
        return Ok(());
    }
    Err(values.contradiction(
        "web.listen",
        "can be reached from other machines and there is no token".to_owned(),
        "set web.token_file, or listen on 127.0.0.1".to_owned(),
    ))
}

/// Two fields cannot be the same column; the number's two names may be.
fn refuse_shared_columns(values: &Values) -> Result<(), ConfigError> {
    let keys =
        ["id", "order_id", "symbol", "side", "quantity", "price", "status"].map(|name| format!("columns.{name}"));
    refuse_shared(
        values,
        &keys,
        |one, other| (one, other) != ("columns.id", "columns.order_id"),
        "name each its own column",
    )
}

/// Two writers cannot have the same file.
fn refuse_shared_files(values: &Values) -> Result<(), ConfigError> {
    let keys = ["summary", "sink.file.path", "sink.dead_letters.path"].map(str::to_owned);
    refuse_shared(values, &keys, |_, _| true, "name each its own file")
}

/// Results that are read again as orders would never end; and what is written once must be remembered.
fn refuse_kafka_sink(settings: &Settings, values: &Values) -> Result<(), ConfigError> {
    let topics = ["raw", "agg", "alerts", "late", "dlq"].map(|name| format!("sink.kafka.{name}_topic"));
    let all = [&["kafka.topic".to_owned()], &topics[..]].concat();
    refuse_shared(values, &all, |_, _| true, "name each its own topic")?;
    if settings.state.backend == StateBackend::Memory {
        return Err(values.contradiction(
            "sink.kafka.enabled",
            format!("does not go with {}: every start would write everything again", values.described("state.backend")),
            "set state.backend to rocksdb".to_owned(),
        ));
    }
    Ok(())
}

/// Refuses two keys with the same text that is not empty, where `matters` says that this matters.
fn refuse_shared(
    values: &Values,
    keys: &[String],
    matters: impl Fn(&str, &str) -> bool,
    remedy: &str,
) -> Result<(), ConfigError> {
    for (index, one) in keys.iter().enumerate() {
        for other in keys.iter().skip(index + 1) {
            let text = values.text(one)?;
            if !text.is_empty() && text == values.text(other)? && matters(one, other) {
                let because = format!("is the same as {}", values.described(one));
                return Err(values.contradiction(other, because, remedy.to_owned()));
            }
        }
    }
    Ok(())
}

/// What the settings bound must fit the container; what else the worker needs comes on top and is not counted.
fn refuse_too_much_memory(settings: &Settings, values: &Values, limit: u64) -> Result<(), ConfigError> {
    let (state, epoch_bytes) = (&settings.state, settings.epoch.max_bytes as u64);
    let mut parts = vec![
        ("kafka.fetch_queue_bytes", u64::from(settings.kafka.fetch_queue_bytes), "the queue".to_owned()),
        ("epoch.max_bytes", EPOCHS_IN_MEMORY * epoch_bytes, format!("{EPOCHS_IN_MEMORY} epochs")),
    ];
    if state.backend == StateBackend::Rocksdb {
        parts.push(("state.memory_bytes", state.memory_bytes as u64, "the database".to_owned()));
        let symbols = format!("{} symbols of {HOT_SYMBOL_BYTES} bytes", state.hot_symbols);
        parts.push(("state.hot_symbols", state.hot_symbols as u64 * HOT_SYMBOL_BYTES, symbols));
    }
    let needed: u64 = parts.iter().map(|part| part.1).sum();
    if needed <= limit {
        return Ok(());
    }
    // The largest first: it is the one to lower.
    parts.sort_by_key(|part| std::cmp::Reverse(part.1));
    let first = parts.first().map_or("", |part| part.0);
    let others: Vec<String> = parts.iter().skip(1).map(|part| values.described(part.0)).collect();
    let sum: Vec<String> = parts.iter().map(|part| format!("{} {}", part.2, part.1)).collect();
    let because = format!(
        "with {} needs {needed} bytes ({}), more than the container's memory limit of {limit}",
        others.join(", "),
        sum.join(", "),
    );
    Err(values.contradiction(first, because, format!("lower {first}, or give the container more memory")))
}
