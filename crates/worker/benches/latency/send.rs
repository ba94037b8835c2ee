//! Sends the events, whatever becomes of them meanwhile: a stall counts for every event that it holds up.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};

use crate::ALERT_EVERY;
use crate::pace::Pace;
use crate::readers::{Seen, Stream};

/// Tells when the broker has taken an event.
struct Acknowledged {
    seen: Sender<Seen>,
    /// How many it has taken.
    count: AtomicUsize,
}

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, order: usize) {
        result.as_ref().map(drop).map_err(|(error, _)| error).expect("the broker takes it");
        self.count.fetch_add(1, Ordering::Relaxed);
        // Who collects may have given up.
        let _gone = self.seen.send(Seen { stream: Stream::Acknowledged, order, at: Instant::now() });
    }
}

/// Sends so many events at this pace; gives when each was due.
///
/// As Kafka Connect's producers do: at once, and one request at a time, so that what comes meanwhile goes together with the
/// next. librdkafka's own million requests at a time make each event a request of its own, however many wait: a broker takes
/// one request of a connection after the other, and ten thousand a second are then more than two cores have.
pub(crate) fn send(bootstrap: &str, topic: &str, count: usize, pace: Pace, seen: &Sender<Seen>) -> Vec<Instant> {
    let producer: BaseProducer<Acknowledged> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("linger.ms", "0")
        .set("max.in.flight", "1")
        .create_with_context(Acknowledged { seen: seen.clone(), count: AtomicUsize::new(0) })
        .expect("a producer");
    // Both readers are there by then.
    let start = Instant::now() + Duration::from_secs(3);
    let mut next = 0;
    while next < count {
        std::thread::sleep((start + pace.wake(next)).saturating_duration_since(Instant::now()));
        let due = pace.due_by(start.elapsed()).min(count);
        for order in next..due {
            let (symbol, value) = event(order);
            let record = BaseRecord::with_opaque_to(topic, order).key(&symbol).payload(&value);
            producer.send(record).map_err(|(error, _)| error).expect("the producer takes it");
            let _gone = seen.send(Seen { stream: Stream::Sent, order, at: Instant::now() });
        }
        next = due;
        hear_all(&producer);
    }
    producer.flush(Duration::from_secs(30)).expect("the broker takes all");
    (0..count).map(|order| start + pace.due(order)).collect()
}

/// Hears of all that the broker has taken: a call of `poll` that may not wait tells of one request only, and what nobody has
/// heard of counts as not sent yet.
fn hear_all(producer: &BaseProducer<Acknowledged>) {
    let heard = || producer.context().count.load(Ordering::Relaxed);
    loop {
        let before = heard();
        producer.poll(Duration::ZERO);
        if heard() == before {
            return;
        }
    }
}

/// An event's symbol, and Debezium's message of it.
fn event(order: usize) -> (String, String) {
    let symbol = format!("{:06}", order % 50);
    let quantity = if order.is_multiple_of(ALERT_EVERY) { 501 } else { 10 };
    let value = format!(
        r#"{{"before":null,"after":{{"id":{order},"symbol":"{symbol}","side":"BUY","quantity":{quantity},"price":"72000.00","status":"PENDING"}},"source":{{"ts_ms":1770872258000,"db":"orders_db","table":"orders","file":"mysql-bin.000003","pos":{},"row":0}},"op":"c","ts_ms":1770872258001}}"#,
        order + 1
    );
    (symbol, value)
}
