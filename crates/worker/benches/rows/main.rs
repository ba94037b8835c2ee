//! The ClickHouse sink and its two halves, over the same results of a recording: the encoder alone, the engine alone (the
//! encoder's bytes by the plain client), and the sink with both. A process does one of them, into a database of its own,
//! and tells what it cost and what is in the tables then. `cargo xtask bench clickhouse-sink` runs them in turns.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark: it stops where it cannot go on, and prints its result"
)]

mod engine;
mod memory;
mod results;
mod sink;
#[expect(dead_code, reason = "how much memory is resident is looked at in another way")]
#[path = "../decode/stopwatch.rs"]
mod stopwatch;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use serde_json::{Value, json};

use crate::engine::Engine;
use crate::results::Results;
use crate::stopwatch::Cost;

/// Rows for ClickHouse
#[derive(Debug, Parser)]
struct Options {
    /// Cargo says so to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
    /// What takes part
    #[arg(value_enum)]
    what: Option<What>,
    /// The server, `127.0.0.1:PORT`
    #[arg(required_if_eq_any([("what", "encoder"), ("what", "engine"), ("what", "sink")]))]
    address: Option<String>,
    /// A database that is not there yet
    #[arg(requires = "address")]
    database: Option<String>,
    /// A recording
    #[arg(requires = "database")]
    recording: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// Results into rows, and no server
    Encoder,
    /// Rows into the server, as the plain client sends them
    Engine,
    /// Both, as the worker has them
    Sink,
}

/// What a turn came to.
struct Turn {
    cost: Cost,
    rows: u64,
    bytes: usize,
    /// By how much the process grew, and how much waited for the sink at most.
    memory: Option<(u64, u64)>,
}

fn main() {
    worker::allocator::give_large_blocks_back();
    let Options { what, address, database, recording, .. } = Options::parse();
    let (Some(what), Some(address), Some(database), Some(recording)) = (what, address, database, recording) else {
        println!("skipped: no server; run it as `cargo xtask bench clickhouse-sink`");
        return;
    };
    let results = Results::of(&recording);
    let engine = Engine::new(&address, &database);
    let turn = match what {
        What::Encoder => results.encode(),
        What::Engine => engine.insert(&results),
        What::Sink => sink::run(&engine, &results),
    };
    let tables = if what == What::Encoder { Value::Null } else { engine.tables() };
    let told = json!({
        "rows": turn.rows,
        "bytes": turn.bytes,
        "seconds": turn.cost.wall.as_secs_f64(),
        "cpu_seconds": turn.cost.cpu.as_secs_f64(),
        "memory_growth_bytes": turn.memory.map(|(growth, _)| growth),
        "waiting_bytes": turn.memory.map(|(_, waiting)| waiting),
        "tables": tables,
    });
    println!("{told}");
}
