//! Tests over the whole worker: the binary as people run it, and the engine as a library. A module a theme.

#![cfg(test)]

mod bad_input;
#[cfg(feature = "clickhouse")]
mod clickhouse;
mod engine;
mod epochs;
mod generated;
#[cfg(feature = "kafka")]
mod kafka;
mod kept_state;
mod latency_pace;
mod oracle;
mod program;
mod recordings;
mod repeats;
mod replay;
#[cfg(all(feature = "kafka", feature = "rocksdb"))]
mod shim;
mod stopping;
