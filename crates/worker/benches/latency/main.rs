//! From an event's due time to its result, against a real broker (`CDC_TEST_KAFKA`), at a steady rate: the worker's RAW
//! and ALERT lines, and beside them the same messages as a bare consumer of the same topic has them, at the same time.
//!
//! Sends are scheduled, not answered: an event is measured from the moment at which it was due, so that a stall counts
//! for every event that it held up (coordinated omission). Every time is kept, so percentiles are exact. When an event was
//! handed to the producer and when the broker had taken it is told beside: whether it is the sender that does not keep up.
//! The worker is the program itself, as `worker run` in JSON.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark: it stops where it cannot go on, prints its result, and reads the clock"
)]

mod pace;
mod readers;
mod report;
mod send;
mod topic;

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use clap::Parser;

use crate::pace::Pace;
use crate::readers::{STREAMS, Seen, Stream, Topics};

/// One event in so many is large enough for an alert.
const ALERT_EVERY: usize = 10;
/// The sender wakes at the ends of these.
const TICK: Duration = Duration::from_micros(500);
/// How long the last lines may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Latency at a steady rate
#[derive(Debug, Parser)]
struct Options {
    /// Events a second
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// For how long
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Seconds at the same rate before those that count: Java compiles what it does meanwhile
    #[arg(long, default_value_t = 10)]
    warm_up_seconds: u32,
    /// The worker's Kafka sink is on too, and a `read_committed` reader of its RAW topic sees the events
    #[arg(long)]
    kafka_sink: bool,
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
    let warm_up = (options.rate * options.warm_up_seconds) as usize;
    let count = warm_up + (options.rate * options.seconds) as usize;
    let topic = format!("latency-{}", std::process::id());
    let (send_seen, seen) = channel();
    let topics = Topics::of(&topic, options.kafka_sink);
    topic::create(&bootstrap, &topics.all());
    let bare = readers::start(Stream::Bare, &bootstrap, &topic, send_seen.clone());
    let committed = topics.raw().map(|raw| readers::start(Stream::Committed, &bootstrap, raw, send_seen.clone()));
    let mut worker = readers::Worker::start(&bootstrap, &topics, send_seen.clone());
    let due = send::send(&bootstrap, &topic, count, Pace::new(options.rate, TICK), &send_seen);
    let seen = collect(&seen, count, options.kafka_sink);
    drop((bare, committed));
    worker.stop();
    let latencies = |stream: Stream| -> Vec<Duration> {
        let seen = &seen[stream as usize];
        let counted = due.iter().zip(seen).skip(warm_up);
        counted.filter_map(|(due, seen)| Some(seen.as_ref()?.duration_since(*due))).collect()
    };
    print!("{}", report::report(&options, latencies));
}

/// When each order was seen first, by stream.
fn collect(seen: &Receiver<Seen>, count: usize, kafka_sink: bool) -> [Vec<Option<Instant>>; STREAMS] {
    let mut streams = [const { Vec::new() }; STREAMS];
    for stream in &mut streams {
        stream.resize(count, None);
    }
    // All of them but ALERT, and the committed ones where there are none.
    let whole = STREAMS - 1 - usize::from(!kafka_sink);
    let mut missing = whole * count + count.div_ceil(ALERT_EVERY);
    while missing > 0 {
        let Seen { stream, order, at } = seen.recv_timeout(PATIENCE).expect("every event comes out");
        if streams[stream as usize][order].replace(at).is_none() {
            missing -= 1;
        }
    }
    streams
}
