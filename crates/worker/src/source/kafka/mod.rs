//! A Kafka topic: one worker assigns itself all partitions and reads them on a thread of its own.
//!
//! Not a consumer group: the worker keeps its position itself and commits the group's offsets for monitoring only. No
//! async, no split queues (a lost wake-up stalls them); one thread polls, another asks the broker how it is.

mod block_on;
mod caught_up;
mod connect;
mod context;
mod error;
mod poll;
mod produce;
mod settings;
mod source;
mod watch;

pub use error::KafkaSourceError;
pub(in crate::source) use produce::MarketProducer;
pub use produce::generate_to_broker;
pub use settings::{KafkaSettings, StartFrom};
pub use source::KafkaSource;
