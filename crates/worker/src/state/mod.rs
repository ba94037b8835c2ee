//! Keyed state: what the operators keep for each symbol, which shard holds it, and the store it is committed to.

mod codec;
mod commit;
mod key;
mod memory;
mod shard;
mod store;

pub use codec::{STATE_FORMAT, StateCodecError, SymbolState};
pub use commit::{COMMIT_FORMAT, Commit, PartitionProgress, SinkProgress};
pub use key::{OutboxKey, StateKey, TimerKey, UNIT};
pub use memory::MemoryStateStore;
pub use shard::{Shard, ShardDelta, Timer};
pub use store::{StateStore, StoreError, Visit, VisitTimer};
