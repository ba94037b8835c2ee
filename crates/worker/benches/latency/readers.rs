//! Who sees the events: the worker, by its lines, and a bare consumer.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tempfile::TempDir;

use crate::PARTITIONS;

/// How many of them there are.
pub(crate) const STREAMS: usize = 5;

/// Where an event is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Handed to the producer.
    Sent,
    /// The broker has it, and the sender knows: it hears of that when it next wakes, at a low rate after the readers.
    Acknowledged,
    /// In the bare consumer.
    Bare,
    /// In a RAW line.
    Raw,
    /// In the line of a LARGE_ORDER.
    Alert,
}

/// An event that was seen.
pub(crate) struct Seen {
    pub(crate) stream: Stream,
    pub(crate) order: usize,
    pub(crate) at: Instant,
}

/// The worker's process; its state goes with it.
pub(crate) struct Worker {
    child: Child,
    _state: TempDir,
}

impl Worker {
    /// Starts it, and sends when each line was read from it.
    pub(crate) fn start(bootstrap: &str, topic: &str, seen: Sender<Seen>) -> Self {
        let state = tempfile::tempdir().expect("a directory");
        let mut child = Command::new(env!("CARGO_BIN_EXE_worker"))
            .current_dir(state.path())
            .args(["run", "--format", "json", "--log-level", "warn", "--set", "web.listen=127.0.0.1:0"])
            .args(["--set", &format!("kafka.bootstrap={bootstrap}"), "--set", &format!("kafka.topic={topic}")])
            .args(["--set", &format!("kafka.group={topic}")])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the worker starts");
        let out = BufReader::new(child.stdout.take().expect("its stdout"));
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let at = Instant::now();
                if let Some((stream, order)) = event_of(&line)
                    && seen.send(Seen { stream, order, at }).is_err()
                {
                    return;
                }
            }
        });
        Self { child, _state: state }
    }

    /// The run is over either way.
    pub(crate) fn stop(&mut self) {
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

fn event_of(line: &str) -> Option<(Stream, usize)> {
    let stream = if line.starts_with(r#"{"stream":"raw""#) {
        Stream::Raw
    } else if line.starts_with(r#"{"stream":"alert","id":"LARGE_ORDER"#) {
        Stream::Alert
    } else {
        return None;
    };
    Some((stream, number_after(line, r#""order_id":"#)?))
}

fn number_after(text: &str, name: &str) -> Option<usize> {
    let (_, rest) = text.split_once(name)?;
    rest.split(',').next()?.parse().ok()
}

/// A consumer that reads beside the worker until it is dropped.
pub(crate) struct Bare {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _panicked = self.thread.take().map(JoinHandle::join);
    }
}

/// Starts reading, with librdkafka's own settings.
pub(crate) fn start_bare(bootstrap: &str, topic: &str, seen: Sender<Seen>) -> Bare {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "bare")
        .set("enable.auto.commit", "false")
        .create()
        .expect("a consumer");
    let mut partitions = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        partitions.add_partition_offset(topic, partition, Offset::Beginning).expect("a partition");
    }
    consumer.assign(&partitions).expect("assigned");
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let thread = std::thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
            let at = Instant::now();
            let message = message.expect("a topic that can be read");
            let text = std::str::from_utf8(message.payload().unwrap_or_default()).expect("our own message");
            let order = number_after(text, r#""id":"#).expect("an order");
            if seen.send(Seen { stream: Stream::Bare, order, at }).is_err() {
                return;
            }
        }
    });
    Bare { stop, thread: Some(thread) }
}
