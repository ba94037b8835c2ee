//! A broker in the process, for demos and tests: librdkafka's mock cluster, and a thread that feeds it with the market.
//!
//! The mock speaks the protocol on a real port, but keeps only about 5 MB of each partition and forgets the oldest
//! messages without a word. The feeder therefore never runs further ahead of what has been consumed than what it keeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use super::generate::{GenerateError, Pace};
use super::kafka::MarketProducer;
use super::market::{Market, MarketSettings};
use crate::time::clock::Clock;

/// What may wait in the broker, in bytes: the mock keeps 5 MiB of a partition, and everything may be in one.
const WAITING_BYTES_MAX: u64 = 4 << 20;
/// What is sent at once at most, in bytes: the mock forgets whole batches, and hands out one at a time.
const BATCH_BYTES: &str = "131072";
/// What a message costs beside key and value, in bytes, a batch of its own included.
const MESSAGE_OVERHEAD_BYTES: u64 = 128;
/// How many messages may go between two looks at the clock.
const BURST: u64 = 256;
const NAP: Duration = Duration::from_millis(1);

/// The broker. It lives as long as this, on the thread that started it.
pub struct EmbeddedBroker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl EmbeddedBroker {
    /// Starts a broker with one topic, on a free port of loopback.
    ///
    /// # Errors
    /// No port or no thread to be had.
    pub fn start(topic: &str, partitions: i32) -> Result<Self, GenerateError> {
        let failed = |error: rdkafka::error::KafkaError| GenerateError::Kafka(format!("embedded broker: {error}"));
        let cluster = MockCluster::new(1).map_err(failed)?;
        cluster.create_topic(topic, partitions, 1).map_err(failed)?;
        Ok(Self { cluster })
    }

    /// Its address.
    pub fn bootstrap(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    /// What a consumer of this broker should set beside, by librdkafka's names: the mock lets a consumer that found
    /// nothing wait to the end of its time, also when something comes meanwhile.
    pub fn consumer_settings() -> Vec<(String, String)> {
        vec![("fetch.wait.max.ms".to_owned(), "5".to_owned())]
    }
}

/// What the feeder is told.
#[derive(Clone, Copy, Debug)]
pub struct FeedSettings {
    /// The market; its messages carry the time of now.
    pub market: MarketSettings,
    /// Messages a second; `None`: as fast as they are consumed.
    pub rate: Option<u32>,
    /// Ends after so many messages; `None`: when told to.
    pub count: Option<u64>,
}

/// Feeds a broker with the market. Dropping it ends the thread.
pub struct MarketFeeder {
    produced: Arc<AtomicU64>,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<(), GenerateError>>>,
}

impl MarketFeeder {
    /// Begins to feed `topic` on `bootstrap`. `consumed` is how many of its messages have been dealt with, kept up to
    /// date by the consumer; `stop` ends it.
    ///
    /// # Errors
    /// No producer or no thread to be had.
    pub fn start(
        bootstrap: &str,
        topic: &str,
        settings: FeedSettings,
        clock: Arc<dyn Clock>,
        consumed: Arc<AtomicU64>,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, GenerateError> {
        let producer = MarketProducer::connect(bootstrap, topic, &[("batch.size".to_owned(), BATCH_BYTES.to_owned())])?;
        let (produced, ending) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let feeding = Feeding {
            producer,
            settings,
            clock,
            consumed,
            produced: Arc::clone(&produced),
            stop: [stop, Arc::clone(&ending)],
        };
        let thread = thread::Builder::new()
            .name("market".to_owned())
            .spawn(move || feeding.run())
            .map_err(|error| GenerateError::Kafka(format!("no thread for the market: {error}")))?;
        Ok(Self { produced, ending, thread: Some(thread) })
    }

    /// How many messages were produced so far.
    pub fn produced(&self) -> u64 {
        self.produced.load(Ordering::Relaxed)
    }

    /// Ends the thread and tells how it went.
    ///
    /// # Errors
    /// The broker did not take a message.
    pub fn finish(mut self) -> Result<u64, GenerateError> {
        self.ending.store(true, Ordering::Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(Err(error))) => Err(error),
            Some(Err(_)) => Err(GenerateError::Kafka("the market's thread has panicked".to_owned())),
            Some(Ok(Ok(()))) | None => Ok(self.produced()),
        }
    }
}

impl Drop for MarketFeeder {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            match thread.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!("the market has closed: {error}"),
                Err(_) => tracing::error!("the market's thread has panicked"),
            }
        }
    }
}

struct Feeding {
    producer: MarketProducer,
    settings: FeedSettings,
    clock: Arc<dyn Clock>,
    consumed: Arc<AtomicU64>,
    produced: Arc<AtomicU64>,
    stop: [Arc<AtomicBool>; 2],
}

impl Feeding {
    fn run(self) -> Result<(), GenerateError> {
        let mut market = Market::new(&self.settings.market);
        let mut pace = Pace::new(self.settings.rate, self.clock.boot_ms());
        let [_, ending] = &self.stop;
        let count = self.settings.count.unwrap_or(u64::MAX);
        let (mut produced, mut largest) = (0_u64, 1_u64);
        while produced < count && !self.is_stopped() {
            let due = pace.due(self.clock.boot_ms());
            let room = room(largest, produced, self.consumed.load(Ordering::Relaxed));
            let burst = due.min(room).min(count - produced).min(BURST);
            let now_ms = self.clock.wall_ms();
            for _ in 0..burst {
                let message = market.generate_at(now_ms);
                let bytes = message.key.len() + message.value().map_or(0, <[u8]>::len);
                largest = largest.max(bytes as u64 + MESSAGE_OVERHEAD_BYTES);
                self.producer.send(message, ending)?;
            }
            pace.spend(burst);
            produced += burst;
            self.produced.store(produced, Ordering::Relaxed);
            self.producer.serve()?;
            if burst == 0 {
                thread::sleep(NAP);
            }
        }
        self.producer.flush()
    }

    fn is_stopped(&self) -> bool {
        self.stop.iter().any(|flag| flag.load(Ordering::Relaxed))
    }
}

/// How many more messages may go: as if all that wait were in one partition and each as large as the largest.
fn room(largest_bytes: u64, produced: u64, consumed: u64) -> u64 {
    let waiting = produced.saturating_sub(consumed);
    (WAITING_BYTES_MAX / largest_bytes.max(1 + MESSAGE_OVERHEAD_BYTES)).max(1).saturating_sub(waiting)
}

#[cfg(test)]
mod tests;
