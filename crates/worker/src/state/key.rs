//! Keys in the state store: state = unit ‖ key group ‖ symbol, timer = unit ‖ due time ‖ symbol, outbox = sink ‖ timeline ‖
//! epoch. Part of the state format.

use crate::epoch::Timeline;
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

/// Key of one epoch's outputs in the outbox of a sink: sorts by sink, timeline, epoch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutboxKey(Box<[u8]>);

impl OutboxKey {
    /// The key of what an epoch gave to a sink.
    pub fn of(sink: &str, timeline: Timeline, epoch: u64) -> Self {
        let mut bytes = Self::prefix(sink);
        bytes.extend_from_slice(&timeline.0.to_be_bytes());
        bytes.extend_from_slice(&epoch.to_be_bytes());
        Self(bytes.into())
    }

    /// What all keys of a sink begin with, and no others: the name's length stands before it.
    pub fn prefix(sink: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(20 + sink.len());
        bytes.extend_from_slice(&(sink.len() as u32).to_be_bytes());
        bytes.extend_from_slice(sink.as_bytes());
        bytes
    }

    /// The key's bytes, as they are stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Sink, timeline and epoch; `None` where the bytes are not a key of ours.
    pub fn parts(&self) -> Option<(&str, Timeline, u64)> {
        let (length, rest) = self.0.split_first_chunk()?;
        let (sink, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        let (timeline, epoch) = rest.split_first_chunk()?;
        let epoch = u64::from_be_bytes(epoch.try_into().ok()?);
        Some((std::str::from_utf8(sink).ok()?, Timeline(u64::from_be_bytes(*timeline)), epoch))
    }
}

/// Keys as they come out of a store. What they hold is looked at where it is needed.
macro_rules! stored {
    ($($key:ident)*) => {$(
        impl From<&[u8]> for $key {
            fn from(stored: &[u8]) -> Self {
                Self(stored.into())
            }
        }
    )*};
}
stored! { StateKey TimerKey OutboxKey }

#[cfg(test)]
mod tests {
    use super::*;

    // I8: hash, count and layout are part of the state format. 005930 is in key group 18 (see route/key_group.rs).
    #[test]
    fn keys_have_the_layout_that_stored_state_has() {
        assert_eq!(StateKey::of(0, "005930").as_bytes(), b"\0\0\0\0\x12005930");
        assert_eq!(StateKey::of(7, "").as_bytes(), [0, 0, 0, 7, 89]);
        assert_eq!(TimerKey::of(0, 1, "A").as_bytes(), b"\0\0\0\0\x80\0\0\0\0\0\0\x01A");
        let outbox = OutboxKey::of("file", Timeline(2), 258);
        assert_eq!(outbox.as_bytes(), b"\0\0\0\x04file\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\x01\x02");
    }

    #[test]
    fn keys_give_back_what_they_were_made_of() {
        assert_eq!(StateKey::of(3, " 삼성 ").symbol(), Some(" 삼성 "));
        for due_ms in [i64::MIN, -1, 0, 1_770_872_400_000, i64::MAX] {
            assert_eq!(TimerKey::of(0, due_ms, "x").due_and_symbol(), Some((due_ms, "x")));
        }
        for sink in ["", "file", "kafka"] {
            let key = OutboxKey::of(sink, Timeline(u64::MAX), 7);
            assert_eq!(key.parts(), Some((sink, Timeline(u64::MAX), 7)));
            assert!(key.as_bytes().starts_with(&OutboxKey::prefix(sink)));
        }
    }

    #[test]
    fn timers_sort_by_time_then_symbol() {
        let keys = [(-5, "B"), (-1, "A"), (0, "Z"), (3, "A"), (3, "AA"), (3, "B")].map(|(t, s)| TimerKey::of(0, t, s));
        assert!(keys.is_sorted());
    }

    // One sink's name may begin with another's.
    #[test]
    fn outboxes_of_sinks_stay_apart_and_sort_by_epoch() {
        let keys = [("b", 1, 1), ("b", 1, 256), ("b", 2, 1), ("ab", 1, 1)]
            .map(|(sink, timeline, epoch)| OutboxKey::of(sink, Timeline(timeline), epoch));
        assert!(keys.is_sorted());
        assert!(!OutboxKey::of("ab", Timeline(0), 0).as_bytes().starts_with(&OutboxKey::prefix("a")));
    }

    #[test]
    fn what_is_no_key_gives_nothing() {
        for bytes in [
            &b""[..],
            b"\0\0\0\0",
            b"\0\0\0\x09file\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        ] {
            assert_eq!(OutboxKey::from(bytes).parts(), None, "{bytes:?}");
            assert_eq!(TimerKey::from(&bytes[..bytes.len().min(11)]).due_and_symbol(), None);
        }
        assert_eq!(StateKey::from(&b"\0\0\0\0\x01\xff"[..]).symbol(), None);
    }
}
