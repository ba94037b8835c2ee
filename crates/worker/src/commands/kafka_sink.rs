//! The Kafka sink, as the configuration has it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::kafka_feed::security;
use crate::config::Settings;
use crate::sink::{JsonRenderer, KafkaSink, KafkaSinkSettings, Sink, SinkError, Topics};
use crate::time::clock::SystemClock;

/// Opens it, if it is switched on; waits for the brokers until `stop` is set.
pub(super) fn open(settings: &Settings, stop: &Arc<AtomicBool>) -> Result<Option<Box<dyn Sink>>, SinkError> {
    let Some(kafka) = &settings.sink.kafka else { return Ok(None) };
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
    Ok(Some(Box::new(KafkaSink::open(settings, renderer, Box::new(SystemClock), stop)?)))
}
