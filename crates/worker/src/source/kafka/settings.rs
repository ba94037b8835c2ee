//! What the Kafka source is told, and what librdkafka is told for it.

use std::fmt;

use rdkafka::ClientConfig;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;

use super::KafkaSourceError;
use super::context::Context;
use crate::source::{OnLostRecords, OnRecreatedTopic, Place};

/// Where reading starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartFrom {
    /// The log's beginning: so that the connector's snapshot is not missed.
    Earliest,
    /// Where this group has come to (another job's, to take over from it); the beginning of partitions in which it has
    /// committed nothing.
    Group(String),
    /// The first record at or after this time, in milliseconds since the Unix epoch; the end of partitions without one.
    Timestamp(i64),
    /// The offset to read next of each partition; the beginning of partitions not named.
    Offsets(Vec<(i32, i64)>),
    /// Where a person says, and only where there is no state: it would go on elsewhere. The beginning of partitions not
    /// named.
    Named(Place),
}

/// What the Kafka source is told.
#[derive(Clone)]
pub struct KafkaSettings {
    /// Brokers, `host:port` with commas between.
    pub bootstrap: String,
    /// The topic to read.
    pub topic: String,
    /// The group whose offsets are committed for monitoring, and which must have no members.
    pub group: String,
    /// Where to start.
    pub from: StartFrom,
    /// Where reading ends in each partition; it goes on for ever where there is nothing of the kind.
    pub until: Option<Place>,
    /// The most records of a batch.
    pub batch_records_max: usize,
    /// The most bytes of a batch's values; the last record may go past it.
    pub batch_bytes_max: usize,
    /// What may be read ahead of the batches, in bytes, over all partitions.
    pub prefetch_bytes: usize,
    /// How often to look for partitions added to the topic, in milliseconds.
    pub metadata_refresh_ms: i64,
    /// Whether to find out which partitions are caught up; event time needs it.
    pub track_caught_up: bool,
    /// What to do where the topic was deleted and created anew.
    pub on_recreated_topic: OnRecreatedTopic,
    /// What to do where the next records were deleted before they were read.
    pub on_lost_records: OnLostRecords,
    /// Further settings by librdkafka's names: security.
    pub extra: Vec<(String, String)>,
}

impl fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Of the further settings the names only: passwords are among them.
        let extra: Vec<_> = self.extra.iter().map(|(key, _)| key).collect();
        f.debug_struct("KafkaSettings")
            .field("bootstrap", &self.bootstrap)
            .field("topic", &self.topic)
            .field("group", &self.group)
            .field("from", &self.from)
            .field("extra", &extra)
            .finish_non_exhaustive()
    }
}

impl KafkaSettings {
    /// Settings for a topic, with the defaults for the rest: from earliest, 10,000 records or 8 MiB a batch, 32 MiB
    /// read ahead, new partitions looked for every 30 s; what is not as it was stops the source.
    pub fn new(bootstrap: &str, topic: &str, group: &str) -> Self {
        Self {
            bootstrap: bootstrap.to_owned(),
            topic: topic.to_owned(),
            group: group.to_owned(),
            from: StartFrom::Earliest,
            until: None,
            batch_records_max: 10_000,
            batch_bytes_max: 8 << 20,
            prefetch_bytes: 32 << 20,
            metadata_refresh_ms: 30_000,
            track_caught_up: false,
            on_recreated_topic: OnRecreatedTopic::Stop,
            on_lost_records: OnLostRecords::Stop,
            extra: Vec::new(),
        }
    }

    /// A client that reads as `group`.
    pub(super) fn client(&self, group: &str) -> Result<BaseConsumer<Context>, KafkaSourceError> {
        self.client_config(group)?.create_with_context(Context::default()).map_err(|error| refused(&error))
    }

    /// Whether librdkafka takes the settings; connects to nothing.
    pub(super) fn check(&self) -> Result<(), KafkaSourceError> {
        self.client_config(&self.group)?.create_native_config().map(drop).map_err(|error| refused(&error))
    }

