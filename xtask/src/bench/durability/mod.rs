//! `cargo xtask bench durability`: what it costs to survive. With a state of a hundred megabytes and more: from `kill -9` to
//! the first new result, and how long a checkpoint stops the pipeline; and how much of the in-memory pipeline's rate is
//! left with state and epoch log on disk, in turns over one topic.

mod feed;
mod pause;
mod told;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};

use self::pause::Pause;
use self::told::Told;
use super::contestant::{self, Contestant, Ring, WORKER};
use super::programs::Programs;
use super::report::{Report, Row};
use super::topic::{self, Market, Topic};
use super::{floors, machine};
use crate::broker::Broker;
use crate::chaos::dice::Dice;
use crate::chaos::life::{Life, Stage, Start};
use crate::chaos::{rest, wait};
use crate::cli::{ChaosTime, DurabilityBenchOptions};
use crate::stopwatch::{Stopwatch, human};

const TOPIC: &str = "durability";
/// Orders a second while the worker is killed and checkpoints are made.
const RATE: u64 = 1_000;
/// How long reading the symbols for the first time may take.
const FILL_LIMIT: Duration = Duration::from_mins(15);
/// How often the worker begins without its database, from a checkpoint.
const LOSSES: usize = 5;
/// Windows stay open, so that the state stays as large as it is.
const SETTINGS: &[(&str, &str)] = &[("agg.window_ms", "86400000"), ("state.checkpoint_interval_ms", "5000")];
const PARALLELISM: u64 = 2;

/// With state and log on disk, and with both in memory.
const DURABLE: Contestant = contestant::worker(WORKER, &["--parallelism", "2"]);
const IN_MEMORY: Contestant =
    contestant::worker("worker, state in memory", &["--parallelism", "2", "--set", "state.backend=memory"]);

/// Measures, and says what came of it.
pub(crate) fn run(root: &Path, options: &DurabilityBenchOptions) -> Result<ExitCode> {
    let programs = Programs::build(root)?;
    let mut told = Told { machine: machine::describe(root), symbols: options.symbols, ..Told::default() };
    let broker = Broker::start(None)?;
    let place = tempfile::Builder::new().prefix("cdc-bench-durability-").tempdir()?;
    if options.symbols > 0 {
        with_a_large_state(&programs, &broker, place.path(), options, &mut told)?;
    }
    if options.rounds > 0 {
        told.rates = Some(rates(root, &programs, &broker, place.path(), options)?);
    }
    floors::tell(options.telling, &told.json(), || told.table(), floors::DURABILITY)
}

/// Reads an order of each symbol, then is killed and watched under load.
fn with_a_large_state(
    programs: &Programs,
    broker: &Broker,
    place: &Path,
    options: &DurabilityBenchOptions,
    told: &mut Told,
) -> Result<()> {
    let address = broker.address();
    let none = Market { topic: TOPIC.to_owned(), count: 0, seed: 1, symbols: 1, partitions: 3, ..Market::default() };
    topic::generate(programs, &address, &none)?;
    let watch = Stopwatch::start();
    feed::fill(broker, TOPIC, options.symbols)?;
    eprintln!("bench: {} orders are in the topic after {}", options.symbols, human(watch.elapsed()));
    let stage = Stage {
        worker: programs.worker.clone(),
        place: place.to_owned(),
        disk: place.to_owned(),
        bootstrap: address,
        topic: TOPIC.to_owned(),
        time: ChaosTime::Processing,
        port: rest::free_port()?,
        settings: SETTINGS,
    };
    let watch = Stopwatch::start();
    let mut life = begin(&stage)?;
    wait::until("every symbol has been read", FILL_LIMIT, || {
        thread::sleep(Duration::from_millis(200));
        life.must_live()?;
        // It may not listen yet.
        let counts = rest::get(stage.port, "/api/v1/accounting").unwrap_or_default();
        Ok(counts["consumed"].as_u64() >= Some(options.symbols))
    })?;
    eprintln!("bench: the worker has read them after {}", human(watch.elapsed()));
    let made = life.times("checkpoint made: ");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let load = scope.spawn(|| feed::pace(broker, TOPIC, options.symbols, RATE, &stop));
        let measured = (|| {
            life.brings(&stage, stage.length(), Stopwatch::start())?;
            life.says("checkpoint made: ", made)?;
            told.pauses = pauses(&stage, life, options.checkpoints)?;
            let mut life = begin(&stage)?;
            life.brings(&stage, stage.length(), Stopwatch::start())?;
            told.recoveries = kills(&stage, &mut life, options.kills, None)?;
            let database = stage.state().join("db");
            told.restores = kills(&stage, &mut life, LOSSES, Some(&database))?;
            told.load_average = machine::load_average();
            life.stop()
        })();
        stop.store(true, Ordering::Relaxed);
        let loaded = load.join().map_err(|_| anyhow!("the thread that feeds the topic panicked"))?;
        measured.and(loaded.context("the load"))
    })
}

