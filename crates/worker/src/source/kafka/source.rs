//! The source as the driver sees it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::again::{Range, Rereader};
use super::connect::{Connecting, Stop};
use super::context::Context;
use super::elsewhere::{Move, Moved, another, shown};
use super::named::flag_of;
use super::partitions::partition_ids;
use super::poll::SourceEvent;
use super::running::Running;
use super::trouble::Trouble;
use super::{KafkaSettings, KafkaSourceError, StartFrom};
use crate::source::{Batch, OnRecreatedTopic, PartitionId, PartitionSeen};
use crate::time::clock::Clock;

/// A topic's id, as brokers give it.
pub type TopicId = [u8; 16];

/// What is known of a partition beside its records, as of those last handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The offset to read next.
    pub position: i64,
    /// Leader epoch of the last record; −1 where there is none yet, or the broker tells none.
    pub leader_epoch: i32,
    /// The partition's end was reported, no record came since, and a broker answered for it within 5 s. Known only where
    /// the settings ask for it.
    pub caught_up: bool,
}

impl Standing {
    /// At an offset from which nothing has been read yet.
    pub(super) fn at(position: i64) -> Self {
        Self { position, leader_epoch: -1, caught_up: false }
    }
}

/// A topic to read. Nothing connects before it is first asked for something; dropping it ends its threads.
pub struct KafkaSource {
    settings: KafkaSettings,
    clock: Arc<dyn Clock>,
    stop: Arc<AtomicBool>,
    trouble: Arc<Trouble>,
    partitions: Vec<PartitionId>,
    topic_id: Option<TopicId>,
    standings: Vec<Standing>,
    /// The id of the topic that the standings are of, where that is known for sure.
    expected: Option<TopicId>,
    /// What nobody has taken note of yet.
    moved: Option<Moved>,
    /// The client that has asked for the topic: at a start after a crash every connection counts.
    asked: Option<BaseConsumer<Context>>,
    again: Option<Rereader>,
    running: Option<Running>,
    /// Every partition has got to where reading is to end.
    reached: bool,
}

