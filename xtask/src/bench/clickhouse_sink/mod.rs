//! `cargo xtask bench clickhouse-sink`: what the ClickHouse sink gets through, beside its encoder alone and the engine alone
//! (the encoder's bytes by the plain client), over the same rows, in turns. Each turn is a process of its own
//! (`benches/rows`), with tables of its own, which are asked afterwards what is in them.

mod told;
mod turn;

use std::fs::File;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};

use self::told::Told;
use self::turn::Turn;
use super::expected::Expected;
use super::topic::{self, Market};
use super::{floors, machine, programs};
use crate::cli::ClickHouseSinkBenchOptions;
use crate::clickhouse::ClickHouse;
use crate::process::{ask, run as run_program, succeeded};

const LIMIT: Duration = Duration::from_mins(20);

/// Who takes turns, by the names that `benches/rows` has for them.
const FORMS: [&str; 3] = ["encoder", "engine", "sink"];

/// Measures, and says what came of it.
pub(crate) fn run(root: &Path, options: &ClickHouseSinkBenchOptions) -> Result<ExitCode> {
    let (worker, rows) = programs::build_rows(root)?;
    let mut told = Told { machine: machine::describe(root), ..Told::default() };
    let place = tempfile::Builder::new().prefix("cdc-bench-clickhouse-sink-").tempdir()?;
    let recording = place.path().join("orders.ndjson");
    let market = Market {
        topic: "clickhouse-sink".to_owned(),
        count: options.records,
        seed: 1,
        symbols: 1_000,
        partitions: 3,
        ..Market::default()
    };
    let mut generate = topic::generator(&worker, &market, &recording.display().to_string());
    succeeded(run_program(generate.stdout(Stdio::null()).stderr(Stdio::null()), LIMIT)?, "worker generate")?;
    let expected = topic::work_out(root, File::open(&recording)?, &place.path().join("expected"))?;
    let server = ClickHouse::start(root, None)?;
    let stage = Stage { rows: &rows, address: server.address(), recording: &recording, expected: &expected };
    // The engine's first rows meet a cold cache, whoever brings them.
    stage.turn("sink", "bench_warm_up")?;
    for round in 0..options.rounds as usize {
        // Each is the first of a round as often as the others.
        for place in 0..FORMS.len() {
            let at = (round + place) % FORMS.len();
            let (Some(form), Some(turns)) = (FORMS.get(at), told.turns.get_mut(at)) else { continue };
            let turn = stage.turn(form, &format!("bench_{round}_{form}"))?;
            eprintln!("bench: round {}: {form}: {:.0} rows/s", round + 1, turn.rows as f64 / turn.seconds);
            turns.push(turn);
        }
    }
    told.load_average = machine::load_average();
    floors::tell(options.telling, &told.json(), || told.table(), floors::CLICKHOUSE_SINK)
}

struct Stage<'a> {
    rows: &'a Path,
    address: &'a str,
    recording: &'a Path,
    expected: &'a Expected,
}

impl Stage<'_> {
    /// One turn; an error unless the tables hold what must come of the recording.
    fn turn(&self, form: &str, database: &str) -> Result<Turn> {
        let mut command = Command::new(self.rows);
        let output = ask(command.args([form, self.address, database]).arg(self.recording))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let turn = Turn::read(text.trim())
            .with_context(|| format!("{database}: {text}{}", String::from_utf8_lossy(&output.stderr)))?;
        turn.must_be_right(self.expected.events, self.expected.amount()).with_context(|| database.to_owned())?;
        Ok(turn)
    }
}
