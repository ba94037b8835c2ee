//! The ClickHouse sink, as the configuration has it.

use std::sync::Arc;

use super::paced_sinks::MEMORY_BYTES;
use crate::config::Settings;
use crate::sink::{ClickHouseOutlet, ClickHousePack, JsonRenderer, PacedLimits, PacedSink, SinkError};
use crate::time::clock::SystemClock;

/// Makes it, if there is one; asks nothing of the server.
pub(super) fn open(settings: &Settings) -> Result<Option<PacedSink>, SinkError> {
    let Some(sink) = &settings.sink.clickhouse else { return Ok(None) };
    let pack = ClickHousePack::new(JsonRenderer { language: settings.language }, sink.amounts);
    let outlet = ClickHouseOutlet::new(super::clickhouse_settings::of(sink))?;
    let limits = PacedLimits {
        batch_rows: sink.batch_rows as u64,
        batch_bytes: sink.batch_bytes,
        batch_ms: sink.batch_wait.as_millis() as i64,
        memory_bytes: MEMORY_BYTES,
        outbox_bytes: settings.sink.outbox_bytes,
    };
    Ok(Some(PacedSink { pack: Box::new(pack), outlet: Box::new(outlet), limits, clock: Arc::new(SystemClock) }))
}