impl KafkaSource {
    /// A source that connects once it is asked for something. `stop` ends it, also while it waits.
    ///
    /// # Errors
    /// Settings that librdkafka does not take.
    pub fn start(
        settings: KafkaSettings,
        clock: Arc<dyn Clock>,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, KafkaSourceError> {
        settings.check()?;
        let trouble = Arc::new(Trouble::none(Arc::clone(&clock)));
        Ok(Self {
            settings,
            clock,
            stop,
            trouble,
            partitions: Vec::new(),
            topic_id: None,
            standings: Vec::new(),
            expected: None,
            moved: None,
            asked: None,
            again: None,
            running: None,
            reached: false,
        })
    }

    /// Goes to where the state stands: `next_offsets[n]` is what to read next of partition `n` of the topic with the id
    /// `was`. Waits for the topic, and refuses a group that has members. Gives the id that the topic has now. Where that is
    /// another and the policy goes on all the same, [`Self::read`] begins with a move to the new topic's beginning.
    ///
    /// # Errors
    /// What waiting does not mend.
    pub fn seek(
        &mut self,
        next_offsets: &[(PartitionId, i64)],
        was: Option<TopicId>,
    ) -> Result<Option<TopicId>, KafkaSourceError> {
        let topic = &self.settings.topic;
        if let StartFrom::Named(place) = &self.settings.from {
            let stands = next_offsets.iter().map(|(id, next)| format!("{}-{}: {next}", id.topic, id.partition));
            let stands = stands.collect::<Vec<_>>().join(", ");
            return Err(KafkaSourceError::StateStands { flag: flag_of(place), place: place.to_string(), stands });
        }
        for (number, (id, _)) in (0..).zip(next_offsets) {
            if *id.topic != **topic || id.partition != number {
                let found = format!("{}-{}", id.topic, id.partition);
                return Err(KafkaSourceError::OtherTopic { wanted: format!("{topic}-{number}"), found });
            }
        }
        let known = next_offsets.len() as i32;
        let consumer = self.settings.client(&self.settings.group)?;
        let asking = self.connecting(&consumer);
        let found = (|| {
            let Some(partitions) = asking.wait_for_topic()? else { return Ok(None) };
            if partitions < known {
                let (topic, partition) = (topic.clone(), known - 1);
                return Err(KafkaSourceError::NoSuchPartition { topic, partitions, partition });
            }
            let Some(lists_groups) = asking.refuse_group_members()? else { return Ok(None) };
            asking.topic_id(lists_groups)
        })()?;
        if let Some((was, found)) = another(was, found)
            && self.settings.on_recreated_topic == OnRecreatedTopic::Stop
        {
            let (topic, was, found) = (topic.clone(), shown(was), shown(found));
            return Err(KafkaSourceError::TopicRecreated { topic, was, found });
        }
        // The offsets are those of the topic that was read.
        self.topic_id = was.or(found);
        self.expected = was;
        self.partitions = next_offsets.iter().map(|(id, _)| id.clone()).collect();
        self.standings = next_offsets.iter().map(|(_, next)| Standing::at(*next)).collect();
        self.asked = Some(consumer);
        Ok(found)
    }

    /// Where the partitions that [`Self::seek`] named begin now; nothing where told to stop while asking.
    ///
    /// # Errors
    /// What waiting does not mend.
    pub fn beginnings(&mut self) -> Result<Vec<(PartitionId, i64)>, KafkaSourceError> {
        let consumer = match self.asked.take() {
            Some(consumer) => consumer,
            None => self.settings.client(&self.settings.group)?,
        };
        let found = self.connecting(&consumer).beginnings(0..self.partitions.len() as i32)?;
        Ok(self.partitions.iter().cloned().zip(found.unwrap_or_default()).collect())
    }

    /// An epoch that is executed again has named this partition: reading goes on there, in the topic of that id. Called
    /// between [`Self::reread`]s.
    pub fn goes_on_at(&mut self, partition: i32, offset: i64, topic_id: Option<TopicId>) {
        let slot = partition as usize;
        if self.standings.len() <= slot {
            self.partitions = partition_ids(&self.settings.topic, slot + 1);
            self.standings.resize(slot + 1, Standing::at(0));
        }
        self.standings[slot] = Standing::at(offset);
        if topic_id.is_some() {
            self.topic_id = topic_id;
            self.expected = topic_id;
        }
        // What it has read ahead is behind or before this place.
        self.again = None;
    }

    /// Reads ranges once more: for each exactly the records from `from` up to and including `to - 1`. Called after
    /// [`Self::seek`], for the ranges behind it, in their order; [`Self::read`] then goes on behind them.
    ///
    /// # Errors
    /// The topic no longer has them, or what waiting does not mend, or `stop` was set.
    pub fn reread(&mut self, ranges: &[Range]) -> Result<Batch, KafkaSourceError> {
        let count = ranges.iter().map(|range| range.partition + 1).max().unwrap_or(0).max(self.partitions.len() as i32);
        if self.partitions.len() < count as usize {
            self.partitions = partition_ids(&self.settings.topic, count as usize);
            // A partition found while running was read from its beginning: where that was, its first range says.
            self.standings.resize(count as usize, Standing::at(0));
        }
        if self.again.is_none() {
            self.again = Some(Rereader::new(
                &self.settings,
                self.partitions.len(),
                Arc::clone(&self.clock),
                Arc::clone(&self.stop),
                Arc::clone(&self.trouble),
            )?);
        }
        let mut batch = Batch::of(self.partitions.clone());
        let Some(again) = &mut self.again else { return Ok(batch) };
        again.read(ranges, &mut batch)?;
        for range in ranges {
            if let Some(standing) = self.standings.get_mut(range.partition as usize) {
                standing.position = range.to;
                standing.leader_epoch = again.leader_epochs.get(&range.partition).copied().unwrap_or(-1);
            }
        }
        Ok(batch)
    }

    /// Records, waiting for them at most `wait`; `None` where none came. An order within a partition is the log's; slot
    /// `n` of the batch's table is partition `n`.
    ///
    /// # Errors
    /// What waiting does not mend. The records before it were delivered.
    pub fn read(&mut self, wait: Duration) -> Result<Option<Batch>, KafkaSourceError> {
        if self.reached {
            return Ok(None);
        }
        let event = self.running()?.next(wait)?;
        Ok(match event {
            Some(SourceEvent::Records { batch, standings }) => {
                self.standings = standings;
                Some(batch)
            }
            Some(SourceEvent::Idle { standings }) => {
                self.standings = standings;
                None
            }
            Some(SourceEvent::Assigned { partitions, topic_id, standings }) => {
                self.partitions = partitions;
                self.topic_id = topic_id;
                self.standings = standings;
                None
            }
            Some(SourceEvent::Moved(Move { moved, topic_id, standings })) => {
                // With a client of its own: nothing that the old one remembers of the topic counts any more.
                self.running = None;
                self.partitions = partition_ids(&self.settings.topic, standings.len());
                self.topic_id = topic_id;
                self.expected = topic_id;
                self.standings = standings;
                self.moved = Some(moved);
                None
            }
            Some(SourceEvent::Reached) => {
                self.reached = true;
                None
            }
            Some(SourceEvent::Failed(error)) => return Err(error),
            None => None,
        })
    }

    /// What has moved reading elsewhere since this was last asked: positions and the topic's id are others already, and
    /// nothing was read there yet.
    pub fn take_moved(&mut self) -> Option<Moved> {
        self.moved.take()
    }

    /// Whether every partition has got to where reading is to end; what was read before it has been given.
    pub fn is_at_its_end(&self) -> bool {
        self.reached
    }

    /// The threads that read on, from where reading has come to.
    fn running(&mut self) -> Result<&Running, KafkaSourceError> {
        let running = if let Some(running) = self.running.take() {
            running
        } else {
            let mut settings = self.settings.clone();
            if !self.standings.is_empty() {
                let next = (0..).zip(&self.standings).map(|(partition, standing)| (partition, standing.position));
                settings.from = StartFrom::Offsets(next.collect());
            }
            (self.asked, self.again) = (None, None);
            let (clock, stop, trouble) = (&self.clock, &self.stop, &self.trouble);
            Running::start(settings, self.expected, Arc::clone(clock), Arc::clone(stop), Arc::clone(trouble))?
        };
        Ok(self.running.insert(running))
    }

    /// What the source's own group has committed in this topic, where reading is to begin at the topic's beginning:
    /// `None` where it was told to begin elsewhere, or to stop.
    ///
    /// # Errors
    /// What waiting does not mend.
    pub fn group_offsets(&mut self) -> Result<Option<Vec<(PartitionId, i64)>>, KafkaSourceError> {
        if self.settings.from != StartFrom::Earliest {
            return Ok(None);
        }
        let consumer = self.settings.client(&self.settings.group)?;
        let asking = self.connecting(&consumer);
        let Some(partitions) = asking.wait_for_topic()? else { return Ok(None) };
        let Some(committed) = asking.committed(&consumer, &self.settings.group, partitions as usize)? else {
            return Ok(None);
        };
        let ids = partition_ids(&self.settings.topic, partitions as usize);
        Ok(Some(ids.into_iter().zip(committed).filter_map(|(id, offset)| Some((id, offset?))).collect()))
    }

    fn connecting<'a>(&'a self, consumer: &'a BaseConsumer<Context>) -> Connecting<'a> {
        Connecting {
            consumer,
            settings: &self.settings,
            clock: &*self.clock,
            trouble: &self.trouble,
            stop: Stop([&self.stop, &self.stop]),
        }
    }

    /// Takes a batch back, to use its memory again.
    pub fn recycle(&self, batch: Batch) {
        if let Some(running) = &self.running {
            running.recycle(batch);
        }
    }

    /// The partitions that are read; none before the topic was reached.
    pub fn partitions(&self) -> &[PartitionId] {
        &self.partitions
    }

    /// The topic's id, where the broker knows ids and was asked.
    pub fn topic_id(&self) -> Option<TopicId> {
        self.topic_id
    }

    /// What is known of a partition after the records last read.
    pub fn standing(&self, slot: usize) -> Option<Standing> {
        self.standings.get(slot).copied()
    }

    /// Whether a partition was caught up after the records last read.
    pub fn caught_up(&self, slot: usize) -> bool {
        self.standing(slot).is_some_and(|standing| standing.caught_up)
    }

    /// What keeps the source from reading, while it tries again.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.text()
    }

