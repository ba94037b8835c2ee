//! From nothing to positions: the broker answers, the topic is there, nobody else reads as the group, and each partition
//! has an offset to start from. What may pass by itself is waited for, and said.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::metadata::{Metadata, MetadataPartition, MetadataTopic};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::context::Context;
use super::elsewhere::{Lost, outside};
use super::settings::{KafkaSettings, StartFrom};
use super::source::TopicId;
use super::trouble::Trouble;
use super::{KafkaSourceError, ffi};
use crate::source::Replicas;
use crate::time::clock::Clock;

/// How long one question to the broker may take: a stop is heeded after it.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// How long to wait before asking again.
const PAUSE: Duration = Duration::from_millis(200);
/// How long no answer at all is nothing to talk about, in milliseconds.
const SILENCE_MS: i64 = 3_000;
/// Set by whoever wants the source to stop, and by its own end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop<'a>(pub [&'a AtomicBool; 2]);

impl Stop<'_> {
    /// Whether to stop.
    pub(super) fn is_set(self) -> bool {
        self.0.iter().any(|flag| flag.load(Ordering::Relaxed))
    }
}

/// What an attempt came to.
enum Attempt<T> {
    Done(T),
    /// Not yet; why, where it is known.
    Wait(Option<String>),
}

/// Where reading begins.
pub(super) struct Starts {
    /// The offset to read next of each partition.
    pub next: Vec<i64>,
    /// What of it is gone already.
    pub lost: Vec<Lost>,
    /// Where each partition is to end: where its log does, unless the settings say something else.
    pub ends: Vec<i64>,
}

/// Asks a broker until it has answers, or until told to stop: then everything gives `None`.
pub(super) struct Connecting<'a> {
    /// Asks.
    pub consumer: &'a BaseConsumer<Context>,
    /// What is wanted.
    pub settings: &'a KafkaSettings,
    /// Tells how long an answer has been missing.
    pub clock: &'a dyn Clock,
    /// Told what is waited for.
    pub trouble: &'a Trouble,
    /// Ends the waiting.
    pub stop: Stop<'a>,
}

