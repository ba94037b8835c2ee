//! Every knob of the worker, once: key, default, unit, range, one line of help. `worker config --keys` prints this table.

use super::clickhouse::{is_address, is_database};
use super::domain::{
    Format, Language, LogFormat, LogLevel, OnLostRecords, OnRecreatedTopic, ReplayClock, SaslMechanism,
    SecurityProtocol, SnapshotRowsMode, StateBackend, TimeMode, amount, is_bootstrap, is_endpoint, is_given_path,
    is_name, is_name_or_empty, is_path, is_topic, listen, percent, start_from, table, zone,
};
use super::knobs::Knob;

/// A parser of text, with what it accepts in words.
type Accepts = (&'static str, fn(&str) -> bool);

const NAME: Accepts = ("a name: one line, no spaces around it", is_name);
const NAME_OR_EMPTY: Accepts = ("a name, or nothing", is_name_or_empty);
const PATH: Accepts = ("a path", is_given_path);
const PATH_OR_EMPTY: Accepts = ("a path, or nothing", is_path);
const TOPIC: Accepts = ("a topic's name: letters, digits, '.', '_', '-', at most 249", is_topic);
const PIPELINE: Accepts = ("letters, digits, '.', '_', '-', at most 249", is_topic);
const BOOTSTRAP: Accepts = ("brokers as host:port[,host:port]", is_bootstrap);
const ZONE: Accepts = ("an IANA time zone such as Asia/Seoul or UTC", |text| zone(text).is_some());
const FROM: Accepts =
    ("earliest, group:NAME or timestamp:T (T in ms since 1970 or RFC 3339)", |text| start_from(text).is_some());
const TABLE: Accepts = ("database.table", |text| table(text).is_some());
const LISTEN: Accepts = ("an address with port such as 127.0.0.1:8081", |text| listen(text).is_some());
const ENDPOINT: Accepts = ("an address such as http://127.0.0.1:4318/v1/metrics, or nothing", is_endpoint);
const SERVER: Accepts = ("an address such as http://127.0.0.1:8123 without user and password, or nothing", is_address);
const DATABASE: Accepts = ("a name of letters, digits and '_'", is_database);
const AMOUNT: Accepts = ("a decimal that is not negative, such as \"100000000\"", |text| amount(text).is_some());
const PERCENT: Accepts = ("a decimal above zero, such as \"5\" or \"2.5\"", |text| percent(text).is_some());

/// The database, if it is built in.
const STATE_BACKEND: &str = if cfg!(feature = "rocksdb") { "rocksdb" } else { "memory" };
/// A day in milliseconds.
const DAY_MS: i64 = 86_400_000;
/// 1 KiB.
const KIB: i64 = 1024;
/// 1 MiB.
const MIB: i64 = 1024 * KIB;
/// librdkafka's upper bound for its queue (`queued.max.messages.kbytes`).
const MAX_QUEUE_BYTES: i64 = 2_097_151 * KIB;

/// All knobs, in the order in which they are printed.
pub static KNOBS: &[Knob] = &[
    // What comes out, and by which time.
    Knob::choice("language", "ko", Language::WORDS, "language of alert messages"),
    Knob::text("zone", "Asia/Seoul", ZONE, "time zone in which text output prints times"),
    Knob::choice("format", "text", Format::WORDS, "format of results on stdout and in the file"),
    Knob::choice("time", "processing", TimeMode::WORDS, "time that windows go by"),
    Knob::choice("clock", "record", ReplayClock::WORDS, "clock of a replay: the recording's, or now's"),
    Knob::integer("parallelism", 2, "shards", (1, 128), "threads that decode and run the operators"),
    Knob::text("summary", "", PATH_OR_EMPTY, "file for the run's accounting, written at its end"),
    // Kafka.
    Knob::text("kafka.bootstrap", "127.0.0.1:9092", BOOTSTRAP, "brokers to ask for the cluster first"),
    Knob::text("kafka.topic", "cdc.orders_db.orders", TOPIC, "topic with Debezium's change events"),
    Knob::text("kafka.group", "cdc-worker", NAME, "group in which positions are committed for monitoring"),
    Knob::text("kafka.from", "earliest", FROM, "where the first start reads from"),
    Knob::integer(
        "kafka.metadata_refresh_ms",
        30_000,
        "ms",
        (100, 3_600_000),
        "how often new partitions are looked for",
    ),
    Knob::integer(
        "kafka.fetch_queue_bytes",
        8 * MIB,
        "bytes",
        (64 * KIB, MAX_QUEUE_BYTES),
        "memory for prefetched records",
    ),
    Knob::choice(
        "kafka.security_protocol",
        "plaintext",
        SecurityProtocol::WORDS,
        "how connections are encrypted and authenticated",
    ),
    Knob::text("kafka.ssl_ca_file", "", PATH_OR_EMPTY, "certificates to trust, PEM; nothing: the system's"),
    Knob::text("kafka.ssl_certificate_file", "", PATH_OR_EMPTY, "the worker's own certificate, PEM"),
    Knob::text("kafka.ssl_key_file", "", PATH_OR_EMPTY, "private key of that certificate, PEM"),
    Knob::secret("kafka.ssl_key_password", "password of that private key"),
    Knob::text("kafka.ssl_key_password_file", "", PATH_OR_EMPTY, "file with that password"),
    Knob::choice("kafka.sasl_mechanism", "SCRAM-SHA-512", SaslMechanism::WORDS, "how the password is proven"),
    Knob::text("kafka.sasl_username", "", NAME_OR_EMPTY, "user to log in as"),
    Knob::secret("kafka.sasl_password", "password of that user"),
    Knob::text("kafka.sasl_password_file", "", PATH_OR_EMPTY, "file with that password"),
    // What a record is.
    Knob::text(
        "source.table",
        "orders_db.orders",
        TABLE,
        "table whose events count; others are ignored as other_table",
    ),
    Knob::choice(
        "source.snapshot_rows",
        "all",
        SnapshotRowsMode::WORDS,
        "once: rows that a snapshot told count once (DBZ-9006, injected and incremental snapshots)",
    ),
    Knob::choice(
        "source.on_recreated_topic",
        "stop",
        OnRecreatedTopic::WORDS,
        "when the topic was deleted and created anew; restart: read it from its beginning, state stays",
    ),
    Knob::choice(
        "source.on_lost_records",
        "stop",
        OnLostRecords::WORDS,
        "when records were deleted before they were read; skip: go on with the oldest left",
    ),
    Knob::integer("source.max_line_bytes", 64 * MIB, "bytes", (KIB, 1024 * MIB), "longest line of a recording"),
    Knob::text("columns.id", "id", NAME, "column with the order's number"),
    Knob::text("columns.order_id", "order_id", NAME, "column with the order's number where the first is absent"),
    Knob::text("columns.symbol", "symbol", NAME, "column with the traded symbol"),
    Knob::text("columns.side", "side", NAME, "column with BUY or SELL"),
    Knob::text("columns.quantity", "quantity", NAME, "column with the quantity"),
    Knob::text("columns.price", "price", NAME, "column with the price"),
    Knob::text("columns.status", "status", NAME, "column with the status"),
    // The three streams.
    Knob::switch("raw.enabled", true, "whether the RAW stream is written"),
    Knob::integer("agg.window_ms", 300_000, "ms", (1000, DAY_MS), "length of a window; aligned to the Unix epoch"),
    Knob::ops("agg.ops", true, "operations that windows count; none: no AGG stream"),
    Knob::integer(
        "event_time.out_of_orderness_ms",
        5000,
        "ms",
        (0, DAY_MS),
        "how far the watermark stays behind the largest time",
    ),
    Knob::integer(
        "event_time.idle_after_ms",
        30_000,
        "ms",
        (1000, DAY_MS),
        "when a partition that is read to its end no longer holds the watermark",
    ),
    Knob::integer(
        "event_time.allowed_lateness_ms",
        0,
        "ms",
        (0, 7 * DAY_MS),
        "how long a fired window takes corrections",
    ),
    Knob::integer(
        "event_time.max_ahead_ms",
        3_600_000,
        "ms",
        (0, 365 * DAY_MS),
        "a time further ahead of the clock does not move the watermark",
    ),
    Knob::switch("rules.large_order.enabled", true, "LARGE_ORDER: quantity above the threshold"),
    Knob::integer("rules.large_order.threshold", 500, "shares", (0, i64::MAX), "quantity that is not yet large"),
    Knob::ops("rules.large_order.ops", false, "operations that LARGE_ORDER looks at"),
    Knob::switch("rules.high_amount.enabled", true, "HIGH_AMOUNT: price x quantity above the threshold"),
    Knob::decimal("rules.high_amount.threshold", "100000000", "won", AMOUNT, "amount that is not yet high"),
    Knob::ops("rules.high_amount.ops", false, "operations that HIGH_AMOUNT looks at"),
    Knob::switch("rules.price_spike.enabled", true, "PRICE_SPIKE: change to the symbol's previous price"),
    Knob::decimal("rules.price_spike.threshold", "5", "percent", PERCENT, "smallest change that fires"),
    Knob::ops("rules.price_spike.ops", false, "operations that PRICE_SPIKE looks at"),
    Knob::switch("rules.rapid_orders.enabled", true, "RAPID_ORDERS: many orders of a symbol in a short time"),
    Knob::integer("rules.rapid_orders.count", 5, "orders", (2, 100), "orders that fire"),
    Knob::integer("rules.rapid_orders.window_ms", 10_000, "ms", (1, DAY_MS), "time within which they fire; sliding"),
    Knob::integer(
        "rules.rapid_orders.quiet_ms",
        10_000,
        "ms",
        (0, DAY_MS),
        "least time between two of a symbol's alerts",
    ),
    Knob::ops("rules.rapid_orders.ops", false, "operations that RAPID_ORDERS looks at"),
    // The engine.
    Knob::integer("epoch.max_records", 4096, "records", (1, 1_000_000), "records of an epoch at most"),
    Knob::integer(
        "epoch.max_bytes",
        4 * MIB,
        "bytes",
        (KIB, 1024 * MIB),
        "bytes of an epoch at most, after one record",
    ),
    Knob::choice(
        "state.backend",
        STATE_BACKEND,
        StateBackend::WORDS,
        "what `run` keeps its state in; memory: gone with it",
    ),
    Knob::text("state.dir", "state", PATH, "directory for state, epoch log and checkpoints; one worker each"),
    Knob::integer(
        "state.memory_bytes",
        32 * MIB,
        "bytes",
        (4 * MIB, 64 * 1024 * MIB),
        "memory for the database: write buffers and what it caches of its files",
    ),
    Knob::integer(
        "state.hot_symbols",
        50_000,
        "symbols",
        (1, 100_000_000),
        "symbols kept decoded in memory; others are read from the database when an order comes",
    ),
    Knob::text(
        "state.checkpoints_dir",
        "checkpoints",
        PATH,
        "directory for checkpoints, on the file system of state.dir; one worker each",
    ),
    Knob::integer("state.checkpoint_interval_ms", 60_000, "ms", (100, DAY_MS), "time from one checkpoint to the next"),
    Knob::integer("state.checkpoints_kept", 3, "checkpoints", (1, 1000), "how many of the newest checkpoints are kept"),
    Knob::text("state.savepoints_dir", "savepoints", PATH, "directory for savepoints"),
    // Where results go.
    Knob::switch("sink.stdout.enabled", true, "whether results go to stdout"),
    Knob::text("sink.file.path", "", PATH_OR_EMPTY, "file that results go to as well"),
    Knob::text("sink.dead_letters.path", "dead-letters.ndjson", PATH, "file that `run` keeps dead letters in"),
    Knob::integer(
        "sink.outbox_bytes",
        4 * 1024 * MIB,
        "bytes",
        (MIB, 1024 * 1024 * MIB),
        "results that wait in the state for a sink that is away; with more of them the sources pause",
    ),
    Knob::switch("sink.kafka.enabled", false, "whether results go to Kafka topics too, in transactions"),
    Knob::text("sink.kafka.raw_topic", "orders.raw", TOPIC, "topic for RAW events"),
    Knob::text("sink.kafka.agg_topic", "orders.agg", TOPIC, "topic for windows"),
    Knob::text("sink.kafka.alerts_topic", "orders.alerts", TOPIC, "topic for alerts"),
    Knob::text("sink.kafka.late_topic", "orders.late", TOPIC, "topic for late events"),
    Knob::text("sink.kafka.dlq_topic", "orders.dlq", TOPIC, "topic for dead letters"),
    Knob::text(
        "sink.kafka.transactional_id",
        "cdc-worker",
        NAME,
        "this worker's name towards the brokers; a second one of that name takes its place",
    ),
    Knob::integer("sink.kafka.partitions", 3, "partitions", (1, 10_000), "partitions of topics that it creates"),
    Knob::integer("sink.kafka.replication_factor", 3, "replicas", (1, 100), "replicas of topics that it creates"),
    Knob::integer(
        "sink.kafka.transaction_ms",
        100,
        "ms",
        (0, 10_000),
        "how long results wait for others that go into one transaction with them",
    ),
    Knob::integer(
        "sink.kafka.transaction_timeout_ms",
        60_000,
        "ms",
        (10_000, 900_000),
        "how long the brokers keep the transaction of a worker that has gone",
    ),
    Knob::text("sink.clickhouse.url", "", SERVER, "ClickHouse that results go to as well; nothing: none"),
    Knob::text("sink.clickhouse.database", "cdc", DATABASE, "its database; created where it is missing"),
    Knob::text("sink.clickhouse.user", "default", NAME, "user to log in as"),
    Knob::secret("sink.clickhouse.password", "password of that user"),
    Knob::text("sink.clickhouse.password_file", "", PATH_OR_EMPTY, "file with that password"),
    Knob::text("sink.clickhouse.ca_file", "", PATH_OR_EMPTY, "certificates to trust, PEM; nothing: the system's"),
    Knob::text(
        "sink.clickhouse.pipeline",
        "cdc-worker",
        PIPELINE,
        "this worker's name towards the server; a second one of that name ends its inserts",
    ),
    Knob::integer("sink.clickhouse.timeout_ms", 30_000, "ms", (100, 3_600_000), "how long one request may take"),
    Knob::integer("sink.clickhouse.ttl_days", 0, "days", (0, 36_500), "how long rows are kept; 0: for ever"),
    Knob::integer("sink.clickhouse.decimal_digits", 76, "digits", (1, 76), "digits of amounts and prices"),
    Knob::integer("sink.clickhouse.decimal_scale", 30, "digits", (0, 38), "how many of them are decimals"),
    Knob::switch(
        "sink.clickhouse.accept_no_tokens",
        false,
        "whether a server without deduplication tokens will do; rows may be there twice until they are merged",
    ),
    Knob::integer("sink.clickhouse.batch_rows", 100_000, "rows", (1, 10_000_000), "rows of a batch"),
    Knob::integer("sink.clickhouse.batch_bytes", 16 * MIB, "bytes", (KIB, 1024 * MIB), "bytes of a batch"),
    Knob::integer("sink.clickhouse.batch_ms", 500, "ms", (1, 3_600_000), "how long rows wait for more"),
    // Watching it.
    Knob::switch("web.enabled", true, "whether the page, the REST API and the metrics are served"),
    Knob::text("web.listen", "127.0.0.1:8081", LISTEN, "address that they are served on"),
    Knob::secret("web.token", "bearer token for what changes anything"),
    Knob::text("web.token_file", "", PATH_OR_EMPTY, "file with that token"),
    Knob::text(
        "web.otlp_endpoint",
        "",
        ENDPOINT,
        "where metrics are sent by OTLP over HTTP, as long as the page is served",
    ),
    Knob::integer("web.otlp_interval_ms", 10_000, "ms", (1_000, 3_600_000), "how often they are sent"),
    Knob::choice("log.level", "info", LogLevel::WORDS, "least important messages on stderr"),
    Knob::choice("log.format", "auto", LogFormat::WORDS, "auto: human on a terminal, json elsewhere"),
    // The demo.
    Knob::integer("demo.rate", 200, "events/s", (1, 1_000_000), "events that the demo's market makes"),
    Knob::integer("demo.seed", 1, "", (0, i64::MAX), "seed of the demo's market"),
    Knob::integer(
        "demo.window_ms",
        20_000,
        "ms",
        (1000, DAY_MS),
        "the demo's agg.window_ms, short enough to see one close",
    ),
    Knob::integer("demo.partitions", 3, "partitions", (1, 1000), "partitions of the demo's topic"),
];

/// The knob with that key.
pub fn find(key: &str) -> Option<&'static Knob> {
    KNOBS.iter().find(|knob| knob.key == key)
}
