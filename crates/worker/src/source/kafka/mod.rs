//! A Kafka topic: one worker assigns itself all partitions and reads them on a thread of its own.
//!
//! Not a consumer group: the worker keeps its position itself and commits the group's offsets for monitoring only. No
//! async; one thread polls one queue, another asks the broker how it is. After a crash logged ranges are read again first,
//! there with a queue for each partition; so is a stretch that somebody only wants to look at.

mod again;
mod block_on;
mod caught_up;
mod connect;
mod context;
mod elsewhere;
mod end;
mod ends;
mod error;
mod ffi;
mod messages;
mod moving;
mod named;
mod partitions;
mod passing;
mod poll;
mod produce;
mod queues;
mod running;
mod settings;
mod source;
mod stretch;
mod trouble;
mod watch;

pub use again::Range;
pub(crate) use block_on::block_on;
pub(crate) use context::Context;
pub use elsewhere::{Lost, Moved};
pub use error::KafkaSourceError;
pub(in crate::source) use produce::MarketProducer;
pub use produce::generate_to_broker;
pub use settings::{KafkaSettings, StartFrom};
pub use source::{KafkaSource, Standing, TopicId};
pub use stretch::Stretch;
