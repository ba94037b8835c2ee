//! The simulated state: commits in order, none of them synced by themselves, and checkpoints of them.

use std::sync::Arc;

use worker::state::{Commit, MemoryStateStore, OutboxKey, StateKey, StateStore, StoreError, Visit, VisitTimer};

use super::fates::{Fate, Fates, Shared, open};
use crate::engine::day::Dice;

/// The state's disk.
#[derive(Default)]
pub(super) struct StateDisk {
    commits: Vec<Commit>,
    /// How many commits a checkpoint, which is synced, or the database itself has made last.
    synced: usize,
    /// Checkpoints: how many commits each contains.
    checkpoints: Vec<usize>,
}

impl StateDisk {
    pub(super) fn crash_of_machine(&mut self, dice: &mut Dice) {
        let unsynced = self.commits.len() - self.synced;
        self.commits.truncate(self.synced + dice.below(1 + unsynced as u64) as usize);
    }

    /// The epoch that the state stands at.
    pub(super) fn epoch(&self) -> u64 {
        self.commits.last().map_or(0, |commit| commit.epoch)
    }

    /// Makes a checkpoint; the newest three stay. Gives the epoch of the oldest.
    pub(super) fn checkpoint(&mut self) -> u64 {
        self.synced = self.commits.len();
        self.checkpoints.push(self.commits.len());
        if self.checkpoints.len() > 3 {
            self.checkpoints.remove(0);
        }
        self.oldest_checkpoint()
    }

    pub(super) fn oldest_checkpoint(&self) -> u64 {
        self.checkpoints.first().map_or(0, |&count| self.commits[count - 1].epoch)
    }

    /// The database is lost: back to a checkpoint, or to nothing.
    pub(super) fn restore(&mut self, dice: &mut Dice) {
        let count = match self.checkpoints.len() {
            0 => 0,
            some => self.checkpoints[dice.below(some as u64) as usize],
        };
        self.commits.truncate(count);
        self.synced = count;
        self.checkpoints.retain(|&kept| kept <= count);
    }

    pub(super) fn store(&self) -> MemoryStateStore {
        let store = MemoryStateStore::default();
        for commit in &self.commits {
            store.commit(commit).unwrap();
        }
        store
    }
}

/// The state as one life sees it.
pub(super) struct SimulatedStore {
    memory: MemoryStateStore,
    disk: Shared<StateDisk>,
    fates: Shared<Fates>,
}

impl SimulatedStore {
    pub(super) fn over(disk: &Shared<StateDisk>, fates: &Shared<Fates>) -> Self {
        Self { memory: open(disk).store(), disk: Arc::clone(disk), fates: Arc::clone(fates) }
    }
}

impl StateStore for SimulatedStore {
    fn last_commit(&self) -> Result<Option<Commit>, StoreError> {
        self.memory.last_commit()
    }

    fn symbol(&self, key: &StateKey) -> Result<Option<Vec<u8>>, StoreError> {
        told(open(&self.fates).next())?;
        self.memory.symbol(key)
    }

    fn for_each_symbol(&self, visit: Visit<'_, StateKey>) -> Result<(), StoreError> {
        self.memory.for_each_symbol(visit)
    }

    fn for_each_timer(&self, visit: VisitTimer<'_>) -> Result<(), StoreError> {
        self.memory.for_each_timer(visit)
    }

    fn for_each_in_outbox(&self, sink: &str, visit: Visit<'_, OutboxKey>) -> Result<(), StoreError> {
        self.memory.for_each_in_outbox(sink, visit)
    }

    // After a failure nobody knows whether it was applied: the same one is tried again.
    fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        let fate = open(&self.fates).next();
        if fate.is_begun() {
            self.memory.commit(commit)?;
            open(&self.disk).commits.push(commit.clone());
        }
        told(fate)
    }
}

fn told(fate: Fate) -> Result<(), StoreError> {
    let place = || "simulated-state".to_owned();
    match fate {
        Fate::Well => Ok(()),
        Fate::Faulty { .. } => Err(StoreError::Unavailable { place: place(), reason: "full".to_owned() }),
        Fate::Dies { .. } => Err(StoreError::Refused { place: place(), reason: "the worker died".to_owned() }),
    }
}
