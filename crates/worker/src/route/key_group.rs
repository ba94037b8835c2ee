//! Key groups: a symbol belongs to one for ever; shards own ranges of them. Hash and count are part of the state format.

use super::murmur2::murmur2;

/// How many key groups there are. Fixed: stored state names key groups.
pub const KEY_GROUPS: u16 = 128;

/// One of [`KEY_GROUPS`] groups of symbols; what moves when the parallelism changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyGroup(pub u8);

impl KeyGroup {
    /// The group of a symbol: (murmur2(UTF-8) & 0x7fffffff) % 128, as Kafka's partitioner counts.
    pub fn of(symbol: &str) -> Self {
        Self(((murmur2(symbol.as_bytes()) & 0x7fff_ffff) % u32::from(KEY_GROUPS)) as u8)
    }

    /// The shard (counted from 0) that owns this group: group × parallelism / 128.
    pub fn shard(self, parallelism: usize) -> usize {
        usize::from(self.0) * parallelism / usize::from(KEY_GROUPS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec.md 1.2 names these: at parallelism 2, 005930 and 035420 are on subtask 1, 035720 and 000660 on 2.
    #[test]
    fn the_specs_symbols_are_on_the_specs_subtasks() {
        for (symbol, subtask) in [("005930", 1), ("035420", 1), ("035720", 2), ("000660", 2)] {
            assert_eq!(KeyGroup::of(symbol).shard(2) + 1, subtask, "{symbol}");
        }
    }

    // I8: a change of parallelism moves ranges, never reorders groups.
    #[test]
    fn shards_own_contiguous_ranges_at_every_parallelism() {
        for parallelism in 1..=usize::from(KEY_GROUPS) {
            let shards: Vec<usize> = (0..KEY_GROUPS).map(|g| KeyGroup(g as u8).shard(parallelism)).collect();
            assert!(shards.is_sorted(), "parallelism {parallelism}");
            assert_eq!(shards.first(), Some(&0));
            assert_eq!(shards.last(), Some(&(parallelism - 1)));
        }
    }

    // Worked out by a Python transcription of Kafka's Utils.murmur2, itself checked against Kafka's UtilsTest ("foobar").
    #[test]
    fn a_symbol_keeps_its_group_for_ever() {
        for (symbol, group) in GOLDEN_GROUPS {
            assert_eq!(KeyGroup::of(symbol), KeyGroup(*group), "{symbol:?}");
        }
    }

    const GOLDEN_GROUPS: &[(&str, u8)] = &[
        ("", 89),
        ("005930", 18),
        ("000660", 87),
        ("035420", 21),
        ("035720", 121),
        ("AAPL", 17),
        (" AAPL", 94),
        ("日経225", 113),
        ("삼성전자", 56),
        ("BRK.B", 111),
    ];
}
