//! The command line: every command and flag, in one place. Nothing is done here; `commands/` does it.
//!
//! Flags that stand for a key of the configuration are taken as text and laid over the other layers
//! ([`Cli::flags`]), so that a key means the same wherever it is given. Their ranges stand in [`crate::config::KNOBS`].

mod backfill;
mod exit;
mod flags;
mod help;
mod kept_state;
mod parsers;
mod stretch;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

pub use backfill::BackfillArgs;
pub use exit::Exit;
pub use kept_state::{
    CheckpointAction, CheckpointArgs, CheckpointNameArgs, DisposeArgs, PlaceArgs, SavepointAction, SavepointArgs,
    SavepointFileArgs,
};
pub use parsers::{Input, Target, duration};
pub use stretch::StretchArgs;

/// Reads Debezium's order changes once and makes three exact streams of them: raw events, windows, alerts.
#[derive(Debug, Parser)]
#[command(name = "worker", version, after_help = help::WORKER, propagate_version = true, max_term_width = 100)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
pub struct Cli {
    /// Flags before the command; those behind it are added by [`parse_from`].
    #[command(flatten)]
    pub common: CommonArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes, before its name or behind it.
#[derive(Args, Clone, Debug, Default)]
pub struct CommonArgs {
    /// Configuration file, TOML; else the one that `CDC_WORKER_CONFIG` names, else none
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Sets any key of the configuration, for example `agg.window_ms=60000`; may be repeated
    #[arg(long, value_name = "KEY=VALUE", action = ArgAction::Append)]
    pub set: Vec<String>,
    /// off, error, warn, info, debug or trace (key: `log.level`)
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// Colours: auto (on a terminal, unless `NO_COLOR` is set), always or never
    #[arg(long, value_name = "WHEN", hide_possible_values = true)]
    pub color: Option<Color>,
}

/// Flags of the commands that run the pipeline.
#[derive(Args, Clone, Debug, Default)]
pub struct PipelineArgs {
    /// Language of alert messages: ko or en (key: `language`)
    #[arg(long, value_name = "LANGUAGE")]
    pub language: Option<String>,
    /// Time zone in which text output prints times, such as Asia/Seoul (key: `zone`)
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    /// Time that windows go by: processing or event (key: `time`)
    #[arg(long, value_name = "TIME")]
    pub time: Option<String>,
    /// Format of results: text or json (key: `format`)
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// Threads that decode and run the operators, 1 to 128 (key: `parallelism`)
    #[arg(long, value_name = "N")]
    pub parallelism: Option<String>,
    /// File for the run's accounting, written at its end (key: `summary`)
    #[arg(long, value_name = "FILE")]
    pub summary: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Reads the Kafka topic until it is told to stop
    Run(RunArgs),
    /// Reads recordings to their end
    Replay(ReplayArgs),
    /// Fills ClickHouse's tables in from recordings or the topic, without doubling what is there
    Backfill(BackfillArgs),
    /// Makes an invented market's change events, into a topic or a file
    Generate(GenerateArgs),
    /// Shows the pipeline at work: broker, market and worker in one process
    Demo(DemoArgs),
    /// Prints the effective configuration and where each value comes from
    Config(ConfigArgs),
    /// Says for every line of a recording what it is, or why it is nothing
    Decode(DecodeArgs),
    /// Asks a running worker whether it is well: a container's health check
    Health(HealthArgs),
    /// Looks at checkpoints: what there is, and whether it is sound
    Checkpoint(CheckpointArgs),
    /// Looks at savepoints: portable copies of the state, made on request
    Savepoint(SavepointArgs),
}

impl Command {
    fn common(&mut self) -> &mut CommonArgs {
        match self {
            Self::Run(run) => &mut run.common,
            Self::Replay(replay) => &mut replay.common,
            Self::Backfill(backfill) => &mut backfill.common,
            Self::Generate(generate) => &mut generate.common,
            Self::Demo(demo) => &mut demo.common,
            Self::Config(config) => &mut config.common,
            Self::Decode(decode) => &mut decode.common,
            Self::Health(health) => &mut health.common,
            Self::Checkpoint(checkpoint) => checkpoint.common(),
            Self::Savepoint(savepoint) => savepoint.common(),
        }
    }
}

/// `worker run`
#[derive(Args, Debug)]
#[command(after_help = help::RUN)]
pub struct RunArgs {
    /// Where the first start reads from: earliest, group:NAME or timestamp:T (key: `kafka.from`)
    #[arg(long, value_name = "WHERE", conflicts_with_all = ["from_offset", "from_timestamp"])]
    pub from: Option<String>,
    /// Stops after this time, such as 30s, 5m, 1h30m
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub run_for: Option<Duration>,
    /// Only looks: reads the topic with its state in memory, results to stdout and nowhere else, and ends; beside a worker
    /// that runs, too
    #[arg(
        long,
        conflicts_with_all = ["restore", "allow_non_restored_state", "accept_lost_log", "accept_lost_output", "start_over"]
    )]
    pub dry_run: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the comment for help text")]
    pub stretch: StretchArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the comment for help text")]
    pub state: StateArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the comment for help text")]
    pub pipeline: PipelineArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the comment for help text")]
    pub common: CommonArgs,
}

