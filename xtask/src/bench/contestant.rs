//! Who takes part, and how each is started.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::expected::Windows;
use super::flink::{Flink, Job};
use super::programs::Programs;
use super::topic::Topic;
use super::turn::{self, Goal, Measured, Results};
use crate::process::ask;

/// By the clock windows are short, so that a turn sees many close and need not wait long for the last.
pub(crate) const WINDOW_MS: u64 = 5_000;

/// How often a topic is read before the first turn that counts.
const WARM_UP_TURNS: usize = 2;

/// The client alone.
pub(crate) const BARE: &str = "bare client";
/// The worker as the ratios mean it.
pub(crate) const WORKER: &str = "worker";
/// With RAW in a file.
pub(crate) const WORKER_FILE: &str = "worker, RAW to a file";
/// The job that it replaces.
pub(crate) const FLINK: &str = "Flink";
/// The client alone, over wrapped messages.
pub(crate) const BARE_WRAPPED: &str = "bare client, wrapped";
/// The worker over wrapped messages.
pub(crate) const WORKER_WRAPPED: &str = "worker, wrapped";

/// One that takes its turn in each round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contestant {
    /// As the table has it.
    pub(crate) name: &'static str,
    /// Reads the wrapped messages.
    pub(crate) wrapped: bool,
    /// Is not part of the quick form.
    pub(crate) full_only: bool,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Bare,
    Worker { arguments: &'static [&'static str], windows: Windows, to_file: bool },
    Flink { state: &'static str },
}

/// The worker in some form: RAW discarded, state in RocksDB unless the arguments say otherwise.
pub(crate) const fn worker(name: &'static str, arguments: &'static [&'static str]) -> Contestant {
    let kind = Kind::Worker { arguments, windows: Windows::All, to_file: false };
    Contestant { name, wrapped: false, full_only: false, kind }
}

const fn flink(name: &'static str, state: &'static str) -> Contestant {
    Contestant { name, wrapped: false, full_only: false, kind: Kind::Flink { state } }
}

/// The client alone, over bare messages.
pub(crate) const BARE_ALONE: Contestant = Contestant { name: BARE, wrapped: false, full_only: false, kind: Kind::Bare };

/// All, in the order of their turns.
pub(crate) const ALL: &[Contestant] = &[
    BARE_ALONE,
    worker(WORKER, &["--parallelism", "2"]),
    worker("worker, parallelism 1", &["--parallelism", "1"]),
    worker("worker, state in memory", &["--parallelism", "2", "--set", "state.backend=memory"]),
    Contestant {
        name: "worker, event time",
        wrapped: false,
        full_only: false,
        kind: Kind::Worker {
            arguments: &["--parallelism", "2", "--time", "event"],
            windows: Windows::Fired,
            to_file: false,
        },
    },
    Contestant {
        name: WORKER_FILE,
        wrapped: false,
        full_only: false,
        kind: Kind::Worker { arguments: &["--parallelism", "2"], windows: Windows::All, to_file: true },
    },
    flink(FLINK, "rocksdb"),
    Contestant { full_only: true, ..flink("Flink, state on the heap", "heap") },
    Contestant { name: BARE_WRAPPED, wrapped: true, full_only: false, kind: Kind::Bare },
    Contestant { wrapped: true, ..worker(WORKER_WRAPPED, &["--parallelism", "2"]) },
    Contestant { wrapped: true, full_only: true, ..flink("Flink, wrapped", "rocksdb") },
];

/// What a turn needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ring<'a> {
    /// The programs.
    pub(crate) programs: &'a Programs,
    /// The peer, if it takes part.
    pub(crate) flink: Option<&'a Flink>,
    /// The broker's address.
    pub(crate) address: &'a str,
    /// A number that no other turn has.
    pub(crate) number: usize,
}

impl Contestant {
    /// Whether it is the peer.
    pub(crate) fn is_flink(&self) -> bool {
        matches!(self.kind, Kind::Flink { .. })
    }

    /// One turn over a topic.
    pub(crate) fn run(&self, ring: Ring<'_>, topic: &Topic) -> Result<Measured> {
        let directory = tempfile::Builder::new().prefix("cdc-bench-turn-").tempdir()?;
        let place = directory.path();
        let measured = match self.kind {
            Kind::Bare => bare(ring, topic),
            Kind::Worker { arguments, windows, to_file } => {
                let results = if to_file { Results::File(place.join("results.txt")) } else { Results::Stdout };
                let mut command = run_worker(ring, &topic.market.topic, place, &results);
                command.args(arguments);
                if windows == Windows::All {
                    command.args(["--set", &format!("agg.window_ms={WINDOW_MS}")]);
                }
                let goal = Goal { expected: &topic.expected, windows };
                turn::run(command, &results, goal, &place.join("log")).and_then(|measured| {
                    all_applied(&place.join("summary.json"), topic)?;
                    Ok(measured)
                })
            }
            Kind::Flink { state } => {
                let flink = ring.flink.context("the Flink job was not compiled")?;
                let group = format!("bench-{}", ring.number);
                let command = flink.command(Job {
                    bootstrap: ring.address,
                    topic: &topic.market.topic,
                    group: &group,
                    state,
                    window_ms: WINDOW_MS,
                    checkpoints: place,
                });
                let goal = Goal { expected: &topic.expected, windows: Windows::All };
                turn::run(command, &Results::Stdout, goal, &place.join("log"))
            }
        };
        measured.with_context(|| self.name)
    }
}

