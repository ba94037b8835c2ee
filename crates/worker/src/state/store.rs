//! The seam between the engine and what keeps its state.

use super::{Commit, StateCodecError, StateKey, TimerKey};

/// The store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A stored value cannot be read.
    #[error(transparent)]
    Codec(#[from] StateCodecError),
    /// A stored key is not one of ours.
    #[error("state store holds a key that is not ours: {0:02x?}")]
    Key(Vec<u8>),
}

/// Keeps state between epochs. One contract test runs over every implementation.
///
/// A store is shared between the thread that executes (reads) and the one that delivers (commits); it sees commits in
/// the order of their epochs. What was committed is visible whole or not at all (I1).
pub trait StateStore: Send + Sync {
    /// The last commit, without its symbols and timers; `None` when nothing was ever committed.
    fn last_commit(&self) -> Result<Option<Commit>, StoreError>;

    /// The stored form of one symbol's state.
    fn symbol(&self, key: &StateKey) -> Result<Option<Vec<u8>>, StoreError>;

    /// All symbols with their stored state, in key order.
    fn symbols(&self) -> Result<Vec<(StateKey, Vec<u8>)>, StoreError>;

    /// All timers, in key order.
    fn timers(&self) -> Result<Vec<TimerKey>, StoreError>;

    /// Applies a commit, whole.
    fn commit(&self, commit: Commit) -> Result<(), StoreError>;
}