/// What `worker run` does about its state.
#[derive(Args, Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that a person gives by itself")]
pub struct StateArgs {
    /// Restores this checkpoint (a directory) or savepoint (a file) first; once, also where the command is started again
    #[arg(long, value_name = "PATH", conflicts_with_all = ["from_offset", "from_timestamp"])]
    pub restore: Option<PathBuf>,
    /// Leaves out what a savepoint holds and this worker does not know
    #[arg(long)]
    pub allow_non_restored_state: bool,
    /// Goes on with a state whose epoch log is lost: what left after it leaves again
    #[arg(long)]
    pub accept_lost_log: bool,
    /// Goes on where an output file is lost or shorter than the state says
    #[arg(long)]
    pub accept_lost_output: bool,
    /// Begins without a state; what there is of one is set aside
    #[arg(long)]
    pub start_over: bool,
}

/// `worker replay`
#[derive(Args, Debug)]
#[command(after_help = help::REPLAY)]
pub struct ReplayArgs {
    /// Recordings, one JSON record a line, plain, gzip or zstd; one stream in this order; `-` is stdin
    #[arg(value_name = "FILES", required = true)]
    pub files: Vec<Input>,
    /// Clock: record (the recording's own) or wall (now's) (key: `clock`)
    #[arg(long, value_name = "CLOCK")]
    pub clock: Option<String>,
    /// File for the results, beside stdout (key: `sink.file.path`)
    #[arg(long, value_name = "OUT")]
    pub file: Option<String>,
    /// File for dead letters (key: `sink.dead_letters.path`)
    #[arg(long, value_name = "FILE")]
    pub dead_letters: Option<String>,
    /// Records of an epoch at most; the results do not depend on it (key: `epoch.max_records`)
    #[arg(long, value_name = "N")]
    pub epoch_records: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the comment for help text")]
    pub pipeline: PipelineArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the comment for help text")]
    pub common: CommonArgs,
}

/// `worker generate`
#[derive(Args, Debug)]
#[command(after_help = help::GENERATE)]
pub struct GenerateArgs {
    /// Where to: brokers (HOST:PORT, several between commas, into the topic kafka.topic), a file, or `-` for stdout
    #[arg(long, value_name = "BROKER|FILE")]
    pub to: Target,
    /// Seed of the market: the same flags give the same events
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How many events
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub count: u64,
    /// Paces the writing, events a second; without it as fast as can be
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
    /// Partitions that the events go to, by symbol
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(i32).range(1..=1000))]
    pub partitions: i32,
    /// Symbols that are traded, some more than others
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=900_020))]
    pub symbols: u32,
    /// Time of the first event, in ms since 1970 or RFC 3339; without it always the same one
    #[arg(long, value_name = "TIME", value_parser = parsers::moment)]
    pub from_time: Option<i64>,
    /// Orders of a thousand that are of one symbol, whatever else is popular
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub hot_permille: u32,
    /// Bytes of one more column, `memo`, that makes rows longer; 0: there is none
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub memo_bytes: u32,
    /// Writes events with their schema (`schemas.enable=true`)
    #[arg(long, conflicts_with = "memo_bytes")]
    pub wrapped: bool,
    /// Writes of each event only what is read of it: messages of some 280 bytes
    #[arg(long, conflicts_with_all = ["memo_bytes", "wrapped"])]
    pub lean: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the comment for help text")]
    pub common: CommonArgs,
}

