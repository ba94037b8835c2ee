//! Kafka topics in transactions: each batch of epochs and the marker that says so are committed together, so that a
//! `read_committed` reader sees every result once, through any crash (`design.md`, rule 7).

mod connection;
mod error;
mod marker;
mod messages;
mod outlet;
mod settings;
mod topics;

pub use error::KafkaSinkError;
pub use messages::KafkaPack;
pub use outlet::KafkaOutlet;
pub use settings::{KafkaSinkSettings, Topics};
