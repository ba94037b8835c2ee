//! Sinks at their own pace, as the configuration has them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{SessionError, kafka_sink};
use crate::config::Settings;
use crate::sink::PacedSink;

/// Opens those that are switched on; waits for Kafka's brokers until `stop` is set.
pub(super) fn open(settings: &Settings, stop: &Arc<AtomicBool>) -> Result<Vec<PacedSink>, SessionError> {
    #[cfg(feature = "clickhouse")]
    let clickhouse = super::clickhouse_sink::open(settings)?;
    #[cfg(not(feature = "clickhouse"))]
    let clickhouse = match &settings.sink.clickhouse {
        Some(_) => return Err(SessionError::NotBuilt { feature: "clickhouse" }),
        None => None,
    };
    Ok(kafka_sink::open(settings, stop)?.into_iter().chain(clickhouse).collect())
}
