-- The streams, dead letters, and late events. Rows are replaced by their key, so a row that comes twice is one; the
-- deduplication window is what makes the tokens of repeated inserts work. Ids are those of the JSON lines.
--
-- Names in braces are filled in (migrations.rs): the types depend on the settings and on the server's age.

CREATE TABLE IF NOT EXISTS {database}.orders_raw
(
    op {word},
    order_id String,
    symbol {word},
    side {optional_word},
    quantity Int64,
    price {amount},
    amount {amount},
    status {optional_word},
    latency_ms Nullable(Int64),
    event_time {time},
    topic {word},
    `partition` Int32,
    `offset` Int64,
    timeline UInt64,
    epoch UInt64,
    epoch_time {time},
    inserted_at {time} DEFAULT {now},
    id String ALIAS concat(topic, '-', toString(`partition`), '-', toString(`offset`))
)
ENGINE = ReplacingMergeTree
PARTITION BY {month:event_time}
ORDER BY (symbol, event_time, topic, `partition`, `offset`)
{window};

CREATE TABLE IF NOT EXISTS {database}.orders_late
(
    op {word},
    order_id String,
    symbol {word},
    side {optional_word},
    quantity Int64,
    price {amount},
    amount {amount},
    status {optional_word},
    latency_ms Nullable(Int64),
    event_time {time},
    topic {word},
    `partition` Int32,
    `offset` Int64,
    timeline UInt64,
    epoch UInt64,
    epoch_time {time},
    inserted_at {time} DEFAULT {now},
    id String ALIAS concat(topic, '-', toString(`partition`), '-', toString(`offset`))
)
ENGINE = ReplacingMergeTree
PARTITION BY {month:event_time}
ORDER BY (symbol, event_time, topic, `partition`, `offset`)
{window};

CREATE TABLE IF NOT EXISTS {database}.order_agg_5m
(
    symbol {word},
    window_start {time},
    window_end {time},
    first_event {time},
    orders UInt64,
    buys UInt64,
    sells UInt64,
    total {amount},
    avg {amount},
    min {amount},
    max {amount},
    revision UInt32,
    timeline UInt64,
    epoch UInt64,
    epoch_time {time},
    inserted_at {time} DEFAULT {now},
    id String ALIAS concat(symbol, '-', {milliseconds:window_start}, '-', {milliseconds:window_end}, '-r', toString(revision))
)
ENGINE = ReplacingMergeTree
PARTITION BY {month:window_start}
ORDER BY (symbol, window_start, window_end, revision)
{window};

CREATE TABLE IF NOT EXISTS {database}.anomaly_alerts
(
    rule {word},
    symbol {word},
    order_id String,
    value {amount},
    threshold {amount},
    message String,
    at {time},
    topic {word},
    `partition` Int32,
    `offset` Int64,
    timeline UInt64,
    epoch UInt64,
    epoch_time {time},
    inserted_at {time} DEFAULT {now},
    id String ALIAS concat(rule, '-', topic, '-', toString(`partition`), '-', toString(`offset`))
)
ENGINE = ReplacingMergeTree
PARTITION BY {month:at}
ORDER BY (symbol, at, rule, topic, `partition`, `offset`)
{window};

-- What could not be read (stream 'record': value holds the record's bytes), and rows that do not fit their column (stream
-- 'raw', 'late', 'agg' or 'alert': value holds the JSON line, field names the column).
CREATE TABLE IF NOT EXISTS {database}.orders_dlq
(
    stream {word},
    id String,
    field {word},
    reason String,
    value String,
    at {time},
    topic {word},
    `partition` Int32,
    `offset` Int64,
    timeline UInt64,
    epoch UInt64,
    epoch_time {time},
    inserted_at {time} DEFAULT {now}
)
ENGINE = ReplacingMergeTree
PARTITION BY {month:at}
ORDER BY (topic, `partition`, `offset`, stream, id)
{window};
