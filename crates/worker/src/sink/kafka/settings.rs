//! What the Kafka sink is told, and what librdkafka is told for it.

use std::fmt;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;

use super::KafkaSinkError;
use super::marker::marker_group;

/// Memory for messages that wait to be sent (I7).
const QUEUE_KIB: &str = "32768";
/// The largest message: a dead letter of 16 MB in base64, which is what a message of that size becomes. It must fit what
/// may wait.
pub(super) const MESSAGE_BYTES: &str = "29360128";
/// How many of them may wait.
const QUEUE_MESSAGES: &str = "100000";
/// The first pause before a request is sent again, doubled up to a second. What brokers put off while they are still ending
/// the transaction before is a matter of milliseconds: librdkafka's own 100 ms are as long as a transaction.
const RETRY_MS: &str = "10";

/// The topic of each stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    /// RAW events.
    pub raw: String,
    /// Windows.
    pub agg: String,
    /// Alerts.
    pub alerts: String,
    /// Late events.
    pub late: String,
    /// Dead letters.
    pub dead_letters: String,
}

impl Topics {
    /// All of them.
    pub(super) fn all(&self) -> [&str; 5] {
        [&self.raw, &self.agg, &self.alerts, &self.late, &self.dead_letters]
    }
}

/// What the Kafka sink is told.
#[derive(Clone)]
pub struct KafkaSinkSettings {
    /// Brokers, `host:port` with commas between.
    pub bootstrap: String,
    /// Names this worker towards the brokers: a second one of the same name takes the first one's place. The marker's
    /// group is named after it.
    pub transactional_id: String,
    /// Where results go.
    pub topics: Topics,
    /// Partitions of topics that are created.
    pub partitions: i32,
    /// Replicas of topics that are created.
    pub replication_factor: i32,
    /// How long the brokers keep a transaction of a worker that has gone, in milliseconds; nothing behind it is read
    /// meanwhile.
    pub transaction_timeout_ms: u32,
    /// Further settings by librdkafka's names: security.
    pub extra: Vec<(String, String)>,
}

impl fmt::Debug for KafkaSinkSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the further settings: passwords are among them.
        f.debug_struct("KafkaSinkSettings")
            .field("bootstrap", &self.bootstrap)
            .field("transactional_id", &self.transactional_id)
            .field("topics", &self.topics)
            .finish_non_exhaustive()
    }
}

impl KafkaSinkSettings {
    /// For the client that writes. What the sink is measured beside writes with the same.
    pub fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("transactional.id", &self.transactional_id)
            .set("transaction.timeout.ms", self.transaction_timeout_ms.to_string())
            // Java's: whoever joins these topics with the source's finds a symbol where its own client would put it.
            .set("partitioner", "murmur2_random")
            .set("compression.type", "lz4")
            .set("retry.backoff.ms", RETRY_MS)
            .set("message.max.bytes", MESSAGE_BYTES)
            .set("queue.buffering.max.kbytes", QUEUE_KIB)
            .set("queue.buffering.max.messages", QUEUE_MESSAGES);
        config
    }

    /// For a client that asks for the marker. `waits`: offsets of a transaction that is still open are waited for (KIP-447),
    /// and the answer is final; else it is that of transactions that are over.
    pub(super) fn marker_reader(&self, waits: bool) -> ClientConfig {
        let mut config = self.client();
        config
            .set("group.id", marker_group(&self.transactional_id))
            .set("enable.auto.commit", "false")
            .set("isolation.level", if waits { "read_committed" } else { "read_uncommitted" });
        config
    }

    /// For the client that creates topics.
    pub(super) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("client.id", "cdc-worker-sink")
            .set("allow.auto.create.topics", "false")
            .set("reconnect.backoff.max.ms", "2000")
            .set("socket.keepalive.enable", "true");
        for (key, value) in &self.extra {
            config.set(key, value);
        }
        config
    }
}

/// A setting that librdkafka does not take.
pub(super) fn refused(error: &KafkaError) -> KafkaSinkError {
    KafkaSinkError::Settings(match error {
        // Without the value: it may be a password.
        KafkaError::ClientConfig(_, description, _, _) => description.clone(),
        error => error.to_string(),
    })
}
