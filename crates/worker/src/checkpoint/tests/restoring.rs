//! A checkpoint made the state again.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use super::*;

fn newest(store: &CheckpointStore) -> Verified {
    store.newest_that_verifies().unwrap().verified.unwrap()
}

#[test]
fn what_changes_is_copied_what_never_does_is_linked() {
    let (root, store) = with_checkpoints(&[1]);
    let checkpoint = newest(&store);
    let database = root.path().join("db");
    let restored = restore_into(&RealDisk, &checkpoint, &database, 0).unwrap();
    assert!(restored.kept_aside.is_none());
    for file in files::below(&checkpoint.database()).unwrap().files {
        let (from, to) = (checkpoint.database().join(&file), database.join(&file));
        assert_eq!(fs::read(&from).unwrap(), fs::read(&to).unwrap());
        let shared = fs::metadata(&from).unwrap().ino() == fs::metadata(&to).unwrap().ino();
        assert_eq!(
            shared,
            Path::new(&file).extension().is_some_and(|ending| ending == "sst"),
            "{file}: a database appends to its other files"
        );
    }
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 3, "state, checkpoints, db");
}

#[test]
fn what_was_there_is_kept_aside() {
    let (root, store) = with_checkpoints(&[1]);
    let database = root.path().join("db");
    fs::create_dir(&database).unwrap();
    let restored = restore_into(&RealDisk, &newest(&store), &database, 0).unwrap();
    assert!(restored.kept_aside.is_none(), "an empty directory is nothing to keep");
    let mut kept = Vec::new();
    for number in 0..2 {
        fs::write(database.join("mine"), [number]).unwrap();
        let restored = restore_into(&RealDisk, &newest(&store), &database, 1_770_872_258_000).unwrap();
        let aside = restored.kept_aside.unwrap();
        assert_eq!(fs::read(aside.join("mine")).unwrap(), [number]);
        kept.push(aside.file_name().unwrap().to_string_lossy().into_owned());
    }
    assert_eq!(kept, ["db.refused-2026-02-12T045738.000Z", "db.refused-2026-02-12T045738.000Z-2"]);
}

#[test]
fn a_half_made_one_is_made_again() {
    let (root, store) = with_checkpoints(&[1]);
    let database = root.path().join("db");
    fs::create_dir(root.path().join("db.restoring")).unwrap();
    fs::write(root.path().join("db.restoring/CURRENT"), "torn").unwrap();
    restore_into(&RealDisk, &newest(&store), &database, 0).unwrap();
    assert_eq!(fs::read_to_string(database.join("CURRENT")).unwrap(), "MANIFEST-000005\n");
}
