//! One symbol's state, and its stored form: a version byte, then postcard's encoding.

use serde::{Deserialize, Serialize};

use crate::anomaly::RuleState;
use crate::window::Windows;

/// Version of the stored form of a symbol's state; the first byte of every stored value.
pub const STATE_FORMAT: u8 = 1;

/// Everything that is kept for one symbol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
// In a savepoint a part that is missing is empty, and one that is not known is refused.
#[serde(default, deny_unknown_fields)]
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
    #[error(
        "stored {what} has format {found}, this worker reads {known}: use the worker that wrote it, or a savepoint"
    )]
    Format {
        /// What was to be read.
        what: &'static str,
        /// The version byte found; 0 for an empty value.
        found: u8,
        /// The version that is known.
        known: u8,
    },
    /// The bytes after the version are not what that version writes.
    #[error("stored value is damaged: {0}")]
    Damaged(#[from] postcard::Error),
}

impl SymbolState {
    /// The stored form.
    pub fn encode(&self) -> Result<Vec<u8>, StateCodecError> {
        Ok(postcard::to_extend(self, vec![STATE_FORMAT])?)
    }

    /// The stored form, in a buffer whose memory is used again.
    pub(super) fn encode_to(&self, buffer: &mut Vec<u8>) -> Result<(), StateCodecError> {
        let mut empty = std::mem::take(buffer);
        empty.clear();
        empty.push(STATE_FORMAT);
        *buffer = postcard::to_extend(self, empty)?;
        Ok(())
    }

    /// Reads the stored form.
    pub fn decode(bytes: &[u8]) -> Result<Self, StateCodecError> {
        match bytes.split_first() {
            Some((&STATE_FORMAT, body)) => Ok(postcard::from_bytes(body)?),
            first => Err(StateCodecError::Format {
                what: "state",
                found: first.map_or(0, |(&found, _)| found),
                known: STATE_FORMAT,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{OpSet, testing::order};
    use crate::window::TumblingWindows;

    fn used() -> SymbolState {
        let mut state = SymbolState::default();
        let windows = TumblingWindows { size_ms: 300_000, ops: OpSet::ALL, allowed_lateness_ms: 0 };
        let huge = format!("{}.{}", "9".repeat(35), "9".repeat(30));
        windows.on_event(&mut state.windows, &order("A", "BUY", i64::MAX, &huge), 7, 7);
        windows.on_event(&mut state.windows, &order("A", "SELL", -3, "0.01"), 400_000, 7);
        state
    }

    #[test]
    fn a_stored_state_comes_back_as_it_was() {
        for state in [SymbolState::default(), used()] {
            let stored = state.encode().unwrap();
            assert_eq!(stored[0], STATE_FORMAT);
            assert_eq!(SymbolState::decode(&stored).unwrap(), state);
        }
    }

    #[test]
    fn another_format_is_refused_by_name() {
        let mut stored = used().encode().unwrap();
        stored[0] = 9;
        let refusal = SymbolState::decode(&stored).unwrap_err().to_string();
        assert!(refusal.starts_with("stored state has format 9, this worker reads 1"), "{refusal}");
        assert!(SymbolState::decode(&[]).is_err());
    }

    #[test]
    fn a_truncated_value_is_refused() {
        let stored = used().encode().unwrap();
        assert!(SymbolState::decode(&stored[..stored.len() - 1]).is_err());
    }
}
