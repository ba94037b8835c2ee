//! `cargo xtask bench scaling`: what the worker's rate, processor time and memory depend on: symbols, partitions, the length
//! of messages, how much goes to one symbol, parallelism. At each point the bare client takes turns with it.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use super::contestant::{self, BARE, Contestant, Ring, WORKER};
use super::programs::Programs;
use super::report::{Report, Row};
use super::topic::{Market, Topic};
use super::{machine, svg};
use crate::broker::Broker;
use crate::cli::ScalingBenchOptions;

/// One topic, and who reads it beside the bare client.
struct Point {
    what: &'static str,
    symbols: u32,
    partitions: u32,
    hot_permille: u32,
    memo_bytes: u32,
    wrapped: bool,
    /// So many of the messages that other topics have: long ones would fill a disk.
    share: u64,
    workers: &'static [Contestant],
}

const TWO: Contestant = contestant::worker(WORKER, &["--parallelism", "2"]);
const ONLY_TWO: &[Contestant] = &[TWO];
/// More threads than cores, too.
const EVERY_PARALLELISM: &[Contestant] = &[
    TWO,
    contestant::worker("worker, parallelism 1", &["--parallelism", "1"]),
    contestant::worker("worker, parallelism 4", &["--parallelism", "4"]),
];

/// What all others differ from in one thing.
const MIDDLE: Point = Point {
    what: "1,000 symbols",
    symbols: 1_000,
    partitions: 3,
    hot_permille: 0,
    memo_bytes: 0,
    wrapped: false,
    share: 1,
    workers: ONLY_TWO,
};

const POINTS: &[Point] = &[
    Point { what: "10 symbols", symbols: 10, ..MIDDLE },
    Point { workers: EVERY_PARALLELISM, ..MIDDLE },
    Point { what: "100,000 symbols", symbols: 100_000, ..MIDDLE },
    Point { what: "900,000 symbols", symbols: 900_000, ..MIDDLE },
    Point { what: "half are of one", hot_permille: 500, ..MIDDLE },
    Point { what: "nine in ten of one", hot_permille: 900, ..MIDDLE },
    Point { what: "1 partition", partitions: 1, ..MIDDLE },
    Point { what: "48 partitions", partitions: 48, ..MIDDLE },
    Point { what: "2 KB messages", memo_bytes: 1_000, share: 2, ..MIDDLE },
    Point { what: "16 KB messages", memo_bytes: 12_000, share: 10, ..MIDDLE },
    Point { what: "with schema", wrapped: true, share: 2, ..MIDDLE },
];

/// Measures at every point, and prints a table.
pub(crate) fn run(root: &Path, options: &ScalingBenchOptions) -> Result<ExitCode> {
    let programs = Programs::build(root)?;
    let broker = Broker::start(None)?;
    let address = broker.address();
    let work = tempfile::Builder::new().prefix("cdc-bench-").tempdir()?;
    let (mut turns, mut bars) = (0, Vec::new());
    for (at, point) in POINTS.iter().enumerate() {
        let market = Market {
            topic: format!("scaling-{at}"),
            count: options.records / point.share,
            seed: 1,
            symbols: point.symbols,
            partitions: point.partitions,
            wrapped: point.wrapped,
            hot_permille: point.hot_permille,
            memo_bytes: point.memo_bytes,
        };
        let topic = Topic::load(root, &programs, &address, market, work.path())?;
        let contestants: Vec<Contestant> =
            [contestant::BARE_ALONE].into_iter().chain(point.workers.iter().copied()).collect();
        let mut report = Report::default();
        for contestant in &contestants {
            report.rows.push(Row { name: contestant.name, message_bytes: topic.message_bytes(), turns: Vec::new() });
        }
        let ring = |number| Ring { programs: &programs, flink: None, address: &address, number };
        contestant::warm_up(ring(0), &topic)?;
        for _ in 0..options.rounds {
            for (contestant, row) in contestants.iter().zip(&mut report.rows) {
                turns += 1;
                row.turns.push(contestant.run(ring(turns), &topic).with_context(|| point.what)?);
            }
        }
        bars.extend(report.bar(WORKER).map(|numbers| (point.what, numbers)));
        let table = report.table();
        // The head once.
        let lines = table.lines().skip(if at == 0 { 0 } else { 2 });
        for line in lines {
            let who = line.strip_prefix("| ").filter(|line| line.starts_with(BARE) || line.starts_with(WORKER));
            println!("{}", who.map_or_else(|| line.to_owned(), |who| format!("| {}: {who}", point.what)));
        }
    }
    let machine = machine::describe(root);
    println!("{machine}");
    if let Some(path) = &options.svg {
        let note = format!(
            "cargo xtask bench scaling: {} messages and fewer of long ones, RocksDB, parallelism 2, {} cores, medians of {} rounds",
            options.records, machine["cores"], options.rounds
        );
        svg::write(path, &bars, MIDDLE.what, &note)?;
    }
    Ok(ExitCode::SUCCESS)
}
