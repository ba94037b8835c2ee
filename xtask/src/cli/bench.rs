//! What `cargo xtask bench` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// What to measure: the comparison, unless something else is named.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  cargo xtask bench --quick                     a few minutes: the worker, the bare client and Flink on one topic
  cargo xtask bench --svg xtask/bench.svg        the full form, and a picture of it
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
    /// A quarter of the time: fewer messages, fewer rounds, fewer peers
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

/// How it is told, and whether it is held to its bounds.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Telling {
    /// One JSON object on stdout instead of a table or a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Fail when a number is on the wrong side of its bound in this benchmark's file, `xtask/src/bench/floors-*.txt`
    #[arg(long)]
    pub(crate) check: bool,
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
    /// Where the worker's processor time goes: a table of functions and a flame graph, by Linux' perf
    Profile(ProfileBenchOptions),
    /// What surviving costs: recovery and checkpoints with a large state, the rate beside the pipeline in memory
    Durability(DurabilityBenchOptions),
    /// A long backlog, read in little memory
    Backlog(BacklogBenchOptions),
    /// Ten times what a slow sink takes: memory, epochs and answers meanwhile, and everything once when it is freed
    Overload(OverloadBenchOptions),
    /// What being looked at costs: the worker without its page, with it, with fifty open, under connections without end
    Watchers(WatchersBenchOptions),
    /// The Kafka sink beside a bare transactional producer of the same messages, in turns; and from an event's due time to
    /// a `read_committed` reader of what the sink wrote
    KafkaSink(KafkaSinkBenchOptions),
    /// The ClickHouse sink beside its encoder alone and the engine alone, over the same rows, in turns
    #[command(name = "clickhouse-sink")]
    ClickHouseSink(ClickHouseSinkBenchOptions),
}

/// How much, how often, how long.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cargo xtask bench kafka-sink --check
  cargo xtask bench kafka-sink --seconds 0 --rounds 9          the rates alone
  cargo xtask bench kafka-sink --rounds 0 --seconds 120        how soon events can be read, alone
  cargo xtask bench kafka-sink --records 200000 --rounds 2     a look of two minutes")]
pub(crate) struct KafkaSinkBenchOptions {
    /// Messages of the topic that the worker reads
    #[arg(long, value_name = "N", default_value_t = 600_000, value_parser = clap::value_parser!(u64).range(10_000..))]
    pub(crate) records: u64,
    /// Rounds in which both take a turn; 0: none
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) rounds: usize,
    /// For how long events are sent at 1,000 a second; 0: not at all
    #[arg(long, value_name = "N", default_value_t = 25)]
    pub(crate) seconds: u32,
    #[command(flatten)]
    pub(crate) telling: Telling,
}

/// How much, and how often.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cargo xtask bench clickhouse-sink --check
  cargo xtask bench clickhouse-sink --records 100000 --rounds 2     a look of a minute")]
pub(crate) struct ClickHouseSinkBenchOptions {
    /// Messages whose results are written
    #[arg(long, value_name = "N", default_value_t = 600_000, value_parser = clap::value_parser!(u64).range(10_000..))]
    pub(crate) records: u64,
    /// Rounds in which all three take a turn
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rounds: u64,
    #[command(flatten)]
    pub(crate) telling: Telling,
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
    #[command(flatten)]
    pub(crate) telling: Telling,
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
    #[command(flatten)]
    pub(crate) telling: Telling,
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
    #[command(flatten)]
    pub(crate) telling: Telling,
}

/// Which topic is read, and how it is told.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cargo xtask bench profile --svg flames.svg
  cargo xtask bench profile --symbols 1000000 --top 50
  cargo xtask bench profile --records 100000 --memo-bytes 12000 --json > profile.json")]
pub(crate) struct ProfileBenchOptions {
    /// Messages of the topic
    #[arg(long, value_name = "N", default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(10_000..))]
    pub(crate) records: u64,
    /// Symbols in it, the popular ones more often
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub(crate) symbols: u32,
    /// Its partitions
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) partitions: u32,
    /// Orders of a thousand that are of one symbol
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) hot_permille: u32,
    /// Bytes by which messages are longer
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) memo_bytes: u32,
    /// Messages carry their schema
    #[arg(long, conflicts_with = "memo_bytes")]
    pub(crate) wrapped: bool,
    /// Messages have only what is read of them
    #[arg(long, conflicts_with_all = ["memo_bytes", "wrapped"])]
    pub(crate) lean: bool,
    /// Shards of the worker
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) parallelism: u16,
    /// Draw the flame graph into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Functions that are told
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub(crate) top: usize,
    /// One JSON object on stdout instead of the tables
    #[arg(long)]
    pub(crate) json: bool,
}

/// How much at each point.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  cargo xtask bench scaling --page xtask/scaling.md      its table and its picture, measured anew")]
pub(crate) struct ScalingBenchOptions {
    /// Messages of each topic
    #[arg(long, value_name = "N", default_value_t = 600_000, value_parser = clap::value_parser!(u64).range(10_000..))]
    pub(crate) records: u64,
    /// Rounds in which everybody takes a turn
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) rounds: usize,
    /// A point whose share of these is over has one round
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) minutes: u64,
    /// Draw the curves into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Put the table between this page's marks, and the curves beside the page
    #[arg(long, value_name = "FILE")]
    pub(crate) page: Option<PathBuf>,
}

/// How fast and how long.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  cargo xtask bench latency --rate 1000 --seconds 30
  cargo xtask bench latency --rate 1000 --kafka-sink")]
pub(crate) struct LatencyBenchOptions {
    /// Events a second
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate: u32,
    /// For how long
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) seconds: u32,
    /// The worker's Kafka sink is on too: also how soon a `read_committed` reader of its RAW topic has an event
    #[arg(long)]
    pub(crate) kafka_sink: bool,
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
