//! What librdkafka says on the side: its log lines into ours, its reasons kept for our own.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionList;

use crate::source::Replicas;

/// Receives librdkafka's callbacks.
#[derive(Debug, Default)]
pub(crate) struct Context {
    reason: Mutex<Option<String>>,
    /// Where each partition ended when a broker was last asked, by its number.
    ends: Mutex<BTreeMap<i32, i64>>,
    /// And how many copies of it there were.
    replicas: Mutex<BTreeMap<i32, Replicas>>,
}

impl Context {
    /// Why the last thing went wrong, in a few words; forgotten once asked.
    pub(crate) fn take_reason(&self) -> Option<String> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A broker said where a partition ends.
    pub(super) fn note_end(&self, partition: i32, end: i64) {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).insert(partition, end);
    }

    /// Where the partitions ended when a broker was last asked, as far as one answered.
    pub(super) fn ends(&self) -> BTreeMap<i32, i64> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A broker said how many copies of each partition there are.
    pub(super) fn note_replicas(&self, replicas: BTreeMap<i32, Replicas>) {
        *self.replicas.lock().unwrap_or_else(PoisonError::into_inner) = replicas;
    }

    /// How many copies there were when a broker was last asked.
    pub(super) fn replicas(&self) -> BTreeMap<i32, Replicas> {
        self.replicas.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            // Our own lines say that a broker cannot be reached, once in a while; these come with every attempt.
            _ if matches!(facility, "FAIL" | "ERROR") => tracing::debug!(facility, "librdkafka: {message}"),
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::error!(facility, "librdkafka: {message}");
            }
            RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => tracing::warn!(facility, "librdkafka: {message}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => tracing::info!(facility, "librdkafka: {message}"),
            RDKafkaLogLevel::Debug => tracing::debug!(facility, "librdkafka: {message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!("librdkafka: {error}: {reason}");
        // "1/1 brokers are down" follows the reason why, and says less.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(in_short(reason).to_owned());
        }
    }
}

impl ConsumerContext for Context {
    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        if let Err(error) = result {
            tracing::warn!("kafka: the group's offsets were not committed (monitoring only): {error}");
        }
    }
}

/// The core of librdkafka's reasons: without the connection's name before and its state after.
fn in_short(reason: &str) -> &str {
    let reason = reason.rsplit_once(" (after ").map_or(reason, |(before, _)| before);
    if let Some((_, why)) = reason.split_once(" failed: ")
        && reason.contains(": Connect to ")
    {
        return why;
    }
    // `host:port/bootstrap: …` or `host:port/2: …`
    match reason.split_once(": ") {
        Some((connection, rest)) if connection.contains('/') && !connection.contains(' ') => rest,
        _ => reason,
    }
}

#[cfg(test)]
mod tests {
    use super::in_short;

    #[test]
    fn reasons_are_cut_to_their_core() {
        let cases = [
            (
                "127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)",
                "Connection refused",
            ),
            (
                "kafka-99:9092/bootstrap: Failed to resolve 'kafka-99:9092': Name or service not known (after 3ms in state CONNECT)",
                "Failed to resolve 'kafka-99:9092': Name or service not known",
            ),
            (
                "sasl_plaintext://127.0.0.1:9092/1: SASL authentication error: Authentication failed (after 310ms in state AUTH_REQ)",
                "SASL authentication error: Authentication failed",
            ),
            (
                "fetch failed due to requested offset not available on the broker: Broker: Offset out of range (broker 1)",
                "fetch failed due to requested offset not available on the broker: Broker: Offset out of range (broker 1)",
            ),
            ("", ""),
        ];
        for (reason, expected) in cases {
            assert_eq!(in_short(reason), expected);
        }
    }
}
