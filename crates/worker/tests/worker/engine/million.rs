//! A million symbols in a quarter of a gigabyte: few of them are in memory at a time, the others in RocksDB.

use std::fs;
use std::sync::Arc;

use worker::allocator::give_large_blocks_back;
use worker::epoch::{EpochKind, Executor, LineClock};
use worker::source::Batch;
use worker::state::{RocksOptions, RocksStateStore, StateStore};
use worker::time::TimeMode;
use worker::time::clock::{Clock as _, SystemClock};

use super::rocksdb_store::{given_directory, in_a_process};
use super::{epoch, executor, partitions, pipeline};
use crate::recordings::insert;

const SYMBOLS: u64 = 1_000_000;
/// The configuration's defaults: `epoch.max_records`, `state.memory_bytes`, `state.hot_symbols`.
const EPOCH: u64 = 8_192;
const OPTIONS: RocksOptions = RocksOptions { memory_bytes: 32 * 1024 * 1024 };
const HOT: usize = 50_000;

/// A figure from `/proc/self/status`, in bytes.
fn memory(what: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    let kib: u64 = line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap();
    kib * 1024
}

fn seconds_since(from_ms: i64) -> f64 {
    (SystemClock.boot_ms() - from_ms) as f64 / 1_000.0
}

/// An order of each of the symbols numbered from `from`, every symbol once in each pass, in an order that jumps.
fn orders(from: u64) -> Batch {
    let mut batch = Batch::of(partitions());
    for number in from..from + EPOCH {
        // 7,919 and a million have no common divisor: all numbers below a million, each once.
        let symbol = number * 7_919 % SYMBOLS;
        let value = insert(number as i64, &format!("\"S{symbol:06}\""), "3", "\"72000.50\"");
        batch.push(0, number as i64, 1_000, Some(value.as_bytes()));
    }
    batch
}

fn live(executor: &mut Executor, store: &dyn StateStore, id: u64, clock_ms: i64, kind: EpochKind, batch: Batch) -> u64 {
    let executed = executor.execute(epoch(id, kind, clock_ms), batch).unwrap();
    store.commit(&executed.commit).unwrap();
    executor.committed(id);
    // Each shard's part is rounded up.
    assert!(executor.symbols() <= HOT + 3);
    assert!(executed.counts.adds_up());
    executor.recycle(executed.outputs.decoded);
    executed.counts.windows
}

/// A pass over all symbols, an order each, behind what is committed. The last epoch goes beyond a million: a few symbols
/// come twice. Gives the last epoch.
fn pass(executor: &mut Executor, store: &dyn StateStore, clock_ms: i64, name: &str) -> u64 {
    let from = SystemClock.boot_ms();
    let before = store.last_commit().unwrap().map_or(0, |commit| commit.epoch);
    let epochs = SYMBOLS.div_ceil(EPOCH);
    for id in before + 1..=before + epochs {
        live(executor, store, id, clock_ms, EpochKind::Data, orders((id - 1) * EPOCH));
    }
    eprintln!("{name}: {:.1} s, {} MiB now", seconds_since(from), memory("VmRSS") >> 20);
    before + epochs
}

fn opened(parallelism: usize) -> (Executor, Arc<dyn StateStore>) {
    // As the worker does first of all.
    give_large_blocks_back();
    let from = SystemClock.boot_ms();
    let store: Arc<dyn StateStore> = Arc::new(RocksStateStore::open(&given_directory(), OPTIONS).unwrap());
    let mut executor = executor(&pipeline(TimeMode::Processing, 0), LineClock::Epoch, parallelism);
    executor.restore(&store, HOT).unwrap();
    eprintln!("opened: {:.2} s, {} MiB now", seconds_since(from), memory("VmRSS") >> 20);
    (executor, store)
}

#[test]
#[ignore = "the part of the test below that meets a million symbols"]
fn a_process_that_meets_a_million_symbols() {
    let (mut executor, store) = opened(2);
    pass(&mut executor, store.as_ref(), 1_000, "new symbols");
    pass(&mut executor, store.as_ref(), 2_000, "symbols that are on disk");
    eprintln!("peak {}", memory("VmHWM"));
}

#[test]
#[ignore = "the part of the test below that goes on with them, at another parallelism"]
fn a_process_that_goes_on_with_a_million_symbols() {
    let (mut executor, store) = opened(3);
    let mut id = pass(&mut executor, store.as_ref(), 3_000, "on disk, after the restore");
    // A million windows fire, in slices.
    let mut windows = 0;
    while executor.next_due_ms().is_some() {
        id += 1;
        windows += live(&mut executor, store.as_ref(), id, 60_000, EpochKind::Timer, Batch::default());
    }
    assert_eq!(windows, SYMBOLS);
    let mut symbols = 0;
    store
        .for_each_symbol(&mut |_, _| {
            symbols += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(symbols, SYMBOLS);
    eprintln!("peak {}", memory("VmHWM"));
}

// I7
#[test]
fn i7_a_million_symbols_fit_256_mb() {
    let folder = tempfile::tempdir().unwrap();
    for part in ["a_process_that_meets_a_million_symbols", "a_process_that_goes_on_with_a_million_symbols"] {
        let output = in_a_process(&format!("million::{part}"), folder.path(), |_| {});
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stdout));
        let peak = said.lines().find_map(|line| line.strip_prefix("peak ")).unwrap_or_else(|| panic!("{said}"));
        eprintln!("{said}");
        assert!(peak.parse::<u64>().unwrap() < 256 * 1024 * 1024, "{said}");
    }
}