impl Connecting<'_> {
    /// How many partitions the topic has, once it is there.
    pub(super) fn wait_for_topic(&self) -> Result<Option<i32>, KafkaSourceError> {
        let KafkaSettings { bootstrap, topic, .. } = self.settings;
        let mut reason = None;
        self.until_done(|| {
            let metadata = match self.consumer.fetch_metadata(Some(topic), ANSWER_WITHIN) {
                Ok(metadata) => metadata,
                Err(error) => {
                    self.serve(Duration::ZERO);
                    reason = self.reason(&error).or(reason.take());
                    let text = |reason: &String| format!("cannot reach {bootstrap} ({reason}); retrying");
                    return Ok(Attempt::Wait(reason.as_ref().map(text)));
                }
            };
            Ok(match partitions_of(&metadata, topic) {
                Ok(count) => Attempt::Done(count),
                Err(why) => Attempt::Wait(Some(format!("topic {topic} {why} on {bootstrap}; waiting for it"))),
            })
        })
    }

    /// Refuses a group that has members: they read what this worker reads. Gives whether the broker can list groups.
    pub(super) fn refuse_group_members(&self) -> Result<Option<bool>, KafkaSourceError> {
        let group = &self.settings.group;
        self.until_done(|| {
            let list = match self.consumer.fetch_group_list(Some(group), ANSWER_WITHIN) {
                Ok(list) => list,
                // A mock broker has no groups to list.
                Err(KafkaError::GroupListFetch(RDKafkaErrorCode::UnsupportedFeature)) => {
                    return Ok(Attempt::Done(false));
                }
                Err(error) => return Ok(self.wait(&error, &format!("the members of group {group}"))),
            };
            let members: Vec<_> = list
                .groups()
                .iter()
                .filter(|listed| listed.name() == group)
                .flat_map(rdkafka::groups::GroupInfo::members)
                .map(|member| format!("{} ({})", member.client_id(), member.client_host().trim_start_matches('/')))
                .collect();
            if members.is_empty() {
                return Ok(Attempt::Done(true));
            }
            Err(KafkaSourceError::GroupHasMembers { group: group.clone(), members: members.join(", ") })
        })
    }

    /// The topic's id; `None` where the broker knows no ids, surely where it cannot even list groups, which came long
    /// before; and where told to stop.
    pub(super) fn topic_id(&self, lists_groups: bool) -> Result<Option<TopicId>, KafkaSourceError> {
        let KafkaSettings { bootstrap, topic, .. } = self.settings;
        if !lists_groups {
            return Ok(None);
        }
        let told = self.until_done(|| {
            Ok(match ffi::topic_id(self.consumer.client(), topic, ANSWER_WITHIN) {
                Ok(id) => Attempt::Done(id),
                Err(why) => {
                    Attempt::Wait(Some(format!("{bootstrap} does not tell the id of {topic} ({why}); retrying")))
                }
            })
        })?;
        Ok(told.flatten())
    }

    /// Where the log of one partition begins and ends.
    pub(super) fn log_range(&self, partition: i32) -> Result<Option<(i64, i64)>, KafkaSourceError> {
        let ranges = self.ranges(partition..partition + 1)?;
        Ok(ranges.and_then(|ranges| ranges.first().copied()))
    }

    /// What a group has committed in each of `count` partitions; `asking` is a client of that group.
    pub(super) fn committed(
        &self,
        asking: &BaseConsumer<Context>,
        group: &str,
        count: usize,
    ) -> Result<Option<Vec<Option<i64>>>, KafkaSourceError> {
        let list = self.until_done(|| {
            Ok(match asking.committed_offsets(self.partition_list(count, None)?, ANSWER_WITHIN) {
                Ok(committed) => Attempt::Done(committed),
                Err(error) => self.wait(&error, &format!("the offsets of group {group}")),
            })
        })?;
        Ok(list.map(|list| {
            let mut committed = vec![None; count];
            for element in list.elements_for_topic(&self.settings.topic) {
                if let (Offset::Offset(offset), Some(committed)) =
                    (element.offset(), committed.get_mut(element.partition() as usize))
                {
                    *committed = Some(offset);
                }
            }
            committed
        }))
    }

    /// Where to begin in each of `partitions` partitions.
    pub(super) fn start_offsets(&self, partitions: i32) -> Result<Option<Starts>, KafkaSourceError> {
        if let StartFrom::Offsets(offsets) = &self.settings.from
            && let Some((partition, _)) = offsets.iter().find(|(partition, _)| !(0..partitions).contains(partition))
        {
            let (topic, partition) = (self.settings.topic.clone(), *partition);
            return Err(KafkaSourceError::NoSuchPartition { topic, partitions, partition });
        }
        let Some(ranges) = self.ranges(0..partitions)? else { return Ok(None) };
        let Some(wanted) = self.wanted_offsets(&ranges)? else { return Ok(None) };
        // Above a log's end is left to the broker: a reader of uncommitted records may have been further than it.
        let lost = outside(&wanted, &ranges).lost;
        let ends = self.ends(&wanted, &ranges)?;
        Ok(ends.map(|ends| Starts { next: wanted, lost, ends }))
    }

    /// Where the logs of partitions begin.
    pub(super) fn beginnings(&self, partitions: std::ops::Range<i32>) -> Result<Option<Vec<i64>>, KafkaSourceError> {
        let ranges = self.ranges(partitions)?;
        Ok(ranges.map(|ranges| ranges.into_iter().map(|(low, _)| low).collect()))
    }

    /// Where the logs of partitions begin and end.
    pub(super) fn ranges(&self, partitions: std::ops::Range<i32>) -> Result<Option<Vec<(i64, i64)>>, KafkaSourceError> {
        self.until_done(|| Ok(self.log_ranges(partitions.clone())))
    }

    fn log_ranges(&self, partitions: std::ops::Range<i32>) -> Attempt<Vec<(i64, i64)>> {
        let topic = &self.settings.topic;
        let mut ranges = Vec::new();
        for partition in partitions {
            match self.consumer.fetch_watermarks(topic, partition, ANSWER_WITHIN) {
                Ok(range) => ranges.push(range),
                Err(error) => return self.wait(&error, &format!("the log's range of {topic}-{partition}")),
            }
        }
        Attempt::Done(ranges)
    }

    fn wanted_offsets(&self, ranges: &[(i64, i64)]) -> Result<Option<Vec<i64>>, KafkaSourceError> {
        let lows = || ranges.iter().map(|(low, _)| *low).collect::<Vec<_>>();
        match &self.settings.from {
            StartFrom::Earliest => Ok(Some(lows())),
            StartFrom::Offsets(offsets) => {
                let mut wanted = lows();
                for (partition, offset) in offsets {
                    if let Some(wanted) = wanted.get_mut(*partition as usize) {
                        *wanted = *offset;
                    }
                }
                Ok(Some(wanted))
            }
            StartFrom::Group(group) => self.group_offsets(group, &lows()),
            StartFrom::Timestamp(time_ms) => self.offsets_at(*time_ms, ranges),
            StartFrom::Named(place) => self.begins(place, ranges),
        }
    }

    fn group_offsets(&self, group: &str, lows: &[i64]) -> Result<Option<Vec<i64>>, KafkaSourceError> {
        let KafkaSettings { topic, .. } = self.settings;
        let asking = self.settings.client(group)?;
        let Some(committed) = self.committed(&asking, group, lows.len())? else { return Ok(None) };
        let wanted: Vec<_> = committed.iter().zip(lows).map(|(committed, low)| committed.unwrap_or(*low)).collect();
        let found = committed.iter().flatten().count();
        if found == 0 {
            return Err(KafkaSourceError::NothingCommitted { group: group.to_owned(), topic: topic.clone() });
        }
        if found < lows.len() {
            tracing::warn!(
                group,
                partitions = lows.len() - found,
                "kafka: the group has committed nothing in some partitions; they are read from their beginning"
            );
        }
        Ok(Some(wanted))
    }

    /// Where the first record at or after a time stands in each partition; the end of partitions without one.
    pub(super) fn offsets_at(&self, time_ms: i64, ranges: &[(i64, i64)]) -> Result<Option<Vec<i64>>, KafkaSourceError> {
        let KafkaSettings { topic, .. } = self.settings;
        self.until_done(|| {
            let times = self.partition_list(ranges.len(), Some(Offset::Offset(time_ms)))?;
            let offsets = match self.consumer.offsets_for_times(times, ANSWER_WITHIN) {
                Ok(offsets) => offsets,
                Err(error) => return Ok(self.wait(&error, &format!("the offsets of {topic} at {time_ms} ms"))),
            };
            // Without a record at or after that time: the end.
            let mut wanted: Vec<_> = ranges.iter().map(|(_, high)| *high).collect();
            for element in offsets.elements_for_topic(topic) {
                if let Err(error) = element.error() {
                    return Ok(self.wait(&error, &format!("the offsets of {topic} at {time_ms} ms")));
                }
                if let (Offset::Offset(offset), Some(wanted)) =
                    (element.offset(), wanted.get_mut(element.partition() as usize))
                {
                    *wanted = offset;
                }
            }
            Ok(Attempt::Done(wanted))
        })
    }

    fn partition_list(&self, count: usize, offset: Option<Offset>) -> Result<TopicPartitionList, KafkaSourceError> {
        let mut list = TopicPartitionList::new();
        for partition in 0..count as i32 {
            let mut element = list.add_partition(&self.settings.topic, partition);
            if let Some(offset) = offset {
                element.set_offset(offset).map_err(|error| self.client_error(&error))?;
            }
        }
        Ok(list)
    }

    /// An error that ends the source.
    pub(super) fn client_error(&self, error: &KafkaError) -> KafkaSourceError {
        let reason = self.consumer.context().take_reason();
        KafkaSourceError::Client { topic: self.settings.topic.clone(), error: error.to_string(), reason }
    }

    fn wait<T>(&self, error: &KafkaError, asked: &str) -> Attempt<T> {
        self.serve(Duration::ZERO);
        let reason = self.reason(error);
        Attempt::Wait(
            reason.map(|reason| format!("{} does not tell {asked} ({reason}); retrying", self.settings.bootstrap)),
        )
    }

    /// Why a question went unanswered, where that is more than silence.
    fn reason(&self, error: &KafkaError) -> Option<String> {
        let code = error.rdkafka_error_code();
        let silent =
            matches!(code, Some(RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::OperationTimedOut));
        let said = self.consumer.context().take_reason();
        if silent { said } else { code.map(|code| code.to_string()).or(said) }
    }

    fn until_done<T>(
        &self,
        mut attempt: impl FnMut() -> Result<Attempt<T>, KafkaSourceError>,
    ) -> Result<Option<T>, KafkaSourceError> {
        let started_ms = self.clock.boot_ms();
        while !self.stop.is_set() {
            match attempt()? {
                Attempt::Done(result) => {
                    self.trouble.over(|| format!("{} answers", self.settings.bootstrap));
                    return Ok(Some(result));
                }
                Attempt::Wait(why) => {
                    let quiet = why.is_none() && self.clock.boot_ms() - started_ms < SILENCE_MS;
                    if !quiet {
                        let bootstrap = &self.settings.bootstrap;
                        self.trouble
                            .tell(why.unwrap_or_else(|| format!("cannot reach {bootstrap} (no answer); retrying")));
                    }
                }
            }
            self.serve(PAUSE);
        }
        Ok(None)
    }

    /// Lets librdkafka hand over what it has to say; nothing is assigned yet, so there are no records.
    fn serve(&self, wait: Duration) {
        let _said: Option<KafkaResult<_>> = self.consumer.poll(wait);
        while self.consumer.poll(Duration::ZERO).is_some() {}
    }
}

/// How many copies of each partition there are, by its number.
pub(super) fn replicas_of(metadata: &Metadata, topic: &str) -> BTreeMap<i32, Replicas> {
    let partitions =
        metadata.topics().iter().find(|found| found.name() == topic).map_or(&[][..], MetadataTopic::partitions);
    let copies = |of: &MetadataPartition| Replicas { assigned: of.replicas().len(), in_sync: of.isr().len() };
    partitions.iter().map(|partition| (partition.id(), copies(partition))).collect()
}

/// How many partitions a topic has, or what is wrong with it.
pub(super) fn partitions_of(metadata: &Metadata, topic: &str) -> Result<i32, String> {
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
        return Err("does not exist".to_owned());
    };
    match found.error().map(RDKafkaErrorCode::from) {
        None if found.partitions().is_empty() => Err("has no partitions yet".to_owned()),
        None => Ok(found.partitions().iter().map(|partition| partition.id() + 1).max().unwrap_or(0)),
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
            Err("does not exist".to_owned())
        }
        Some(code) => Err(format!("cannot be read ({code})")),
    }
}