    /// What was said of the partitions when a broker was last asked, as far as one answered.
    pub fn seen(&self) -> Vec<PartitionSeen> {
        let Some(running) = &self.running else { return Vec::new() };
        let (ends, replicas) = (running.consumer.context().ends(), running.consumer.context().replicas());
        let known = |id: &PartitionId| {
            let end_offset = *ends.get(&id.partition)?;
            Some(PartitionSeen { id: id.clone(), end_offset, replicas: replicas.get(&id.partition).copied() })
        };
        self.partitions.iter().filter_map(known).collect()
    }

    /// Commits offsets to read next as the group's, for whoever watches it. Does not wait; a failure is only logged.
    pub fn commit_offsets(&self, next_offsets: &[(PartitionId, i64)]) {
        let running = self.running.as_ref().map(|running| &running.consumer);
        let Some(consumer) = running.or(self.again.as_ref().map(|again| &again.queues.consumer)) else { return };
        let mut list = TopicPartitionList::new();
        let added = next_offsets
            .iter()
            .try_for_each(|(id, next)| list.add_partition_offset(&id.topic, id.partition, Offset::Offset(*next)));
        let committed = added.and_then(|()| consumer.commit(&list, CommitMode::Async));
        if let Err(error) = committed {
            tracing::warn!("kafka: the group's offsets were not committed (monitoring only): {error}");
        }
    }
}
