//! The thread that polls: records into batches, batches to the driver, and what goes wrong told apart into what passes
//! and what ends the source.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::KafkaSourceError;
use super::caught_up::CaughtUp;
use super::connect::{Connecting, Starts, Stop};
use super::context::Context;
use super::elsewhere::{Move, another};
use super::end::{End, Stopped};
use super::ends::Ends;
use super::messages::{Fetched, Messages};
use super::moving::Positions;
use super::partitions::{assignment, list_of, partition_ids};
use super::passing::passes;
use super::settings::{KafkaSettings, StartFrom};
use super::source::{Standing, TopicId};
use super::trouble::Trouble;
use super::watch::{Changed, Watch};
use crate::source::{Batch, PartitionId};
use crate::time::clock::Clock;

/// How long to wait for a first record.
const IDLE_WAIT: Duration = Duration::from_millis(100);
/// How long to wait for more while the driver is busy with what it has.
const BUSY_WAIT: Duration = Duration::from_millis(1);
/// A batch's values must stay within what it can address.
const BATCH_BYTES_MAX: usize = 1 << 30;

/// What the polling thread tells the driver's.
#[derive(Debug)]
pub(super) enum SourceEvent {
    /// These partitions are read from now on: all of them, those known before too.
    Assigned { partitions: Vec<PartitionId>, topic_id: Option<TopicId>, standings: Vec<Standing> },
    /// Records, and what is known of the partitions after them.
    Records { batch: Batch, standings: Vec<Standing> },
    /// No records, but other partitions are caught up than before.
    Idle { standings: Vec<Standing> },
    /// Reading goes on elsewhere: this thread has ended, and the next one begins there.
    Moved(Move),
    /// Every partition has got to where reading is to end: this thread has ended.
    Reached,
    /// The source is at its end.
    Failed(KafkaSourceError),
}

/// What the thread works with.
pub(super) struct Poller {
    /// Reads.
    pub consumer: Arc<BaseConsumer<Context>>,
    /// What is wanted.
    pub settings: KafkaSettings,
    /// The id of the topic that the offsets to start from are of, where it is known.
    pub expected: Option<TopicId>,
    /// Tells how long ago a broker answered.
    pub clock: Arc<dyn Clock>,
    /// The program's wish to stop, and the source's own end.
    pub stop: [Arc<AtomicBool>; 2],
    /// Told what keeps it from reading.
    pub trouble: Arc<Trouble>,
    /// To the driver.
    pub events: SyncSender<SourceEvent>,
    /// Batches that come back.
    pub spare: Receiver<Batch>,
}

impl Poller {
    /// Connects and reads until told to stop or until it cannot go on.
    pub(super) fn run(self) {
        let events = self.events.clone();
        let last = match self.read() {
            Err(End::Failed(error)) => SourceEvent::Failed(error),
            Err(End::Moved(to)) => SourceEvent::Moved(to),
            Err(End::Reached) => SourceEvent::Reached,
            Err(End::Stopped) | Ok(()) => return,
        };
        // Nobody may be left to hear it.
        let _gone = events.send(last);
    }

    fn connecting(&self) -> Connecting<'_> {
        let [program, own] = &self.stop;
        Connecting {
            consumer: &self.consumer,
            settings: &self.settings,
            clock: &*self.clock,
            trouble: &self.trouble,
            stop: Stop([program, own]),
        }
    }

    fn read(self) -> Result<(), End> {
        let connecting = self.connecting();
        let count = connecting.wait_for_topic()?.ok_or(Stopped)?;
        let lists_groups = connecting.refuse_group_members()?.ok_or(Stopped)?;
        let topic_id = connecting.topic_id(lists_groups)?;
        if let Some((was, found)) = another(self.expected, topic_id) {
            let known = if let StartFrom::Offsets(offsets) = &self.settings.from { offsets.len() } else { 0 };
            return Err(connecting.recreated(was, found, known)?.into());
        }
        let Starts { next, lost, ends } = connecting.start_offsets(count)?.ok_or(Stopped)?;
        let standings: Vec<Standing> = next.iter().map(|next| Standing::at(*next)).collect();
        if !lost.is_empty() {
            return Err(connecting.skip(topic_id, &standings, lost)?.into());
        }
        self.consumer
            .assign(&assignment(&self.settings.topic, 0, &next).map_err(|error| connecting.client_error(&error))?)
            .map_err(|error| connecting.client_error(&error))?;
        let topic = &self.settings.topic;
        let ends = self.settings.until.as_ref().map(|_| Ends::new(&next, ends.clone())).inspect(|_| {
            tracing::info!(offsets = ?ends, "kafka: reading {topic} ends there");
        });
        tracing::info!(offsets = ?next, "kafka: reading {topic}");
        let (settings, clock, trouble) = (self.settings.clone(), Arc::clone(&self.clock), Arc::clone(&self.trouble));
        let watch = Watch::start(Arc::clone(&self.consumer), settings, clock, trouble, (topic_id, count))
            .map_err(|error| KafkaSourceError::Settings(format!("no thread to watch the broker: {error}")))?;
        let mut caught_up = CaughtUp::default();
        caught_up.grow(next.len());
        let mut reading = Reading {
            partitions: partition_ids(&self.settings.topic, next.len()),
            batch: Batch::default(),
            caught_up,
            told: Vec::new(),
            topic_id,
            standings,
            ends,
            paused: 0,
            watch,
            messages: Messages::of(&self.consumer).map_err(|error| connecting.client_error(&error))?,
            poller: &self,
        };
        reading.run()
    }
}

