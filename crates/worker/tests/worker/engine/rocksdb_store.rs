//! The store in RocksDB: the contract of all stores, what is left of it after its process, and what it refuses.

mod full_disk;

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use worker::state::{
    Commit, MemoryStateStore, OutboxKey, RocksOptions, RocksStateStore, StateKey, StateLock, StateStore, StoreError,
    TimerKey,
};

use super::stores::{Content, commit, content, i1_a_store_is_sound};

const OPTIONS: RocksOptions = RocksOptions { memory_bytes: 8 * 1024 * 1024 };

fn open(directory: &Path) -> RocksStateStore {
    RocksStateStore::open(directory, OPTIONS).unwrap()
}

fn refusal(directory: &Path) -> StoreError {
    RocksStateStore::open(directory, OPTIONS).err().expect("a refusal")
}

fn all(store: &dyn StateStore) -> Content {
    content(store, &["file", "kafka"])
}

#[test]
fn i1_the_rocksdb_store_keeps_the_contract_also_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("below").join("db");
    let store = open(&directory);
    i1_a_store_is_sound(&store);
    let before = all(&store);
    drop(store);
    assert_eq!(all(&open(&directory)), before);
}

#[test]
fn its_size_is_about_what_was_put_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let symbols = (0..1_000).map(|number| (StateKey::of(0, &format!("S{number}")), vec![7; 1_000])).collect();
    store.commit(&Commit { symbols, ..commit(1, &[], &[]) }).unwrap();
    let size = store.size().unwrap();
    assert_eq!(size.symbols, 1_000);
    assert!((1_000_000..4_000_000).contains(&size.bytes), "{size:?}");
}

// ---------------------------------------------------------------- random commits, against the store in memory

