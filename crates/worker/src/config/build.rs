//! Values → [`Settings`], section by section.

use std::time::Duration;

use super::clickhouse;
use super::contradictions;
use super::domain::{
    Format, Language, LogFormat, LogLevel, OnLostRecords, OnRecreatedTopic, ReplayClock, SnapshotRowsMode,
    StateBackend, TimeMode, amount, listen, percent, start_from, table, zone,
};
use super::error::ConfigError;
use super::host::Host;
use super::layers::Values;
use super::security;
use super::settings::{
    AggSettings, ColumnSettings, DemoSettings, EpochSettings, EventTimeSettings, HighAmountSettings, KafkaSettings,
    KafkaSinkSettings, LargeOrderSettings, LogSettings, OtlpSettings, PriceSpikeSettings, RapidOrdersSettings,
    RawSettings, RuleSettings, Settings, SinkSettings, SourceSettings, StateSettings, WebSettings,
};

impl Settings {
    /// Turns values into settings; refuses what does not go together or does not fit the machine.
    pub fn read(values: &Values, host: &Host<'_>) -> Result<Self, ConfigError> {
        let settings = Self {
            language: values.parsed("language", Language::from_word)?,
            zone: values.parsed("zone", zone)?,
            format: values.parsed("format", Format::from_word)?,
            time: values.parsed("time", TimeMode::from_word)?,
            clock: values.parsed("clock", ReplayClock::from_word)?,
            parallelism: values.integer("parallelism")?,
            summary: values.path("summary")?,
            kafka: kafka(values, host)?,
            source: source(values)?,
            columns: columns(values)?,
            raw: RawSettings { enabled: values.switch("raw.enabled")? },
            agg: AggSettings { window_ms: values.integer("agg.window_ms")?, ops: values.ops("agg.ops")? },
            event_time: event_time(values)?,
            rules: rules(values)?,
            epoch: EpochSettings {
                max_records: values.integer("epoch.max_records")?,
                max_bytes: values.integer("epoch.max_bytes")?,
            },
            state: state(values)?,
            sink: sink(values, host)?,
            web: WebSettings {
                enabled: values.switch("web.enabled")?,
                listen: values.parsed("web.listen", listen)?,
                token: values.secret("web.token", "web.token_file", host)?,
                otlp: otlp(values)?,
            },
            log: LogSettings {
                level: values.parsed("log.level", LogLevel::from_word)?,
                format: values.parsed("log.format", LogFormat::from_word)?,
            },
            demo: demo(values)?,
        };
        contradictions::refuse(&settings, values, host.memory_limit_bytes)?;
        Ok(settings)
    }
}

fn otlp(values: &Values) -> Result<Option<OtlpSettings>, ConfigError> {
    let endpoint = values.text("web.otlp_endpoint")?.to_owned();
    let interval = Duration::from_millis(values.integer("web.otlp_interval_ms")?);
    Ok((!endpoint.is_empty()).then_some(OtlpSettings { endpoint, interval }))
}

fn kafka(values: &Values, host: &Host<'_>) -> Result<KafkaSettings, ConfigError> {
    let brokers: Vec<&str> = values.text("kafka.bootstrap")?.split(',').map(str::trim).collect();
    Ok(KafkaSettings {
        bootstrap: brokers.join(","),
        topic: values.text("kafka.topic")?.to_owned(),
        group: values.text("kafka.group")?.to_owned(),
        from: values.parsed("kafka.from", start_from)?,
        metadata_refresh_ms: values.integer("kafka.metadata_refresh_ms")?,
        fetch_queue_bytes: values.integer("kafka.fetch_queue_bytes")?,
        security: security::read(values, host)?,
    })
}

fn source(values: &Values) -> Result<SourceSettings, ConfigError> {
    let owned = |text: &str| table(text).map(|(database, table)| (database.to_owned(), table.to_owned()));
    let (database, table) = values.parsed("source.table", owned)?;
    Ok(SourceSettings {
        database,
        table,
        snapshot_rows: values.parsed("source.snapshot_rows", SnapshotRowsMode::from_word)?,
        on_recreated_topic: values.parsed("source.on_recreated_topic", OnRecreatedTopic::from_word)?,
        on_lost_records: values.parsed("source.on_lost_records", OnLostRecords::from_word)?,
        max_line_bytes: values.integer("source.max_line_bytes")?,
    })
}

