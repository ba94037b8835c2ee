//! What can go wrong with checkpoints, one line for people each.

use std::io;
use std::path::Path;

use super::manifest::ManifestError;
use crate::state::StoreError;

/// A checkpoint could not be made, found or used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The disk did not do what it was asked.
    #[error("checkpoint: cannot {action} {path}: {error}")]
    Disk {
        /// What was asked.
        action: &'static str,
        /// Of which file or directory.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// The state store could not give its files.
    #[error("checkpoint: {0}")]
    State(#[from] StoreError),
    /// The state's files are not what a checkpoint can hold.
    #[error("checkpoint: {path} is neither a file nor a directory")]
    NotAFile {
        /// The odd one.
        path: String,
    },
    /// A manifest cannot be written.
    #[error("checkpoint: {0}")]
    Manifest(#[from] ManifestError),
    /// Hard links do not reach from the state to the checkpoints.
    #[error(
        "state.dir {state} and state.checkpoints_dir {checkpoints} are on different file systems, and a checkpoint is \
         made by hard links: give both a place on the same one"
    )]
    FileSystems {
        /// The state's directory.
        state: String,
        /// The checkpoints' directory.
        checkpoints: String,
    },
}

impl CheckpointError {
    /// What the disk refused.
    pub(super) fn disk(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Disk { action, path: path.display().to_string(), error }
    }

    /// Whether the same may succeed later: the disk is full, read-only or fails, and may be well again.
    pub fn may_mend(&self) -> bool {
        match self {
            Self::Disk { .. } => true,
            Self::State(error) => error.may_mend(),
            Self::NotAFile { .. } | Self::Manifest(_) | Self::FileSystems { .. } => false,
        }
    }
}
