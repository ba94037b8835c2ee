//! What a run shows while it goes on, for whoever watches from other threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Accounting;
use crate::source::PartitionId;
use crate::telemetry::Telemetry;

/// Counts of what was committed, where the partitions stand, and what the run waits for.
#[derive(Debug, Default)]
pub struct Progress {
    /// What else there is to see.
    pub telemetry: Telemetry,
    /// The delivering side has ended: what it could deliver is delivered and committed.
    delivered: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    counts: Accounting,
    next_offsets: Vec<(PartitionId, i64)>,
    epoch: u64,
    trouble: Option<Trouble>,
}

/// Something that keeps the run from going on, and that may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What is wrong, in words.
    pub what: String,
    /// Since when, in milliseconds since the Unix epoch.
    pub since_ms: i64,
}

impl Progress {
    /// The counts of everything committed so far.
    pub fn counts(&self) -> Accounting {
        self.inner().counts.clone()
    }

    /// The offsets to read next, as committed.
    pub fn next_offsets(&self) -> Vec<(PartitionId, i64)> {
        self.inner().next_offsets.clone()
    }

    /// The last epoch committed.
    pub fn epoch(&self) -> u64 {
        self.inner().epoch
    }

    /// What keeps the run from going on, if anything does.
    pub fn trouble(&self) -> Option<Trouble> {
        self.inner().trouble.clone()
    }

    /// Whether the delivering side has ended: a stop waits for it, and for nothing else that might never come.
    pub fn is_delivered(&self) -> bool {
        self.delivered.load(Ordering::Acquire)
    }

    pub(super) fn all_delivered(&self) {
        self.delivered.store(true, Ordering::Release);
    }

    pub(super) fn committed(&self, epoch: u64, counts: &Accounting, next_offsets: Vec<(PartitionId, i64)>) {
        let mut inner = self.inner();
        inner.counts.add(counts);
        inner.next_offsets = next_offsets;
        inner.epoch = epoch;
    }

    pub(super) fn in_trouble(&self, what: &str, now_ms: i64) {
        let mut inner = self.inner();
        let since_ms = inner.trouble.as_ref().map_or(now_ms, |trouble| trouble.since_ms);
        inner.trouble = Some(Trouble { what: what.to_owned(), since_ms });
    }

    pub(super) fn well_again(&self) {
        self.inner().trouble = None;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere leaves whole values.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
