//! `cargo xtask bench scaling`: what the worker's rate, processor time and memory depend on: symbols, partitions, the length
//! of messages, how much goes to one symbol, parallelism. At each point the bare client takes turns with it.

mod curves;
mod page;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};

use self::curves::Curve;
use super::contestant::{self, BARE, Contestant, Ring, WORKER};
use super::machine;
use super::programs::Programs;
use super::report::{Report, Row};
use super::topic::{Market, Topic};
use crate::broker::Broker;
use crate::cli::ScalingBenchOptions;
use crate::stopwatch::{Stopwatch, human};

/// One topic, and who reads it beside the bare client.
struct Point {
    what: &'static str,
    symbols: u32,
    partitions: u32,
    hot_permille: u32,
    memo_bytes: u32,
    lean: bool,
    wrapped: bool,
    /// So many of the messages that other topics have: long ones would fill a disk.
    share: u64,
    workers: &'static [Contestant],
}

const WORKER_1: &str = "worker, parallelism 1";
const WORKER_4: &str = "worker, parallelism 4";
const TWO: Contestant = contestant::worker(WORKER, &["--parallelism", "2"]);
const ONLY_TWO: &[Contestant] = &[TWO];
/// More threads than cores, too.
const EVERY_PARALLELISM: &[Contestant] = &[
    TWO,
    contestant::worker(WORKER_1, &["--parallelism", "1"]),
    contestant::worker(WORKER_4, &["--parallelism", "4"]),
];

/// What all others differ from in one thing.
const MIDDLE: Point = Point {
    what: "1,000 symbols",
    symbols: 1_000,
    partitions: 3,
    hot_permille: 0,
    memo_bytes: 0,
    lean: false,
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
    Point { what: "0.3 KB messages", lean: true, ..MIDDLE },
    Point { what: "2 KB messages", memo_bytes: 1_000, share: 2, ..MIDDLE },
    Point { what: "16 KB messages", memo_bytes: 12_000, share: 10, ..MIDDLE },
    Point { what: "with schema", wrapped: true, share: 2, ..MIDDLE },
];

