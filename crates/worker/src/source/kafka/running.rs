//! The threads that read on, as their owner holds them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::consumer::BaseConsumer;

use super::context::Context;
use super::poll::{Poller, SourceEvent};
use super::source::TopicId;
use super::trouble::Trouble;
use super::{KafkaSettings, KafkaSourceError};
use crate::source::Batch;
use crate::time::clock::Clock;

/// How many batches wait for the driver at most. While one does, the next grows: more of them would be smaller, and every
/// epoch has costs of its own.
const BATCHES_AHEAD: usize = 1;

/// Reads on threads of its own; dropping it ends them.
pub(super) struct Running {
    /// Reads.
    pub consumer: Arc<BaseConsumer<Context>>,
    events: Option<Receiver<SourceEvent>>,
    spare: Sender<Batch>,
    stop: [Arc<AtomicBool>; 2],
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Begins to connect and returns at once. `expected` is the id of the topic that the offsets to start from are of.
    pub(super) fn start(
        settings: KafkaSettings,
        expected: Option<TopicId>,
        clock: Arc<dyn Clock>,
        stop: Arc<AtomicBool>,
        trouble: Arc<Trouble>,
    ) -> Result<Self, KafkaSourceError> {
        let consumer = Arc::new(settings.client(&settings.group)?);
        let (to_driver, events) = sync_channel(BATCHES_AHEAD);
        let (spare, returned) = channel();
        let stop = [stop, Arc::new(AtomicBool::new(false))];
        let poller = Poller {
            consumer: Arc::clone(&consumer),
            settings,
            expected,
            clock,
            stop: stop.clone(),
            trouble,
            events: to_driver,
            spare: returned,
        };
        let thread = thread::Builder::new()
            .name("kafka-poll".to_owned())
            .spawn(move || poller.run())
            .map_err(|error| KafkaSourceError::Settings(format!("no thread to read with: {error}")))?;
        Ok(Self { consumer, events: Some(events), spare, stop, thread: Some(thread) })
    }

    /// What the threads have to say next, waiting for it at most `wait`.
    pub(super) fn next(&self, wait: Duration) -> Result<Option<SourceEvent>, KafkaSourceError> {
        let Some(events) = &self.events else { return Ok(None) };
        match events.recv_timeout(wait) {
            Ok(SourceEvent::Failed(error)) => Err(error),
            Ok(event) => Ok(Some(event)),
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
    pub(super) fn recycle(&self, batch: Batch) {
        // A thread that has ended needs no more memory.
        let _ended = self.spare.send(batch);
    }
}

impl Drop for Running {
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
