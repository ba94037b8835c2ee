//! The market's messages into a topic: for benchmarks, trials and the embedded broker.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};

use super::block_on::block_on;
use super::connect::partitions_of;
use super::context::Context;
use crate::source::generate::{Event, GenerateError, GenerateSettings, Surroundings, generate};
use crate::source::market::Generated;

/// How long a broker may take to answer at all.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long one attempt waits.
const ATTEMPT: Duration = Duration::from_millis(500);
/// How long a message may wait for others to be sent with, in milliseconds.
const LINGER_MS: &str = "5";
/// How long the last messages may take to be acknowledged.
const FLUSH_WITHIN: Duration = Duration::from_mins(1);

/// Sends `settings.count` messages to `topic`, which it creates if it is not there; where it is, its own number of
/// partitions counts. `extra` are further settings by librdkafka's names. Gives how many messages the broker has: fewer
/// only when stopped.
///
/// # Errors
/// A broker that does not answer within 10 s, or does not take a message.
pub fn generate_to_broker(
    bootstrap: &str,
    topic: &str,
    extra: &[(String, String)],
    settings: &GenerateSettings,
    surroundings: Surroundings<'_>,
) -> Result<u64, GenerateError> {
    let producer = MarketProducer::connect(bootstrap, topic, extra)?;
    let partitions = producer.ensure_topic(settings.market.partitions, surroundings.stop)?;
    let market = crate::source::market::MarketSettings { partitions, ..settings.market };
    let stop = surroundings.stop;
    let count = generate(&GenerateSettings { market, ..*settings }, surroundings, |event| match event {
        Event::Message(message) => producer.send(message, stop),
        Event::Pause => producer.serve(),
    })?;
    producer.flush()?;
    Ok(count)
}

/// Sends the market's messages, each once, in the order of each partition.
pub(in crate::source) struct MarketProducer {
    producer: BaseProducer<Watching>,
    config: ClientConfig,
    bootstrap: String,
    topic: String,
}

/// Keeps the first failure.
#[derive(Default)]
struct Watching {
    context: Context,
    failed: Mutex<Option<KafkaError>>,
}

impl ClientContext for Watching {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.context.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.context.error(error, reason);
    }
}

impl ProducerContext for Watching {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.clone());
        }
    }
}

impl MarketProducer {
    /// A producer for a topic; connects in the background.
    pub(in crate::source) fn connect(
        bootstrap: &str,
        topic: &str,
        extra: &[(String, String)],
    ) -> Result<Self, GenerateError> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", bootstrap).set("client.id", "cdc-market");
        config.set("allow.auto.create.topics", "false");
        for (key, value) in extra {
            config.set(key, value);
        }
        let mut producing = config.clone();
        producing.set("enable.idempotence", "true").set("linger.ms", LINGER_MS);
        let producer = producing.create_with_context(Watching::default()).map_err(|error| match error {
            // Without the value: it may be a password that this build has no use for.
            KafkaError::ClientConfig(_, description, _, _) => GenerateError::Kafka(description),
            error => GenerateError::Kafka(error.to_string()),
        })?;
        Ok(Self { producer, config, bootstrap: bootstrap.to_owned(), topic: topic.to_owned() })
    }

    /// Creates the topic if it is not there, and gives how many partitions it has.
    fn ensure_topic(&self, partitions: i32, stop: &AtomicBool) -> Result<i32, GenerateError> {
        if let Ok(there) = self.partitions(stop)? {
            return Ok(there);
        }
        let admin: AdminClient<DefaultClientContext> =
            self.config.create().map_err(|error| GenerateError::Kafka(error.to_string()))?;
        // The replication factor is the brokers' own default.
        let new = NewTopic::new(&self.topic, partitions, TopicReplication::Fixed(-1));
        let options = AdminOptions::new().request_timeout(Some(ANSWER_WITHIN)).operation_timeout(Some(ANSWER_WITHIN));
        let created = block_on(admin.create_topics([&new], &options));
        match created.map(|topics| topics.into_iter().next()) {
            Ok(Some(Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))) | None) => {}
            Ok(Some(Err((_, code)))) => return Err(self.refused("cannot be created", &code.to_string())),
            Err(error) => return Err(self.refused("cannot be created", &error.to_string())),
        }
        tracing::info!(partitions, "kafka: topic {} created on {}", self.topic, self.bootstrap);
        let mut why = String::new();
        for _ in 0..ANSWER_WITHIN.as_millis() / ATTEMPT.as_millis() {
            match self.partitions(stop)? {
                Ok(there) => return Ok(there),
                Err(not_yet) => why = not_yet,
            }
            std::thread::sleep(ATTEMPT / 10);
        }
        Err(GenerateError::Kafka(format!("topic {} {why} on {}", self.topic, self.bootstrap)))
    }

    /// How many partitions the topic has, or why none, once a broker answers.
    fn partitions(&self, stop: &AtomicBool) -> Result<Result<i32, String>, GenerateError> {
        let mut reason = None;
        for _ in 0..ANSWER_WITHIN.as_millis() / ATTEMPT.as_millis() {
            if let Ok(metadata) = self.producer.client().fetch_metadata(Some(&self.topic), ATTEMPT) {
                return Ok(partitions_of(&metadata, &self.topic));
            }
            self.producer.poll(Duration::ZERO);
            reason = self.producer.context().context.take_reason().or(reason);
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
        let reason = reason.unwrap_or_else(|| "no answer".to_owned());
        Err(GenerateError::Kafka(format!("cannot reach {} ({reason})", self.bootstrap)))
    }

    fn refused(&self, what: &str, why: &str) -> GenerateError {
        GenerateError::Kafka(format!("topic {} {what} on {}: {why}", self.topic, self.bootstrap))
    }

    /// Sends one message; waits while the broker is behind, unless told to stop.
    pub(in crate::source) fn send(&self, message: &Generated, stop: &AtomicBool) -> Result<(), GenerateError> {
        let mut record = BaseRecord::<[u8], [u8]>::to(&self.topic)
            .partition(message.partition)
            .timestamp(message.timestamp_ms)
            .key(&message.key);
        if let Some(value) = message.value() {
            record = record.payload(value);
        }
        while let Err((error, back)) = self.producer.send(record) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(self.refused("does not take a message", &error.to_string()));
            }
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            self.producer.poll(Duration::from_millis(10));
            record = back;
        }
        Ok(())
    }

    /// Takes the broker's answers; the first that is a refusal is the error.
    pub(in crate::source) fn serve(&self) -> Result<(), GenerateError> {
        self.producer.poll(Duration::ZERO);
        match self.producer.context().failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(self.refused("does not take a message", &error.to_string())),
            None => Ok(()),
        }
    }

    /// Waits until the broker has everything.
    pub(in crate::source) fn flush(&self) -> Result<(), GenerateError> {
        self.producer
            .flush(FLUSH_WITHIN)
            .map_err(|error| self.refused("did not acknowledge the last messages", &error.to_string()))?;
        self.serve()
    }
}