fn columns(values: &Values) -> Result<ColumnSettings, ConfigError> {
    Ok(ColumnSettings {
        id: values.text("columns.id")?.to_owned(),
        order_id: values.text("columns.order_id")?.to_owned(),
        symbol: values.text("columns.symbol")?.to_owned(),
        side: values.text("columns.side")?.to_owned(),
        quantity: values.text("columns.quantity")?.to_owned(),
        price: values.text("columns.price")?.to_owned(),
        status: values.text("columns.status")?.to_owned(),
    })
}

fn event_time(values: &Values) -> Result<EventTimeSettings, ConfigError> {
    Ok(EventTimeSettings {
        out_of_orderness_ms: values.integer("event_time.out_of_orderness_ms")?,
        idle_after_ms: values.integer("event_time.idle_after_ms")?,
        allowed_lateness_ms: values.integer("event_time.allowed_lateness_ms")?,
        max_ahead_ms: values.integer("event_time.max_ahead_ms")?,
    })
}

fn rules(values: &Values) -> Result<RuleSettings, ConfigError> {
    Ok(RuleSettings {
        large_order: LargeOrderSettings {
            enabled: values.switch("rules.large_order.enabled")?,
            threshold: values.integer("rules.large_order.threshold")?,
            ops: values.ops("rules.large_order.ops")?,
        },
        high_amount: HighAmountSettings {
            enabled: values.switch("rules.high_amount.enabled")?,
            threshold: values.parsed("rules.high_amount.threshold", amount)?,
            ops: values.ops("rules.high_amount.ops")?,
        },
        price_spike: PriceSpikeSettings {
            enabled: values.switch("rules.price_spike.enabled")?,
            threshold: values.parsed("rules.price_spike.threshold", percent)?,
            ops: values.ops("rules.price_spike.ops")?,
        },
        rapid_orders: RapidOrdersSettings {
            enabled: values.switch("rules.rapid_orders.enabled")?,
            count: values.integer("rules.rapid_orders.count")?,
            window_ms: values.integer("rules.rapid_orders.window_ms")?,
            quiet_ms: values.integer("rules.rapid_orders.quiet_ms")?,
            ops: values.ops("rules.rapid_orders.ops")?,
        },
    })
}

fn state(values: &Values) -> Result<StateSettings, ConfigError> {
    Ok(StateSettings {
        backend: values.parsed("state.backend", StateBackend::from_word)?,
        directory: values.text("state.dir")?.into(),
        memory_bytes: values.integer("state.memory_bytes")?,
        hot_symbols: values.integer("state.hot_symbols")?,
        checkpoints_directory: values.text("state.checkpoints_dir")?.into(),
        checkpoint_interval_ms: values.integer("state.checkpoint_interval_ms")?,
        checkpoints_kept: values.integer("state.checkpoints_kept")?,
        savepoints_directory: values.text("state.savepoints_dir")?.into(),
    })
}

fn sink(values: &Values, host: &Host<'_>) -> Result<SinkSettings, ConfigError> {
    Ok(SinkSettings {
        stdout: values.switch("sink.stdout.enabled")?,
        file: values.path("sink.file.path")?,
        dead_letters: values.text("sink.dead_letters.path")?.into(),
        outbox_bytes: values.integer("sink.outbox_bytes")?,
        kafka: if values.switch("sink.kafka.enabled")? { Some(kafka_sink(values)?) } else { None },
        clickhouse: clickhouse::read(values, host)?,
    })
}

fn kafka_sink(values: &Values) -> Result<KafkaSinkSettings, ConfigError> {
    Ok(KafkaSinkSettings {
        raw_topic: values.text("sink.kafka.raw_topic")?.to_owned(),
        agg_topic: values.text("sink.kafka.agg_topic")?.to_owned(),
        alerts_topic: values.text("sink.kafka.alerts_topic")?.to_owned(),
        late_topic: values.text("sink.kafka.late_topic")?.to_owned(),
        dlq_topic: values.text("sink.kafka.dlq_topic")?.to_owned(),
        transactional_id: values.text("sink.kafka.transactional_id")?.to_owned(),
        partitions: values.integer("sink.kafka.partitions")?,
        replication_factor: values.integer("sink.kafka.replication_factor")?,
        transaction_ms: values.integer("sink.kafka.transaction_ms")?,
        transaction_timeout_ms: values.integer("sink.kafka.transaction_timeout_ms")?,
    })
}

fn demo(values: &Values) -> Result<DemoSettings, ConfigError> {
    Ok(DemoSettings {
        rate: values.integer("demo.rate")?,
        seed: values.integer("demo.seed")?,
        window_ms: values.integer("demo.window_ms")?,
        partitions: values.integer("demo.partitions")?,
    })
}