    fn client_config(&self, group: &str) -> Result<ClientConfig, KafkaSourceError> {
        let mut config = ClientConfig::new();
        for (key, value) in self.own(group) {
            config.set(key, value);
        }
        for (key, _) in &self.extra {
            if config.get(key).is_some() {
                return Err(KafkaSourceError::OwnSetting { key: key.clone() });
            }
        }
        for (key, value) in &self.extra {
            config.set(key, value);
        }
        Ok(config)
    }

    fn own(&self, group: &str) -> Vec<(&'static str, String)> {
        // Half of the budget waits in the queue, half may be on its way: what is fetched is not cut to what fits.
        let half = (self.prefetch_bytes / 2).clamp(1 << 20, 1 << 30);
        let flag = |on: bool| on.to_string();
        vec![
            ("bootstrap.servers", self.bootstrap.clone()),
            ("client.id", "cdc-worker".to_owned()),
            ("group.id", group.to_owned()),
            ("isolation.level", "read_committed".to_owned()),
            ("allow.auto.create.topics", flag(false)),
            ("enable.auto.commit", flag(false)),
            ("enable.auto.offset.store", flag(false)),
            // An offset outside the log stops the worker; starting over by itself would double or lose orders.
            ("auto.offset.reset", "error".to_owned()),
            ("enable.partition.eof", flag(self.track_caught_up || self.until.is_some())),
            ("check.crcs", flag(true)),
            ("queued.max.messages.kbytes", (half / 1024).to_string()),
            ("fetch.max.bytes", half.to_string()),
            ("fetch.message.max.bytes", half.min(1 << 20).to_string()),
            // Two batches' worth ahead; the default of a second's pause at a full queue would show as a stutter.
            ("queued.min.messages", (2 * self.batch_records_max).clamp(10_000, 1_000_000).to_string()),
            ("fetch.queue.backoff.ms", "5".to_owned()),
            ("reconnect.backoff.max.ms", "2000".to_owned()),
            ("socket.keepalive.enable", flag(true)),
            ("statistics.interval.ms", "0".to_owned()),
        ]
    }
}

fn refused(error: &KafkaError) -> KafkaSourceError {
    KafkaSourceError::Settings(match error {
        // Without the value: it may be a password that this build has no use for.
        KafkaError::ClientConfig(_, description, _, _) => description.clone(),
        error => error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn librdkafka_takes_the_settings_whatever_the_bounds() {
        for prefetch_bytes in [0, 1, 32 << 20, usize::MAX] {
            for batch_records_max in [0, 1, 10_000, usize::MAX / 4] {
                let settings =
                    KafkaSettings { batch_records_max, prefetch_bytes, ..KafkaSettings::new("127.0.0.1:1", "t", "g") };
                settings.client("g").unwrap();
            }
        }
    }

    #[test]
    fn security_goes_through_and_guarantees_cannot_be_set_away() {
        let extra = |key: &str| KafkaSettings {
            extra: vec![(key.to_owned(), "x".to_owned())],
            ..KafkaSettings::new("127.0.0.1:1", "t", "g")
        };
        let config = extra("sasl.username").client_config("g").unwrap();
        assert_eq!(config.get("sasl.username"), Some("x"));
        let text = format!("{:?}", KafkaSettings { extra: vec![("k".into(), "hunter2".into())], ..extra("a") });
        assert!(!text.contains("hunter2"), "{text}");
        let error = extra("ssl.key.password").client("g").map(drop).map_err(|error| error.to_string());
        assert!(!format!("{error:?}").contains("\"x\""), "a secret is not repeated: {error:?}");
        let error = extra("isolation.level").client_config("g").unwrap_err();
        assert_eq!(
            error.to_string(),
            "kafka: isolation.level cannot be set: the worker's guarantees rest on its own value; remove it"
        );
    }
}