/// Whose numbers a curve has at a place: what it is called there, the point, and who read it.
type Mark = (&'static str, &'static str, &'static str);

/// What each curve goes through.
const CURVES: &[(&str, &[Mark])] = &[
    (
        "symbols",
        &[
            ("10", "10 symbols", WORKER),
            ("1,000", MIDDLE.what, WORKER),
            ("100,000", "100,000 symbols", WORKER),
            ("900,000", "900,000 symbols", WORKER),
        ],
    ),
    (
        "length of messages",
        &[
            ("0.3 KB", "0.3 KB messages", WORKER),
            ("0.7 KB", MIDDLE.what, WORKER),
            ("2 KB", "2 KB messages", WORKER),
            ("16 KB", "16 KB messages", WORKER),
        ],
    ),
    ("partitions", &[("1", "1 partition", WORKER), ("3", MIDDLE.what, WORKER), ("48", "48 partitions", WORKER)]),
    (
        "share of one symbol",
        &[
            ("as drawn", MIDDLE.what, WORKER),
            ("half", "half are of one", WORKER),
            ("nine in ten", "nine in ten of one", WORKER),
        ],
    ),
    ("parallelism", &[("1", MIDDLE.what, WORKER_1), ("2", MIDDLE.what, WORKER), ("4", MIDDLE.what, WORKER_4)]),
];

/// Measures at every point, prints a table, draws the curves and puts both into the page.
pub(crate) fn run(root: &Path, options: &ScalingBenchOptions) -> Result<ExitCode> {
    // Before anything is measured: a page without a place for it should be told at once.
    let old_page = options.page.as_ref().map(|path| -> Result<(&Path, String)> {
        let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        page::with_measured(&text, "").with_context(|| path.display().to_string())?;
        Ok((path, text))
    });
    let old_page = old_page.transpose()?;
    let programs = Programs::build(root)?;
    let broker = Broker::start(None)?;
    let work = tempfile::Builder::new().prefix("cdc-bench-").tempdir()?;
    let (mut measured, mut table) = (Measured::default(), String::new());
    let limit = Duration::from_secs(options.minutes * 60);
    let watch = Stopwatch::start();
    for (at, point) in POINTS.iter().enumerate() {
        let address = broker.address();
        // No turn has another's group, whatever its point.
        let ring = |turn| Ring { programs: &programs, flink: None, address: &address, number: at * 1_000 + turn };
        let market = Market { topic: format!("scaling-{at}"), ..point.market(options.records) };
        let topic = Topic::load(root, &programs, &address, market, work.path())?;
        let by = limit * (at as u32 + 1) / POINTS.len() as u32;
        let report = point.measure(ring, &topic, options.rounds, || watch.elapsed() < by)?;
        let lines = point.lines(&report, at == 0);
        print!("{lines}");
        eprintln!("bench: {} after {}", point.what, human(watch.elapsed()));
        table.push_str(&lines);
        measured.0.push((point.what, report));
    }
    let machine = machine::describe(root);
    println!("{machine}");
    let note = format!(
        "cargo xtask bench scaling: {} messages and fewer of long ones, RocksDB, parallelism 2, {} cores, medians of up to {} rounds",
        options.records, machine["cores"], options.rounds
    );
    let svg = curves::draw(&measured.curves(), &note);
    let write = |path: &Path, text: &str| {
        std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
    };
    if let Some(path) = &options.svg {
        write(path, &svg)?;
    }
    if let Some((path, text)) = old_page {
        let picture = path.with_extension("svg");
        write(&picture, &svg)?;
        let name = picture.file_name().unwrap_or_default().to_string_lossy();
        let block = format!("![{note}]({name})\n\n{table}\n`{machine}`");
        write(path, &page::with_measured(&text, &block)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Point {
    fn market(&self, records: u64) -> Market {
        Market {
            topic: String::new(),
            count: records / self.share,
            seed: 1,
            symbols: self.symbols,
            partitions: self.partitions,
            wrapped: self.wrapped,
            hot_permille: self.hot_permille,
            memo_bytes: self.memo_bytes,
            lean: self.lean,
        }
    }

    /// Rounds over a topic; after the first, only while there is time.
    fn measure<'a>(
        &self,
        ring: impl Fn(usize) -> Ring<'a>,
        topic: &Topic,
        rounds: usize,
        has_time: impl Fn() -> bool,
    ) -> Result<Report> {
        let contestants: Vec<Contestant> =
            [contestant::BARE_ALONE].into_iter().chain(self.workers.iter().copied()).collect();
        let row = |contestant: &Contestant| Row {
            name: contestant.name,
            message_bytes: topic.message_bytes(),
            turns: Vec::new(),
        };
        let mut report = Report { rows: contestants.iter().map(row).collect() };
        contestant::warm_up(ring(0), topic)?;
        for round in 0..rounds {
            if round > 0 && !has_time() {
                eprintln!("bench: {}: no time for round {}", self.what, round + 1);
                break;
            }
            for (number, (contestant, row)) in contestants.iter().zip(&mut report.rows).enumerate() {
                let ring = ring(round * contestants.len() + number + 1);
                row.turns.push(contestant.run(ring, topic).with_context(|| self.what)?);
            }
        }
        Ok(report)
    }

    /// The table's lines, below its head once.
    fn lines(&self, report: &Report, head: bool) -> String {
        let named = |line: &str| {
            let who = line.strip_prefix("| ").filter(|line| line.starts_with(BARE) || line.starts_with(WORKER));
            who.map_or_else(|| line.to_owned(), |who| format!("| {}: {who}", self.what)) + "\n"
        };
        report.table().lines().skip(if head { 0 } else { 2 }).map(named).collect()
    }
}

/// What was measured, by point.
#[derive(Default)]
struct Measured(Vec<(&'static str, Report)>);

impl Measured {
    fn numbers(&self, point: &str, who: &str) -> Option<curves::Numbers> {
        self.0.iter().find(|(what, _)| *what == point)?.1.bar(who)
    }

    fn curves(&self) -> Vec<Curve> {
        let curve = |&(title, marks): &(&'static str, &[Mark])| {
            let place =
                |&(label, point, who): &Mark| Some((label, self.numbers(point, who)?, self.numbers(point, BARE)?));
            Curve { title, points: marks.iter().filter_map(place).collect() }
        };
        CURVES.iter().map(curve).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_a_curve_is_measured() {
        for (title, marks) in CURVES {
            for (label, what, who) in *marks {
                let point = POINTS.iter().find(|point| point.what == *what);
                let read = point.is_some_and(|point| point.workers.iter().any(|worker| worker.name == *who));
                assert!(read, "{title} at {label}: nobody measures {what} by {who}");
            }
        }
    }
}
