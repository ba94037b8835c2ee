//! A broker to test against, and what it takes to fill its topics.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use worker::source::Batch;
use worker::source::generate::{GenerateError, GenerateSettings, Surroundings};
use worker::source::kafka::{KafkaSettings, KafkaSource, generate_to_broker};
use worker::time::clock::{Clock, SystemClock};

use super::{LONG, at};

/// One record as the tests see it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seen {
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) timestamp_ms: i64,
    pub(super) value: Option<Vec<u8>>,
}

/// The broker that `CDC_TEST_KAFKA` names.
pub(crate) struct Real {
    bootstrap: String,
    producer: BaseProducer,
}

impl Real {
    /// The broker; where there is none the test is skipped, and says so.
    pub(crate) fn broker() -> Option<Self> {
        let Ok(bootstrap) = std::env::var("CDC_TEST_KAFKA") else {
            println!("skipped: CDC_TEST_KAFKA names no broker (cargo xtask broker -- cargo test …)");
            return None;
        };
        let config = config(&bootstrap);
        Some(Self { bootstrap, producer: config.clone().set("linger.ms", "0").create().unwrap() })
    }

    pub(super) fn config(&self) -> ClientConfig {
        config(&self.bootstrap)
    }

    pub(super) fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config().create().unwrap()
    }

    /// Settings for a topic and a group that nobody else uses.
    pub(super) fn settings(&self, topic: &str) -> KafkaSettings {
        KafkaSettings::new(&self.bootstrap, topic, &unique("group"))
    }

    /// A new topic.
    pub(crate) fn topic(&self, partitions: i32) -> String {
        let topic = unique("topic");
        self.create(&topic, partitions);
        topic
    }

    pub(super) fn create(&self, topic: &str, partitions: i32) {
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1)).set("retention.ms", "-1");
        block_on(self.admin().create_topics([&new], &AdminOptions::new())).unwrap()[0].as_ref().unwrap();
        self.wait_for_partitions(topic, partitions as usize);
    }

    /// Deletes a topic and creates another of the same name.
    pub(super) fn recreate(&mut self, topic: &str, partitions: i32) {
        let admin = self.admin();
        let options = AdminOptions::new().operation_timeout(Some(LONG));
        block_on(admin.delete_topics(&[topic], &options)).unwrap()[0].as_ref().unwrap();
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1)).set("retention.ms", "-1");
        // The name is free again a moment later.
        while let Err((_, code)) = &block_on(admin.create_topics([&new], &options)).unwrap()[0] {
            assert_eq!(*code, rdkafka::types::RDKafkaErrorCode::TopicAlreadyExists);
            std::thread::sleep(Duration::from_millis(20));
        }
        // One that has heard of the deletion gives up what it is told to send.
        self.producer = config(&self.bootstrap).set("linger.ms", "0").create().unwrap();
        self.wait_for_partitions(topic, partitions as usize);
    }

    pub(super) fn wait_for_partitions(&self, topic: &str, count: usize) {
        let client = self.producer.client();
        while client.fetch_metadata(Some(topic), LONG).unwrap().topics()[0].partitions().len() < count {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn send(&self, topic: &str, partition: i32, value: Option<&str>, timestamp_ms: i64) {
        send_with(&self.producer, topic, partition, value, timestamp_ms);
    }

    pub(crate) fn generate(&self, topic: &str, settings: &GenerateSettings) -> Result<u64, GenerateError> {
        generate(&self.bootstrap, topic, settings)
    }

    pub(crate) fn flush(&self) {
        self.producer.flush(LONG).unwrap();
    }

    pub(super) fn transactional_producer(&self) -> BaseProducer {
        let producer: BaseProducer = self.config().set("transactional.id", unique("transactions")).create().unwrap();
        producer.init_transactions(LONG).unwrap();
        producer
    }

    /// Another job that reads a topic as a member of a group.
    pub(super) fn member(&self, group: &str, topic: &str) -> BaseConsumer {
        let other: BaseConsumer =
            self.config().set("group.id", group).set("client.id", "the-other-job").create().unwrap();
        other.subscribe(&[topic]).unwrap();
        while other.assignment().unwrap().count() == 0 {
            other.poll(Duration::from_millis(50));
        }
        other
    }

    pub(crate) fn delete_before(&self, topic: &str, partition: i32, offset: i64) {
        block_on(self.admin().delete_records(&at(topic, partition, offset), &AdminOptions::new())).unwrap();
    }
}

fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("allow.auto.create.topics", "false");
    config
}