fn begin(stage: &Stage) -> Result<Life> {
    Life::begin(stage, &Start { parallelism: PARALLELISM, ..Start::default() })
}

/// A life of its own: what it tells of checkpoints are those that were watched.
fn pauses(stage: &Stage, mut life: Life, count: usize) -> Result<Vec<Pause>> {
    life.stop()?;
    let mut life = begin(stage)?;
    life.brings(stage, stage.length(), Stopwatch::start())?;
    let pauses = pause::watch(stage, &mut life, count)?;
    life.stop()?;
    for pause in &pauses {
        eprintln!(
            "bench: a checkpoint of {:.0} MB in {:.2} s: no result for {:.1} ms at most, {:.1} ms right before it",
            pause.bytes / 1e6,
            pause.seconds,
            pause.longest_ms,
            pause.before_ms
        );
    }
    Ok(pauses)
}

/// Kills a worker at random moments; seconds from each kill to the first new result. `lost` is removed in between.
fn kills(stage: &Stage, life: &mut Life, times: usize, lost: Option<&PathBuf>) -> Result<Vec<f64>> {
    let mut dice = Dice::seeded(times as u64);
    let mut seconds = Vec::new();
    for _ in 0..times {
        wait::pause(dice.between(1_000, 3_000))?;
        if lost.is_some() {
            let before = life.times("checkpoint made: ");
            life.says("checkpoint made: ", before)?;
        }
        let since = Stopwatch::start();
        life.kill()?;
        let beyond = stage.length();
        if let Some(lost) = lost {
            fs::remove_dir_all(lost).with_context(|| format!("{} cannot be removed", lost.display()))?;
        }
        *life = begin(stage)?;
        let recovered = life.brings(stage, beyond, since)?.as_secs_f64();
        let what = if lost.is_some() { "kill -9, database lost" } else { "kill -9" };
        eprintln!("bench: {what}: {:.0} ms to the first new result", recovered * 1e3);
        seconds.push(recovered);
    }
    Ok(seconds)
}

/// Both take a turn in each round, the one before the other and then the other way round.
fn rates(
    root: &Path,
    programs: &Programs,
    broker: &Broker,
    work: &Path,
    options: &DurabilityBenchOptions,
) -> Result<Report> {
    let address = broker.address();
    let market = Market {
        topic: "durability-rates".to_owned(),
        count: options.records,
        seed: 1,
        symbols: 1_000,
        partitions: 3,
        ..Market::default()
    };
    let topic = Topic::load(root, programs, &address, market, work)?;
    let ring = |number| Ring { programs, flink: None, address: &address, number };
    contestant::warm_up(ring(usize::MAX), &topic)?;
    let mut report = Report::default();
    for contestant in [&DURABLE, &IN_MEMORY] {
        report.rows.push(Row { name: contestant.name, message_bytes: topic.message_bytes(), turns: Vec::new() });
    }
    for round in 0..options.rounds {
        let mut order = [(0, DURABLE), (1, IN_MEMORY)];
        if round % 2 == 1 {
            order.reverse();
        }
        for (at, contestant) in order {
            let turn = contestant.run(ring(round * 2 + at), &topic)?;
            eprintln!(
                "bench: round {}: {}: {:.0} events/s",
                round + 1,
                contestant.name,
                turn.records as f64 / turn.seconds
            );
            if let Some(row) = report.rows.get_mut(at) {
                row.turns.push(turn);
            }
        }
    }
    Ok(report)
}
