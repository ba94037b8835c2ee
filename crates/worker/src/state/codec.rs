//! One symbol's state, and its stored form: a version byte, then postcard's encoding.

use serde::{Deserialize, Serialize};

use crate::anomaly::RuleState;
use crate::window::Windows;

/// Version of the stored form of a symbol's state; the first byte of every stored value.
pub const STATE_FORMAT: u8 = 1;

/// Everything that is kept for one symbol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SymbolState {
    /// Its windows that are not over.
    pub windows: Windows,
    /// What the rules remember.
    pub rules: RuleState,
}

/// A stored value that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StateCodecError {
    /// Written by a version of the program that this one does not know.
    #[error("state value has format {found}, this worker reads {STATE_FORMAT}: use the worker that wrote it, or a savepoint")]
    Format {
        /// The version byte found; `None` for an empty value.
        found: u8,
    },
    /// The bytes after the version are not what that version writes.
    #[error("state value is damaged: {0}")]
    Damaged(#[from] postcard::Error),
}

impl SymbolState {
    /// The stored form.
    pub fn encode(&self) -> Result<Vec<u8>, StateCodecError> {
        Ok(postcard::to_extend(self, vec![STATE_FORMAT])?)
    }

    /// Reads the stored form.
    pub fn decode(bytes: &[u8]) -> Result<Self, StateCodecError> {
        match bytes.split_first() {
            Some((&STATE_FORMAT, body)) => Ok(postcard::from_bytes(body)?),
            Some((&found, _)) => Err(StateCodecError::Format { found }),
            None => Err(StateCodecError::Format { found: 0 }),
        }
    }
}
