//! Every task and flag, in one place.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{ci, images};

/// `cargo xtask …`
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "The project's own tools", disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) task: Task,
}

/// One task, one file or folder beside this one.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Run every check and test, as CI does
    Ci(CiOptions),
    /// Check the house's rules: purity of rooms, invariants with their tests, fixtures with their provenance
    Tidy,
    /// Start a real Apache Kafka on this machine, without Docker, and run a command beside it
    Broker(BrokerOptions),
    /// Feed the decoder with made-up bytes
    Fuzz(FuzzOptions),
    /// Ask Flink's own REST API of the job that the worker replaces, and keep the answers as a fixture
    FlinkAnswers,
    /// Plant bugs into a copy of the tree, one after the other, and see the tests turn red
    Plant(PlantOptions),
    /// Measure how fast the worker is, beside yardsticks in the same run
    Bench(BenchOptions),
    /// Let a worker run under faults, then compare its results with the oracle's
    Chaos(ChaosOptions),
    /// Build the stack's images without a registry: from Debian's packages, Maven Central and this repository
    Images(ImagesOptions),
    /// Test the real stack: MySQL to the worker's lines, in containers
    #[command(disable_help_flag = true)]
    E2e(E2eOptions),
}

/// Which of CI's steps to run.
#[derive(Debug, Default, Args)]
pub(crate) struct CiOptions {
    /// Run only this step and what it needs; may be given several times
    #[arg(long, value_name = "STEP", value_parser = PossibleValuesParser::new(ci::step_names()), hide_possible_values = true)]
    pub(crate) only: Vec<String>,
    /// Leave this step out; may be given several times
    #[arg(long, value_name = "STEP", value_parser = PossibleValuesParser::new(ci::step_names()), hide_possible_values = true)]
    pub(crate) skip: Vec<String>,
    /// Print the steps and stop
    #[arg(long)]
    pub(crate) list: bool,
}

/// Where the broker listens and what runs beside it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cargo xtask broker                                  stays in the foreground until Ctrl-C
  cargo xtask broker --port 9092
  cargo xtask broker -- cargo test -p worker kafka    runs with CDC_TEST_KAFKA=127.0.0.1:PORT, then stops the broker")]
pub(crate) struct BrokerOptions {
    /// Port on 127.0.0.1; a free one if absent
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Command to run, with `CDC_TEST_KAFKA` set to the broker's address
    #[arg(last = true, value_name = "CMD")]
    pub(crate) command: Vec<String>,
}

/// How long to fuzz.
#[derive(Debug, Args)]
pub(crate) struct FuzzOptions {
    /// Stop after so many seconds without a finding
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) seconds: u32,
}

/// Which bugs to plant.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cargo xtask plant                                  all, and a table
  cargo xtask plant --only commit-before-delivery
  cargo xtask plant --write                          all, and the table into the repository")]
pub(crate) struct PlantOptions {
    /// Plant only this one; may be given several times
    #[arg(long, value_name = "BUG")]
    pub(crate) only: Vec<String>,
    /// Print the bugs and stop
    #[arg(long)]
    pub(crate) list: bool,
    /// Write the table that the repository keeps
    #[arg(long)]
    pub(crate) write: bool,
}

/// What to measure: the comparison, unless something else is named.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  cargo xtask bench --quick                     ten minutes: the worker, the bare client and Flink on one topic
  cargo xtask bench --svg docs/bench.svg        the full form, and a picture of it
  cargo xtask bench --quick --json --check > bench.json
  cargo xtask bench latency --rate 1000"
)]
pub(crate) struct BenchOptions {
    #[command(flatten)]
    pub(crate) comparison: ComparisonOptions,
    #[command(subcommand)]
    pub(crate) subject: Option<BenchSubject>,
}

/// How much is compared, with whom, and how it is told.
#[derive(Debug, Args)]
pub(crate) struct ComparisonOptions {
    /// Ten minutes instead of half an hour: fewer messages, fewer rounds, fewer peers
    #[arg(long)]
    pub(crate) quick: bool,
    /// One JSON object on stdout instead of the table
    #[arg(long)]
    pub(crate) json: bool,
    /// Fail when a number is on the wrong side of its bound in xtask/src/bench/floors.txt
    #[arg(long)]
    pub(crate) check: bool,
    /// Draw the picture of the README into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Who takes part beside the bare client
    #[arg(long, value_name = "PEER", value_enum, default_value_t = Peer::Flink)]
    pub(crate) peer: Peer,
    /// Rounds in which everybody takes a turn
    #[arg(long, value_name = "N")]
    pub(crate) rounds: Option<usize>,
    /// Messages of the topic
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(10_000..))]
    pub(crate) records: Option<u64>,
    /// Symbols in it, the popular ones more often
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub(crate) symbols: u32,
    /// Seed of the messages
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Only those whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub(crate) only: Option<String>,
}

