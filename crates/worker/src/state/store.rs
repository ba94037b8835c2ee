//! The seam between the engine and what keeps its state.

use super::{Commit, OutboxKey, StateCodecError, StateKey, TimerKey};

/// The store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A stored value cannot be read.
    #[error(transparent)]
    Codec(#[from] StateCodecError),
    /// The stored state of a symbol cannot be read.
    #[error("state of symbol {symbol:?}: {source}")]
    Symbol {
        /// The symbol.
        symbol: String,
        /// Why not.
        source: StateCodecError,
    },
    /// A stored key is not one of ours.
    #[error("state store holds a key that is not ours: {0:02x?}")]
    Key(Vec<u8>),
    /// The disk does not take or give what it should: it is full, read-only, or fails. It may be well again later.
    #[error("state in {place} cannot be used: {reason}")]
    Unavailable {
        /// The directory.
        place: String,
        /// What the system said.
        reason: String,
    },
    /// What is stored is not what was written.
    #[error("state in {place} is damaged: {reason}; move that directory aside and restore a checkpoint")]
    Damaged {
        /// The directory.
        place: String,
        /// What does not fit.
        reason: String,
    },
    /// Another process has the state.
    #[error(
        "state in {place} is in use by {holder}: one worker a state directory; stop that one, or give this one its own \
         with state.dir"
    )]
    InUse {
        /// The directory.
        place: String,
        /// Who has it.
        holder: String,
    },
    /// The store cannot be opened as it is, and waiting changes nothing.
    #[error("state in {place} is refused: {reason}")]
    Refused {
        /// The directory.
        place: String,
        /// Why, and what to do.
        reason: String,
    },
}

impl StoreError {
    /// Whether the same call may succeed later, after [`StateStore::resume`]: nothing is wrong with what is stored.
    pub fn may_mend(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// How much a store holds, by its own estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateSize {
    /// Symbols.
    pub symbols: u64,
    /// Bytes of all of it, in memory and in files, that are in use.
    pub bytes: u64,
}

/// What is called for each key of a store, with what is stored under it; an error ends the walk and is passed on.
pub type Visit<'a, Key> = &'a mut dyn FnMut(Key, &[u8]) -> Result<(), StoreError>;

/// What is called for each timer of a store, likewise.
pub type VisitTimer<'a> = &'a mut dyn FnMut(TimerKey) -> Result<(), StoreError>;

/// Keeps state between epochs. One contract test runs over every implementation.
///
/// A store is shared between the thread that executes (reads) and the one that delivers (commits); it sees commits in
/// the order of their epochs. What was committed is visible whole or not at all (I1). Walks (`for_each_…`) go in key
/// order over what was committed when they began, and hold one item in memory at a time.
pub trait StateStore: Send + Sync {
    /// The last commit, without symbols, timers and outbox; `None` when nothing was ever committed.
    fn last_commit(&self) -> Result<Option<Commit>, StoreError>;

    /// The stored form of one symbol's state.
    fn symbol(&self, key: &StateKey) -> Result<Option<Vec<u8>>, StoreError>;

    /// Walks over all symbols with their stored state.
    fn for_each_symbol(&self, visit: Visit<'_, StateKey>) -> Result<(), StoreError>;

    /// Walks over all timers.
    fn for_each_timer(&self, visit: VisitTimer<'_>) -> Result<(), StoreError>;

    /// Walks over the outputs in a sink's outbox, by timeline, then epoch.
    fn for_each_in_outbox(&self, sink: &str, visit: Visit<'_, OutboxKey>) -> Result<(), StoreError>;

    /// The outputs in a sink's outbox behind these, in their order: at least one where there are any, and no more than fit
    /// so many bytes.
    fn outbox_page(
        &self,
        sink: &str,
        behind: Option<&OutboxKey>,
        bytes_max: usize,
    ) -> Result<Vec<(OutboxKey, Vec<u8>)>, StoreError> {
        let (mut page, mut bytes, mut full) = (Vec::new(), 0, false);
        self.for_each_in_outbox(sink, &mut |key, outputs| {
            full = full || (!page.is_empty() && bytes + outputs.len() > bytes_max);
            if !full && behind.is_none_or(|behind| key > *behind) {
                bytes += outputs.len();
                page.push((key, outputs.to_vec()));
            }
            Ok(())
        })?;
        Ok(page)
    }

    /// Applies a commit, whole. After an error that [may mend](StoreError::may_mend) the same commit is to be tried
    /// again, and no other before it: whether it was applied is unknown, and applying it twice changes nothing.
    fn commit(&self, commit: &Commit) -> Result<(), StoreError>;

    /// When it returns, nothing that happens to the machine loses what was committed before.
    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// How much is stored, about; `None` where nobody counts. Asked beside the engine, by whoever watches.
    fn size(&self) -> Option<StateSize> {
        None
    }

    /// Makes the store usable again after an error that may mend, once the disk is well. Not from within a walk.
    fn resume(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
