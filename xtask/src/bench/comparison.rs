//! `cargo xtask bench`: the worker in its forms beside the bare client and the Flink job that it replaces. One broker, one
//! topic, loaded once; then round after round everybody takes a turn, so that what else the machine does meets all alike.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::contestant::{self, ALL, Contestant, Ring, WORKER};
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
    /// Events a second, and for how many seconds.
    latencies: &'static [(u32, u32)],
    /// No round begins that would likely end later than this after the first began.
    limit: Duration,
}

const FULL: Size = Size {
    records: 2_400_000,
    wrapped_records: 400_000,
    rounds: 5,
    latencies: &[(1_000, 30), (10_000, 30)],
    limit: Duration::from_hours(2),
};
/// Ten minutes on two slow cores.
const QUICK: Size = Size {
    records: 1_000_000,
    wrapped_records: 200_000,
    rounds: 2,
    latencies: &[(1_000, 15)],
    limit: Duration::from_mins(7),
};

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
        ..Market::default()
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
        let likely = watch.elapsed() * (round as u32 + 1) / (round as u32).max(1);
        if round > 0 && likely > size.limit {
            eprintln!("bench: no time for another round");
            break;
        }
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
    let ring = ring(usize::MAX);
    let idle_bytes = contestant::idle(ring, &nothing.topic, IDLE_AFTER)?;
    let latencies = size.latencies.iter().map(|&(rate, seconds)| contestant::latency(ring, rate, seconds, &[]));
    let latencies = latencies.collect::<Result<Vec<_>>>()?;
    told(options, &report, &machine, &topics, Apart { idle_bytes, latencies })
}

/// What is measured once, apart from the rounds.
struct Apart {
    idle_bytes: u64,
    latencies: Vec<Value>,
}

fn told(
    options: &ComparisonOptions,
    report: &Report,
    machine: &Value,
    (bare, wrapped): &(Topic, Topic),
    Apart { idle_bytes, latencies }: Apart,
) -> Result<ExitCode> {
    let mut object = report.json();
    object.insert("rss_idle_mb".to_owned(), json!(idle_bytes as f64 / 1e6));
    object.insert("p99_ms_over_bare".to_owned(), json!(over_bare(&latencies)));
    object.insert("latency_ms".to_owned(), json!(&latencies));
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
    let object = Value::Object(object);
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
            ("p99_ms_over_bare", "ms from due to a line, p99, on top of the bare consumer's, at the worst rate"),
        ] {
            println!("{name} {} ({what})", number(name));
        }
        print!("{}", latency_table(&latencies));
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
        svg::write(path, &report.bars(), WORKER, &note)?;
    }
    if options.check {
        let held = floors::check(floors::COMPARISON, &object)?;
        eprintln!("bench: all {held} floors hold");
    }
    Ok(ExitCode::SUCCESS)
}

/// By how much the slower of RAW's and ALERT's p99 is above the bare consumer's, at the rate where that is most.
fn over_bare(latencies: &[Value]) -> Option<f64> {
    let over = |at_rate: &Value| {
        let p99 = |stream: &str| at_rate[stream]["p99"].as_f64();
        Some(p99("raw")?.max(p99("alert")?) - p99("bare")?)
    };
    latencies.iter().map(over).collect::<Option<Vec<f64>>>()?.into_iter().reduce(f64::max)
}

fn latency_table(latencies: &[Value]) -> String {
    let mut text = String::from("| ms from due | p50 | p90 | p99 | p99.9 |\n|---|---|---|---|---|\n");
    for at_rate in latencies {
        let streams =
            [("acknowledged", "the broker has it"), ("bare", "bare consumer"), ("raw", "RAW"), ("alert", "ALERT")];
        for (stream, name) in streams {
            let _infallible = write!(text, "| {} events/s: {name}", at_rate["rate"]);
            for percentile in ["p50", "p90", "p99", "p99.9"] {
                let ms = at_rate[stream][percentile].as_f64().unwrap_or_default();
                let _infallible = write!(text, " | {ms:.2}");
            }
            text.push_str(" |\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_is_told_beside_the_bare_consumers() {
        let of = |p99: f64| json!({"p50": 1.0, "p90": 2.0, "p99": p99, "p99.9": 9.0});
        let at = |rate: u32, alert: f64| json!({"rate": rate, "bare": of(3.0), "raw": of(4.0), "alert": of(alert)});
        assert_eq!(over_bare(&[at(1000, 4.5), at(10_000, 5.0), at(20_000, 3.5)]), Some(2.0));
        assert_eq!(over_bare(&[at(1000, 4.5), json!({"rate": 10_000})]), None);
        let latencies = [at(1000, 4.5)];
        assert_eq!(over_bare(&[]), None);
        assert!(latency_table(&latencies).ends_with("| 1000 events/s: ALERT | 1.00 | 2.00 | 4.50 | 9.00 |\n"));
    }
}
