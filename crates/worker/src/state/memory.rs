//! A state store in memory: the demo's, the replay's and the tests'. Gone with the process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Commit, StateKey, StateStore, StoreError, TimerKey};

/// Keeps everything in ordered maps, in the same stored form as a store on disk.
#[derive(Debug, Default)]
pub struct MemoryStateStore {
    /// A std mutex: held for a few map operations, never across anything that waits.
    content: Mutex<Content>,
}

#[derive(Debug, Default)]
struct Content {
    last_commit: Option<Commit>,
    symbols: BTreeMap<StateKey, Vec<u8>>,
    timers: BTreeSet<TimerKey>,
}

impl MemoryStateStore {
    fn content(&self) -> MutexGuard<'_, Content> {
        // A panic while the lock was held would have stopped the worker; the maps themselves are never half-changed.
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateStore for MemoryStateStore {
    fn last_commit(&self) -> Result<Option<Commit>, StoreError> {
        Ok(self.content().last_commit.clone())
    }

    fn symbol(&self, key: &StateKey) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.content().symbols.get(key).cloned())
    }

    fn symbols(&self) -> Result<Vec<(StateKey, Vec<u8>)>, StoreError> {
        Ok(self.content().symbols.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn timers(&self) -> Result<Vec<TimerKey>, StoreError> {
        Ok(self.content().timers.iter().cloned().collect())
    }

    fn commit(&self, mut commit: Commit) -> Result<(), StoreError> {
        let mut content = self.content();
        content.symbols.extend(commit.symbols.drain(..));
        for (timer, set) in commit.timers.drain(..) {
            if set {
                content.timers.insert(timer);
            } else {
                content.timers.remove(&timer);
            }
        }
        content.last_commit = Some(commit);
        Ok(())
    }
}
