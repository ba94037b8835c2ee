//! Every file of a checkpoint × {a bit flipped, truncated, lengthened, removed, swapped}: refused by name, the one before
//! it used (I6).

use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// Newest and previous; what they share by link is made their own, so that damage to one is not damage to both.
fn two_apart() -> (tempfile::TempDir, CheckpointStore, PathBuf) {
    let (root, store) = with_checkpoints(&[1, 2]);
    let newest = root.path().join("checkpoints").join("chk-00000000000000000002");
    for file in files::below(&newest).unwrap().files {
        let path = newest.join(file);
        let content = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, content).unwrap();
    }
    assert!(store.newest_that_verifies().unwrap().refused.is_empty());
    (root, store, newest)
}

fn all_files() -> Vec<String> {
    let (_root, _store, newest) = two_apart();
    files::below(&newest).unwrap().files
}

/// The refusal of the newest; the previous one must be the one to use.
fn refusal(store: &CheckpointStore) -> String {
    let newest = store.newest_that_verifies().unwrap();
    assert_eq!(newest.verified.expect("the previous one is sound").manifest().epoch, 1);
    let [refused] = newest.refused.as_slice() else { panic!("{:?}", newest.refused) };
    refused.to_string()
}

fn damaged(file: &str, damage: impl FnOnce(&Path)) -> String {
    let (_root, store, newest) = two_apart();
    damage(&newest.join(file));
    let refusal = refusal(&store);
    let expected = format!("checkpoint chk-00000000000000000002 is refused: {file}: ");
    refusal.strip_prefix(&expected).unwrap_or_else(|| panic!("{file}: {refusal}")).to_owned()
}

#[test]
fn i6_every_bit_of_every_file_counts() {
    let (_root, store, newest) = two_apart();
    for file in files::below(&newest).unwrap().files {
        let path = newest.join(&file);
        let content = fs::read(&path).unwrap();
        assert!(!content.is_empty());
        // The manifest is long; what reads it is asked for all of its bits below.
        let step = if file == "manifest.json" { 307 } else { 1 };
        for bit in (0..content.len() * 8).step_by(step) {
            fs::write(&path, flipped(&content, bit)).unwrap();
            let refusal = refusal(&store);
            assert!(refusal.contains(&format!(" is refused: {file}: ")), "bit {bit}: {refusal}");
        }
        fs::write(&path, content).unwrap();
    }
}

#[test]
fn i6_every_bit_and_every_length_of_a_manifest_counts() {
    let (_root, _store, newest) = two_apart();
    let content = fs::read(newest.join("manifest.json")).unwrap();
    assert!(Manifest::decode(&content).is_ok());
    for bit in 0..content.len() * 8 {
        assert!(Manifest::decode(&flipped(&content, bit)).is_err(), "bit {bit}");
    }
    for length in 0..content.len() {
        assert!(Manifest::decode(&content[..length]).is_err(), "{length} bytes");
    }
}

fn flipped(content: &[u8], bit: usize) -> Vec<u8> {
    let mut flipped = content.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped
}

#[test]
fn i6_every_truncation_counts() {
    let (_root, store, newest) = two_apart();
    for file in files::below(&newest).unwrap().files {
        let path = newest.join(&file);
        let content = fs::read(&path).unwrap();
        for length in (0..content.len()).step_by(content.len().div_ceil(7)) {
            fs::write(&path, &content[..length]).unwrap();
            let refusal = refusal(&store);
            assert!(refusal.contains(&format!(" is refused: {file}: ")), "{length} bytes: {refusal}");
        }
        fs::write(&path, content).unwrap();
    }
}

