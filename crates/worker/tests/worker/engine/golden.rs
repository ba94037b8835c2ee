//! State that older workers have left, in the repository: every one of them is restored and gone on with, for ever.
//!
//! `tests/golden/README.md` says how a new one is made when a format changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use worker::checkpoint::savepoint::{self, Occasion, Savepoint};
use worker::checkpoint::{CheckpointStore, RealDisk, newest_that_verifies, restore_into};
use worker::epoch::{EpochKind, LineClock};
use worker::source::Batch;
use worker::source::recording::{ReadOutcome, RecordingSource};
use worker::state::{MemoryStateStore, RocksOptions, RocksStateStore, StateStore};

use super::{epoch, executor, lines_of, pipelines};
use crate::recordings::fixture;

const OPTIONS: RocksOptions = RocksOptions { memory_bytes: 8 * 1024 * 1024 };
/// So many lines of the recording are in the state; the others come after it was restored.
const BEFORE: usize = 400;
const NOW_MS: i64 = 1_770_872_258_123;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The recording in two parts.
fn parts() -> [Batch; 2] {
    let mut source = RecordingSource::open(&[fixture("unusual.ndjson")], 1 << 24).unwrap();
    let mut first = Batch::default();
    source.read(&mut first, BEFORE, usize::MAX).unwrap();
    let mut rest = Batch::of(first.partitions.clone());
    while source.read(&mut rest, usize::MAX, usize::MAX).unwrap() != ReadOutcome::End {}
    [first, rest]
}

/// What the second part gives over a state, with every window fired at the end, at a parallelism.
fn gone_on(store: &Arc<dyn StateStore>, parallelism: usize) -> Vec<u8> {
    let [_, rest] = parts();
    let mut executor = executor(&pipelines()[2], LineClock::Records, parallelism);
    executor.restore(store, 100).unwrap();
    let mut lines = lines_of(&executor.execute(epoch(2, EpochKind::Data, 0), rest).unwrap());
    lines.extend(lines_of(&executor.execute(epoch(3, EpochKind::Flush, 0), Batch::default()).unwrap()));
    lines
}

/// Makes today's files: checkpoint, savepoint, and the lines that must follow from both.
fn write(folder: &Path) {
    let scratch = tempfile::tempdir().unwrap();
    let store = RocksStateStore::open(&scratch.path().join("db"), OPTIONS).unwrap();
    let [first, _] = parts();
    let mut executor = executor(&pipelines()[2], LineClock::Records, 2);
    store.commit(&executor.execute(epoch(1, EpochKind::Data, 0), first).unwrap().commit).unwrap();
    let checkpoints = scratch.path().join("checkpoints");
    let made = CheckpointStore::open(&checkpoints, 1).unwrap();
    made.create(|directory| store.checkpoint_into(directory), NOW_MS).unwrap();
    let name = made.list().unwrap().remove(0).name;
    copy(&checkpoints.join(&name), &folder.join("checkpoints").join(name));
    let occasion = Occasion { drained: true, parallelism: 2, now_ms: NOW_MS };
    savepoint::write(folder, &store, occasion).unwrap();
    let store: Arc<dyn StateStore> = Arc::new(store);
    fs::write(folder.join("lines.ndjson"), gone_on(&store, 2)).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

fn savepoint_in(folder: &Path) -> PathBuf {
    let mut paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.find(|path| path.extension().is_some_and(|ending| ending == "zst")).unwrap()
}

#[test]
fn state_of_every_format_so_far_is_gone_on_with() {
    if let Some(name) = std::env::var_os("CDC_WRITE_GOLDEN") {
        write(&golden().join(name));
    }
    let mut formats = 0;
    for entry in fs::read_dir(golden()).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        formats += 1;
        let lines = fs::read(folder.join("lines.ndjson")).unwrap();
        assert!(lines.split(|&byte| byte == b'\n').count() > 50);
        let scratch = tempfile::tempdir().unwrap();
        // Restored from a copy: links to the repository's files would let a database write to them.
        let checkpoints = scratch.path().join("checkpoints");
        copy(&folder.join("checkpoints"), &checkpoints);
        let newest = newest_that_verifies(&checkpoints).unwrap();
        let verified = newest.verified.unwrap_or_else(|| panic!("{}: {:?}", folder.display(), newest.refused));
        restore_into(&RealDisk, &verified, &scratch.path().join("db"), 0).unwrap();
        let restored: Arc<dyn StateStore> =
            Arc::new(RocksStateStore::open(&scratch.path().join("db"), OPTIONS).unwrap());
        let loaded = Arc::new(MemoryStateStore::default());
        let savepoint = Savepoint::open(&savepoint_in(&folder), false).unwrap();
        let commit = savepoint.commit();
        savepoint.load_into(&*loaded, commit).unwrap();
        let loaded: Arc<dyn StateStore> = loaded;
        for (what, store) in [("checkpoint", restored), ("savepoint", loaded)] {
            for parallelism in [1, 3] {
                assert!(gone_on(&store, parallelism) == lines, "{}, {what}, at {parallelism}", folder.display());
            }
        }
    }
    assert!(formats > 0, "there is none");
}
