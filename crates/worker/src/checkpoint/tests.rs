//! Checkpoints over a made-up database directory: three files that change, two that never do.

mod crash;
mod damage;
mod restoring;

use std::fs;
use std::path::Path;

use super::*;
use crate::epoch::Timeline;
use crate::state::{Commit, SinkProgress, StoreError};

pub(super) fn commit(epoch: u64) -> Commit {
    Commit {
        timeline: Timeline(7),
        epoch,
        config_id: u64::MAX,
        clock_ms: 1_770_872_258_000,
        watermark_ms: None,
        partitions: Vec::new(),
        symbols: Vec::new(),
        timers: Vec::new(),
        outbox: Vec::new(),
        sinks: vec![SinkProgress { sink: "file".to_owned(), timeline: Timeline(7), epoch, file_length_bytes: Some(9) }],
    }
}

/// A state directory beside the checkpoints, and what a database would link and copy out of it.
pub(super) fn database(root: &Path) {
    let state = root.join("state");
    fs::create_dir(&state).unwrap();
    for (name, content) in [("000008.sst", "first"), ("000012.sst", "second one")] {
        fs::write(state.join(name), content).unwrap();
    }
}

/// Fills a checkpoint's directory as a database does: links for what never changes, fresh files for the rest.
pub(super) fn fill(root: &Path, epoch: u64) -> impl FnOnce(&Path) -> Result<Commit, StoreError> {
    let state = root.join("state");
    move |directory| {
        fs::create_dir(directory).unwrap();
        for name in ["000008.sst", "000012.sst"] {
            fs::hard_link(state.join(name), directory.join(name)).unwrap();
        }
        for (name, content) in [
            ("CURRENT", "MANIFEST-000005\n".to_owned()),
            ("MANIFEST-000005", format!("of {epoch}")),
            ("OPTIONS-000007", "[]".to_owned()),
        ] {
            fs::write(directory.join(name), content).unwrap();
        }
        Ok(commit(epoch))
    }
}

/// A directory with a database and checkpoints of these epochs.
pub(super) fn with_checkpoints(epochs: &[u64]) -> (tempfile::TempDir, CheckpointStore) {
    let root = tempfile::tempdir().unwrap();
    database(root.path());
    let store = CheckpointStore::open(&root.path().join("checkpoints"), 3).unwrap();
    for &epoch in epochs {
        store.create(fill(root.path(), epoch), 1_000 + epoch as i64).unwrap();
    }
    (root, store)
}

fn names(store: &CheckpointStore) -> Vec<String> {
    store.list().unwrap().into_iter().map(|listed| listed.name).collect()
}

#[test]
fn the_newest_three_are_kept() {
    let (root, store) = with_checkpoints(&[5, 9, 10, 200]);
    let expected = ["chk-00000000000000000200", "chk-00000000000000000010", "chk-00000000000000000009"];
    assert_eq!(names(&store), expected);
    let created = store.create(fill(root.path(), 201), 0).unwrap();
    assert_eq!(created.removed, ["chk-00000000000000000009"]);
    let newest = store.newest_that_verifies().unwrap();
    assert!(newest.refused.is_empty());
    assert_eq!(newest.verified.unwrap().manifest().epoch, 201);
}

#[test]
fn a_manifest_says_what_was_committed() {
    let (_root, store) = with_checkpoints(&[5]);
    let manifest = store.newest_that_verifies().unwrap().verified.unwrap().manifest().clone();
    assert_eq!((manifest.epoch, manifest.timeline, manifest.config_id), (5, Timeline(7), u64::MAX));
    assert_eq!((manifest.created_at_ms, manifest.created_at.as_str()), (1_005, "1970-01-01T00:00:01.005Z"));
    assert_eq!((manifest.key_groups, manifest.key_group_hash.as_str()), (128, "murmur2"));
    assert_eq!(manifest.sinks, commit(5).sinks);
    let files: Vec<_> = manifest.files.iter().map(|file| (file.path.as_str(), file.size_bytes)).collect();
    let expected =
        [("000008.sst", 5), ("000012.sst", 10), ("CURRENT", 16), ("MANIFEST-000005", 4), ("OPTIONS-000007", 2)];
    assert_eq!(files, expected);
    assert_eq!(manifest.total_bytes, 37);
}

// The well-known value of XXH3-128 for no bytes at all, seed 0.
#[test]
fn checksums_are_xxh3_of_128_bits() {
    assert_eq!(Checksum::of(b"").to_string(), "99aa06d3014798d86001c324468d497f");
}

