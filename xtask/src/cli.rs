//! Every task and flag, in one place.

mod bench;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{ci, images};

pub(crate) use bench::{
    BacklogBenchOptions, BenchOptions, BenchSubject, ClickHouseSinkBenchOptions, ComparisonOptions, DecodeBenchOptions,
    DurabilityBenchOptions, KafkaSinkBenchOptions, LatencyBenchOptions, OverloadBenchOptions, Peer,
    ProfileBenchOptions, ScalingBenchOptions, Telling, WatchersBenchOptions,
};

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
    /// Start a current ClickHouse on this machine, without Docker, and run a command beside it
    #[command(name = "clickhouse")]
    ClickHouse(ClickHouseOptions),
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
    /// Ask ClickHouse's own engine what the business dashboard and its alerts ask, over results of a recorded market
    Analytics(AnalyticsOptions),
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

/// Where ClickHouse listens and what runs beside it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cargo xtask clickhouse                                       stays in the foreground until Ctrl-C
  cargo xtask clickhouse --port 8123
  cargo xtask clickhouse -- cargo test -p worker clickhouse    runs with CDC_TEST_CLICKHOUSE=127.0.0.1:PORT, then stops it")]
pub(crate) struct ClickHouseOptions {
    /// Port on 127.0.0.1; a free one if absent
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Command to run, with `CDC_TEST_CLICKHOUSE` set to its address
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

/// Whether to draw what was answered.
#[derive(Debug, Default, Args)]
#[command(after_help = "Examples:
  cargo xtask analytics                                       every query is asked, the alerts fire and do not
  cargo xtask analytics --svg compose/analytics/dashboard.svg    and the panels drawn from the answers")]
pub(crate) struct AnalyticsOptions {
    /// Draw the panels into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Print every query as it was asked, with its answer's size
    #[arg(long)]
    pub(crate) verbose: bool,
    /// Another worker than the one of this tree
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) worker: Option<PathBuf>,
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
