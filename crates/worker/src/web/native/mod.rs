//! What Flink has not: `/api/v1`.

pub(super) mod configuration;
pub(super) mod counts;
pub(super) mod log_level;
pub(super) mod recent;
pub(super) mod status;
pub(super) mod windows;