/// `worker run` over a topic, with a group and a state of its own.
pub(crate) fn run_worker(ring: Ring<'_>, topic: &str, place: &Path, results: &Results) -> Command {
    let mut command = Command::new(&ring.programs.worker);
    command.current_dir(place).args(["run", "--log-level", "warn", "--summary", "summary.json"]);
    let mut set = |key: &str, value: &str| {
        command.args(["--set", &format!("{key}={value}")]);
    };
    set("kafka.bootstrap", ring.address);
    set("kafka.topic", topic);
    set("kafka.group", &format!("bench-{}", ring.number));
    set("web.listen", "127.0.0.1:0");
    match results {
        Results::Stdout => set("raw.enabled", "false"),
        Results::File(path) => {
            set("sink.file.path", &path.display().to_string());
            set("sink.stdout.enabled", "false");
        }
    }
    command
}

/// An error unless the worker's own accounting has every record, and every event applied once.
pub(crate) fn all_applied(summary: &Path, topic: &Topic) -> Result<()> {
    let text = std::fs::read_to_string(summary).with_context(|| format!("{} cannot be read", summary.display()))?;
    let counts: serde_json::Value = serde_json::from_str(&text).context("the summary is no JSON")?;
    let count = |name: &str| counts.get(name).and_then(serde_json::Value::as_u64);
    let expected = &topic.expected;
    if (count("consumed"), count("applied")) != (Some(expected.records), Some(expected.events)) {
        bail!("{} records and {} events were expected; its accounting: {text}", expected.records, expected.events);
    }
    Ok(())
}

/// The client alone measures itself: it has no result to be seen by.
fn bare(ring: Ring<'_>, topic: &Topic) -> Result<Measured> {
    let output = ask(Command::new(&ring.programs.bare).args([ring.address, &topic.market.topic]))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let value = |name: &str| -> Option<f64> {
        text.split_whitespace().find_map(|field| field.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
    };
    let measured = (|| {
        Some(Measured {
            records: value("records")? as u64,
            seconds: value("seconds")?,
            cpu_seconds: value("cpu_seconds")?,
            peak_bytes: value("peak_bytes")? as u64,
            first_seconds: value("first_seconds")?,
        })
    })();
    let measured = measured.with_context(|| format!("{text}{}", String::from_utf8_lossy(&output.stderr)))?;
    if measured.records != topic.expected.records {
        bail!("{} records were read, {} are in the topic", measured.records, topic.expected.records);
    }
    Ok(measured)
}

/// Reads a topic a few times, so that the broker is as fast as it gets.
pub(crate) fn warm_up(ring: Ring<'_>, topic: &Topic) -> Result<()> {
    for _ in 0..WARM_UP_TURNS {
        bare(ring, topic)?;
    }
    Ok(())
}

/// A worker that has nothing to do: bytes resident after a while.
pub(crate) fn idle(ring: Ring<'_>, topic: &str, after: Duration) -> Result<u64> {
    let directory = tempfile::Builder::new().prefix("cdc-bench-turn-").tempdir()?;
    let mut command = run_worker(ring, topic, directory.path(), &Results::Stdout);
    let log = std::fs::File::create(directory.path().join("log"))?;
    command.stdout(log.try_clone()?).stderr(log);
    let mut group = crate::process::Group::spawn(&mut command)?;
    std::thread::sleep(after);
    let resident = super::usage::memory(group.id());
    group.stop(Duration::from_secs(10))?;
    Ok(resident?.resident_bytes)
}

/// Latency at a steady rate, of the worker and of a bare consumer beside it, as the program that measures it tells; `more`
/// are arguments of it.
pub(crate) fn latency(ring: Ring<'_>, rate: u32, seconds: u32, more: &[&str]) -> Result<serde_json::Value> {
    let mut command = Command::new(&ring.programs.latency);
    command.args(["--rate", &rate.to_string(), "--seconds", &seconds.to_string(), "--json"]).args(more);
    let output = ask(command.env(crate::broker::ADDRESS_VARIABLE, ring.address))?;
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.trim())
        .with_context(|| format!("latency at {rate}/s: {text}{}", String::from_utf8_lossy(&output.stderr)))
}
