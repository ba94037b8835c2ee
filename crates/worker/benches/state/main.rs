//! What state on disk costs: a commit, and reading a symbol that is not in memory. `cargo bench -p worker --bench state`.

#![expect(clippy::print_stdout, reason = "a benchmark: what it prints is its result")]
#![expect(clippy::expect_used, reason = "a benchmark that cannot run says why and ends")]

#[expect(dead_code, reason = "memory and instruments are of interest to the other benchmark")]
#[path = "../decode/stopwatch.rs"]
mod stopwatch;

use std::path::Path;

use stopwatch::{Cost, Stopwatch};
use worker::decode::{DedupMark, SnapshotRows};
use worker::epoch::Timeline;
use worker::state::{
    Commit, MemoryStateStore, PartitionProgress, RocksOptions, RocksStateStore, StateKey, StateStore, TimerKey,
};
use worker::time::Watermarks;

/// What a symbol with one open window takes in its stored form, about.
const VALUE_BYTES: usize = 100;
const SYMBOLS: usize = 1_000_000;
const READS: usize = 200_000;

fn main() {
    let folder = tempfile::tempdir().expect("a directory");
    println!("commits: symbols an epoch, store, microseconds of processor time an epoch, ns a symbol");
    for symbols in [1, 50, 8_192] {
        let epochs = (400_000 / (symbols + 40)).max(50);
        report(symbols, "memory", epochs, commits(&MemoryStateStore::default(), symbols, epochs));
        let rocksdb = open(&folder.path().join(symbols.to_string()));
        report(symbols, "rocksdb", epochs, commits(&rocksdb, symbols, epochs));
    }
    let store = open(&folder.path().join("million"));
    let watch = Stopwatch::start();
    for (epoch, first) in (0..SYMBOLS).step_by(8_192).enumerate() {
        let symbols = (first..SYMBOLS.min(first + 8_192)).map(|number| name(number * 7_919 % SYMBOLS));
        store.commit(&commit(epoch as u64, symbols)).expect("a commit");
    }
    told("a million symbols written", watch.lap(), SYMBOLS);
    for pass in ["read for the first time", "read again"] {
        let watch = Stopwatch::start();
        for number in 0..READS {
            let key = StateKey::of(0, &name(number * 104_729 % SYMBOLS));
            assert!(store.symbol(&key).expect("a read").is_some(), "it was written");
        }
        told(pass, watch.lap(), READS);
    }
    let watch = Stopwatch::start();
    for number in 0..READS {
        let key = StateKey::of(0, &name(SYMBOLS + number));
        assert!(store.symbol(&key).expect("a read").is_none(), "it is new");
    }
    told("looked for, not there", watch.lap(), READS);
}

fn open(directory: &Path) -> RocksStateStore {
    RocksStateStore::open(directory, RocksOptions { memory_bytes: 32 * 1024 * 1024 }).expect("a store")
}

fn name(number: usize) -> String {
    format!("S{number:07}")
}

/// Commits that change the same symbols again and again.
fn commits(store: &dyn StateStore, symbols: usize, epochs: usize) -> Cost {
    let made: Vec<Commit> = (0..10).map(|epoch| commit(epoch, (0..symbols).map(name))).collect();
    let watch = Stopwatch::start();
    for epoch in 0..epochs {
        store.commit(&made[epoch % made.len()]).expect("a commit");
    }
    watch.lap()
}

fn commit(epoch: u64, symbols: impl Iterator<Item = String>) -> Commit {
    let partition = |partition| PartitionProgress {
        topic: "cdc.orders_db.orders".into(),
        topic_id: None,
        partition,
        next_offset: epoch as i64,
        leader_epoch: 0,
        mark: DedupMark::default(),
        snapshot: SnapshotRows::default(),
        time: Watermarks::default().partition(0),
    };
    let value = (0..VALUE_BYTES).map(|byte| (byte as u64 * epoch) as u8).collect::<Vec<u8>>();
    Commit {
        timeline: Timeline(1),
        epoch,
        config_id: 1,
        clock_ms: 1,
        watermark_ms: None,
        partitions: (0..3).map(partition).collect(),
        symbols: symbols.map(|symbol| (StateKey::of(0, &symbol), value.clone())).collect(),
        timers: vec![(TimerKey::of(0, epoch as i64, "A"), true)],
        outbox: Vec::new(),
        sinks: Vec::new(),
    }
}

fn report(symbols: usize, store: &str, epochs: usize, cost: Cost) {
    let each = cost.cpu.as_secs_f64() * 1e6 / epochs as f64;
    println!("{symbols:6}  {store:8}  {each:10.1}  {:8.0}", each * 1e3 / symbols as f64);
}

fn told(what: &str, cost: Cost, times: usize) {
    let each = |time: std::time::Duration| time.as_secs_f64() * 1e6 / times as f64;
    println!("{what}: {:.2} us each by the clock, {:.2} us of processor time", each(cost.wall), each(cost.cpu));
}
