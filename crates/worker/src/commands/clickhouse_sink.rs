//! The ClickHouse sink, as the configuration has it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crate::config::Settings;
use crate::sink::{ClickHouseOutlet, ClickHousePack, ClickHouseSettings, JsonRenderer, Outlet, Pack, SinkError};

/// The sink's two halves, and how large batches get.
pub struct ClickHouseSink {
    /// Makes rows of an epoch's results.
    pub pack: Box<dyn Pack>,
    /// Inserts them.
    pub outlet: Box<dyn Outlet>,
    /// When a batch goes.
    pub limits: BatchLimits,
    /// Rows that did not fit their column, and are dead letters of the sink.
    pub misfits: Arc<AtomicU64>,
}

/// When a batch goes: at the first of these.
#[derive(Clone, Copy, Debug)]
pub struct BatchLimits {
    /// Rows in it.
    pub rows: usize,
    /// Bytes in it.
    pub bytes: usize,
    /// Since its first row came.
    pub wait: Duration,
}

/// Makes it, if there is one; asks nothing of the server.
pub fn open(settings: &Settings) -> Result<Option<ClickHouseSink>, SinkError> {
    let Some(sink) = &settings.sink.clickhouse else { return Ok(None) };
    let pack = ClickHousePack::new(JsonRenderer { language: settings.language }, sink.amounts);
    let misfits = pack.misfits();
    let outlet = ClickHouseOutlet::new(ClickHouseSettings {
        url: sink.url.clone(),
        database: sink.database.clone(),
        user: sink.user.clone(),
        password: sink.password.clone(),
        ca_file: sink.ca_file.clone(),
        pipeline: sink.pipeline.clone(),
        timeout: sink.timeout,
        ttl_days: sink.ttl_days,
        amounts: sink.amounts,
        accept_no_tokens: sink.accept_no_tokens,
    })?;
    let limits = BatchLimits { rows: sink.batch_rows, bytes: sink.batch_bytes, wait: sink.batch_wait };
    Ok(Some(ClickHouseSink { pack: Box::new(pack), outlet: Box::new(outlet), limits, misfits }))
}
