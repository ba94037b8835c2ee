//! Examples under the help of each command. They are parsed by a test, so that none of them goes stale.

pub(super) const WORKER: &str = "\
Examples:
  worker demo --for 30s
  worker run --config worker.toml
  worker replay recording.ndjson
  worker config

Results go to stdout, everything else to stderr.
Exit codes: 0 done, 1 failed while running, 3 state refused, 64 usage, 78 configuration.";

pub(super) const RUN: &str = "\
Examples:
  worker run
  worker run --config worker.toml --format json
  worker run --from group:flink-orders --set kafka.bootstrap=kafka-1:29092,kafka-2:29093
  worker run --from timestamp:2026-02-12T13:57:02+09:00 --for 10m
  worker run --dry-run --from-timestamp 2026-02-12T13:57:02+09:00 --until 2026-02-12T14:00:00+09:00
  worker run --dry-run --from-offset 0:1200,1:1150,2:1300 --until 0:1300,1:1200,2:1400 --format json
  worker run --from-offset 1200 --until 5000

A dry run takes the records of all partitions by their timestamps, as a recording, and fires open windows at
its end: the same part of the topic gives the same bytes. It takes no lock, no place in the group, and writes
no file. --until counts on what the topic has at the start and waits for nothing: an offset alone is cut to
where a partition ends, and so is a time without a record behind it. Without --dry-run, --from-offset and
--from-timestamp are refused where there is a state, and --until stops as SIGTERM does: open windows stay open.

SIGTERM and Ctrl-C stop it cleanly. Passwords come from the environment (CDC_WORKER_KAFKA_SASL_PASSWORD)
or from a file (kafka.sasl_password_file), never from a flag.";

pub(super) const REPLAY: &str = "\
Examples:
  worker replay recording.ndjson
  worker replay --format json --summary counts.json monday.ndjson.gz tuesday.ndjson.zst
  zcat recording.ndjson.gz | worker replay --language en --zone UTC -
  worker replay --time event --set agg.window_ms=60000 recording.ndjson

A line is {\"topic\",\"partition\",\"offset\",\"timestamp\",\"key\",\"value\"}. Open windows fire at the end.";

pub(super) const BACKFILL: &str = "\
Examples:
  worker backfill --config worker.toml
  worker backfill --config worker.toml --dry-run monday.ndjson.gz tuesday.ndjson.zst
  worker backfill --config worker.toml --time event --edges recording.ndjson
  worker backfill --config worker.toml --from-timestamp 2026-02-12T13:57:02+09:00 --until 2026-02-12T14:00:00+09:00
  worker backfill --config worker.toml --from-offset 0:1200,1:1150,2:1300 --until 0:1300,1:1200,2:1400

Inserts into the tables of sink.clickhouse.* what they have not, and touches nothing else: no state, no lock,
no group, no topic. It may run beside the worker, and again at any time, also after it was killed: rows are
known by topic, partition and offset (alerts: and rule; dead letters: and stream and id), not by the sort key.
Its rows have timeline 0. One backfill of a sink.clickhouse.pipeline at a time: it ends the inserts of others.

End the stretch before what the running worker has still to send (/api/v1/sinks says what waits). A row that
both send at the same time is there twice until it is merged; the views count it once.

Windows are filled in where they are whole, and where the table has no row of a worker's for that symbol and
time. Not whole is what began before the input or fires only because it ends, and everything where offsets
bound several partitions; --edges says that the input is the whole history. In processing time a backfill's
windows would go by the records' times, and an order might count in two of them: they are left out, unless
--windows asks for them. At the beginning of a stretch PRICE_SPIKE knows no previous price and RAPID_ORDERS no
earlier orders: alerts may be missing there, and RAPID_ORDERS come at another order than the worker's, as it may
wherever it goes by processing time. Begin the stretch some time before what is missing.

What may pass is tried again for a minute. On stderr at the end: the accounting, then for each table what was
read, already there and inserted (of a dry run: would be). SIGTERM and Ctrl-C stop it cleanly.";

pub(super) const GENERATE: &str = "\
Examples:
  worker generate --seed 7 --count 1000000 --to market.ndjson
  worker generate --count 50000 --rate 1000 --wrapped --to 127.0.0.1:9092
  worker generate --count 1000000 --symbols 100000 --partitions 12 --to 127.0.0.1:9092
  worker generate --count 100 --from-time 2026-02-12T13:57:02+09:00 --to - | worker replay -";

pub(super) const DEMO: &str = "\
Examples:
  worker demo
  worker demo --for 30s --rate 1000 --seed 7
  worker demo --window 10s --language en --port 8090";

pub(super) const CONFIG: &str = "\
Examples:
  worker config
  worker config --config worker.toml --set agg.window_ms=60000
  worker config --keys > worker.toml
  worker config --json | jq '.[\"agg.window_ms\"]'

Layers, a later one wins: defaults, the file, CDC_WORKER_… variables (agg.window_ms is
CDC_WORKER_AGG_WINDOW_MS), --set, flags. Secrets print as (hidden).";

pub(super) const DECODE: &str = "\
Examples:
  worker decode recording.ndjson
  worker decode --json recording.ndjson.gz | grep dead_letter
  worker decode --set source.table=shop.orders --set columns.symbol=ticker -";

pub(super) const HEALTH: &str = "\
Examples:
  worker health
  worker health --live --timeout 500ms
  worker health --config worker.toml --set web.listen=127.0.0.1:8090

Asks the address in web.listen (0.0.0.0 and [::] on this machine's loopback). Exit codes: 0 well, 1 not well.";

pub(super) const CHECKPOINT: &str = "\
Examples:
  worker checkpoint list
  worker checkpoint verify --dir /var/lib/worker/checkpoints
  worker checkpoint verify chk-00000000000000000042
  worker checkpoint inspect --json

They change nothing and may run beside a worker. Exit codes: 0 all sound, 3 at least one refused.";

pub(super) const SAVEPOINT: &str = "\
Examples:
  worker savepoint list
  worker savepoint inspect savepoint-42-20260212T045738.123Z.json.zst
  worker savepoint inspect --json /mnt/backup/savepoint-42-20260212T045738.123Z.json.zst
  worker savepoint dispose --yes savepoint-42-20260212T045738.123Z.json.zst

A savepoint is zstd of JSON lines: zstdcat shows it. Exit codes: 0, 3 refused.";

/// All of them.
#[cfg(test)]
pub(super) const ALL: [&str; 11] =
    [WORKER, RUN, REPLAY, BACKFILL, GENERATE, DEMO, CONFIG, DECODE, HEALTH, CHECKPOINT, SAVEPOINT];
