//! From the producer's send to the worker's output line, against a real broker (`CDC_TEST_KAFKA`), at a steady rate.
//!
//! Sends are scheduled, not answered: an event is measured from the moment at which it was due, so that a stall counts
//! for every event that it held up (coordinated omission). The worker is the program itself, as `worker run` in JSON.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark: it stops where it cannot go on, prints its result, and reads the clock"
)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

/// Events that are sent before those that count.
const WARM_UP: usize = 200;
/// How long the last lines may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn main() {
    let Ok(bootstrap) = std::env::var("CDC_TEST_KAFKA") else {
        println!("skipped: no broker; run it as `cargo xtask bench latency`");
        return;
    };
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str, default: u64| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (rate, seconds) = (value("--rate", 100), value("--seconds", 20));
    let count = (rate * seconds) as usize + WARM_UP;
    let topic = format!("latency-{}", std::process::id());
    create_topic(&bootstrap, &topic);
    let (mut worker, lines) = start_worker(&bootstrap, &topic);
    let due = send(&bootstrap, &topic, count, Duration::from_secs(1) / rate as u32);
    let seen = collect(&lines, count);
    // The run is over either way.
    let _ended = worker.kill().and_then(|()| worker.wait());
    report(rate, &due, &seen);
}

fn create_topic(bootstrap: &str, topic: &str) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", bootstrap).create().expect("an admin client");
    let topic = NewTopic::new(topic, 3, TopicReplication::Fixed(1));
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

/// The worker, and when each order's RAW line was read from it.
fn start_worker(bootstrap: &str, topic: &str) -> (Child, Receiver<(usize, Instant)>) {
    let mut worker = Command::new(env!("CARGO_BIN_EXE_worker"))
        .args(["run", "--format", "json", "--log-level", "warn", "--set", "web.enabled=false"])
        .args(["--set", &format!("kafka.bootstrap={bootstrap}"), "--set", &format!("kafka.topic={topic}")])
        .args(["--set", &format!("kafka.group={topic}"), "--set", "sink.dead_letters.path=/dev/null"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the worker starts");
    let out = BufReader::new(worker.stdout.take().expect("its stdout"));
    let (send, lines) = channel();
    std::thread::spawn(move || {
        for line in out.lines().map_while(Result::ok) {
            let now = Instant::now();
            let order = line.starts_with(r#"{"stream":"raw""#).then(|| order_id(&line)).flatten();
            if order.is_some_and(|order| send.send((order, now)).is_err()) {
                return;
            }
        }
    });
    (worker, lines)
}

fn order_id(line: &str) -> Option<usize> {
    let (_, rest) = line.split_once(r#""order_id":"#)?;
    rest.split(',').next()?.parse().ok()
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
        let value = format!(
            r#"{{"before":null,"after":{{"id":{order},"symbol":"{symbol}","side":"BUY","quantity":10,"price":"72000.00","status":"PENDING"}},"source":{{"ts_ms":1770872258000,"db":"orders_db","table":"orders","file":"mysql-bin.000003","pos":{},"row":0}},"op":"c","ts_ms":1770872258001}}"#,
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

fn collect(lines: &Receiver<(usize, Instant)>, count: usize) -> Vec<Option<Instant>> {
    let mut seen = vec![None; count];
    let mut missing = count;
    while missing > 0 {
        let (order, at) = lines.recv_timeout(PATIENCE).expect("every event comes out");
        if seen[order].replace(at).is_none() {
            missing -= 1;
        }
    }
    seen
}

fn report(rate: u64, due: &[Instant], seen: &[Option<Instant>]) {
    let mut latencies: Vec<Duration> =
        due.iter().zip(seen).skip(WARM_UP).map(|(due, seen)| seen.expect("seen").duration_since(*due)).collect();
    latencies.sort_unstable();
    let at = |per_mille: usize| latencies[(latencies.len() * per_mille / 1_000).min(latencies.len() - 1)];
    println!("{} events at {rate} a second, from due to the output line:", latencies.len());
    for (name, per_mille) in [("p50", 500), ("p90", 900), ("p99", 990), ("p99.9", 999), ("max", 1_000)] {
        println!("  {name:<6} {:>8.2} ms", at(per_mille).as_secs_f64() * 1_000.0);
    }
}
