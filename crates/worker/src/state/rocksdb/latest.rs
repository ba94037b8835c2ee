//! Which of a commit's changes are written, and in which order. Pure.
//!
//! Commits of several epochs are made as one, and what is often traded changes in each of them: only the last change of a
//! symbol is to be found later. And RocksDB's buffer is a sorted list that remembers where it was last written to: keys in
//! their order are found beside each other, keys in any other order each by a search through all of it.

use crate::state::StateKey;

/// Bytes of a key that it is sorted by; those of a symbol's key are seldom more.
const HEAD_BYTES: usize = 16;

/// The last change of each key. In the keys' order as far as their first bytes tell; of longer keys that begin alike some may
/// come several times, the last change last.
pub(super) fn latest<V>(changes: &[(StateKey, V)]) -> impl Iterator<Item = &(StateKey, V)> {
    let mut order: Vec<(u128, u32)> =
        (0..).zip(changes).map(|(index, (key, _))| (head(key.as_bytes()), index)).collect();
    order.sort_unstable();
    let key = |index: u32| changes.get(index as usize).map(|(key, _)| key);
    let mut next = order.into_iter().peekable();
    std::iter::from_fn(move || {
        loop {
            let (head, index) = next.next()?;
            // Another head is another key: the bytes of both are looked at only where the heads are the same.
            let again = next.peek().is_some_and(|(other, later)| *other == head && key(*later) == key(index));
            if !again {
                return changes.get(index as usize);
            }
        }
    })
}

/// The first bytes of a key, as a number that sorts as they do; zeros stand for those that it has not.
fn head(key: &[u8]) -> u128 {
    let mut bytes = [0; HEAD_BYTES];
    let length = key.len().min(HEAD_BYTES);
    bytes[..length].copy_from_slice(&key[..length]);
    u128::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn changes(keys: &[&str]) -> Vec<(StateKey, usize)> {
        keys.iter().zip(0..).map(|(key, change)| (key.as_bytes().into(), change)).collect()
    }

    fn written(keys: &[&str]) -> Vec<(String, usize)> {
        let text = |key: &StateKey| String::from_utf8_lossy(key.as_bytes()).into_owned();
        latest(&changes(keys)).map(|(key, change)| (text(key), *change)).collect()
    }

    #[test]
    fn of_each_key_the_last_change_is_written_in_the_keys_order() {
        let expected = [("a", 5), ("b", 4), ("c", 2)].map(|(key, change)| (key.to_owned(), change));
        assert_eq!(written(&["b", "a", "c", "a", "b", "a"]), expected);
        assert_eq!(written(&[]), []);
    }

    #[test]
    fn keys_whose_first_bytes_are_the_same_stay_apart() {
        let (long, longer) = ("0123456789abcdef", "0123456789abcdefg");
        // The end of a key and a zero byte are one head.
        for keys in [[long, longer], ["", "\0"], ["x", "x\0\0"]] {
            let found = written(&keys);
            assert_eq!(found.len(), 2, "{found:?}");
        }
    }

    proptest! {
        // What a store that writes one after the other holds in the end.
        #[test]
        fn a_store_holds_the_same_as_if_all_were_written(keys in prop::collection::vec("[ab]{0,2}(0123456789abcdef)?[ab]?", 0..60)) {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let changes = changes(&keys);
            let all: BTreeMap<_, _> = changes.iter().map(|(key, change)| (key.as_bytes(), *change)).collect();
            let held: BTreeMap<_, _> = latest(&changes).map(|(key, change)| (key.as_bytes(), *change)).collect();
            prop_assert_eq!(held, all);
        }
    }
}
