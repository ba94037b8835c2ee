//! Where records come from. Every source fills a [`Batch`]; nothing behind this room knows which one it was.

pub mod market;
pub mod recording;
pub mod generate;
#[cfg(feature = "kafka")]
pub mod embedded;
#[cfg(feature = "kafka")]
pub mod kafka;
mod batch;
mod place;
mod policies;

pub(crate) use batch::give_back;
pub use batch::{Batch, PartitionId, PartitionSeen, Replicas, SourceRecord};
pub use place::Place;
pub use policies::{OnLostRecords, OnRecreatedTopic};
