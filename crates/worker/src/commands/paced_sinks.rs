//! Sinks at their own pace, as the configuration has them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{SessionError, kafka_sink};
use crate::config::Settings;
use crate::sink::PacedSink;

/// What does not fit here waits in the state only: beside messages of 16 MB there must be room for it (I7).
pub(super) const MEMORY_BYTES: usize = 32 << 20;

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