#[test]
fn linked_files_are_not_read_again() {
    let (root, store) = with_checkpoints(&[1]);
    let created = store.create(fill(root.path(), 2), 0).unwrap();
    assert_eq!(created.reused_bytes, 15, "both .sst files");
    // The checksum is that of the first time: what the disk did to the file since is found.
    fs::write(root.path().join("state/000008.sst"), "fIrst").unwrap();
    store.create(fill(root.path(), 3), 0).unwrap();
    let newest = store.newest_that_verifies().unwrap();
    assert!(newest.verified.is_none(), "all three share the file");
    let told: Vec<String> = newest.refused.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 3);
    assert!(
        told[0].starts_with("checkpoint chk-00000000000000000003 is refused: db/000008.sst: checksum "),
        "{told:?}"
    );
}

#[test]
fn the_same_commit_again_changes_nothing() {
    let (root, store) = with_checkpoints(&[4, 5]);
    store.create(fill(root.path(), 5), 99_000).unwrap();
    assert_eq!(names(&store), ["chk-00000000000000000005", "chk-00000000000000000004"]);
    assert_eq!(store.list().unwrap()[0].manifest.as_ref().unwrap().created_at_ms, 1_005);
    // A damaged one is replaced.
    fs::remove_file(root.path().join("checkpoints/chk-00000000000000000005/db/CURRENT")).unwrap();
    store.create(fill(root.path(), 5), 99_000).unwrap();
    let newest = store.newest_that_verifies().unwrap();
    assert_eq!(newest.verified.unwrap().manifest().created_at_ms, 99_000);
    assert!(newest.refused.is_empty());
}

// A new timeline begins with epoch 1 again: the newest is the one that was made last, whatever its number.
#[test]
fn another_timelines_epochs_do_not_count_against_its_own() {
    let (root, store) = with_checkpoints(&[5, 900]);
    for epoch in [4, 5] {
        let other = |directory: &Path| {
            let commit = fill(root.path(), epoch)(directory)?;
            Ok(Commit { timeline: Timeline(8), ..commit })
        };
        store.create(other, 0).unwrap();
    }
    let newest = store.newest_that_verifies().unwrap().verified.unwrap();
    assert_eq!((newest.manifest().timeline, newest.manifest().epoch), (Timeline(8), 5));
    assert_eq!(
        names(&store),
        ["chk-00000000000000000005-0000000000000008", "chk-00000000000000000004", "chk-00000000000000000900"]
    );
}

#[test]
fn leftovers_of_crashed_attempts_go_and_are_never_seen() {
    let (root, store) = with_checkpoints(&[5]);
    let directory = root.path().join("checkpoints");
    for leftover in [".making-checkpoint", ".removing-chk-00000000000000000003"] {
        fs::create_dir(directory.join(leftover)).unwrap();
        fs::write(directory.join(leftover).join("manifest.json"), "{}").unwrap();
    }
    assert_eq!(names(&store), ["chk-00000000000000000005"]);
    CheckpointStore::open(&directory, 3).unwrap();
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
}

#[test]
fn a_state_that_cannot_be_read_leaves_the_old_set() {
    let (root, store) = with_checkpoints(&[5]);
    let refused = |_: &Path| {
        Err(StoreError::Unavailable { place: "state".to_owned(), reason: "No space left on device".to_owned() })
    };
    let error = store.create(refused, 0).unwrap_err();
    assert!(error.may_mend());
    assert_eq!(error.to_string(), "checkpoint: state in state cannot be used: No space left on device");
    assert_eq!(names(&store), ["chk-00000000000000000005"]);
    assert_eq!(fs::read_dir(root.path().join("checkpoints")).unwrap().count(), 1);
}

#[test]
fn a_directory_that_is_not_there_has_no_checkpoints() {
    let root = tempfile::tempdir().unwrap();
    assert!(list(&root.path().join("none")).unwrap().is_empty());
}

#[test]
fn state_and_checkpoints_must_be_on_one_file_system() {
    let root = tempfile::tempdir().unwrap();
    same_file_system(root.path(), root.path()).unwrap();
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0, "the probe is gone");
    let other = Path::new("/dev/shm");
    let refusal = same_file_system(root.path(), other).unwrap_err().to_string();
    let expected = format!("state.dir {} and state.checkpoints_dir /dev/shm are on different", root.path().display());
    assert!(refusal.starts_with(&expected), "{refusal}");
}
