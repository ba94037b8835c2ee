//! Checkpoints of a real database: made beside a writer, damaged, restored, opened again.

use std::fs;
use std::path::Path;

use worker::checkpoint::{CheckpointStore, RealDisk, restore_into, same_file_system};
use worker::state::{Commit, RocksOptions, RocksStateStore, StateKey, StateStore};

use super::stores::{commit, content};
use crate::program::now;

const OPTIONS: RocksOptions = RocksOptions { memory_bytes: 8 * 1024 * 1024 };

fn open(directory: &Path) -> RocksStateStore {
    RocksStateStore::open(directory, OPTIONS).unwrap()
}

fn store_in(root: &Path) -> (RocksStateStore, CheckpointStore) {
    let (state, checkpoints) = (open(&root.join("state/db")), CheckpointStore::open(&root.join("checkpoints"), 3));
    (state, checkpoints.unwrap())
}

#[test]
fn i6_a_database_comes_back_from_the_newest_checkpoint_that_is_sound() {
    let root = tempfile::tempdir().unwrap();
    let (state, checkpoints) = store_in(root.path());
    same_file_system(&root.path().join("state"), &root.path().join("checkpoints")).unwrap();
    let mut contents = Vec::new();
    for epoch in 1..=4 {
        state.commit(&commit(epoch, &[("A", &[epoch as u8; 9]), ("B", b"2")], &[(epoch as i64, "A", true)])).unwrap();
        let created = checkpoints.create(|directory| state.checkpoint_into(directory), 0).unwrap();
        assert_eq!((created.manifest.epoch, created.manifest.partitions.len()), (epoch, 2));
        contents.push(content(&state, &["file"]));
    }
    drop(state);
    for path in fs::read_dir(root.path().join("checkpoints/chk-00000000000000000004/db")).unwrap() {
        let path = path.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "sst") {
            // Not in place: some of them are one file with those of the checkpoints before.
            fs::remove_file(&path).unwrap();
            fs::write(path, "torn").unwrap();
        }
    }
    let newest = checkpoints.newest_that_verifies().unwrap();
    assert_eq!(newest.refused.len(), 1);
    let database = root.path().join("state/db");
    for round in 0..2 {
        let newest = checkpoints.newest_that_verifies().unwrap().verified.unwrap();
        let restored = restore_into(&RealDisk, &newest, &database, 1_000 * round).unwrap();
        assert!(restored.kept_aside.unwrap().join("CURRENT").exists());
        let state = open(&database);
        assert_eq!(content(&state, &["file"]), contents[2], "round {round}");
        // What the state does then leaves the checkpoint as it is.
        state.commit(&commit(9, &[("A", b"other"), ("C", b"3")], &[(3, "A", false)])).unwrap();
        drop(state);
        drop(open(&database));
    }
}

/// `cargo test -p worker --profile ci checkpoint_times -- --ignored --nocapture` prints them.
#[test]
#[ignore = "a measurement: prints times, checks none"]
fn checkpoint_times() {
    let root = tempfile::tempdir().unwrap();
    let (state, checkpoints) = store_in(root.path());
    // Not to be compressed: 100 MB of state are 100 MB of files.
    let mut seed = 1_u64;
    let mut value = || -> Vec<u8> {
        let next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 56) as u8
        };
        std::iter::repeat_with(next).take(200).collect()
    };
    for epoch in 1..=50_u64 {
        let key = |index: u64| StateKey::of(0, &format!("symbol-{epoch}-{index}"));
        let symbols = (0..10_000).map(|index| (key(index), value())).collect();
        state.commit(&Commit { symbols, ..commit(epoch, &[], &[]) }).unwrap();
    }
    for (what, epoch) in [("first", 51), ("after one more epoch", 52), ("after another", 53)] {
        state.commit(&commit(epoch, &[("A", b"1")], &[])).unwrap();
        let begun = now();
        let mut filled = begun;
        let created = checkpoints
            .create(
                |directory| {
                    let commit = state.checkpoint_into(directory);
                    filled = now();
                    commit
                },
                0,
            )
            .unwrap();
        println!(
            "{what}: {} bytes, of them {} known; database {:?}, all {:?}",
            created.manifest.total_bytes,
            created.reused_bytes,
            filled - begun,
            begun.elapsed()
        );
    }
    let begun = now();
    let newest = checkpoints.newest_that_verifies().unwrap().verified.unwrap();
    println!("verified in {:?}", begun.elapsed());
    let begun = now();
    drop(state);
    restore_into(&RealDisk, &newest, &root.path().join("state/db"), 0).unwrap();
    println!("restored in {:?}", begun.elapsed());
}
