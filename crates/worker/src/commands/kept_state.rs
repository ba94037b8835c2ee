//! What `worker checkpoint` and `worker savepoint` have in common: how they end, and how JSON is printed.

use std::io::{self, Write};

use serde::Serialize;

use crate::checkpoint::CheckpointError;
use crate::checkpoint::savepoint::SavepointError;
use crate::cli::Exit;

/// Why the command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum KeptStateError {
    /// Checkpoints cannot be looked at.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A savepoint is refused, or cannot be looked at.
    #[error(transparent)]
    Savepoint(#[from] SavepointError),
    /// What was kept is not what it should be; each was told already.
    #[error("{refused} of {all} refused")]
    Refused {
        /// How many.
        refused: usize,
        /// Of how many.
        all: usize,
    },
    /// There is none of that name.
    #[error("no {what} {name} in {directory}; `worker {what} list --dir {directory}` shows what is there")]
    NoSuch {
        /// Checkpoint or savepoint.
        what: &'static str,
        /// The name that was asked for.
        name: String,
        /// Where it was looked for.
        directory: String,
    },
    /// Nobody said yes.
    #[error("{file} was not removed: answer yes, or give --yes")]
    NotAgreed {
        /// The file.
        file: String,
    },
    /// The answer cannot be written.
    #[error("writing the answer: {0}")]
    Write(#[from] io::Error),
}

impl KeptStateError {
    /// How the program ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Savepoint(SavepointError::Disk { .. })
            | Self::Checkpoint(_)
            | Self::NoSuch { .. }
            | Self::NotAgreed { .. }
            | Self::Write(_) => Exit::Failed,
            Self::Refused { .. } | Self::Savepoint(_) => Exit::StateRefused,
        }
    }
}

/// One JSON document.
pub(super) fn json(out: &mut impl Write, value: &impl Serialize) -> Result<(), KeptStateError> {
    serde_json::to_writer_pretty(&mut *out, value).map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}
