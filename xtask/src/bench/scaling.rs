//! `cargo xtask bench scaling`: what the worker's rate, processor time and memory depend on: symbols, partitions, the length
//! of messages, parallelism. At each point the bare client takes turns with it.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use super::contestant::{self, BARE, Contestant, Ring, WORKER};
use super::programs::Programs;
use super::report::{Report, Row};
use super::topic::{Market, Topic};
use crate::broker::Broker;
use crate::cli::ScalingBenchOptions;

/// One topic, and who reads it beside the bare client.
struct Point {
    what: &'static str,
    symbols: u32,
    partitions: u32,
    wrapped: bool,
    workers: &'static [Contestant],
}

const TWO: Contestant = contestant::worker(WORKER, &["--parallelism", "2"]);
const ONLY_TWO: &[Contestant] = &[TWO];
/// More threads than cores, too.
const EVERY_PARALLELISM: &[Contestant] = &[
    contestant::worker("worker, parallelism 1", &["--parallelism", "1"]),
    TWO,
    contestant::worker("worker, parallelism 4", &["--parallelism", "4"]),
];

const POINTS: &[Point] = &[
    Point { what: "10 symbols", symbols: 10, partitions: 3, wrapped: false, workers: ONLY_TWO },
    Point { what: "1,000 symbols", symbols: 1_000, partitions: 3, wrapped: false, workers: EVERY_PARALLELISM },
    Point { what: "100,000 symbols", symbols: 100_000, partitions: 3, wrapped: false, workers: ONLY_TWO },
    Point { what: "900,000 symbols", symbols: 900_000, partitions: 3, wrapped: false, workers: ONLY_TWO },
    Point { what: "1 partition", symbols: 1_000, partitions: 1, wrapped: false, workers: ONLY_TWO },
    Point { what: "48 partitions", symbols: 1_000, partitions: 48, wrapped: false, workers: ONLY_TWO },
    Point { what: "with schema", symbols: 1_000, partitions: 3, wrapped: true, workers: ONLY_TWO },
];

/// Measures at every point, and prints a table.
pub(crate) fn run(root: &Path, options: &ScalingBenchOptions) -> Result<ExitCode> {
    let programs = Programs::build(root)?;
    let broker = Broker::start(None)?;
    let address = broker.address();
    let work = tempfile::Builder::new().prefix("cdc-bench-").tempdir()?;
    let mut turns = 0;
    for (at, point) in POINTS.iter().enumerate() {
        let market = Market {
            topic: format!("scaling-{at}"),
            count: options.records,
            seed: 1,
            symbols: point.symbols,
            partitions: point.partitions,
            wrapped: point.wrapped,
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
        let table = report.table();
        // The head once.
        let lines = table.lines().skip(if at == 0 { 0 } else { 2 });
        for line in lines {
            let who = line.strip_prefix("| ").filter(|line| line.starts_with(BARE) || line.starts_with(WORKER));
            println!("{}", who.map_or_else(|| line.to_owned(), |who| format!("| {}: {who}", point.what)));
        }
    }
    Ok(ExitCode::SUCCESS)
}
