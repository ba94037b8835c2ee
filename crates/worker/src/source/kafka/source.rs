//! The source as the driver sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::context::Context;
use super::poll::{Poller, SourceEvent};
use super::{KafkaSettings, KafkaSourceError};
use crate::source::{Batch, PartitionId};
use crate::time::clock::Clock;

/// How many batches wait for the driver at most.
const BATCHES_AHEAD: usize = 2;

/// Reads a topic on threads of its own. Dropping it ends them.
pub struct KafkaSource {
    consumer: Arc<BaseConsumer<Context>>,
    events: Option<Receiver<SourceEvent>>,
    spare: Sender<Batch>,
    stop: [Arc<AtomicBool>; 2],
    thread: Option<JoinHandle<()>>,
    partitions: Vec<PartitionId>,
    caught_up: Vec<bool>,
}

impl KafkaSource {
    /// Begins to connect and returns at once: what has to be waited for is said in the log, what cannot be mended by
    /// waiting comes from [`Self::read`]. `stop` ends it, also while it waits.
    ///
    /// # Errors
    /// Settings that librdkafka does not take.
    pub fn start(
        settings: KafkaSettings,
        clock: Arc<dyn Clock>,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, KafkaSourceError> {
        let consumer = Arc::new(settings.client(&settings.group)?);
        let (to_driver, events) = sync_channel(BATCHES_AHEAD);
        let (spare, returned) = channel();
        let stop = [stop, Arc::new(AtomicBool::new(false))];
        let poller = Poller {
            consumer: Arc::clone(&consumer),
            settings,
            clock,
            stop: stop.clone(),
            events: to_driver,
            spare: returned,
        };
        let thread = thread::Builder::new()
            .name("kafka-poll".to_owned())
            .spawn(move || poller.run())
            .map_err(|error| KafkaSourceError::Settings(format!("no thread to read with: {error}")))?;
        Ok(Self {
            consumer,
            events: Some(events),
            spare,
            stop,
            thread: Some(thread),
            partitions: Vec::new(),
            caught_up: Vec::new(),
        })
    }

    /// Records, waiting for them at most `wait`; `None` where none came. An order within a partition is the log's; slot
    /// `n` of the batch's table is partition `n`.
    ///
    /// # Errors
    /// What waiting does not mend. The records before it were delivered.
    pub fn read(&mut self, wait: Duration) -> Result<Option<Batch>, KafkaSourceError> {
        let Some(events) = &self.events else { return Ok(None) };
        match events.recv_timeout(wait) {
            Ok(SourceEvent::Records { batch, caught_up }) => {
                self.caught_up = caught_up;
                Ok(Some(batch))
            }
            Ok(SourceEvent::Idle { caught_up }) => {
                self.caught_up = caught_up;
                Ok(None)
            }
            Ok(SourceEvent::Assigned(partitions)) => {
                self.partitions = partitions;
                Ok(None)
            }
            Ok(SourceEvent::Failed(error)) => Err(error),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) if self.stop.iter().any(|flag| flag.load(Ordering::Relaxed)) => {
                Ok(None)
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(KafkaSourceError::Settings("the thread that reads has ended".to_owned()))
            }
        }
    }

    /// Takes a batch back, to use its memory again.
    pub fn recycle(&self, batch: Batch) {
        // A thread that has ended needs no more memory.
        let _ended = self.spare.send(batch);
    }

    /// The partitions that are read; none before the topic was reached.
    pub fn partitions(&self) -> &[PartitionId] {
        &self.partitions
    }

    /// Whether a partition was caught up after the records last read: its end was reported, no record came since, and a
    /// broker answered for it within 5 s. Known only where the settings ask for it.
    pub fn caught_up(&self, slot: usize) -> bool {
        self.caught_up.get(slot).copied().unwrap_or(false)
    }

    /// Commits offsets to read next as the group's, for whoever watches it. Does not wait; a failure is only logged.
    pub fn commit_offsets(&self, next_offsets: &[(PartitionId, i64)]) {
        let mut list = TopicPartitionList::new();
        let added = next_offsets
            .iter()
            .try_for_each(|(id, next)| list.add_partition_offset(&id.topic, id.partition, Offset::Offset(*next)));
        let committed = added.and_then(|()| self.consumer.commit(&list, CommitMode::Async));
        if let Err(error) = committed {
            tracing::warn!("kafka: the group's offsets were not committed (monitoring only): {error}");
        }
    }
}

impl Drop for KafkaSource {
    fn drop(&mut self) {
        let [_, own] = &self.stop;
        own.store(true, Ordering::Relaxed);
        // A thread that waits to hand over learns that nobody listens.
        drop(self.events.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("kafka: the thread that reads has panicked");
        }
    }
}