/// `worker demo`
#[derive(Args, Debug)]
#[command(after_help = help::DEMO)]
pub struct DemoArgs {
    /// Stops after this time, such as 30s or 5m; without a terminal the demo stops by itself
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub run_for: Option<Duration>,
    /// Events a second (key: `demo.rate`)
    #[arg(long, value_name = "N")]
    pub rate: Option<String>,
    /// Seed of the market (key: `demo.seed`)
    #[arg(long, value_name = "N")]
    pub seed: Option<String>,
    /// Length of a window, such as 20s (key: `demo.window_ms`)
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub window: Option<Duration>,
    /// Port of the page on 127.0.0.1 (key: `web.listen`)
    #[arg(long, value_name = "N")]
    pub port: Option<u16>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the comment for help text")]
    pub pipeline: PipelineArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the comment for help text")]
    pub common: CommonArgs,
}

/// `worker config`
#[derive(Args, Debug)]
#[command(after_help = help::CONFIG)]
pub struct ConfigArgs {
    /// Prints JSON: {key: {"value": …, "source": …}}
    #[arg(long)]
    pub json: bool,
    /// Prints every key with its meaning, unit, range and default instead, as a file to begin with
    #[arg(long, visible_alias = "all")]
    pub keys: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the comment for help text")]
    pub pipeline: PipelineArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the comment for help text")]
    pub common: CommonArgs,
}

/// `worker decode`
#[derive(Args, Debug)]
#[command(after_help = help::DECODE)]
pub struct DecodeArgs {
    /// Recordings, plain, gzip or zstd; `-` is stdin
    #[arg(value_name = "FILES", required = true)]
    pub files: Vec<Input>,
    /// Prints JSON, an object a line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the comment for help text")]
    pub common: CommonArgs,
}

/// `worker health`
#[derive(Args, Debug)]
#[command(after_help = help::HEALTH)]
pub struct HealthArgs {
    /// Asks whether it is alive (`/healthz`); without it, whether it is ready (`/readyz`)
    #[arg(long)]
    pub live: bool,
    /// How long the answer may take, such as 500ms or 2s
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "2s")]
    pub timeout: Duration,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the comment for help text")]
    pub common: CommonArgs,
}

/// When output is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set and not empty
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    /// Whether to colour; `no_color` is the variable `NO_COLOR` (<https://no-color.org>), which a flag overrules.
    pub fn is_on(self, no_color: Option<&std::ffi::OsStr>, is_terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => is_terminal && no_color.is_none_or(std::ffi::OsStr::is_empty),
        }
    }
}

/// Reads this process's arguments. Help and version go to stdout and end with 0, mistakes go to stderr and end with 64.
pub fn parse() -> Result<Cli, Exit> {
    parse_from(std::env::args_os()).map_err(|error| {
        // Nobody is left to tell when stdout or stderr is closed.
        let _ = error.print();
        exit_of(&error)
    })
}

/// Reads arguments, the program's name first. Common flags before the command and behind it are put together in
/// `Cli::common`: each `--set` counts, of the others only one may be given.
pub fn parse_from<I: IntoIterator<Item = T>, T: Into<OsString> + Clone>(arguments: I) -> Result<Cli, clap::Error> {
    let mut cli = Cli::try_parse_from(arguments)?;
    let behind = std::mem::take(cli.command.common());
    cli.common.set.extend(behind.set);
    either(&mut cli.common.config, behind.config, "--config")?;
    either(&mut cli.common.log_level, behind.log_level, "--log-level")?;
    either(&mut cli.common.color, behind.color, "--color")?;
    let contradiction = match &cli.command {
        Command::Run(run) => run.stretch.contradiction(),
        Command::Backfill(backfill) => backfill.stretch.contradiction(),
        _ => None,
    };
    if let Some(message) = contradiction {
        return Err(Cli::command().error(clap::error::ErrorKind::ArgumentConflict, message));
    }
    Ok(cli)
}

/// Puts `behind` into `before`, unless both are given.
fn either<T>(before: &mut Option<T>, behind: Option<T>, flag: &str) -> Result<(), clap::Error> {
    if before.is_some() && behind.is_some() {
        let message = format!("{flag} is given twice, before the command and behind it");
        return Err(Cli::command().error(clap::error::ErrorKind::ArgumentConflict, message));
    }
    if behind.is_some() {
        *before = behind;
    }
    Ok(())
}

/// How the program ends after clap's answer.
pub fn exit_of(error: &clap::Error) -> Exit {
    if error.use_stderr() { Exit::Usage } else { Exit::Done }
}

#[cfg(test)]
mod tests;