/// Few keys, so that they meet again.
fn any_commit() -> impl Strategy<Value = Commit> {
    let name = || prop_oneof![Just(""), Just("A"), Just("AA"), Just("삼성"), Just("B")];
    let value = || prop::collection::vec(any::<u8>(), 0..40);
    let symbols = prop::collection::vec((name(), value()), 0..6);
    let timers = prop::collection::vec((-2_i64..3, name(), any::<bool>()), 0..6);
    let sink = prop_oneof![Just("file"), Just("kafka")];
    let outbox = prop::collection::vec((sink, 0_u64..4, prop::option::of(value())), 0..4);
    (any::<u64>(), symbols, timers, outbox).prop_map(|(epoch, symbols, timers, outbox)| {
        let outbox = outbox.into_iter();
        Commit {
            symbols: symbols.into_iter().map(|(symbol, stored)| (StateKey::of(0, symbol), stored)).collect(),
            timers: timers.into_iter().map(|(due_ms, symbol, set)| (TimerKey::of(0, due_ms, symbol), set)).collect(),
            outbox: outbox
                .map(|(sink, epoch, put)| (OutboxKey::of(sink, worker::epoch::Timeline(1), epoch), put))
                .collect(),
            ..commit(epoch / 1_000, &[], &[])
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn i1_both_stores_hold_the_same(commits in prop::collection::vec((any_commit(), 0..4_u8), 1..30)) {
        let folder = tempfile::tempdir().unwrap();
        let (memory, mut rocksdb) = (MemoryStateStore::default(), open(folder.path()));
        for (commit, then) in commits {
            memory.commit(&commit).unwrap();
            rocksdb.commit(&commit).unwrap();
            match then {
                0 => rocksdb.resume().unwrap(),
                1 => {
                    drop(rocksdb);
                    rocksdb = open(folder.path());
                }
                2 => rocksdb.sync().unwrap(),
                _ => {}
            }
            prop_assert_eq!(all(&memory), all(&rocksdb));
        }
    }
}

// ---------------------------------------------------------------- processes

/// Runs one of the engine's tests in a process of its own, with a directory to work in.
pub(super) fn in_a_process(test: &str, directory: &Path, prepare: impl FnOnce(&mut Command)) -> Output {
    let mut command = Command::new("/proc/self/exe");
    command.args(["--exact", &format!("engine::{test}"), "--ignored", "--nocapture"]);
    command.env("WORKER_TEST_DIRECTORY", directory);
    prepare(&mut command);
    command.output().unwrap()
}

pub(super) fn given_directory() -> std::path::PathBuf {
    std::env::var_os("WORKER_TEST_DIRECTORY").expect("started by another test").into()
}

/// In the order of their keys: key groups 2, 68, 88.
const SYMBOLS: [&str; 3] = ["A", "C", "B"];

/// What every epoch of the process that dies commits: the same value for all symbols, one timer, an output.
fn whole(epoch: u64) -> Commit {
    let stored = vec![epoch as u8; 1_000];
    let symbols = SYMBOLS.map(|symbol| (symbol, stored.as_slice()));
    let key = OutboxKey::of("kafka", worker::epoch::Timeline(9), epoch);
    Commit { outbox: vec![(key, Some(stored.clone()))], ..commit(epoch, &symbols, &[(epoch as i64, "A", true)]) }
}

#[test]
#[ignore = "the part of the test below that dies"]
fn a_process_that_dies_while_it_commits() {
    let directory = given_directory();
    let store = open(&directory.join("db"));
    let from = store.last_commit().unwrap().map_or(1, |commit| commit.epoch + 1);
    let told = directory.join("told");
    for epoch in from.. {
        store.commit(&whole(epoch)).unwrap();
        fs::write(&told, epoch.to_string()).unwrap();
        if epoch == from {
            // Some time into the commits, which go on.
            std::thread::spawn(move || {
                std::thread::sleep(std::time::Duration::from_millis(20 + from % 17));
                std::process::abort();
            });
        }
    }
}

// I1: killed at any moment, a commit is there whole or not at all, and none that was answered is missing.
#[test]
fn i1_a_process_that_dies_leaves_whole_commits() {
    let folder = tempfile::tempdir().unwrap();
    let mut before = 0;
    for _ in 0..6 {
        let output = in_a_process("rocksdb_store::a_process_that_dies_while_it_commits", folder.path(), |_| {});
        assert!(!output.status.success());
        let told: u64 = fs::read_to_string(folder.path().join("told")).unwrap().parse().unwrap_or(before);
        let store = open(&folder.path().join("db"));
        let last = store.last_commit().unwrap().expect("a commit").epoch;
        assert!(last >= told && last > before, "told {told}, before {before}, there {last}");
        let (bare, symbols, timers, outbox) = all(&store);
        assert_eq!(bare, Some(whole(last).bare()));
        assert!(symbols == whole(last).symbols, "epoch {last}");
        assert_eq!((timers.len() as u64, outbox.len() as u64), (last, last));
        before = last;
    }
}

#[test]
#[ignore = "the part of the test below that is another user's"]
fn a_process_of_another_user() {
    let error = RocksStateStore::open(&given_directory(), OPTIONS).err().expect("a refusal");
    eprintln!("refusal: {error}");
}

// The seed's 7.2: a volume that belongs to root.
#[test]
fn a_directory_of_another_user_is_refused_with_owner_and_remedy() {
    if rustix::process::geteuid().as_raw() != 0 {
        // Only root can become another user.
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for directory in [folder.path().to_owned(), folder.path().join("state/db")] {
        let output = in_a_process("rocksdb_store::a_process_of_another_user", &directory, |command| {
            command.uid(65_534).gid(65_534);
        });
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        let expected = format!(
            "state in {} is refused: {} belongs to uid 0 (mode 755) and the worker runs as uid 65534, which may not write \
             to it; run `chown -R 65534 {1}` as root, or name another directory",
            directory.display(),
            folder.path().display(),
        );
        assert!(said.contains(&expected), "{said}");
    }
}

// ---------------------------------------------------------------- what is refused

fn filled(directory: &Path) {
    let store = open(directory);
    (1..200).for_each(|epoch| store.commit(&whole(epoch)).unwrap());
}

#[test]
fn what_is_no_directory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for directory in [file.clone(), file.join("below")] {
        let refusal = refusal(&directory);
        assert!(!refusal.may_mend(), "{refusal}");
        assert!(
            refusal.to_string().starts_with(&format!("state in {} is refused: ", directory.display())),
            "{refusal}"
        );
    }
}

#[test]
fn a_database_of_somebody_else_or_of_a_later_worker_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let database = |name: &str| folder.path().join(name);
    {
        let other = rocksdb::DB::open_default(database("other")).unwrap();
        other.put("theirs", "x").unwrap();
        let options = rocksdb::Options::default();
        for (name, format) in [("later", vec![2]), ("family", vec![1])] {
            drop(open(&database(name)));
            let families = ["symbols", "timers", "outbox"];
            let mut later = rocksdb::DB::open_cf(&options, database(name), families).unwrap();
            later.put("format", format).unwrap();
            if name == "family" {
                later.create_cf("joins", &options).unwrap();
            }
        }
    }
    for (name, reason) in [
        ("other", "it is a RocksDB database, but not a worker's state"),
        ("later", "it has format [2], this worker reads 1; use the worker that wrote it, or a savepoint"),
        (
            "family",
            "it has a column family \"joins\" that this worker does not know; use the worker that wrote it, or a savepoint",
        ),
    ] {
        let expected = format!("state in {} is refused: {reason}", database(name).display());
        assert_eq!(refusal(&database(name)).to_string(), expected);
    }
}

/// The files of a database with that extension.
fn files(directory: &Path, extension: &str) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

#[test]
fn damage_is_told_with_the_directory_and_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    for (name, damage) in [("gone", 0), ("cut", 1), ("manifest", 2), ("current", 3)] {
        let directory = folder.path().join(name);
        filled(&directory);
        // A checkpoint's files hold everything; a store of its own is made of them.
        let made = folder.path().join(format!("{name}.made"));
        open(&directory).checkpoint_into(&made).unwrap();
        let table = &files(&made, "sst")[0];
        match damage {
            0 => fs::remove_file(table).unwrap(),
            1 => {
                // A copy: the file itself is a link that the store shares.
                let bytes = fs::read(table).unwrap();
                fs::remove_file(table).unwrap();
                fs::write(table, &bytes[..bytes.len() / 2]).unwrap();
            }
            2 => {
                let manifests = fs::read_dir(&made).unwrap().map(|entry| entry.unwrap().path());
                let manifest = manifests.into_iter().find(|path| path.to_string_lossy().contains("MANIFEST")).unwrap();
                fs::remove_file(manifest).unwrap();
            }
            _ => fs::write(made.join("CURRENT"), "nonsense").unwrap(),
        }
        let refusal = refusal(&made).to_string();
        assert!(refusal.starts_with(&format!("state in {} is damaged: ", made.display())), "{name}: {refusal}");
        assert!(refusal.ends_with("; move that directory aside and restore a checkpoint"), "{name}: {refusal}");
        // And the one that it was made of is whole.
        assert_eq!(open(&directory).last_commit().unwrap().unwrap().epoch, 199);
    }
}

/// Raises a flag when it goes out of scope.
struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_checkpoint_holds_a_commit_whole_while_commits_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("db"));
    let nothing = store.checkpoint_into(&folder.path().join("nothing")).unwrap_err().to_string();
    assert!(nothing.contains("nothing was committed yet"), "{nothing}");
    store.commit(&whole(1)).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for epoch in 2.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                store.commit(&whole(epoch)).unwrap();
                // Or there would be millions of them on a machine that is slow with checkpoints.
                std::thread::sleep(std::time::Duration::from_micros(200));
            }
        });
        // Also where an assertion fails: or the test would wait for the commits to end.
        let _done = OnDrop(&done);
        let mut last = 0;
        for number in 0..5 {
            let directory = folder.path().join(format!("checkpoint-{number}"));
            let held = store.checkpoint_into(&directory).unwrap();
            assert!(held.epoch >= last);
            last = held.epoch;
            let made = RocksStateStore::open_read_only(&directory, OPTIONS).unwrap();
            let (bare, symbols, timers, outbox) = all(&made);
            assert_eq!(bare.as_ref(), Some(&held));
            assert!((bare, symbols) == (Some(whole(last).bare()), whole(last).symbols), "epoch {last}");
            assert_eq!((timers.len() as u64, outbox.len() as u64), (last, last));
            assert!(made.commit(&whole(last + 1)).is_err(), "it is to be looked at only");
            let again = store.checkpoint_into(&directory).unwrap_err();
            assert!(!again.may_mend(), "{again}");
        }
    });
}

#[test]
fn a_state_directory_has_one_worker_and_the_refusal_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let lock = StateLock::take(folder.path()).unwrap();
    let refusal = StateLock::take(folder.path()).unwrap_err();
    assert!(matches!(refusal, StoreError::InUse { .. }));
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let holder = format!("pid {} on host {}", std::process::id(), host.trim());
    assert!(refusal.to_string().contains(&format!("{} is in use by {holder}", folder.path().display())), "{refusal}");
    drop(lock);
    StateLock::take(folder.path()).unwrap();
}