#[test]
fn i6_what_is_wrong_is_said() {
    for file in all_files() {
        let manifest = file == "manifest.json";
        let appended = damaged(&file, |path| {
            let content = fs::read(path).unwrap();
            fs::write(path, [content.as_slice(), b"\0"].concat()).unwrap();
        });
        assert!(appended.contains(if manifest { "damaged" } else { " were written" }), "{appended}");
        let removed = damaged(&file, |path| fs::remove_file(path).unwrap());
        assert!(removed.starts_with("missing"), "{removed}");
        let directory = damaged(&file, |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        });
        assert!(
            directory.starts_with(if manifest { "cannot be read" } else { "cannot be read: it is not a file" }),
            "{directory}"
        );
    }
}

#[test]
fn i6_swapped_files_are_told_apart() {
    let files = all_files();
    for (index, one) in files.iter().enumerate() {
        for other in &files[index + 1..] {
            let (_root, store, newest) = two_apart();
            let (a, b, aside) = (newest.join(one), newest.join(other), newest.join("aside"));
            fs::rename(&a, &aside).unwrap();
            fs::rename(&b, &a).unwrap();
            fs::rename(&aside, &b).unwrap();
            let refusal = refusal(&store);
            let expected = if other == "manifest.json" {
                // Without its manifest there is no telling what is where.
                "manifest.json: damaged".to_owned()
            } else {
                format!("{one}: holds what belongs into {other}")
            };
            assert!(refusal.contains(&expected), "{one} and {other}: {refusal}");
        }
    }
}

#[test]
fn i6_a_file_of_another_checkpoint_is_refused() {
    let (root, store, newest) = two_apart();
    let previous = root.path().join("checkpoints/chk-00000000000000000001");
    fs::copy(previous.join("db/MANIFEST-000005"), newest.join("db/MANIFEST-000005")).unwrap();
    assert!(refusal(&store).contains(": db/MANIFEST-000005: checksum "));
    // All of the other one, in itself sound: only the name tells.
    fs::copy(previous.join("manifest.json"), newest.join("manifest.json")).unwrap();
    let refusal = refusal(&store);
    assert!(refusal.ends_with("manifest.json: of epoch 1, which is not the one in the directory's name"), "{refusal}");
}

#[test]
fn i6_a_file_too_many_is_refused() {
    let refusal = damaged("db/000099.sst", |path| fs::write(path, "?").unwrap());
    assert_eq!(refusal, "not in the manifest");
}

#[test]
fn another_format_is_refused_by_name_with_what_to_do() {
    let (_root, store, newest) = two_apart();
    let path = newest.join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"format\": 1,", "\"format\": 2,")).unwrap();
    assert_eq!(
        refusal(&store),
        "checkpoint chk-00000000000000000002 is refused: manifest.json: format 2, this worker reads 1: restore it with \
         the worker that made it, and take a savepoint there"
    );
}

#[test]
fn when_none_verifies_all_are_told() {
    let (root, store) = with_checkpoints(&[1, 2, 3]);
    for epoch in 1..=3 {
        let name = format!("checkpoints/chk-{epoch:020}/db/CURRENT");
        fs::remove_file(root.path().join(name)).unwrap();
    }
    let newest = store.newest_that_verifies().unwrap();
    assert!(newest.verified.is_none());
    assert_eq!(newest.refused.len(), 3);
}

// Damaged checkpoints do not push sound ones out.
#[test]
fn what_cannot_be_read_is_not_counted_among_those_kept() {
    let (root, store) = with_checkpoints(&[1, 2, 3]);
    let manifest = root.path().join("checkpoints/chk-00000000000000000003/manifest.json");
    fs::write(manifest, "torn").unwrap();
    let created = store.create(fill(root.path(), 4), 0).unwrap();
    assert!(created.removed.is_empty(), "{created:?}");
    let created = store.create(fill(root.path(), 5), 0).unwrap();
    assert_eq!(created.removed, ["chk-00000000000000000001"]);
    // Now it is older than all that are kept.
    let created = store.create(fill(root.path(), 6), 0).unwrap();
    assert_eq!(created.removed, ["chk-00000000000000000003", "chk-00000000000000000002"]);
}
