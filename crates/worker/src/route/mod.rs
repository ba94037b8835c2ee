//! Which shard a symbol belongs to, and in which order the records of several partitions are taken. Pure.

mod key_group;
pub mod murmur2;
mod order;

pub use key_group::{KEY_GROUPS, KeyGroup};
pub use order::take_order;