/// A source that has its partitions.
struct Reading<'a> {
    poller: &'a Poller,
    watch: Watch,
    messages: Messages,
    partitions: Vec<PartitionId>,
    topic_id: Option<TopicId>,
    /// What is known of each partition; caught up only in what the driver is told.
    standings: Vec<Standing>,
    /// Where reading is to end, if anywhere.
    ends: Option<Ends>,
    /// How many partitions have got there and are fetched no more.
    paused: usize,
    batch: Batch,
    caught_up: CaughtUp,
    /// Which partitions the driver was last told to be caught up.
    told: Vec<bool>,
}

impl Reading<'_> {
    fn run(&mut self) -> Result<(), End> {
        self.tell_assigned()?;
        self.batch = self.fresh_batch();
        let [program, own] = &self.poller.stop;
        let stop = Stop([program, own]);
        while !stop.is_set() {
            match self.watch.changed() {
                Some(Changed::Grown(count)) => self.grow(count)?,
                Some(Changed::Another(found)) => return Err(self.another(found)?),
                None => {}
            }
            self.drain()?;
            self.look_for_ends()?;
            self.hand_over()?;
        }
        Ok(())
    }

    /// Leaves partitions alone that have got to where reading is to end; ends once all have.
    fn look_for_ends(&mut self) -> Result<(), End> {
        let Some(ends) = &self.ends else { return Ok(()) };
        if ends.all_reached() {
            self.hand_over_all()?;
            return Err(End::Reached);
        }
        let reached: Vec<i32> = ends.reached().collect();
        if reached.len() > self.paused {
            self.paused = reached.len();
            let list = list_of(&self.poller.settings.topic, reached);
            let paused = self.poller.consumer.pause(&list);
            paused.map_err(|error| self.poller.connecting().client_error(&error))?;
        }
        Ok(())
    }

    /// Takes what is there: waits for the first record only, where the client also says what else there is.
    fn drain(&mut self) -> Result<(), End> {
        let consumer = &self.poller.consumer;
        let mut waited = false;
        while !self.is_full() {
            if let Some(taken) = self.messages.next() {
                match taken.read() {
                    Ok(message) => self.take(&message),
                    Err(error) => self.judge(&error)?,
                }
            } else if !waited {
                waited = true;
                match consumer.poll(if self.batch.records.is_empty() { IDLE_WAIT } else { BUSY_WAIT }) {
                    None => break,
                    Some(Ok(message)) => self.take(&Fetched::of(&message)),
                    Some(Err(error)) => self.judge(&error)?,
                }
            } else if !self.messages.take() {
                break;
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        let KafkaSettings { batch_records_max, batch_bytes_max, .. } = self.poller.settings;
        self.batch.records.len() >= batch_records_max.max(1)
            || self.batch.bytes() >= batch_bytes_max.clamp(1, BATCH_BYTES_MAX)
    }

    fn take(&mut self, message: &Fetched<'_>) {
        let partition = message.partition as usize;
        if self.ends.as_mut().is_some_and(|ends| !ends.takes(partition, message.offset)) {
            return;
        }
        let Some(standing) = self.standings.get_mut(partition) else { return };
        standing.position = message.offset + 1;
        standing.leader_epoch = message.leader_epoch;
        self.caught_up.record(partition);
        self.batch.push(partition as u32, message.offset, message.timestamp_ms, message.value);
    }

    fn hand_over(&mut self) -> Result<(), Stopped> {
        let caught_up = self.caught_up_now();
        if self.batch.records.is_empty() {
            if caught_up != self.told {
                let event = SourceEvent::Idle { standings: self.standings(&caught_up) };
                match self.poller.events.try_send(event) {
                    Ok(()) => self.told = caught_up,
                    Err(TrySendError::Full(_)) => {}
                    Err(TrySendError::Disconnected(_)) => return Err(Stopped),
                }
            }
            return Ok(());
        }
        let full = self.is_full();
        let batch = std::mem::take(&mut self.batch);
        match self.poller.events.try_send(SourceEvent::Records { batch, standings: self.standings(&caught_up) }) {
            Ok(()) => {}
            Err(TrySendError::Full(event)) if full => self.tell(event)?,
            Err(TrySendError::Full(SourceEvent::Records { batch, .. })) => {
                // The driver has enough to do: let the batch grow meanwhile.
                self.batch = batch;
                return Ok(());
            }
            Err(_) => return Err(Stopped),
        }
        self.told = caught_up;
        self.batch = self.fresh_batch();
        Ok(())
    }

    fn standings(&self, caught_up: &[bool]) -> Vec<Standing> {
        let caught_up = caught_up.iter().copied().chain(std::iter::repeat(false));
        self.standings.iter().zip(caught_up).map(|(standing, caught_up)| Standing { caught_up, ..*standing }).collect()
    }

    /// The topic is another: what was read of the old one goes first.
    fn another(&mut self, found: TopicId) -> Result<End, End> {
        self.hand_over_all()?;
        let Some(was) = self.topic_id else { return Ok(End::Stopped) };
        Ok(self.poller.connecting().recreated(was, found, self.standings.len())?.into())
    }

    /// The broker refused an offset: what was read before it goes first.
    fn refused_offset(&mut self, error: &KafkaError) -> Result<End, End> {
        self.hand_over_all()?;
        let connecting = self.poller.connecting();
        let ours = self.poller.expected.is_some() || !matches!(self.poller.settings.from, StartFrom::Offsets(_));
        let sure = ours && self.topic_id.is_some();
        let positions = Positions { topic_id: self.topic_id, sure, standings: &self.standings };
        let to = connecting.refused_offset(positions)?;
        Ok(to.map_or_else(|| connecting.client_error(error).into(), End::Moved))
    }

    fn hand_over_all(&mut self) -> Result<(), Stopped> {
        if self.batch.records.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        self.tell(SourceEvent::Records { batch, standings: self.standings(&[]) })
    }

    fn tell_assigned(&self) -> Result<(), Stopped> {
        let (partitions, topic_id) = (self.partitions.clone(), self.topic_id);
        self.tell(SourceEvent::Assigned { partitions, topic_id, standings: self.standings(&[]) })
    }

    fn caught_up_now(&self) -> Vec<bool> {
        if !self.poller.settings.track_caught_up {
            return Vec::new();
        }
        self.caught_up.at(self.poller.clock.boot_ms(), &self.watch.answers())
    }

    fn fresh_batch(&self) -> Batch {
        let mut batch = self.poller.spare.try_recv().unwrap_or_default();
        batch.clear();
        if batch.partitions.len() < self.partitions.len() {
            batch.partitions.clone_from(&self.partitions);
        }
        batch
    }

    fn tell(&self, event: SourceEvent) -> Result<(), Stopped> {
        self.poller.events.send(event).map_err(|_| Stopped)
    }

    /// Reads partitions that were added to the topic, from their beginning.
    fn grow(&mut self, count: i32) -> Result<(), End> {
        if self.ends.is_some() {
            // They were not there at the start, where it was said where to end.
            return Ok(());
        }
        let (connecting, known) = (self.poller.connecting(), self.standings.len());
        let topic = &self.poller.settings.topic;
        // More partitions than it had: it may be another topic, whose others would be read from where the old ones stood.
        let found = connecting.topic_id(self.topic_id.is_some())?;
        if let Some((_, found)) = another(self.topic_id, found) {
            return Err(self.another(found)?);
        }
        let beginnings = connecting.beginnings(known as i32..count)?.ok_or(Stopped)?;
        let added = assignment(topic, known as i32, &beginnings).map_err(|error| connecting.client_error(&error))?;
        self.poller.consumer.incremental_assign(&added).map_err(|error| connecting.client_error(&error))?;
        tracing::info!(
            partitions = count,
            "kafka: {topic} has grown; its new partitions are read from their beginning"
        );
        self.standings.extend(beginnings.into_iter().map(Standing::at));
        self.caught_up.grow(self.standings.len());
        self.partitions = partition_ids(topic, self.standings.len());
        self.batch.partitions.clone_from(&self.partitions);
        self.tell_assigned()?;
        Ok(())
    }

    fn judge(&mut self, error: &KafkaError) -> Result<(), End> {
        let code = error.rdkafka_error_code();
        match (error, code) {
            (KafkaError::PartitionEOF(partition), _) => {
                self.caught_up.end_reached(*partition as usize);
                if let Some(ends) = &mut self.ends {
                    ends.end_of_log(*partition as usize);
                }
                Ok(())
            }
            (KafkaError::MessageConsumption(_), Some(code)) if passes(code) => {
                let KafkaSettings { topic, bootstrap, .. } = &self.poller.settings;
                let reason = self.poller.consumer.context().take_reason().unwrap_or_else(|| code.to_string());
                self.poller.trouble.tell(format!("{topic} cannot be read from {bootstrap} ({reason}); retrying"));
                Ok(())
            }
            (_, Some(RDKafkaErrorCode::AutoOffsetReset)) => Err(self.refused_offset(error)?),
            _ => Err(self.poller.connecting().client_error(error).into()),
        }
    }
}
