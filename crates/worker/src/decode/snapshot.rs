//! Rows that a snapshot read and that come once more, at positions that no mark can catch (`field-notes` C3): an option,
//! off by default, since the seed counts them.
//!
//! - Debezium before mid-2025 (DBZ-9006) writes a row that changed while the snapshot ran both as `r` and, later, as `c`
//!   or `u`: the snapshot had read the change already. It is a repeat if the database made it no later than the snapshot
//!   read the row.
//! - A snapshot that was interrupted starts over: the same rows as `r` again.
//! - A snapshot that is injected once changes stream (a second one, an incremental one) reads rows that are known: none of
//!   its rows is a new order.
//!
//! The keys that the snapshot read are kept until the stream has passed the moment at which it read the last of them.

use std::collections::BTreeMap;
use std::hash::Hasher as _;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3Default;

use super::Change;
use crate::event::{Op, OrderEvent, OrderId};

/// What is known of one partition's snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRows {
    /// Hash of each row's key, and when the snapshot read it (the envelope's `ts_ms`).
    read_ms: BTreeMap<u64, i64>,
    /// When it read the last one.
    last_read_ms: Option<i64>,
    /// Whether changes have streamed since.
    streaming: bool,
}

impl SnapshotRows {
    /// Whether the change of this row is one that the snapshot has told already. Remembers what the snapshot reads.
    pub fn is_repeat(&mut self, change: &Change, event: &OrderEvent) -> bool {
        let key = key_of(&event.order_id);
        if event.op == Op::Read {
            let read_ms = change.source_time_ms.map(|time_ms| time_ms + event.latency_ms.unwrap_or(0));
            return self.streaming || self.read(key, read_ms);
        }
        self.streaming = true;
        let Some(made_ms) = change.source_time_ms else { return false };
        if self.last_read_ms.is_some_and(|last_ms| made_ms > last_ms) {
            // The stream has passed the snapshot: nothing that follows can be in it.
            self.read_ms = BTreeMap::new();
            self.last_read_ms = None;
        }
        self.read_ms.get(&key).is_some_and(|&read_ms| made_ms <= read_ms)
    }

    /// The snapshot read a row; `true` if it had read it before.
    fn read(&mut self, key: u64, read_ms: Option<i64>) -> bool {
        // A row without a time cannot be told from a later change of it: kept out, and the later change counts.
        let Some(read_ms) = read_ms else { return self.read_ms.contains_key(&key) };
        self.last_read_ms = self.last_read_ms.max(Some(read_ms));
        self.read_ms.insert(key, read_ms).is_some()
    }
}

fn key_of(id: &OrderId) -> u64 {
    let mut hasher = Xxh3Default::new();
    match id {
        OrderId::Integer(id) => hasher.write_i64(*id),
        OrderId::Unsigned(id) => hasher.write_u64(*id),
        OrderId::Text(id) => hasher.write(id.as_bytes()),
    }
    hasher.digest()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::testing::order;

    /// A change of row `id` that the database made at `made_ms`; a snapshot reads it a millisecond later.
    fn change(op: Op, id: i64, made_ms: i64) -> Change {
        let mut event = order("A", "BUY", 1, "1");
        event.op = op;
        event.order_id = OrderId::Integer(id);
        event.latency_ms = Some(1);
        event.source_time_ms = Some(made_ms);
        Change { op, position: None, source_time_ms: Some(made_ms), row: Ok(event) }
    }

    fn repeats(changes: &[(Op, i64, i64)]) -> Vec<bool> {
        let mut rows = SnapshotRows::default();
        let mut judge = |&(op, id, made_ms): &(Op, i64, i64)| {
            let change = change(op, id, made_ms);
            change.row.as_ref().is_ok_and(|event| rows.is_repeat(&change, event))
        };
        changes.iter().map(&mut judge).collect()
    }

    #[test]
    fn a_row_written_while_the_snapshot_ran_counts_once() {
        // Read at 101; inserted at 99 (in the snapshot already), updated at 102 (not in it).
        assert_eq!(repeats(&[(Op::Read, 1, 100), (Op::Create, 1, 99), (Op::Update, 1, 102)]), [false, true, false]);
    }

    #[test]
    fn other_rows_are_no_repeats() {
        assert_eq!(repeats(&[(Op::Read, 1, 100), (Op::Create, 2, 99)]), [false, false]);
    }

    #[test]
    fn a_snapshot_that_starts_over_reads_known_rows() {
        assert_eq!(repeats(&[(Op::Read, 1, 100), (Op::Read, 2, 100), (Op::Read, 1, 200)]), [false, false, true]);
    }

    #[test]
    fn a_snapshot_injected_while_changes_stream_reads_known_rows() {
        assert_eq!(repeats(&[(Op::Create, 1, 100), (Op::Read, 1, 200), (Op::Read, 7, 200)]), [false, true, true]);
    }

    #[test]
    fn keys_are_forgotten_once_the_stream_has_passed_the_snapshot() {
        let mut rows = SnapshotRows::default();
        for (op, id, made_ms) in [(Op::Read, 1, 100), (Op::Read, 2, 100), (Op::Create, 9, 102)] {
            let change = change(op, id, made_ms);
            let event = change.row.clone().unwrap();
            rows.is_repeat(&change, &event);
        }
        assert!(rows.read_ms.is_empty());
    }
}
