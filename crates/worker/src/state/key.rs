//! Keys in the state store: state = unit ‖ key group ‖ symbol, timer = unit ‖ due time ‖ symbol. Part of the state format.

use crate::route::KeyGroup;

/// The unit while one worker owns the topic; the source partition once several share it (`design.md`).
pub const UNIT: u32 = 0;

/// Key of one symbol's state: sorts by unit, key group, symbol, so that a range of key groups is a range of keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StateKey(Box<[u8]>);

impl StateKey {
    /// The key of a symbol.
    pub fn of(unit: u32, symbol: &str) -> Self {
        let mut bytes = Vec::with_capacity(5 + symbol.len());
        bytes.extend_from_slice(&unit.to_be_bytes());
        bytes.push(KeyGroup::of(symbol).0);
        bytes.extend_from_slice(symbol.as_bytes());
        Self(bytes.into())
    }

    /// The key's bytes, as they are stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The symbol; `None` where the bytes are not a key of ours.
    pub fn symbol(&self) -> Option<&str> {
        std::str::from_utf8(self.0.get(5..)?).ok()
    }
}

/// Key of one timer: sorts by unit, due time, symbol.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerKey(Box<[u8]>);

impl TimerKey {
    /// The key of a timer that is due at `due_ms` on the windows' axis.
    pub fn of(unit: u32, due_ms: i64, symbol: &str) -> Self {
        let mut bytes = Vec::with_capacity(12 + symbol.len());
        bytes.extend_from_slice(&unit.to_be_bytes());
        // The sign bit flipped: bytes then sort as the numbers do.
        bytes.extend_from_slice(&(due_ms as u64 ^ 1 << 63).to_be_bytes());
        bytes.extend_from_slice(symbol.as_bytes());
        Self(bytes.into())
    }

    /// The key's bytes, as they are stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Due time and symbol; `None` where the bytes are not a key of ours.
    pub fn due_and_symbol(&self) -> Option<(i64, &str)> {
        let due: [u8; 8] = self.0.get(4..12)?.try_into().ok()?;
        let symbol = std::str::from_utf8(self.0.get(12..)?).ok()?;
        Some(((u64::from_be_bytes(due) ^ 1 << 63) as i64, symbol))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // I8: hash, count and layout are part of the state format. 005930 is in key group 18 (see route/key_group.rs).
    #[test]
    fn keys_have_the_layout_that_stored_state_has() {
        assert_eq!(StateKey::of(0, "005930").as_bytes(), b"\0\0\0\0\x12005930");
        assert_eq!(StateKey::of(7, "").as_bytes(), [0, 0, 0, 7, 89]);
        assert_eq!(TimerKey::of(0, 1, "A").as_bytes(), b"\0\0\0\0\x80\0\0\0\0\0\0\x01A");
    }

    #[test]
    fn keys_give_back_what_they_were_made_of() {
        assert_eq!(StateKey::of(3, " 삼성 ").symbol(), Some(" 삼성 "));
        for due_ms in [i64::MIN, -1, 0, 1_770_872_400_000, i64::MAX] {
            assert_eq!(TimerKey::of(0, due_ms, "x").due_and_symbol(), Some((due_ms, "x")));
        }
    }

    #[test]
    fn timers_sort_by_time_then_symbol() {
        let keys = [(-5, "B"), (-1, "A"), (0, "Z"), (3, "A"), (3, "AA"), (3, "B")].map(|(t, s)| TimerKey::of(0, t, s));
        assert!(keys.is_sorted());
    }
}