/// What the worker is compared with, beside the bare client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// The Flink job that it replaces (`xtask/peers/flink`)
    Flink,
    /// Nobody
    None,
}

/// What can be measured.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchSubject {
    /// Decode and the whole pipeline on the bulk recording, beside reading alone and `serde_json`
    Decode(DecodeBenchOptions),
    /// From an event's due time to the worker's RAW and ALERT lines, beside a bare consumer, against a real Kafka that it
    /// starts
    Latency(LatencyBenchOptions),
    /// What the worker's cost depends on: symbols, partitions, the length of messages, parallelism
    Scaling(ScalingBenchOptions),
    /// What surviving costs: recovery and checkpoints with a large state, the rate beside the pipeline in memory
    Durability(DurabilityBenchOptions),
    /// A long backlog, read in little memory
    Backlog(BacklogBenchOptions),
    /// Ten times what a slow sink takes: memory, epochs and answers meanwhile, and everything once when it is freed
    Overload(OverloadBenchOptions),
    /// What being looked at costs: the worker without its page, with it, with fifty open, under connections without end
    Watchers(WatchersBenchOptions),
}

/// How much, and how often.
#[derive(Debug, Args)]
pub(crate) struct WatchersBenchOptions {
    /// Messages of the topic
    #[arg(long, value_name = "N", default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(10_000..))]
    pub(crate) records: u64,
    /// Rounds in which each form takes a turn
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub(crate) rounds: usize,
    /// One JSON object on stdout instead of the table
    #[arg(long)]
    pub(crate) json: bool,
    /// Fail when a number is on the wrong side of its bound in xtask/src/bench/floors-watchers.txt
    #[arg(long)]
    pub(crate) check: bool,
}

/// How large the state is, and how often each is measured.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cargo xtask bench durability --check
  cargo xtask bench durability --symbols 0 --rounds 5      the rates alone
  cargo xtask bench durability --rounds 0 --kills 30       the large state alone")]
pub(crate) struct DurabilityBenchOptions {
    /// Symbols in the state, each with an open window; 0: nothing that needs them
    #[arg(long, value_name = "N", default_value_t = 3_000_000)]
    pub(crate) symbols: u64,
    /// How often the worker is killed
    #[arg(long, value_name = "N", default_value_t = 12)]
    pub(crate) kills: usize,
    /// How many checkpoints are watched
    #[arg(long, value_name = "N", default_value_t = 12)]
    pub(crate) checkpoints: usize,
    /// Rounds in which both pipelines take a turn; 0: none
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Messages that they read
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(10_000..))]
    pub(crate) records: u64,
    /// One JSON object on stdout instead of the table
    #[arg(long)]
    pub(crate) json: bool,
    /// Fail when a number is on the wrong side of its bound in xtask/src/bench/floors-durability.txt
    #[arg(long)]
    pub(crate) check: bool,
}

/// How long, and how little.
#[derive(Debug, Args)]
pub(crate) struct BacklogBenchOptions {
    /// Messages of the topic
    #[arg(long, value_name = "N", default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(10_000..))]
    pub(crate) records: u64,
    /// Symbols in them, the popular ones more often
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub(crate) symbols: u32,
    /// MB that the worker may have
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub(crate) memory_mb: u64,
    /// One JSON object on stdout instead of a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// How long, and how slow the sink is.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  cargo xtask bench overload --seconds 60 --check")]
pub(crate) struct OverloadBenchOptions {
    /// For how long
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = clap::value_parser!(u64).range(10..))]
    pub(crate) seconds: u64,
    /// Lines a second that the sink takes; ten times as many messages come
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..100_000))]
    pub(crate) sink_rate: u64,
    /// One JSON object on stdout instead of a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Fail when a number is on the wrong side of its bound in xtask/src/bench/floors-overload.txt
    #[arg(long)]
    pub(crate) check: bool,
}

/// How much at each point.
#[derive(Debug, Args)]
pub(crate) struct ScalingBenchOptions {
    /// Messages of each topic
    #[arg(long, value_name = "N", default_value_t = 600_000, value_parser = clap::value_parser!(u64).range(10_000..))]
    pub(crate) records: u64,
    /// Rounds in which everybody takes a turn
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) rounds: usize,
    /// Draws it into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

