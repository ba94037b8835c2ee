//! `cargo xtask bench`: the worker in its forms beside the bare client and the Flink job that it replaces. One broker, one
//! topic, loaded once; then round after round everybody takes a turn, so that what else the machine does meets all alike.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::contestant::{self, ALL, Contestant, Ring};
use super::flink::Flink;
use super::programs::Programs;
use super::report::{Report, Row};
use super::topic::{Market, Topic};
use super::{floors, machine, svg, topic};
use crate::broker::Broker;
use crate::cli::{ComparisonOptions, Peer};
use crate::stopwatch::{Stopwatch, human};

/// When the worker that has nothing to do is looked at.
const IDLE_AFTER: Duration = Duration::from_secs(8);

/// How much is read and how often.
struct Size {
    records: u64,
    wrapped_records: u64,
    rounds: usize,
}

const FULL: Size = Size { records: 2_400_000, wrapped_records: 400_000, rounds: 5 };
/// Ten minutes on two slow cores.
const QUICK: Size = Size { records: 1_000_000, wrapped_records: 200_000, rounds: 2 };

/// Runs the comparison, and says what came of it in the form that was asked for.
pub(crate) fn run(root: &Path, options: &ComparisonOptions) -> Result<ExitCode> {
    let size = if options.quick { QUICK } else { FULL };
    let records = options.records.unwrap_or(size.records);
    let rounds = options.rounds.unwrap_or(size.rounds);
    let programs = Programs::build(root)?;
    let flink = if options.peer == Peer::Flink { Some(Flink::build(root)?) } else { None };
    let machine = machine::describe(root);
    let broker = Broker::start(None)?;
    let work = tempfile::Builder::new().prefix("cdc-bench-").tempdir()?;
    let market = Market {
        topic: "bench".to_owned(),
        count: records,
        seed: options.seed,
        symbols: options.symbols,
        partitions: 3,
        wrapped: false,
    };
    let wrapped_records = size.wrapped_records.min(records);
    let wrapped = Market { topic: "bench-wrapped".to_owned(), count: wrapped_records, wrapped: true, ..market.clone() };
    let load = |market| Topic::load(root, &programs, &broker.address(), market, work.path());
    let nothing = Market { topic: "bench-nothing".to_owned(), count: 0, ..market.clone() };
    topic::generate(&programs, &broker.address(), &nothing)?;
    let topics = (load(market)?, load(wrapped)?);
    let takes_part = |contestant: &&Contestant| {
        (flink.is_some() || !contestant.is_flink())
            && !(options.quick && contestant.full_only)
            && options.only.as_ref().is_none_or(|text| contestant.name.contains(text.as_str()))
    };
    let contestants: Vec<&Contestant> = ALL.iter().filter(takes_part).collect();
    let address = broker.address();
    let ring = |number| Ring { programs: &programs, flink: flink.as_ref(), address: &address, number };
    let mut report = Report::default();
    for contestant in &contestants {
        let topic = if contestant.wrapped { &topics.1 } else { &topics.0 };
        report.rows.push(Row { name: contestant.name, message_bytes: topic.message_bytes(), turns: Vec::new() });
    }
    // The broker is slower until Java has compiled what it does: the first to read would pay for all.
    for topic in [&topics.0, &topics.1] {
        contestant::warm_up(ring(usize::MAX), topic)?;
    }
    let watch = Stopwatch::start();
    for round in 0..rounds {
        for (at, (contestant, row)) in contestants.iter().zip(&mut report.rows).enumerate() {
            let topic = if contestant.wrapped { &topics.1 } else { &topics.0 };
            let turn = contestant.run(ring(round * contestants.len() + at), topic)?;
            eprintln!(
                "bench: {} round {}: {}: {:.0} events/s, {:.2} µs CPU an event, {:.0} MB",
                human(watch.elapsed()),
                round + 1,
                contestant.name,
                turn.records as f64 / turn.seconds,
                turn.cpu_seconds * 1e6 / turn.records as f64,
                turn.peak_bytes as f64 / 1e6
            );
            row.turns.push(turn);
        }
    }
    let idle_bytes = contestant::idle(ring(usize::MAX), &nothing.topic, IDLE_AFTER)?;
    told(options, &report, &machine, &topics, idle_bytes)
}

fn told(
    options: &ComparisonOptions,
    report: &Report,
    machine: &serde_json::Value,
    (bare, wrapped): &(Topic, Topic),
    idle_bytes: u64,
) -> Result<ExitCode> {
    let mut object = report.json();
    object.insert("rss_idle_mb".to_owned(), json!(idle_bytes as f64 / 1e6));
    object.insert("machine".to_owned(), machine.clone());
    for (name, topic) in [("topic", bare), ("wrapped_topic", wrapped)] {
        let market = &topic.market;
        let value = json!({
            "records": topic.expected.records,
            "events": topic.expected.events,
            "message_bytes": topic.message_bytes(),
            "partitions": market.partitions,
            "symbols": market.symbols,
            "seed": market.seed,
        });
        object.insert(name.to_owned(), value);
    }
    let object = serde_json::Value::Object(object);
    if options.json {
        println!("{}", serde_json::to_string_pretty(&object)?);
    } else {
        print!("{}", report.table());
        let number = |name: &str| {
            object[name].as_f64().map_or_else(|| "not measured".to_owned(), |number| format!("{number:.3}"))
        };
        for (name, what) in [
            ("ratio_to_bare", "rate, by the bare client's"),
            ("ratio_to_flink", "rate, by Flink's"),
            ("cpu_ratio_to_flink", "CPU an event, by Flink's"),
            ("wrapped_ratio_to_bare", "rate with wrapped messages, by the bare client's"),
            ("rss_idle_mb", "MB resident with nothing to do"),
        ] {
            println!("{name} {} ({what})", number(name));
        }
        println!("{machine}");
    }
    if let Some(path) = &options.svg {
        let note = format!(
            "cargo xtask bench: {} messages of {:.0} bytes, RocksDB, parallelism 2, {} cores, medians of {} rounds",
            bare.expected.records,
            bare.message_bytes(),
            machine["cores"],
            report.rows.first().map_or(0, |row| row.turns.len())
        );
        std::fs::write(path, svg::draw(&report.bars(), &note))
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    if options.check {
        let held = floors::check(&object)?;
        eprintln!("bench: all {held} floors hold");
    }
    Ok(ExitCode::SUCCESS)
}
