//! The server and its tables, as the configuration has them.

use crate::config::ClickHouseSinkSettings;
use crate::sink::ClickHouseSettings;

/// What the sink is told of them.
pub(super) fn of(sink: &ClickHouseSinkSettings) -> ClickHouseSettings {
    ClickHouseSettings {
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
    }
}
