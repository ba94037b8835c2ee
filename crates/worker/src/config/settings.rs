//! What the program uses: the configuration in the domain's types. It is made by [`Settings::read`] alone, which refuses
//! what does not go together, so it cannot be wrong.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::clickhouse::ClickHouseSinkSettings;
use super::domain::{
    Format, Language, LogFormat, LogLevel, OnLostRecords, OnRecreatedTopic, ReplayClock, SnapshotRowsMode, StartFrom,
    StateBackend, TimeMode,
};
use super::secret::Secret;
use super::security::Security;
use crate::decimal::Decimal;
use crate::event::OpSet;

/// The whole configuration. Ranges and meanings stand in [`super::KNOBS`] under the same names.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Language of alert messages.
    pub language: Language,
    /// Zone in which text output prints times.
    pub zone: TimeZone,
    /// Format of results.
    pub format: Format,
    /// Time that windows go by.
    pub time: TimeMode,
    /// Clock of a replay.
    pub clock: ReplayClock,
    /// Shards, 1 to 128.
    pub parallelism: u16,
    /// File for the run's accounting.
    pub summary: Option<PathBuf>,
    /// The Kafka source.
    pub kafka: KafkaSettings,
    /// What a record is.
    pub source: SourceSettings,
    /// The table's columns.
    pub columns: ColumnSettings,
    /// The RAW stream.
    pub raw: RawSettings,
    /// The AGG stream.
    pub agg: AggSettings,
    /// Watermarks and lateness.
    pub event_time: EventTimeSettings,
    /// The four rules.
    pub rules: RuleSettings,
    /// Bounds of an epoch.
    pub epoch: EpochSettings,
    /// What state is kept in.
    pub state: StateSettings,
    /// Where results go.
    pub sink: SinkSettings,
    /// Page, REST and metrics.
    pub web: WebSettings,
    /// Messages on stderr.
    pub log: LogSettings,
    /// The demo.
    pub demo: DemoSettings,
}

/// `[kafka]`
#[derive(Clone, Debug)]
pub struct KafkaSettings {
    /// `host[:port]`, several between commas, no spaces.
    pub bootstrap: String,
    /// The topic with change events.
    pub topic: String,
    /// The group in which positions are committed for monitoring.
    pub group: String,
    /// Where the first start reads from.
    pub from: StartFrom,
    /// How often new partitions are looked for, milliseconds.
    pub metadata_refresh_ms: u32,
    /// Memory for prefetched records, bytes.
    pub fetch_queue_bytes: u32,
    /// TLS and SASL.
    pub security: Security,
}

/// `[source]`
#[derive(Clone, Debug)]
pub struct SourceSettings {
    /// The database of the orders table.
    pub database: String,
    /// The orders table.
    pub table: String,
    /// Whether rows that a snapshot told count once only.
    pub snapshot_rows: SnapshotRowsMode,
    /// What becomes of a run whose topic was deleted and created anew.
    pub on_recreated_topic: OnRecreatedTopic,
    /// What becomes of a run whose next records were deleted before they were read.
    pub on_lost_records: OnLostRecords,
    /// Longest line of a recording, bytes.
    pub max_line_bytes: usize,
}

/// `[columns]`: names in the orders table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnSettings {
    /// The order's number.
    pub id: String,
    /// The order's number where `id` is absent.
    pub order_id: String,
    /// The traded symbol.
    pub symbol: String,
    /// BUY or SELL.
    pub side: String,
    /// The quantity.
    pub quantity: String,
    /// The price.
    pub price: String,
    /// The status.
    pub status: String,
}

/// `[raw]`
#[derive(Clone, Copy, Debug)]
pub struct RawSettings {
    /// Whether the stream is written.
    pub enabled: bool,
}

/// `[agg]`
#[derive(Clone, Copy, Debug)]
pub struct AggSettings {
    /// Length of a window, milliseconds.
    pub window_ms: i64,
    /// Operations that count; none: no stream.
    pub ops: OpSet,
}

/// `[event_time]`
#[derive(Clone, Copy, Debug)]
pub struct EventTimeSettings {
    /// How far the watermark stays behind the largest time, milliseconds.
    pub out_of_orderness_ms: i64,
    /// When a caught-up partition stops holding the watermark, milliseconds.
    pub idle_after_ms: i64,
    /// How long a fired window takes corrections, milliseconds.
    pub allowed_lateness_ms: i64,
    /// Times further ahead of the clock do not move the watermark, milliseconds.
    pub max_ahead_ms: i64,
}

/// `[rules]`
#[derive(Clone, Debug)]
pub struct RuleSettings {
    /// `LARGE_ORDER`
    pub large_order: LargeOrderSettings,
    /// `HIGH_AMOUNT`
    pub high_amount: HighAmountSettings,
    /// `PRICE_SPIKE`
    pub price_spike: PriceSpikeSettings,
    /// `RAPID_ORDERS`
    pub rapid_orders: RapidOrdersSettings,
}

/// `[rules.large_order]`: fires above the threshold.
#[derive(Clone, Copy, Debug)]
pub struct LargeOrderSettings {
    /// Whether the rule is on.
    pub enabled: bool,
    /// Shares, ≥ 0.
    pub threshold: i64,
    /// Operations that it looks at, at least one.
    pub ops: OpSet,
}

