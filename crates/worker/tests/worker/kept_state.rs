//! `worker checkpoint` and `worker savepoint` as people run them: what they print, and how they end.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use worker::checkpoint::CheckpointStore;
use worker::checkpoint::savepoint::{self, Occasion};
use worker::epoch::Timeline;
use worker::state::{Commit, MemoryStateStore, StateStore as _};

use crate::program::{Ended, worker};

fn commit(epoch: u64) -> Commit {
    Commit {
        timeline: Timeline(7),
        epoch,
        config_id: 1,
        clock_ms: 0,
        watermark_ms: None,
        partitions: Vec::new(),
        symbols: Vec::new(),
        timers: Vec::new(),
        outbox: Vec::new(),
        sinks: Vec::new(),
    }
}

fn checkpoints(directory: &Path, epochs: &[u64]) {
    let store = CheckpointStore::open(directory, 3).unwrap();
    for &epoch in epochs {
        let fill = |database: &Path| {
            fs::create_dir(database).unwrap();
            fs::write(database.join("CURRENT"), format!("MANIFEST-{epoch}")).unwrap();
            Ok(commit(epoch))
        };
        store.create(fill, 1_770_872_258_000).unwrap();
    }
}

fn run(arguments: &[&str], directory: &Path) -> Ended {
    let directory = directory.to_str().unwrap();
    worker(arguments.iter().copied().chain(["--dir", directory])).output().unwrap().into()
}

#[test]
fn sound_checkpoints_are_listed_verified_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    checkpoints(folder.path(), &[1, 2]);
    let ended = run(&["checkpoint", "list"], folder.path());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let expected = [
        "chk-00000000000000000002  2026-02-12T04:57:38.000Z  1 files  10 bytes",
        "chk-00000000000000000001  2026-02-12T04:57:38.000Z  1 files  10 bytes",
    ];
    assert_eq!(ended.lines(), expected);
    let ended = run(&["checkpoint", "verify"], folder.path());
    assert_eq!((ended.code, ended.lines().len()), (Some(0), 2), "{}", ended.err);
    assert!(ended.out.contains("chk-00000000000000000002  sound  "), "{}", ended.out);
    let ended = run(&["checkpoint", "inspect", "--json"], folder.path());
    let manifest: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((&manifest["epoch"], &manifest["timeline"]), (&2.into(), &"0000000000000007".into()));
    let ended = run(&["checkpoint", "inspect", "chk-00000000000000000001"], folder.path());
    assert!(ended.out.contains("epoch 1 of timeline 0000000000000007"), "{}", ended.out);
}

#[test]
fn a_damaged_checkpoint_ends_with_3_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    checkpoints(folder.path(), &[1, 2]);
    fs::remove_file(folder.path().join("chk-00000000000000000002/db/CURRENT")).unwrap();
    let ended = run(&["checkpoint", "verify"], folder.path());
    assert_eq!(ended.code, Some(3));
    assert_eq!(ended.lines()[0], "chk-00000000000000000002  refused: db/CURRENT: missing");
    assert_eq!(ended.err.trim(), "worker: 1 of 2 refused");
    let ended = run(&["checkpoint", "verify", "--json"], folder.path());
    let lines: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((ended.code, &lines[0]["verified"], &lines[0]["file"]), (Some(3), &false.into(), &"db/CURRENT".into()));
    assert_eq!(lines[1]["verified"], true);
    assert_eq!(run(&["checkpoint", "verify", "chk-00000000000000000001"], folder.path()).code, Some(0));
}

#[test]
fn what_is_not_there_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(&["checkpoint", "list"], &folder.path().join("none"));
    assert_eq!(ended.code, Some(0));
    assert!(ended.out.starts_with("no checkpoints in "), "{}", ended.out);
    let ended = run(&["checkpoint", "verify", "chk-1"], folder.path());
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.starts_with("worker: no checkpoint chk-1 in "), "{}", ended.err);
    let ended = run(&["savepoint", "inspect", "x"], folder.path());
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.starts_with("worker: no savepoint x in "), "{}", ended.err);
    assert_eq!(worker(["checkpoint"]).output().unwrap().status.code(), Some(64));
}

fn a_savepoint(directory: &Path) -> String {
    let store = MemoryStateStore::default();
    store.commit(&commit(5)).unwrap();
    let occasion = Occasion { drained: true, parallelism: 2, now_ms: 1_770_872_258_000 };
    let written = savepoint::write(directory, &store, occasion).unwrap();
    written.path.file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn savepoints_are_listed_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let name = a_savepoint(folder.path());
    let ended = run(&["savepoint", "list"], folder.path());
    assert_eq!((ended.code, ended.lines().len()), (Some(0), 1), "{}", ended.err);
    assert!(ended.out.starts_with(&format!("{name}  2026-02-12T04:57:38.000Z  ")), "{}", ended.out);
    let ended = run(&["savepoint", "inspect", "--json", &name], folder.path());
    let shown: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((&shown["header"]["epoch"], &shown["counts"]["symbols"]), (&5.into(), &0.into()));
    let path = folder.path().join(&name);
    let content = fs::read(&path).unwrap();
    fs::write(&path, &content[..content.len() - 1]).unwrap();
    let ended = run(&["savepoint", "inspect", &name], folder.path());
    assert_eq!(ended.code, Some(3), "{}", ended.err);
    assert!(ended.err.contains("is incomplete"), "{}", ended.err);
}

#[test]
fn a_savepoint_goes_only_when_one_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let name = a_savepoint(folder.path());
    let directory = folder.path().to_str().unwrap();
    let dispose = |answer: &str| -> Ended {
        let mut child =
            worker(["savepoint", "dispose", &name, "--dir", directory]).stdin(Stdio::piped()).spawn().unwrap();
        // A child that does not read has no ear for the answer.
        let _unheard = child.stdin.take().unwrap().write_all(answer.as_bytes());
        child.wait_with_output().unwrap().into()
    };
    for answer in ["", "n\n", "maybe\n"] {
        let ended = dispose(answer);
        assert_eq!(ended.code, Some(1), "{answer:?}");
        assert!(ended.err.contains("was not removed: answer yes, or give --yes"), "{}", ended.err);
        assert!(folder.path().join(&name).exists());
    }
    assert_eq!(dispose("yes\n").code, Some(0));
    assert!(!folder.path().join(&name).exists());
    let name = a_savepoint(folder.path());
    assert_eq!(run(&["savepoint", "dispose", "--yes", &name], folder.path()).code, Some(0));
    fs::write(folder.path().join("savepoint-mine.txt"), "precious").unwrap();
    assert_eq!(run(&["savepoint", "dispose", "--yes", "savepoint-mine.txt"], folder.path()).code, Some(3));
    assert!(folder.path().join("savepoint-mine.txt").exists());
}
