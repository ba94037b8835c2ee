//! A consumer with a queue for each partition: what is not wanted yet waits there, within the queue's bound, however far
//! one partition is ahead of another.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;

use super::connect::{Connecting, Stop};
use super::context::Context;
use super::partitions::{assignment, list_of};
use super::passing::passes;
use super::trouble::Trouble;
use super::{KafkaSettings, KafkaSourceError};
use crate::time::clock::Clock;

/// The consumer and what it is asked with.
pub(super) struct Queues {
    /// Reads.
    pub consumer: Arc<BaseConsumer<Context>>,
    /// What is wanted.
    pub settings: KafkaSettings,
    /// Tells how long nothing has come.
    pub clock: Arc<dyn Clock>,
    /// Ends the waiting.
    pub stop: Arc<AtomicBool>,
    /// Told what keeps it from reading.
    pub trouble: Arc<Trouble>,
    by_partition: BTreeMap<i32, PartitionQueue<Context>>,
}

impl Queues {
    /// A consumer of its own, for so many partitions: their queues share the bound that otherwise holds for one.
    pub(super) fn new(
        settings: &KafkaSettings,
        partitions: usize,
        clock: Arc<dyn Clock>,
        stop: Arc<AtomicBool>,
        trouble: Arc<Trouble>,
    ) -> Result<Self, KafkaSourceError> {
        let settings = KafkaSettings {
            prefetch_bytes: settings.prefetch_bytes / partitions.max(1),
            // The ends of logs are reported.
            track_caught_up: true,
            ..settings.clone()
        };
        let consumer = Arc::new(settings.client(&settings.group)?);
        Ok(Self { consumer, settings, clock, stop, trouble, by_partition: BTreeMap::new() })
    }

    /// The queue of a partition that is read.
    pub(super) fn of(&self, partition: i32) -> Option<&PartitionQueue<Context>> {
        self.by_partition.get(&partition)
    }

    /// Reads a partition from this offset on, unless it is read already.
    pub(super) fn assign(&mut self, partition: i32, from: i64) -> Result<(), KafkaSourceError> {
        if self.by_partition.contains_key(&partition) {
            return Ok(());
        }
        let topic = &self.settings.topic;
        // Before it is assigned, so that no record goes to the common queue.
        let queue = self.consumer.split_partition_queue(topic, partition).ok_or_else(|| {
            KafkaSourceError::Settings(format!("{topic}-{partition}: librdkafka has no queue for it"))
        })?;
        let added = assignment(topic, partition, &[from]).and_then(|list| self.consumer.incremental_assign(&list));
        added.map_err(|error| self.failed(&error))?;
        self.by_partition.insert(partition, queue);
        Ok(())
    }

    /// Fetches no more of a partition.
    pub(super) fn pause(&self, partition: i32) -> Result<(), KafkaSourceError> {
        let list = list_of(&self.settings.topic, [partition]);
        self.consumer.pause(&list).map_err(|error| self.failed(&error))
    }

    /// Lets librdkafka hand over what it has to say beside records.
    pub(super) fn serve(&self) -> Result<(), KafkaSourceError> {
        while let Some(said) = self.consumer.poll(Duration::ZERO) {
            match said {
                Ok(message) => {
                    let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
                    let text = format!("{topic}-{partition}: record {offset} came past its partition's queue");
                    return Err(KafkaSourceError::Settings(text));
                }
                Err(error) => self.passes(&error)?,
            }
        }
        Ok(())
    }

    /// Nothing, after an error that passes by itself.
    pub(super) fn passes(&self, error: &KafkaError) -> Result<(), KafkaSourceError> {
        let KafkaSettings { topic, bootstrap, .. } = &self.settings;
        match (error, error.rdkafka_error_code()) {
            (KafkaError::PartitionEOF(_), _) => Ok(()),
            (KafkaError::MessageConsumption(_), Some(code)) if passes(code) => {
                let reason = self.consumer.context().take_reason().unwrap_or_else(|| code.to_string());
                self.trouble.tell(format!("{topic} cannot be read again from {bootstrap} ({reason}); retrying"));
                Ok(())
            }
            _ => Err(self.failed(error)),
        }
    }

    /// The offset that comes next is not in the log.
    pub(super) fn out_of_range(
        &self,
        partition: i32,
        offset: i64,
        hint: &'static str,
    ) -> Result<KafkaSourceError, KafkaSourceError> {
        let (low, high) = self.connecting(|asking| asking.log_range(partition))?;
        let topic = self.settings.topic.clone();
        Ok(KafkaSourceError::OffsetOutOfRange { topic, partition, offset, low, high, hint })
    }

    /// An error that ends reading.
    pub(super) fn failed(&self, error: &KafkaError) -> KafkaSourceError {
        let reason = self.consumer.context().take_reason();
        KafkaSourceError::Client { topic: self.settings.topic.clone(), error: error.to_string(), reason }
    }

    /// Asks a broker, waiting for its answer.
    pub(super) fn connecting<T>(
        &self,
        ask: impl FnOnce(&Connecting<'_>) -> Result<Option<T>, KafkaSourceError>,
    ) -> Result<T, KafkaSourceError> {
        let never = AtomicBool::new(false);
        ask(&Connecting {
            consumer: &self.consumer,
            settings: &self.settings,
            clock: &*self.clock,
            trouble: &self.trouble,
            stop: Stop([&self.stop, &never]),
        })?
        .ok_or(KafkaSourceError::Stopped)
    }
}
