//! The topics that everybody reads: loaded once by the worker's generator, and what must come of them worked out beside.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::expected::Expected;
use super::programs::Programs;
use crate::process::{run, succeeded};
use crate::stopwatch::{Stopwatch, human};

const LIMIT: Duration = Duration::from_mins(20);

/// What is generated: the same market gives the same messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Market {
    /// The topic's name.
    pub(crate) topic: String,
    /// How many messages.
    pub(crate) count: u64,
    /// Everything that is left to chance follows from it.
    pub(crate) seed: u64,
    /// How many symbols are traded, the popular ones more.
    pub(crate) symbols: u32,
    /// Partitions of the topic.
    pub(crate) partitions: u32,
    /// Each message carries its schema.
    pub(crate) wrapped: bool,
    /// Orders of a thousand that are of one symbol.
    pub(crate) hot_permille: u32,
    /// Bytes by which a row is longer.
    pub(crate) memo_bytes: u32,
    /// Only what is read of each event.
    pub(crate) lean: bool,
}

/// A loaded topic.
#[derive(Debug)]
pub(crate) struct Topic {
    /// What was generated.
    pub(crate) market: Market,
    /// What must come of it.
    pub(crate) expected: Expected,
}

impl Topic {
    /// Bytes of a message's value, on average.
    pub(crate) fn message_bytes(&self) -> f64 {
        self.expected.bytes as f64 / self.expected.records as f64
    }

    /// Generates into the broker and, in a second pass, through the script that says what must come of it.
    pub(crate) fn load(root: &Path, programs: &Programs, address: &str, market: Market, work: &Path) -> Result<Self> {
        let watch = Stopwatch::start();
        generate(programs, address, &market)?;
        let loaded = watch.elapsed();
        let mut generate = generator(&programs.worker, &market, "-");
        let mut generate = generate
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("the worker cannot be started")?;
        let pipe = generate.stdout.take().context("the worker has no output")?;
        let expected = work_out(root, pipe, &work.join(format!("{}.expected", market.topic)));
        let generated = generate.wait()?;
        let expected = expected?;
        succeeded(generated, "worker generate")?;
        eprintln!(
            "bench: {} holds {} messages after {}; what must come of them was worked out in {}",
            market.topic,
            expected.records,
            human(loaded),
            human(watch.elapsed().saturating_sub(loaded))
        );
        Ok(Self { market, expected })
    }
}

/// What must come of a recording, worked out by the script.
pub(crate) fn work_out(root: &Path, recording: impl Into<Stdio>, path: &Path) -> Result<Expected> {
    let mut script = Command::new("python3");
    script.arg(root.join("xtask/src/bench/expected.py")).stdin(recording).stdout(File::create(path)?);
    succeeded(script.status().context("python3 cannot be started")?, "expected.py")?;
    Expected::read(path)
}

/// Generates into the broker, which gets the topic if it has none of that name.
pub(crate) fn generate(programs: &Programs, address: &str, market: &Market) -> Result<()> {
    let mut command = generator(&programs.worker, market, address);
    command.args(["--set", &format!("kafka.topic={}", market.topic), "--log-level", "warn"]);
    succeeded(run(command.stdout(Stdio::null()), LIMIT)?, "worker generate")
}

/// The worker's generator, to a broker's address, a file or, as `-`, to its output.
pub(crate) fn generator(worker: &Path, market: &Market, to: &str) -> Command {
    let mut command = Command::new(worker);
    command.args(["generate", "--to", to, "--count", &market.count.to_string(), "--seed", &market.seed.to_string()]);
    command.args(["--symbols", &market.symbols.to_string(), "--partitions", &market.partitions.to_string()]);
    command.args(["--hot-permille", &market.hot_permille.to_string()]);
    if market.wrapped {
        command.arg("--wrapped");
    } else if market.lean {
        command.arg("--lean");
    } else {
        command.args(["--memo-bytes", &market.memo_bytes.to_string()]);
    }
    command
}
