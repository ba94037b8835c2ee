//! A state store in memory: the demo's, the replay's and the tests'. Gone with the process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Commit, OutboxKey, StateKey, StateStore, StoreError, TimerKey, Visit, VisitTimer};

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
    outbox: BTreeMap<OutboxKey, Vec<u8>>,
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

    fn for_each_symbol(&self, visit: Visit<'_, StateKey>) -> Result<(), StoreError> {
        // Walks go over a copy: the visitor may use the store.
        let symbols = self.content().symbols.clone();
        symbols.into_iter().try_for_each(|(key, stored)| visit(key, &stored))
    }

    fn for_each_timer(&self, visit: VisitTimer<'_>) -> Result<(), StoreError> {
        let timers = self.content().timers.clone();
        timers.into_iter().try_for_each(visit)
    }

    fn for_each_in_outbox(&self, sink: &str, visit: Visit<'_, OutboxKey>) -> Result<(), StoreError> {
        let prefix = OutboxKey::prefix(sink);
        let outbox = self.content().outbox.clone();
        let mut outbox = outbox.into_iter().filter(|(key, _)| key.as_bytes().starts_with(&prefix));
        outbox.try_for_each(|(key, outputs)| visit(key, &outputs))
    }

    fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        let mut content = self.content();
        content.symbols.extend(commit.symbols.iter().cloned());
        for (timer, set) in &commit.timers {
            if *set {
                content.timers.insert(timer.clone());
            } else {
                content.timers.remove(timer);
            }
        }
        for (key, outputs) in &commit.outbox {
            match outputs {
                Some(outputs) => content.outbox.insert(key.clone(), outputs.clone()),
                None => content.outbox.remove(key),
            };
        }
        content.last_commit = Some(commit.bare());
        Ok(())
    }
}
