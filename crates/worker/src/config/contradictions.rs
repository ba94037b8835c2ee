//! Values that are right one by one and wrong together.

use super::error::ConfigError;
use super::layers::Values;
use super::settings::Settings;

/// Epochs whose bytes are in memory at a time: one gathered, one executed, one delivered, one in reserve for a re-read.
const EPOCHS_IN_MEMORY: u64 = 4;

/// Refuses the first contradiction. `memory_limit_bytes` is the container's limit, `None` without one.
pub(super) fn refuse(settings: &Settings, values: &Values, memory_limit_bytes: Option<u64>) -> Result<(), ConfigError> {
    refuse_open_page(settings, values)?;
    refuse_shared_columns(values)?;
    refuse_shared_files(values)?;
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

/// Prefetched records and epochs must fit the container; what else the worker needs comes on top and is not counted.
fn refuse_too_much_memory(settings: &Settings, values: &Values, limit: u64) -> Result<(), ConfigError> {
    let queue = u64::from(settings.kafka.fetch_queue_bytes);
    let epochs = EPOCHS_IN_MEMORY * settings.epoch.max_bytes as u64;
    let needed = queue + epochs;
    if needed <= limit {
        return Ok(());
    }
    let key = if queue >= epochs { "kafka.fetch_queue_bytes" } else { "epoch.max_bytes" };
    let other = if queue >= epochs { "epoch.max_bytes" } else { "kafka.fetch_queue_bytes" };
    let because = format!(
        "and {} need {needed} bytes (the queue and {EPOCHS_IN_MEMORY} epochs), more than the container's memory limit of {limit}",
        values.described(other),
    );
    Err(values.contradiction(key, because, format!("lower {key}, or give the container more memory")))
}
