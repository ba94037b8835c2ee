//! Kafka topics in transactions: each epoch's results and the marker that says so are committed together, so that a
//! `read_committed` reader sees every result once, through any crash (`design.md`, rule 7).

mod connection;
mod error;
mod marker;
mod messages;
mod settings;
mod sink;
mod topics;

pub use error::KafkaSinkError;
pub use settings::{KafkaSinkSettings, Topics};
pub use sink::KafkaSink;
