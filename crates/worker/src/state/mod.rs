//! Keyed state: what the operators keep for each symbol, which shard holds it, and the store it is committed to.

mod codec;
mod commit;
pub(crate) mod directory;
mod hot;
mod key;
mod layout;
mod lock;
mod memory;
#[cfg(feature = "rocksdb")]
mod rocksdb;
mod shard;
mod store;

pub use codec::{STATE_FORMAT, StateCodecError, SymbolState};
pub use commit::{COMMIT_FORMAT, Commit, PartitionProgress, SinkProgress};
pub use hot::{CacheUse, HOT_SYMBOL_BYTES};
pub use key::{OutboxKey, StateKey, TimerKey, UNIT};
pub use layout::StateLayout;
pub use lock::StateLock;
pub use memory::MemoryStateStore;
#[cfg(feature = "rocksdb")]
pub use rocksdb::{RocksOptions, RocksStateStore};
pub use shard::{Shard, ShardDelta, Timer};
pub use store::{StateSize, StateStore, StoreError, Visit, VisitTimer};
