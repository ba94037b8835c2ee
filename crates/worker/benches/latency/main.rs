//! From an event's due time to its result, against a real broker (`CDC_TEST_KAFKA`), at a steady rate: the worker's RAW
//! and ALERT lines, and beside them the same messages as a bare consumer of the same topic has them, at the same time.
//!
//! Sends are scheduled, not answered: an event is measured from the moment at which it was due, so that a stall counts
//! for every event that it held up (coordinated omission). Every time is kept, so percentiles are exact. The worker is the
//! program itself, as `worker run` in JSON.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark: it stops where it cannot go on, prints its result, and reads the clock"
)]

mod readers;
mod report;

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use clap::Parser;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::readers::{Seen, Stream};

/// Events that are sent before those that count.
const WARM_UP: usize = 200;
/// One event in so many is large enough for an alert.
const ALERT_EVERY: usize = 10;
/// How long the last lines may take.
const PATIENCE: Duration = Duration::from_secs(20);
const PARTITIONS: i32 = 3;

/// Latency at a steady rate
#[derive(Debug, Parser)]
struct Options {
    /// Events a second
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// For how long
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// One JSON object instead of the table
    #[arg(long)]
    json: bool,
    /// Cargo says so to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    let Ok(bootstrap) = std::env::var("CDC_TEST_KAFKA") else {
        println!("skipped: no broker; run it as `cargo xtask bench latency`");
        return;
    };
    let count = (options.rate * options.seconds) as usize + WARM_UP;
    let topic = format!("latency-{}", std::process::id());
    create_topic(&bootstrap, &topic);
    let (send_seen, seen) = channel();
    let bare = readers::start_bare(&bootstrap, &topic, send_seen.clone());
    let mut worker = readers::Worker::start(&bootstrap, &topic, send_seen);
    let due = send(&bootstrap, &topic, count, Duration::from_secs(1) / options.rate);
    let seen = collect(&seen, count);
    drop(bare);
    worker.stop();
    let latencies = |stream: Stream| -> Vec<Duration> {
        let seen = &seen[stream as usize];
        let counted = due.iter().zip(seen).skip(WARM_UP);
        counted.filter_map(|(due, seen)| Some(seen.as_ref()?.duration_since(*due))).collect()
    };
    print!("{}", report::report(&options, latencies));
}

fn create_topic(bootstrap: &str, topic: &str) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", bootstrap).create().expect("an admin client");
    let topic = NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(1));
    let created = admin.create_topics([&topic], &AdminOptions::new());
    block_on(created).expect("the broker answers");
}

/// The admin client's answer comes from librdkafka's own thread; nothing else is awaited here.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Sends events at even distances; gives when each was due.
fn send(bootstrap: &str, topic: &str, count: usize, distance: Duration) -> Vec<Instant> {
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", bootstrap).set("linger.ms", "0").create().expect("a producer");
    let start = Instant::now() + Duration::from_secs(3);
    let mut due = Vec::with_capacity(count);
    for order in 0..count {
        let at = start + distance * order as u32;
        while Instant::now() < at {
            producer.poll(Duration::ZERO);
            std::thread::sleep(Duration::from_micros(200).min(at.saturating_duration_since(Instant::now())));
        }
        let symbol = format!("{:06}", order % 50);
        let quantity = if order.is_multiple_of(ALERT_EVERY) { 501 } else { 10 };
        let value = format!(
            r#"{{"before":null,"after":{{"id":{order},"symbol":"{symbol}","side":"BUY","quantity":{quantity},"price":"72000.00","status":"PENDING"}},"source":{{"ts_ms":1770872258000,"db":"orders_db","table":"orders","file":"mysql-bin.000003","pos":{},"row":0}},"op":"c","ts_ms":1770872258001}}"#,
            order + 1
        );
        let record = BaseRecord::to(topic).key(&symbol).payload(&value);
        producer.send(record).map_err(|(error, _)| error).expect("the producer takes it");
        producer.poll(Duration::ZERO);
        due.push(at);
    }
    producer.flush(Duration::from_secs(10)).expect("the broker takes all");
    due
}

/// When each order was seen first, by stream.
fn collect(seen: &Receiver<Seen>, count: usize) -> [Vec<Option<Instant>>; 3] {
    let mut streams = [const { Vec::new() }; 3];
    for stream in &mut streams {
        stream.resize(count, None);
    }
    let mut missing = 2 * count + count.div_ceil(ALERT_EVERY);
    while missing > 0 {
        let Seen { stream, order, at } = seen.recv_timeout(PATIENCE).expect("every event comes out");
        if streams[stream as usize][order].replace(at).is_none() {
            missing -= 1;
        }
    }
    streams
}
