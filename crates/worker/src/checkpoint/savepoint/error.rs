//! What can go wrong with savepoints, one line for people each.

use std::io;
use std::path::Path;

use super::format::SAVEPOINT_FORMAT;
use crate::state::StoreError;

/// A savepoint could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SavepointError {
    /// The disk did not do what it was asked.
    #[error("savepoint: cannot {action} {path}: {error}")]
    Disk {
        /// What was asked.
        action: &'static str,
        /// Of which file or directory.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// The state store failed.
    #[error("savepoint: {0}")]
    State(#[from] StoreError),
    /// There is no state yet.
    #[error("savepoint: nothing was committed yet, so there is nothing to save")]
    Nothing,
    /// The state moved on while it was read.
    #[error(
        "savepoint: the state moved from epoch {before} to {after} while it was read: stop the worker, or read a copy"
    )]
    Moved {
        /// The epoch at the beginning.
        before: u64,
        /// The epoch at the end.
        after: u64,
    },
    /// It is no such file.
    #[error("{path} is not a savepoint: {reason}")]
    NotASavepoint {
        /// The file.
        path: String,
        /// What speaks against it.
        reason: String,
    },
    /// Another version wrote it.
    #[error(
        "{path} has savepoint format {found}, this worker reads {SAVEPOINT_FORMAT}: restore it with worker {worker}"
    )]
    Format {
        /// The file.
        path: String,
        /// Its format.
        found: u64,
        /// The version that wrote it.
        worker: String,
    },
    /// Its end is missing.
    #[error(
        "{path} is incomplete: its last line is missing, so whoever wrote or copied it did not finish; use another one"
    )]
    Incomplete {
        /// The file.
        path: String,
    },
    /// It is not what was written.
    #[error("{path} is damaged at line {line}: {reason}; use another one")]
    Damaged {
        /// The file.
        path: String,
        /// The line, from 1.
        line: u64,
        /// What does not fit.
        reason: String,
    },
    /// It holds more than this worker knows.
    #[error(
        "{path} holds state that this worker does not know: {names}; restore it with worker {worker}, or lose that part \
         with --allow-non-restored-state"
    )]
    Unknown {
        /// The file.
        path: String,
        /// What is not known.
        names: String,
        /// The version that wrote it.
        worker: String,
    },
    /// There is state already.
    #[error("{path} is not restored: the state store holds epoch {epoch} already; move state.dir aside first")]
    NotEmpty {
        /// The file.
        path: String,
        /// What the store holds.
        epoch: u64,
    },
}

impl SavepointError {
    /// What the disk refused.
    pub(crate) fn disk(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Disk { action, path: path.display().to_string(), error }
    }
}
