//! The bare transactional producer: the sink's own settings and bounds, and nothing besides. Its messages are in memory
//! before it begins, and need not be made.

use std::time::{Duration, Instant};

use rdkafka::message::Message as _;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use worker::sink::{KafkaSinkSettings, Topics};

use crate::read::{self, PATIENCE};
use crate::{topic, topics};

/// The bounds of the sink's transactions (`commands/kafka_sink.rs`, `sink.kafka.transaction_ms`).
const TRANSACTION_BYTES: usize = 8 << 20;
const TRANSACTION_MESSAGES: usize = 50_000;
const TRANSACTION_FOR: Duration = Duration::from_millis(100);
const TRANSACTION_TIMEOUT_MS: u32 = 60_000;
const FLUSH_PAUSE: Duration = Duration::from_millis(1);
/// How long a full queue is waited for at a time, as in the sink.
const QUEUE_PAUSE: Duration = Duration::from_millis(20);

struct Message {
    topic: usize,
    key: Option<Vec<u8>>,
    value: Vec<u8>,
    /// Where it stands in its partition: the part that is before it.
    place: f64,
}

/// Reads, then writes.
pub(crate) fn run(bootstrap: &str, from: &str, to: &str) {
    let messages = load(bootstrap, &topics(from));
    let topics = topics(to);
    topic::create(bootstrap, &topics);
    let producer: BaseProducer = settings(bootstrap, to).producer().create().expect("a producer");
    producer.init_transactions(PATIENCE).expect("the broker lets us write");
    let mut rest = messages.iter().peekable();
    while rest.peek().is_some() {
        producer.begin_transaction().expect("a transaction begins");
        let (begun, mut bytes, mut count) = (Instant::now(), 0, 0);
        while bytes < TRANSACTION_BYTES && count < TRANSACTION_MESSAGES && begun.elapsed() < TRANSACTION_FOR {
            let Some(message) = rest.next() else { break };
            send(&producer, &topics[message.topic], message);
            bytes += message.value.len() + message.key.as_ref().map_or(0, Vec::len);
            count += 1;
        }
        // The client's own end of a transaction looks only every 100 ms whether it is written.
        while producer.flush(Duration::ZERO).is_err() {
            let before = producer.in_flight_count();
            producer.poll(Duration::ZERO);
            if producer.in_flight_count() == before {
                std::thread::sleep(FLUSH_PAUSE);
            }
        }
        producer.commit_transaction(PATIENCE).expect("a transaction is committed");
    }
}

/// All messages of some topics; the topics' partitions are gone through side by side, as a worker writes them.
fn load(bootstrap: &str, topics: &[String]) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut ends = std::collections::HashMap::new();
    read::all(bootstrap, topics, |message| {
        let topic = read::place(topics, message);
        let place = (topic, message.partition());
        ends.insert(place, message.offset() as f64 + 1.0);
        let (key, value) = (message.key().map(<[u8]>::to_vec), message.payload().unwrap_or_default().to_vec());
        messages.push((place, message.offset(), Message { topic, key, value, place: 0.0 }));
    });
    let mut messages: Vec<Message> = messages
        .into_iter()
        .map(|(place, offset, message)| Message { place: offset as f64 / ends[&place], ..message })
        .collect();
    messages.sort_by(|one, other| one.place.total_cmp(&other.place));
    messages
}

fn send(producer: &BaseProducer, topic: &str, message: &Message) {
    let mut record = BaseRecord::<[u8], [u8]>::to(topic).payload(&message.value);
    if let Some(key) = &message.key {
        record = record.key(key);
    }
    while let Err((error, back)) = producer.send(record) {
        assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull), "{error}");
        producer.poll(QUEUE_PAUSE);
        record = back;
    }
}

/// As a worker has them by default, but for what one broker cannot do.
fn settings(bootstrap: &str, prefix: &str) -> KafkaSinkSettings {
    let named = |stream: &str| format!("{prefix}.{stream}");
    KafkaSinkSettings {
        bootstrap: bootstrap.to_owned(),
        transactional_id: prefix.to_owned(),
        topics: Topics {
            raw: named("raw"),
            agg: named("agg"),
            alerts: named("alerts"),
            late: named("late"),
            dead_letters: named("dlq"),
        },
        partitions: topic::PARTITIONS,
        replication_factor: 1,
        transaction_timeout_ms: TRANSACTION_TIMEOUT_MS,
        extra: Vec::new(),
    }
}