/// Sends one record with any producer.
pub(super) fn send_with(to: &BaseProducer, topic: &str, partition: i32, value: Option<&str>, timestamp_ms: i64) {
    let mut record = BaseRecord::<str, str>::to(topic).partition(partition).timestamp(timestamp_ms).key("k");
    if let Some(value) = value {
        record = record.payload(value);
    }
    while let Err((error, back)) = to.send(record) {
        assert_eq!(error.rdkafka_error_code(), Some(rdkafka::error::RDKafkaErrorCode::QueueFull));
        to.poll(Duration::from_millis(10));
        record = back;
    }
    to.poll(Duration::ZERO);
}

/// Sends the market's messages to any broker.
pub(super) fn generate(bootstrap: &str, topic: &str, settings: &GenerateSettings) -> Result<u64, GenerateError> {
    let mut progress = 0;
    let surroundings = Surroundings {
        clock: &SystemClock,
        stop: &AtomicBool::new(false),
        progress: &mut |written| progress = written,
    };
    let written = generate_to_broker(bootstrap, topic, &[], settings, surroundings)?;
    assert_eq!(progress, written);
    Ok(written)
}

/// The same until it is told to stop; gives how many were written.
pub(super) fn generate_until(bootstrap: &str, topic: &str, settings: &GenerateSettings, stop: &AtomicBool) -> u64 {
    let surroundings = Surroundings { clock: &SystemClock, stop, progress: &mut |_| {} };
    generate_to_broker(bootstrap, topic, &[], settings, surroundings).unwrap()
}

/// Sends one record to any broker.
pub(super) fn send(bootstrap: &str, topic: &str, partition: i32, value: &str) {
    let producer: BaseProducer = config(bootstrap).create().unwrap();
    producer.send(BaseRecord::<str, str>::to(topic).partition(partition).payload(value)).map_err(|(e, _)| e).unwrap();
    producer.flush(LONG).unwrap();
}

pub(super) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// Starts a source, with the log kept.
pub(super) fn start(settings: KafkaSettings) -> KafkaSource {
    logs();
    KafkaSource::start(settings, clock(), Arc::default()).unwrap()
}

/// Reads until `done` says so of a batch.
pub(super) fn read_until(source: &mut KafkaSource, within: Duration, mut done: impl FnMut(&Batch) -> bool) {
    let deadline_ms = SystemClock.boot_ms() + within.as_millis() as i64;
    while SystemClock.boot_ms() < deadline_ms {
        if let Some(batch) = source.read(Duration::from_millis(100)).unwrap() {
            assert!(!batch.records.is_empty());
            let over = done(&batch);
            source.recycle(batch);
            if over {
                return;
            }
        }
    }
    panic!("not done in time; log:\n{}", logs());
}

/// Reads `count` records, and no more.
pub(super) fn collect(source: &mut KafkaSource, count: usize) -> Vec<Seen> {
    let mut seen = Vec::new();
    read_until(source, LONG, |batch| {
        seen.extend(batch.records.iter().map(|record| {
            let id = &batch.partitions[record.partition as usize];
            let value = batch.value(record).map(<[u8]>::to_vec);
            Seen { partition: id.partition, offset: record.offset, timestamp_ms: record.timestamp_ms, value }
        }));
        assert!(seen.len() <= count, "more than there should be: {seen:?}");
        seen.len() == count
    });
    seen
}

/// A name that no other test and no other run uses.
pub(super) fn unique(what: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{what}-{}-{}-{}", SystemClock.wall_ms(), std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Everything logged so far, by all tests of this binary.
pub(super) fn logs() -> String {
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    static KEPT: OnceLock<Kept> = OnceLock::new();
    let kept = KEPT.get_or_init(|| {
        let kept = Kept::default();
        let writer = kept.clone();
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(move || writer.clone())
            .init();
        kept
    });
    String::from_utf8_lossy(&kept.0.lock().unwrap()).into_owned()
}

/// Waits for a future on this thread: the admin client's answers come from a thread of its own.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return result;
        }
        std::thread::park();
    }
}
