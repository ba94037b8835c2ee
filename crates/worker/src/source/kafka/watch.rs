//! What is asked of the broker beside reading: whether it is there, whether the topic has grown, and whether it is still
//! the same topic.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::connect::{partitions_of, replicas_of};
use super::context::Context;
use super::elsewhere::another;
use super::ffi;
use super::settings::KafkaSettings;
use super::source::TopicId;
use super::trouble::Trouble;
use crate::time::clock::Clock;

/// How often to ask, and for how long.
const ASK_EVERY: Duration = Duration::from_secs(2);
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// When a broker last answered for each partition, by its number.
type Answers = Arc<Mutex<Vec<Option<i64>>>>;

/// What has changed about the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    /// It has so many partitions now, which are more than before.
    Grown(i32),
    /// It is another topic of the same name.
    Another(TopicId),
}

/// The thread that asks. It ends when this is dropped.
pub(super) struct Watch {
    answers: Answers,
    changed: Receiver<Changed>,
    ending: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Watches a topic of `partitions` partitions. Without its id nobody can tell whether it stays the same.
    pub(super) fn start(
        consumer: Arc<BaseConsumer<Context>>,
        settings: KafkaSettings,
        clock: Arc<dyn Clock>,
        trouble: Arc<Trouble>,
        (topic_id, partitions): (Option<TopicId>, i32),
    ) -> std::io::Result<Self> {
        let answers = Answers::default();
        let (to_reader, changed) = channel();
        let (ending, ended) = channel();
        let own = Arc::clone(&answers);
        let watcher = Watcher { consumer, settings, clock, trouble, answers: own, to_reader, topic_id, partitions };
        let thread = thread::Builder::new().name("kafka-watch".to_owned()).spawn(move || watcher.run(&ended))?;
        Ok(Self { answers, changed, ending: Some(ending), thread: Some(thread) })
    }

    /// When a broker last answered for each partition.
    pub(super) fn answers(&self) -> Vec<Option<i64>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What has changed since this was last asked, one thing after the other.
    pub(super) fn changed(&self) -> Option<Changed> {
        self.changed.try_recv().ok()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.ending.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing to say any more, not even a panic.
            let _ended = thread.join();
        }
    }
}

struct Watcher {
    consumer: Arc<BaseConsumer<Context>>,
    settings: KafkaSettings,
    clock: Arc<dyn Clock>,
    trouble: Arc<Trouble>,
    answers: Answers,
    to_reader: Sender<Changed>,
    /// The topic's id, as long as it is watched.
    topic_id: Option<TopicId>,
    partitions: i32,
}

impl Watcher {
    fn run(mut self, ended: &Receiver<()>) {
        self.look_for_partitions();
        let mut refreshed_ms = self.clock.boot_ms();
        let refresh = Duration::from_millis(self.settings.metadata_refresh_ms.max(100) as u64);
        loop {
            self.look_for_another();
            self.ask_for_ends();
            let now_ms = self.clock.boot_ms();
            if now_ms - refreshed_ms >= self.settings.metadata_refresh_ms {
                refreshed_ms = now_ms;
                self.look_for_partitions();
            }
            if ended.recv_timeout(ASK_EVERY.min(refresh)) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    fn ask_for_ends(&mut self) {
        let mut all = true;
        for partition in 0..self.partitions {
            let Ok((_, end)) = self.consumer.fetch_watermarks(&self.settings.topic, partition, ANSWER_WITHIN) else {
                all = false;
                continue;
            };
            self.consumer.context().note_end(partition, end);
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.resize(self.partitions as usize, None);
            if let Some(answer) = answers.get_mut(partition as usize) {
                *answer = Some(self.clock.boot_ms());
            }
        }
        if all {
            self.trouble.over(|| format!("{} answers", self.settings.bootstrap));
        }
    }

    /// A topic of the same name with another id: once told, there is nothing more to watch for.
    fn look_for_another(&mut self) {
        if self.topic_id.is_none() {
            return;
        }
        // No answer, or no such topic at the moment: the next one will tell.
        let Ok(found) = ffi::topic_id(self.consumer.client(), &self.settings.topic, ANSWER_WITHIN) else { return };
        if let Some((_, found)) = another(self.topic_id, found) {
            self.topic_id = None;
            let _gone = self.to_reader.send(Changed::Another(found));
        }
    }

    fn look_for_partitions(&mut self) {
        let topic = &self.settings.topic;
        let Ok(metadata) = self.consumer.fetch_metadata(Some(topic), ANSWER_WITHIN) else { return };
        let Ok(count) = partitions_of(&metadata, topic) else { return };
        self.consumer.context().note_replicas(replicas_of(&metadata, topic));
        if count > self.partitions {
            self.partitions = count;
            // The reader may have ended meanwhile.
            let _gone = self.to_reader.send(Changed::Grown(count));
        }
    }
}
