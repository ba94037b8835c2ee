//! Checkpoints and savepoints of this run, as they were made or failed.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::recent::Recent;
use crate::time::clock::Clock;

/// How many are remembered (I7).
const KEPT: usize = 50;

/// A checkpoint or savepoint that was made, or was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointStatus {
    /// Counts from 1 with every attempt of this run.
    pub id: u64,
    /// A savepoint; otherwise a checkpoint.
    pub savepoint: bool,
    /// When it was begun, milliseconds since the Unix epoch.
    pub begun_ms: i64,
    /// How long it took.
    pub duration_ms: u64,
    /// Where it stands and how many bytes it has, or why there is none.
    pub outcome: Result<(PathBuf, u64), String>,
}

/// All of a run.
#[derive(Debug)]
pub struct Checkpoints {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    completed: u64,
    failed: u64,
    recent: Recent<CheckpointStatus>,
    last_completed: Option<CheckpointStatus>,
}

impl Default for Checkpoints {
    fn default() -> Self {
        Self { inner: Mutex::new(Inner { completed: 0, failed: 0, recent: Recent::new(KEPT), last_completed: None }) }
    }
}

impl Checkpoints {
    /// Makes a checkpoint or savepoint with `make` and notes what came of it.
    pub fn noted(
        &self,
        savepoint: bool,
        clock: &dyn Clock,
        make: impl FnOnce() -> Result<PathBuf, String>,
    ) -> Result<PathBuf, String> {
        let (begun_ms, begun_boot_ms) = (clock.wall_ms(), clock.boot_ms());
        let made = make();
        let duration_ms = (clock.boot_ms() - begun_boot_ms).max(0) as u64;
        let outcome = made.clone().map(|place| {
            let bytes = bytes_in(&place);
            (place, bytes)
        });
        let mut inner = self.inner();
        let id = inner.completed + inner.failed + 1;
        let status = CheckpointStatus { id, savepoint, begun_ms, duration_ms, outcome };
        if made.is_ok() {
            inner.completed += 1;
            if !savepoint {
                inner.last_completed = Some(status.clone());
            }
        } else {
            inner.failed += 1;
        }
        inner.recent.push(status);
        made
    }

    /// How many were made and how many failed.
    pub fn counts(&self) -> (u64, u64) {
        let inner = self.inner();
        (inner.completed, inner.failed)
    }

    /// The newest, newest first.
    pub fn newest(&self) -> Vec<CheckpointStatus> {
        self.inner().recent.newest(KEPT, |_| true)
    }

    /// The last checkpoint that was made; savepoints are nothing that a restart goes by.
    pub fn last_completed(&self) -> Option<CheckpointStatus> {
        self.inner().last_completed.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere leaves whole values.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of a file, or of all files in a directory and below; what cannot be read counts nothing.
fn bytes_in(place: &Path) -> u64 {
    let Ok(meta) = place.symlink_metadata() else { return 0 };
    if !meta.is_dir() {
        return meta.len();
    }
    let Ok(entries) = place.read_dir() else { return 0 };
    entries.flatten().map(|entry| bytes_in(&entry.path())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::clock::ManualClock;

    #[test]
    fn what_was_made_and_what_failed_is_counted_and_measured() {
        let directory = tempfile::tempdir().unwrap();
        let (checkpoints, clock) = (Checkpoints::default(), ManualClock::at(5_000));
        let place = directory.path().join("chk-1");
        let made = checkpoints.noted(false, &clock, || {
            clock.advance(40);
            std::fs::create_dir_all(place.join("below")).unwrap();
            std::fs::write(place.join("a"), [0; 10]).unwrap();
            std::fs::write(place.join("below/b"), [0; 5]).unwrap();
            Ok(place.clone())
        });
        assert_eq!(made, Ok(place.clone()));
        checkpoints.noted(true, &clock, || Err("disk full".to_owned())).unwrap_err();
        assert_eq!(checkpoints.counts(), (1, 1));
        let first =
            CheckpointStatus { id: 1, savepoint: false, begun_ms: 5_000, duration_ms: 40, outcome: Ok((place, 15)) };
        assert_eq!(checkpoints.last_completed(), Some(first.clone()));
        let newest = checkpoints.newest();
        assert_eq!((newest[0].id, &newest[0].outcome), (2, &Err("disk full".to_owned())));
        assert_eq!(newest[1], first);
    }
}
