//! Checkpoints of a real database: made beside a writer, damaged, restored, opened again.

use std::fs;
use std::path::Path;

use worker::checkpoint::{CheckpointStore, RealDisk, restore_into, same_file_system};
use worker::state::{RocksOptions, RocksStateStore, StateStore};

use super::stores::{commit, content};

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
