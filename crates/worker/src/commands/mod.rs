//! What each command of the command line does.

pub mod checkpoint;
#[cfg(all(feature = "clickhouse", feature = "rocksdb", feature = "kafka"))]
mod clickhouse_sink;
pub mod config;
mod config_id;
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

pub use kept_state::KeptStateError;
pub use session::{Console, Session, SessionError, stop_on_signals};