/// `[rules.high_amount]`: fires above the threshold.
#[derive(Clone, Debug)]
pub struct HighAmountSettings {
    /// Whether the rule is on.
    pub enabled: bool,
    /// Price × quantity, ≥ 0.
    pub threshold: Decimal,
    /// Operations that it looks at, at least one.
    pub ops: OpSet,
}

/// `[rules.price_spike]`: fires from the threshold on.
#[derive(Clone, Debug)]
pub struct PriceSpikeSettings {
    /// Whether the rule is on.
    pub enabled: bool,
    /// Percent of the previous price, > 0.
    pub threshold: Decimal,
    /// Operations that it looks at, at least one.
    pub ops: OpSet,
}

/// `[rules.rapid_orders]`
#[derive(Clone, Copy, Debug)]
pub struct RapidOrdersSettings {
    /// Whether the rule is on.
    pub enabled: bool,
    /// Orders that fire, 2 to 100.
    pub count: usize,
    /// They fire within less than this, milliseconds, ≥ 1.
    pub window_ms: i64,
    /// Least time between two alerts of a symbol, milliseconds, ≥ 0.
    pub quiet_ms: i64,
    /// Operations that it looks at, at least one.
    pub ops: OpSet,
}

/// `[epoch]`
#[derive(Clone, Copy, Debug)]
pub struct EpochSettings {
    /// Records at most, ≥ 1.
    pub max_records: usize,
    /// Bytes at most; a single larger record makes an epoch of its own.
    pub max_bytes: usize,
}

/// `[state]`
#[derive(Clone, Debug)]
pub struct StateSettings {
    /// What `run` keeps its state in.
    pub backend: StateBackend,
    /// Directory for state, epoch log and checkpoints.
    pub directory: PathBuf,
    /// Memory for the database, bytes.
    pub memory_bytes: usize,
    /// Symbols kept decoded in memory.
    pub hot_symbols: usize,
    /// Directory for checkpoints, on the file system of `directory`.
    pub checkpoints_directory: PathBuf,
    /// Time from one checkpoint to the next, milliseconds.
    pub checkpoint_interval_ms: u64,
    /// How many of the newest are kept, ≥ 1.
    pub checkpoints_kept: usize,
    /// Directory for savepoints.
    pub savepoints_directory: PathBuf,
}

/// `[sink]`
#[derive(Clone, Debug)]
pub struct SinkSettings {
    /// Whether results go to stdout.
    pub stdout: bool,
    /// File that results go to as well.
    pub file: Option<PathBuf>,
    /// File that `run` keeps dead letters in.
    pub dead_letters: PathBuf,
    /// Bytes of results that may wait in the state for each sink at its own pace.
    pub outbox_bytes: u64,
    /// Kafka topics that results go to as well.
    pub kafka: Option<KafkaSinkSettings>,
    /// ClickHouse tables that results go to as well.
    pub clickhouse: Option<ClickHouseSinkSettings>,
}

/// `[sink.kafka]`: on the brokers of `[kafka]`, secured as those are.
#[derive(Clone, Debug)]
pub struct KafkaSinkSettings {
    /// Topic for RAW events.
    pub raw_topic: String,
    /// Topic for windows.
    pub agg_topic: String,
    /// Topic for alerts.
    pub alerts_topic: String,
    /// Topic for late events.
    pub late_topic: String,
    /// Topic for dead letters.
    pub dlq_topic: String,
    /// The worker's name towards the brokers.
    pub transactional_id: String,
    /// Partitions of topics that it creates, ≥ 1.
    pub partitions: i32,
    /// Replicas of topics that it creates, ≥ 1.
    pub replication_factor: i32,
    /// How long results wait for others of their transaction, milliseconds.
    pub transaction_ms: i64,
    /// How long the brokers keep the transaction of a worker that has gone, milliseconds.
    pub transaction_timeout_ms: u32,
}

/// `[web]`
#[derive(Clone, Debug)]
pub struct WebSettings {
    /// Whether anything is served.
    pub enabled: bool,
    /// Address to serve on; where it is not loopback and `enabled`, there is a token.
    pub listen: SocketAddr,
    /// Bearer token for what changes anything.
    pub token: Option<Secret>,
    /// Where metrics are sent, if anywhere.
    pub otlp: Option<OtlpSettings>,
}

/// Metrics that are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtlpSettings {
    /// `http://HOST:PORT/PATH` of a collector that takes OTLP over HTTP.
    pub endpoint: String,
    /// How often, ≥ 1 s.
    pub interval: Duration,
}

/// `[log]`
#[derive(Clone, Copy, Debug)]
pub struct LogSettings {
    /// Least important messages.
    pub level: LogLevel,
    /// How they look.
    pub format: LogFormat,
}

/// `[demo]`
#[derive(Clone, Copy, Debug)]
pub struct DemoSettings {
    /// Events a second, ≥ 1.
    pub rate: u32,
    /// Seed of the market.
    pub seed: u64,
    /// Length of a window, milliseconds.
    pub window_ms: i64,
    /// Partitions of the topic, ≥ 1.
    pub partitions: i32,
}
