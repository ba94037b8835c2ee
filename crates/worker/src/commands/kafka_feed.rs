//! The Kafka source as a feed, and its settings from ours.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::SessionError;
use crate::cli::Exit;
use crate::config::{Sasl, SaslMechanism, Security, Settings, StartFrom as From};
use crate::epoch::{Feed, FeedError, GroupOffsets, Moved, PartitionFacts, Read, RecordRange, TopicId, ranges_of};
use crate::source::kafka::{KafkaSettings, KafkaSource, KafkaSourceError, Lost, Range, Standing, StartFrom};
use crate::source::{Batch, PartitionId, PartitionSeen};
use crate::time::TimeMode;
use crate::time::clock::SystemClock;

/// A Kafka topic as the driver reads it.
pub(super) struct KafkaFeed {
    source: KafkaSource,
    group: String,
    stop: Arc<AtomicBool>,
}

impl KafkaFeed {
    /// A feed that connects once it is asked for something.
    pub(super) fn start(settings: KafkaSettings, stop: Arc<AtomicBool>) -> Result<Self, SessionError> {
        let group = settings.group.clone();
        let source = KafkaSource::start(settings, Arc::new(SystemClock), Arc::clone(&stop))?;
        Ok(Self { source, group, stop })
    }
}

impl Feed for KafkaFeed {
    fn read(&mut self, wait: Duration) -> Result<Read, FeedError> {
        let read = self.source.read(wait)?;
        if self.source.is_at_its_end() {
            // Not the end of a recording: open windows stay open, for the next start.
            self.stop.store(true, Ordering::Relaxed);
        }
        Ok(match read {
            Some(batch) => {
                let ranges = ranges_of(&batch, |slot| self.facts(slot));
                Read::Records(batch, ranges)
            }
            None => self.source.take_moved().map_or(Read::Nothing, |moved| {
                let lost_records = moved.lost.iter().map(Lost::records).sum();
                Read::Moved(Moved { recreated: moved.recreated, lost_records })
            }),
        })
    }

    fn recycle(&mut self, batch: Batch) {
        self.source.recycle(batch);
    }

    fn partitions(&self) -> Vec<PartitionId> {
        self.source.partitions().to_vec()
    }

    fn facts(&self, slot: usize) -> PartitionFacts {
        let topic_id = self.source.topic_id();
        match self.source.standing(slot) {
            Some(Standing { position, leader_epoch, caught_up }) => {
                PartitionFacts { topic_id, leader_epoch, caught_up, position }
            }
            None => PartitionFacts { topic_id, ..PartitionFacts::default() },
        }
    }

    fn group_offsets(&mut self) -> Result<Option<GroupOffsets>, FeedError> {
        Ok(self.source.group_offsets()?.map(|offsets| (self.group.clone(), offsets)))
    }

    fn trouble(&self) -> Option<String> {
        self.source.trouble()
    }

    fn seek(
        &mut self,
        next_offsets: &[(PartitionId, i64)],
        was: Option<TopicId>,
    ) -> Result<Option<TopicId>, FeedError> {
        Ok(self.source.seek(next_offsets, was)?)
    }

    fn beginnings(&mut self) -> Result<Vec<(PartitionId, i64)>, FeedError> {
        Ok(self.source.beginnings()?)
    }

    fn goes_on_at(&mut self, named: &[RecordRange]) {
        for range in named {
            self.source.goes_on_at(range.partition, range.from, range.topic_id);
        }
    }

    fn reread(&mut self, ranges: &[RecordRange]) -> Result<Batch, FeedError> {
        // Ranges without records only say that a partition is caught up.
        let wanted: Vec<_> = ranges
            .iter()
            .filter(|range| range.records > 0)
            .map(|range| Range { partition: range.partition, from: range.from, to: range.to })
            .collect();
        Ok(self.source.reread(&wanted)?)
    }

    fn seen(&self) -> Vec<PartitionSeen> {
        self.source.seen()
    }

    fn committed(&mut self, next_offsets: &[(PartitionId, i64)]) {
        if !next_offsets.is_empty() {
            self.source.commit_offsets(next_offsets);
        }
    }
}

/// How the program ends where the source cannot go on.
pub(super) fn exit_of(error: &KafkaSourceError) -> Exit {
    match error {
        error if error.is_refusal() => Exit::StateRefused,
        error if error.is_usage() => Exit::Usage,
        _ => Exit::Failed,
    }
}

/// The source's settings, as the configuration has them.
pub(super) fn kafka_settings(settings: &Settings) -> KafkaSettings {
    let kafka = &settings.kafka;
    KafkaSettings {
        from: match &kafka.from {
            From::Earliest => StartFrom::Earliest,
            From::Group(group) => StartFrom::Group(group.clone()),
            From::Timestamp(time_ms) => StartFrom::Timestamp(*time_ms),
        },
        batch_records_max: settings.epoch.max_records,
        batch_bytes_max: settings.epoch.max_bytes,
        prefetch_bytes: kafka.fetch_queue_bytes as usize,
        metadata_refresh_ms: i64::from(kafka.metadata_refresh_ms),
        track_caught_up: settings.time == TimeMode::Event,
        on_recreated_topic: settings.source.on_recreated_topic,
        on_lost_records: settings.source.on_lost_records,
        extra: security(&kafka.security),
        ..KafkaSettings::new(&kafka.bootstrap, &kafka.topic, &kafka.group)
    }
}

/// TLS and SASL in librdkafka's words.
pub(super) fn security(security: &Security) -> Vec<(String, String)> {
    let mut words = vec![("security.protocol", security.protocol().word().to_owned())];
    if let Some(tls) = &security.tls {
        words.extend(tls.ca_file.as_ref().map(|path| ("ssl.ca.location", path.display().to_string())));
        if let Some(identity) = &tls.identity {
            words.push(("ssl.certificate.location", identity.certificate_file.display().to_string()));
            words.push(("ssl.key.location", identity.key_file.display().to_string()));
            words.extend(identity.key_password.as_ref().map(|secret| ("ssl.key.password", secret.expose().to_owned())));
        }
    }
    if let Some(Sasl { mechanism, username, password }) = &security.sasl {
        words.push(("sasl.mechanisms", SaslMechanism::word(*mechanism).to_owned()));
        words.push(("sasl.username", username.clone()));
        words.push(("sasl.password", password.expose().to_owned()));
    }
    words.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
