//! The log on a real disk: what comes back after a stop, after a torn write, after forgetting.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::epoch::{EPOCH_FORMAT, EpochKind, Timeline};

fn record(id: u64) -> EpochRecord {
    let (timeline, kind, ranges) = (Timeline(7), EpochKind::Data, Vec::new());
    EpochRecord {
        format: EPOCH_FORMAT,
        timeline,
        id,
        clock_ms: 1_000 + id as i64,
        kind,
        config_id: 3,
        parallelism: 2,
        ranges,
    }
}

fn progress(epoch: u64) -> SinkProgress {
    SinkProgress { sink: "stdout".to_owned(), timeline: Timeline(7), epoch, file_length_bytes: None }
}

fn written(directory: &Path, ids: std::ops::RangeInclusive<u64>) -> DiskEpochLog {
    let mut log = DiskEpochLog::open(directory).unwrap();
    for id in ids {
        log.append(&record(id)).unwrap();
    }
    log.syncer().sync().unwrap();
    log
}

fn ids(log: &DiskEpochLog, after: u64) -> Vec<u64> {
    log.after(after).unwrap().map(|record| record.unwrap().id).collect()
}

/// The segments that hold more than a header, in order.
fn full_segments(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == ENDING));
    paths.retain(|path| fs::metadata(path).unwrap().len() > header().len() as u64);
    paths.sort();
    paths
}

#[test]
fn what_was_appended_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = written(folder.path(), 1..=3);
    log.note(&progress(2)).unwrap();
    log.note(&progress(3)).unwrap();
    drop(log);
    let log = DiskEpochLog::open(folder.path()).unwrap();
    let summary =
        LogSummary { timeline: Some(Timeline(7)), epochs: Some((1, 3)), sinks: vec![progress(3)], batches: Vec::new() };
    assert_eq!(log.summary(), summary);
    assert_eq!((ids(&log, 0), ids(&log, 2), ids(&log, 3)), (vec![1, 2, 3], vec![3], vec![]));
    assert_eq!(log.after(1).unwrap().next().unwrap().unwrap(), record(2));
}

#[test]
fn an_epoch_follows_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = written(folder.path(), 5..=6);
    for id in [5, 6, 8] {
        assert!(matches!(log.append(&record(id)), Err(LogError::Gap { last: 6, .. })), "{id}");
    }
    log.append(&record(7)).unwrap();
}

// A crash in the middle of a write leaves half an entry. Nothing of it has left, and the next run goes on behind the last
// whole one, also over another start.
#[test]
fn a_torn_end_is_no_entry() {
    let folder = tempfile::tempdir().unwrap();
    drop(written(folder.path(), 1..=3));
    let segment = full_segments(folder.path()).remove(0);
    let whole = fs::metadata(&segment).unwrap().len();
    let entry = encode_epoch(&record(3)).unwrap().len() as u64;
    for lost in 1..entry {
        let copy = tempfile::tempdir().unwrap();
        let torn = copy.path().join(segment.file_name().unwrap());
        fs::copy(&segment, &torn).unwrap();
        fs::OpenOptions::new().write(true).open(&torn).unwrap().set_len(whole - lost).unwrap();
        drop(written(copy.path(), 3..=4));
        let log = DiskEpochLog::open(copy.path()).unwrap();
        assert_eq!(ids(&log, 0), [1, 2, 3, 4], "{lost} bytes lost");
    }
}

// A bit that changes where something was synced: the entries behind it are missing, and that is said, not passed over.
#[test]
fn damage_in_the_middle_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let open = || DiskEpochLog::open_on(Arc::new(Directory::new(folder.path(), 0)), 60);
    let mut log = open().unwrap();
    for id in 1..=9 {
        log.append(&record(id)).unwrap();
    }
    let segments = full_segments(folder.path());
    assert!(segments.len() >= 3, "{segments:?}");
    let segment = segments[1].clone();
    let whole = fs::read(&segment).unwrap();
    for at in header().len()..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(&segment, damaged).unwrap();
        let said = open().err().expect("a refusal").to_string();
        assert!(said.contains(segment.to_str().unwrap()) || said.contains("does not follow"), "byte {at}: {said}");
    }
}

