//! `cargo xtask bench kafka-sink`: what the Kafka sink gets through. The worker with its sink on, and a bare transactional
//! producer that writes the very same messages, in turns; and how long after its due time an event can be read.
//!
//! Both are measured from outside, by what is committed: from the first transaction that can be read to the last with RAW
//! in it, without the first one's messages. So neither a process's start counts, nor the look at the brokers.

mod found;
mod told;
mod watch;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use self::found::Found;
use self::told::Told;
use self::watch::Turn;
use super::contestant::{self, Ring};
use super::programs::Programs;
use super::topic::{Market, Topic};
use super::{floors, machine};
use crate::broker::Broker;
use crate::cli::KafkaSinkBenchOptions;
use crate::process::{Group, succeeded};

const TOPIC: &str = "kafka-sink";
/// Where the worker's first turn writes: what it has written there the bare producer writes again.
const SOURCE: &str = "worker-0";
/// Events a second while it is measured how soon they can be read.
const LATENCY_RATE: u32 = 1_000;
/// From asking the worker to stop until what waits has left, and a little more.
const TIME_TO_STOP: Duration = Duration::from_mins(1);

/// What turns need.
struct Stage<'a> {
    programs: &'a Programs,
    address: &'a str,
    topic: &'a Topic,
}

/// Measures, and says what came of it.
pub(crate) fn run(root: &Path, options: &KafkaSinkBenchOptions) -> Result<ExitCode> {
    let programs = Programs::build(root)?;
    let mut told = Told { machine: machine::describe(root), ..Told::default() };
    let broker = Broker::start(None)?;
    let address = broker.address();
    let work = tempfile::Builder::new().prefix("cdc-bench-kafka-sink-").tempdir()?;
    let market = Market {
        topic: TOPIC.to_owned(),
        count: options.records,
        seed: 1,
        symbols: 1_000,
        partitions: 3,
        ..Market::default()
    };
    let topic = Topic::load(root, &programs, &address, market, work.path())?;
    let stage = Stage { programs: &programs, address: &address, topic: &topic };
    // The broker is slower until Java has compiled what it does: nobody's first turn counts.
    let (_, source) = stage.worker(0)?;
    stage.bare(0, &source)?;
    for round in 1..=options.rounds {
        for place in 0..2 {
            if (round + place) % 2 == 0 {
                let (turn, found) = stage.worker(round)?;
                say(round, "worker", &turn);
                told.worker.push((turn, found));
            } else {
                let (turn, found) = stage.bare(round, &source)?;
                say(round, "bare producer", &turn);
                told.bare.push((turn, found));
            }
        }
    }
    told.load_average = machine::load_average();
    if options.seconds > 0 {
        let ring = Ring { programs: &programs, flink: None, address: &address, number: usize::MAX };
        told.latency = contestant::latency(ring, LATENCY_RATE, options.seconds, &["--kafka-sink"])?;
    }
    floors::tell(options.telling, &told.json(), || told.table(), floors::KAFKA_SINK)
}

fn say(round: usize, who: &str, turn: &Turn) {
    eprintln!(
        "bench: round {round}: {who}: {:.0} messages/s, {:.2} µs CPU an event",
        turn.messages as f64 / turn.seconds,
        turn.cpu_seconds * 1e6 / turn.events as f64
    );
}

impl Stage<'_> {
    /// `worker run` as people run it: state and log on disk, all streams into topics of its own, nothing on stdout.
    fn worker(&self, round: usize) -> Result<(Turn, Found)> {
        let place = tempfile::Builder::new().prefix("cdc-bench-turn-").tempdir()?;
        let prefix = format!("worker-{round}");
        let mut command = Command::new(&self.programs.worker);
        command.current_dir(place.path()).args(["run", "--log-level", "warn", "--summary", "summary.json"]);
        let mut set = |name: &str, value: &str| {
            command.args(["--set", &format!("{name}={value}")]);
        };
        set("kafka.bootstrap", self.address);
        set("kafka.topic", TOPIC);
        set("kafka.group", &prefix);
        set("web.listen", "127.0.0.1:0");
        set("agg.window_ms", &contestant::WINDOW_MS.to_string());
        set("sink.stdout.enabled", "false");
        set("sink.kafka.enabled", "true");
        set("sink.kafka.replication_factor", "1");
        set("sink.kafka.transactional_id", &prefix);
        for stream in found::STREAMS {
            set(&format!("sink.kafka.{stream}_topic"), &format!("{prefix}.{stream}"));
        }
        let (turn, mut group) = self.watched(command, &prefix, &place.path().join("log"))?;
        succeeded(group.stop(TIME_TO_STOP)?, "worker run")?;
        let summary = place.path().join("summary.json");
        contestant::all_applied(&summary, self.topic)?;
        let summary = std::fs::read_to_string(&summary).context("the worker's accounting")?;
        let found = self.check(&prefix, &turn)?;
        found.must_be_told(&serde_json::from_str(&summary)?).with_context(|| prefix)?;
        Ok((turn, found))
    }

    /// The bare producer, which writes the worker's first turn again.
    fn bare(&self, round: usize, source: &Found) -> Result<(Turn, Found)> {
        let place = tempfile::Builder::new().prefix("cdc-bench-turn-").tempdir()?;
        let prefix = format!("bare-{round}");
        let mut command = Command::new(&self.programs.transactions);
        command.args(["write", self.address, SOURCE, &prefix]);
        let (turn, mut group) = self.watched(command, &prefix, &place.path().join("log"))?;
        succeeded(group.wait(TIME_TO_STOP)?, "transactions write")?;
        let found = self.check(&prefix, &turn)?;
        if !found.holds_what(source) {
            bail!("{prefix}: the bare producer wrote {found:?}, and had {source:?} to write");
        }
        Ok((turn, found))
    }

    fn watched(&self, mut writer: Command, prefix: &str, log: &Path) -> Result<(Turn, Group)> {
        let mut watcher = Command::new(&self.programs.transactions);
        watcher.args(["watch", self.address, prefix]).stdout(Stdio::piped());
        watch::turn(&mut writer, &mut watcher, self.topic.expected.events, log).with_context(|| prefix.to_owned())
    }

    /// Reads everything, and fails unless it is right.
    fn check(&self, prefix: &str, turn: &Turn) -> Result<Found> {
        let mut command = Command::new(&self.programs.transactions);
        command.args(["check", self.address, prefix, TOPIC]);
        let output = crate::process::ask(&mut command)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let answer: Value = serde_json::from_str(text.trim())
            .with_context(|| format!("{text}{}", String::from_utf8_lossy(&output.stderr)))?;
        let found = Found::read(&answer)?;
        found.must_be_whole(self.topic.expected.events, turn.ends).with_context(|| prefix.to_owned())?;
        Ok(found)
    }
}