/// How fast and how long.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  cargo xtask bench latency --rate 1000 --seconds 30")]
pub(crate) struct LatencyBenchOptions {
    /// Events a second
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate: u32,
    /// For how long
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) seconds: u32,
    /// One JSON object on stdout instead of the table
    #[arg(long)]
    pub(crate) json: bool,
}

/// How long, and how it is told.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cargo xtask bench decode
  cargo xtask bench decode --seconds 120 --json > decode.json
  cargo xtask bench decode --only replay --recording orders.ndjson")]
pub(crate) struct DecodeBenchOptions {
    /// Go on for about this long; three rounds at least
    #[arg(long, default_value_t = 30)]
    pub(crate) seconds: u64,
    /// One JSON object on stdout instead of the table
    #[arg(long)]
    pub(crate) json: bool,
    /// Only those whose `group/name` contains this
    #[arg(long, value_name = "TEXT")]
    pub(crate) only: Option<String>,
    /// Plain recording for the whole process; else the bulk fixture, unpacked
    #[arg(long, value_name = "FILE")]
    pub(crate) recording: Option<PathBuf>,
}

/// How long, from which seed, and which faults.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cargo xtask chaos --minutes 30 --seed 7
  cargo xtask chaos --minutes 5 --only kill --only state-lost --time event
  cargo xtask chaos --list

The report of every run is a file under target/chaos. Exit code 1: something differs, or did not recover.")]
pub(crate) struct ChaosOptions {
    /// Minutes under load and faults; comparing comes on top
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) minutes: u32,
    /// Seed of the faults and of the messages
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Messages a second
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(10..))]
    pub(crate) rate: u32,
    /// Only this time that windows go by; else half of the minutes each
    #[arg(long, value_name = "TIME", value_enum)]
    pub(crate) time: Option<ChaosTime>,
    /// Only this fault; may be given several times
    #[arg(long, value_name = "FAULT")]
    pub(crate) only: Vec<String>,
    /// Print the faults and stop
    #[arg(long)]
    pub(crate) list: bool,
    /// One JSON object on stdout instead of the table
    #[arg(long)]
    pub(crate) json: bool,
    /// Keep results, logs and state also where all is well
    #[arg(long)]
    pub(crate) keep: bool,
    /// Another worker than the one of this tree, such as one with a planted bug
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) worker: Option<PathBuf>,
}

impl Default for ChaosOptions {
    fn default() -> Self {
        Self {
            minutes: 5,
            seed: 1,
            rate: 1_000,
            time: None,
            only: Vec::new(),
            list: false,
            json: false,
            keep: false,
            worker: None,
        }
    }
}

/// What windows go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChaosTime {
    /// The worker's clock
    Processing,
    /// The events' own time
    Event,
}

impl ChaosTime {
    /// As flags and reports have it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Event => "event",
        }
    }
}

/// Which images, and whether from nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cargo xtask images                     all that compose/local.env names
  cargo xtask images --only worker       this one and what it stands on
  cargo xtask images --list")]
pub(crate) struct ImagesOptions {
    /// Build only this image and what it stands on; may be given several times
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(images::names()))]
    pub(crate) only: Vec<String>,
    /// Print the images with their tags and sizes and stop
    #[arg(long)]
    pub(crate) list: bool,
    /// Use nothing that was built before: newer packages
    #[arg(long)]
    pub(crate) fresh: bool,
}

/// Read by the program that runs the scenarios: it alone knows them.
#[derive(Debug, Args)]
pub(crate) struct E2eOptions {
    /// Its flags; --help prints them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FLAG")]
    pub(crate) flags: Vec<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_follows_two_dashes_is_the_command() {
        let cli = Cli::parse_from(["xtask", "broker", "--port", "9092", "--", "env", "--help"]);
        let Task::Broker(options) = cli.task else { panic!("another task: {cli:?}") };
        assert_eq!((options.port, options.command), (Some(9092), vec!["env".to_owned(), "--help".to_owned()]));
    }

    #[test]
    fn flags_of_e2e_are_passed_on() {
        let cli = Cli::parse_from(["xtask", "e2e", "--only", "seed", "--help"]);
        let Task::E2e(options) = cli.task else { panic!("another task: {cli:?}") };
        assert_eq!(options.flags, ["--only", "seed", "--help"]);
    }

    #[test]
    fn an_unknown_step_is_refused_and_the_known_ones_are_named() {
        let error = Cli::try_parse_from(["xtask", "ci", "--only", "lint"]).expect_err("no such step").to_string();
        assert!(error.contains("lint") && error.contains("clippy"), "{error}");
    }
}
