//! What each command of the command line does.

#[cfg(feature = "clickhouse")]
pub mod backfill;
pub mod checkpoint;
#[cfg(feature = "clickhouse")]
mod clickhouse_settings;
#[cfg(all(feature = "clickhouse", feature = "rocksdb", feature = "kafka"))]
mod clickhouse_sink;
pub mod config;
mod config_id;
mod console;
pub mod decode;
#[cfg(all(feature = "rocksdb", feature = "kafka"))]
mod durable;
#[cfg(feature = "kafka")]
pub mod demo;
#[cfg(feature = "kafka")]
mod dry_run;
pub mod generate;
pub mod health;
#[cfg(feature = "kafka")]
mod kafka_feed;
#[cfg(all(feature = "rocksdb", feature = "kafka"))]
mod kafka_sink;
mod kept_state;
#[cfg(all(feature = "rocksdb", feature = "kafka"))]
mod paced_sinks;
pub mod replay;
#[cfg(feature = "kafka")]
pub mod run;
pub mod savepoint;
mod session;
mod stop_limit;
mod stop_signals;

pub use console::Console;
pub use kept_state::KeptStateError;
pub use session::{Session, SessionError};
pub use stop_signals::stop_on_signals;