#[test]
fn another_format_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    drop(written(folder.path(), 1..=1));
    let segment = full_segments(folder.path()).remove(0);
    let mut bytes = fs::read(&segment).unwrap();
    bytes[8] = 9;
    fs::write(&segment, bytes).unwrap();
    let said = DiskEpochLog::open(folder.path()).err().expect("a refusal").to_string();
    assert!(said.contains("format 9, not 1") && said.contains(segment.to_str().unwrap()), "{said}");
}

// Whole segments are forgotten, never the last record, and what sinks had is still known.
#[test]
fn forgetting_keeps_what_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = written(folder.path(), 1..=3);
    log.note(&progress(3)).unwrap();
    drop(log);
    let mut log = written(folder.path(), 4..=6);
    log.forget_through(2).unwrap();
    assert_eq!(ids(&log, 0), [1, 2, 3, 4, 5, 6], "the segment has an epoch that is needed");
    log.forget_through(5).unwrap();
    assert_eq!(ids(&log, 0), [4, 5, 6]);
    assert_eq!(log.summary().epochs, Some((4, 6)));
    drop(log);
    let log = DiskEpochLog::open(folder.path()).unwrap();
    // The segment that is left begins with copies of the first three.
    assert_eq!((log.summary().epochs, log.summary().sinks), (Some((1, 6)), vec![progress(3)]));
}

// What a process that died has left need not be on the disk: the next one writes it again before it counts.
#[test]
fn what_the_last_segment_has_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    drop(written(folder.path(), 1..=3));
    drop(written(folder.path(), 4..=5));
    let first = full_segments(folder.path()).remove(0);
    fs::remove_file(first).unwrap();
    let log = DiskEpochLog::open(folder.path()).unwrap();
    assert_eq!(ids(&log, 0), [1, 2, 3, 4, 5]);
}

#[test]
fn starts_that_bring_nothing_leave_no_segments() {
    let folder = tempfile::tempdir().unwrap();
    drop(written(folder.path(), 1..=3));
    for _ in 0..5 {
        assert_eq!(ids(&DiskEpochLog::open(folder.path()).unwrap(), 0), [1, 2, 3]);
    }
    assert_eq!(full_segments(folder.path()).len(), 2, "the one that was written, and the last copy");
}

// After a failed sync the same entries are written into another file: read once.
#[test]
fn entries_written_twice_count_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = DiskEpochLog::open(folder.path()).unwrap();
    log.append(&record(1)).unwrap();
    log.append(&record(2)).unwrap();
    log.shared.inner().start_over().unwrap();
    log.append(&record(3)).unwrap();
    log.syncer().sync().unwrap();
    assert_eq!(ids(&log, 0), [1, 2, 3]);
    drop(log);
    let log = DiskEpochLog::open(folder.path()).unwrap();
    assert_eq!((ids(&log, 0), full_segments(folder.path()).len()), (vec![1, 2, 3], 3));
}

// The delivering side syncs while the gathering side appends, closes segments and forgets.
#[test]
fn syncs_and_forgetting_do_not_meet() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = DiskEpochLog::open_on(Arc::new(Directory::new(folder.path(), 0)), 200).unwrap();
    let (syncer, over) = (log.syncer(), std::sync::atomic::AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                syncer.sync().unwrap();
            }
        });
        for id in 1..=400 {
            log.append(&record(id)).unwrap();
            log.note(&progress(id)).unwrap();
            log.forget_through(id.saturating_sub(9)).unwrap();
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    drop(log);
    let log = DiskEpochLog::open(folder.path()).unwrap();
    assert_eq!(ids(&log, 391), [392, 393, 394, 395, 396, 397, 398, 399, 400]);
}

#[test]
fn a_history_that_is_given_up_is_kept_aside() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("log");
    let mut log = written(&directory, 1..=3);
    log.set_aside("set-aside-9").unwrap();
    assert_eq!(log.summary(), LogSummary::default());
    log.append(&record(40)).unwrap();
    assert_eq!(full_segments(&folder.path().join("log.set-aside-9")).len(), 1);
}
