//! Who sees the events: the worker, by its lines; a bare consumer; and who reads what the worker's sink has committed.

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

use crate::topic::PARTITIONS;

/// How many of them there are.
pub(crate) const STREAMS: usize = 6;

/// The streams of the sink, by their settings' names.
const SINK_STREAMS: [&str; 5] = ["raw", "agg", "alerts", "late", "dlq"];

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
    /// In the RAW topic of the worker's sink, committed.
    Committed,
}

/// The topic that the worker reads, and those that it writes to.
pub(crate) struct Topics {
    source: String,
    /// RAW's first; none where the sink is off.
    pub(crate) sink: Vec<String>,
}

impl Topics {
    /// Named after the source's.
    pub(crate) fn of(source: &str, kafka_sink: bool) -> Self {
        let streams: &[&str] = if kafka_sink { &SINK_STREAMS } else { &[] };
        Self { source: source.to_owned(), sink: streams.iter().map(|stream| format!("{source}.{stream}")).collect() }
    }

    /// The source's and the sink's.
    pub(crate) fn all(&self) -> Vec<String> {
        std::iter::once(&self.source).chain(&self.sink).cloned().collect()
    }

    /// The sink's RAW topic.
    pub(crate) fn raw(&self) -> Option<&str> {
        self.sink.first().map(String::as_str)
    }
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
    pub(crate) fn start(bootstrap: &str, topics: &Topics, seen: Sender<Seen>) -> Self {
        let state = tempfile::tempdir().expect("a directory");
        let source = &topics.source;
        let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
        command.current_dir(state.path()).args(["run", "--format", "json", "--log-level", "warn"]);
        let mut set = |name: &str, value: &str| {
            command.args(["--set", &format!("{name}={value}")]);
        };
        set("web.listen", "127.0.0.1:0");
        set("kafka.bootstrap", bootstrap);
        set("kafka.topic", source);
        set("kafka.group", source);
        if !topics.sink.is_empty() {
            set("sink.kafka.enabled", "true");
            set("sink.kafka.transactional_id", source);
        }
        for (stream, topic) in SINK_STREAMS.iter().zip(&topics.sink) {
            set(&format!("sink.kafka.{stream}_topic"), topic);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the worker starts");
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
pub(crate) struct Reader {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _panicked = self.thread.take().map(JoinHandle::join);
    }
}

/// Starts reading a topic, with librdkafka's own settings (`read_committed` is one of them).
pub(crate) fn start(stream: Stream, bootstrap: &str, topic: &str, seen: Sender<Seen>) -> Reader {
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
    let field = if stream == Stream::Bare { r#""id":"# } else { r#""order_id":"# };
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let thread = std::thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
            let at = Instant::now();
            let message = message.expect("a topic that can be read");
            let text = std::str::from_utf8(message.payload().unwrap_or_default()).expect("our own message");
            let order = number_after(text, field).expect("an order");
            if seen.send(Seen { stream, order, at }).is_err() {
                return;
            }
        }
    });
    Reader { stop, thread: Some(thread) }
}
