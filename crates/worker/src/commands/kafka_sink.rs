//! The Kafka sink, as the configuration has it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::kafka_feed::security;
use super::paced_sinks::MEMORY_BYTES;
use crate::config::Settings;
use crate::sink::{JsonRenderer, KafkaOutlet, KafkaPack, KafkaSinkSettings, PacedLimits, PacedSink, SinkError, Topics};
use crate::time::clock::SystemClock;

/// A transaction has no more: librdkafka keeps all of it until the brokers have it.
const TRANSACTION_BYTES: usize = 8 << 20;
const TRANSACTION_MESSAGES: u64 = 50_000;

/// Opens it, if it is switched on; waits for the brokers until `stop` is set.
pub(super) fn open(settings: &Settings, stop: &Arc<AtomicBool>) -> Result<Option<PacedSink>, SinkError> {
    let Some(kafka) = &settings.sink.kafka else { return Ok(None) };
    let limits = PacedLimits {
        batch_rows: TRANSACTION_MESSAGES,
        batch_bytes: TRANSACTION_BYTES,
        batch_ms: kafka.transaction_ms,
        memory_bytes: MEMORY_BYTES,
        outbox_bytes: settings.sink.outbox_bytes,
    };
    let renderer = JsonRenderer { language: settings.language };
    let settings = KafkaSinkSettings {
        bootstrap: settings.kafka.bootstrap.clone(),
        transactional_id: kafka.transactional_id.clone(),
        topics: Topics {
            raw: kafka.raw_topic.clone(),
            agg: kafka.agg_topic.clone(),
            alerts: kafka.alerts_topic.clone(),
            late: kafka.late_topic.clone(),
            dead_letters: kafka.dlq_topic.clone(),
        },
        partitions: kafka.partitions,
        replication_factor: kafka.replication_factor,
        transaction_timeout_ms: kafka.transaction_timeout_ms,
        extra: security(&settings.kafka.security),
    };
    let outlet = Box::new(KafkaOutlet::open(settings, Box::new(SystemClock), stop)?);
    let (pack, clock) = (Box::new(KafkaPack { renderer }), Arc::new(SystemClock));
    Ok(Some(PacedSink { pack, outlet, limits, clock }))
}
