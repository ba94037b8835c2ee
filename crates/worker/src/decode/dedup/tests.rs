//! The mark, step by step.

use super::*;
use crate::decode::Reason;

const NEW: Verdict = Verdict::New;
const DUPLICATE: Verdict = Verdict::Duplicate;
const GENERATION: Verdict = Verdict::Generation;

/// File, position, row.
type At = Option<(u64, u64, u64)>;

fn change(op: Op, position: At, source_time_ms: Option<i64>) -> Change {
    let step = u8::from(op != Op::Delete);
    let position = position.map(|(file, pos, row)| BinlogPosition { file, pos, row, step });
    // A bad row moves the mark like a good one.
    Change { op, position, source_time_ms, row: Err(Reason("symbol: null".into())) }
}

/// Judges one event after the other on one mark.
#[track_caller]
fn check(steps: &[(Op, At, Option<i64>, Verdict)]) -> DedupMark {
    let mut mark = DedupMark::default();
    for (index, &(op, position, time, expected)) in steps.iter().enumerate() {
        assert_eq!(mark.judge(&change(op, position, time)), expected, "step {index}");
    }
    mark
}

use Op::{Create, Delete, Read, Update};

#[test]
fn positions_grow() {
    let mark = check(&[
        (Create, Some((1, 100, 0)), Some(10), NEW),
        (Create, Some((1, 100, 1)), Some(10), NEW),
        (Update, Some((1, 200, 0)), Some(10), NEW),
        (Delete, Some((2, 4, 0)), Some(11), NEW),
    ]);
    assert_eq!(mark.position, Some(BinlogPosition { file: 2, pos: 4, row: 0, step: 0 }));
    assert_eq!(mark.time_ms, Some(11));
}

#[test]
fn files_are_numbers() {
    check(&[(Create, Some((999_999, 100, 0)), Some(1), NEW), (Create, Some((1_000_000, 4, 0)), Some(1), NEW)]);
}

#[test]
fn what_comes_again_is_a_duplicate() {
    check(&[
        (Create, Some((1, 100, 0)), Some(10), NEW),
        (Create, Some((1, 200, 0)), Some(20), NEW),
        (Create, Some((1, 100, 0)), Some(10), DUPLICATE),
        (Create, Some((1, 200, 0)), Some(20), DUPLICATE),
        (Create, Some((1, 300, 0)), Some(20), NEW),
    ]);
}

#[test]
fn a_change_of_key_is_two_events_at_one_position() {
    check(&[
        (Delete, Some((1, 100, 0)), Some(10), NEW),
        (Create, Some((1, 100, 0)), Some(10), NEW),
        (Delete, Some((1, 100, 0)), Some(10), DUPLICATE),
        (Create, Some((1, 100, 0)), Some(10), DUPLICATE),
    ]);
}

#[test]
fn snapshots_have_no_mark() {
    let mark = check(&[
        (Create, Some((1, 100, 0)), Some(10), NEW),
        (Read, Some((1, 50, 0)), Some(5), NEW),
        (Read, Some((9, 50, 0)), Some(99), NEW),
        (Read, None, None, NEW),
        (Create, Some((1, 100, 0)), Some(10), DUPLICATE),
    ]);
    assert_eq!(mark.time_ms, Some(10));
}

#[test]
fn without_a_position_there_is_nothing_to_judge() {
    let mark = check(&[(Create, None, Some(10), NEW), (Create, None, Some(10), NEW)]);
    assert_eq!(mark, DedupMark::default());
}

#[test]
fn a_binlog_that_begins_again_starts_a_generation() {
    let mark = check(&[
        (Create, Some((7, 100, 0)), Some(10), NEW),
        (Create, Some((1, 4, 0)), Some(11), GENERATION),
        (Create, Some((1, 4, 0)), Some(11), DUPLICATE),
        (Create, Some((1, 5, 0)), Some(9), NEW),
        // The highest time, not the last one.
        (Create, Some((1, 5, 0)), Some(10), DUPLICATE),
        (Create, Some((1, 5, 0)), Some(12), GENERATION),
    ]);
    assert_eq!(mark.position, Some(BinlogPosition { file: 1, pos: 5, row: 0, step: 1 }));
    assert_eq!(mark.time_ms, Some(12));
}

#[test]
fn no_time_is_before_every_time() {
    check(&[
        (Create, Some((1, 100, 0)), None, NEW),
        (Create, Some((1, 100, 0)), None, DUPLICATE),
        (Create, Some((1, 100, 0)), Some(i64::MIN), GENERATION),
        (Create, Some((1, 100, 0)), None, DUPLICATE),
        (Create, Some((1, 200, 0)), None, NEW),
        (Create, Some((1, 200, 0)), Some(i64::MIN), DUPLICATE),
    ]);
}

#[test]
fn a_mark_round_trips() {
    let mark = check(&[(Create, Some((7, 100, 3)), Some(10), NEW)]);
    let bytes = postcard::to_stdvec(&mark).unwrap();
    assert_eq!(postcard::from_bytes::<DedupMark>(&bytes), Ok(mark));
}
