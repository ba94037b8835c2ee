//! Where reading goes on after the topic has become another, or has lost what was to be read next: asked of the brokers,
//! as far as the policies let it go on.

use super::connect::Connecting;
use super::elsewhere::{Lost, Move, Moved, Outside, another, outside, shown};
use super::error::{ANEW, END_LOST, LOST};
use super::source::{Standing, TopicId};
use super::{KafkaSettings, KafkaSourceError};
use crate::source::{OnLostRecords, OnRecreatedTopic};

/// The topic that positions are of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Positions<'a> {
    /// The topic's id as it was when reading began, where the brokers know ids.
    pub topic_id: Option<TopicId>,
    /// The positions are surely of the topic with that id.
    pub sure: bool,
    /// Where reading has come to.
    pub standings: &'a [Standing],
}

impl Connecting<'_> {
    /// The topic has another id than it had: `None` where told to stop while asking.
    pub(super) fn recreated(
        &self,
        was: TopicId,
        found: TopicId,
        known: usize,
    ) -> Result<Option<Move>, KafkaSourceError> {
        let (topic, was, id) = (&self.settings.topic, shown(was), shown(found));
        if self.settings.on_recreated_topic == OnRecreatedTopic::Stop {
            return Err(KafkaSourceError::TopicRecreated { topic: topic.clone(), was, found: id });
        }
        self.at_the_beginning(Some(found), known, &format!("its id was {was}, now it is {id}"))
    }

    /// What was to be read next was deleted.
    pub(super) fn skip(
        &self,
        topic_id: Option<TopicId>,
        standings: &[Standing],
        lost: Vec<Lost>,
    ) -> Result<Option<Move>, KafkaSourceError> {
        let KafkaSettings { topic, on_lost_records, .. } = self.settings;
        if *on_lost_records == OnLostRecords::Stop {
            let Some(&Lost { partition, from, to }) = lost.first() else { return Ok(None) };
            let Some((_, high)) = self.log_range(partition)? else { return Ok(None) };
            return Err(self.out_of_range(partition, from, (to, high), LOST));
        }
        let mut standings = standings.to_vec();
        for lost in &lost {
            let (&Lost { partition, from, to }, records) = (lost, lost.records());
            if let Some(standing) = standings.get_mut(partition as usize) {
                *standing = Standing::at(to);
            }
            tracing::warn!(
                partition,
                from,
                to,
                records,
                "kafka: {topic}-{partition}: the records from {from} up to {to} were deleted before they were read: up to \
                 {records} are lost to this worker, which goes on at {to} (source.on_lost_records)"
            );
        }
        Ok(Some(Move { moved: Moved { recreated: false, lost }, topic_id, standings }))
    }

    /// After the broker refused an offset without saying which: where to go on; `None` where all are inside their logs by
    /// now, and where told to stop.
    pub(super) fn refused_offset(&self, positions: Positions<'_>) -> Result<Option<Move>, KafkaSourceError> {
        let Positions { topic_id, sure, standings } = positions;
        let found = self.topic_id(topic_id.is_some())?;
        if let Some((was, found)) = another(topic_id, found) {
            return self.recreated(was, found, standings.len());
        }
        let next: Vec<i64> = standings.iter().map(|standing| standing.position).collect();
        let Some(ranges) = self.ranges(0..next.len() as i32)? else { return Ok(None) };
        let Outside { lost, above } = outside(&next, &ranges);
        if !lost.is_empty() {
            return self.skip(topic_id, standings, lost);
        }
        let Some(&(partition, offset)) = above.first() else { return Ok(None) };
        let range = ranges.get(partition as usize).copied().unwrap_or_default();
        if sure || self.settings.on_recreated_topic == OnRecreatedTopic::Stop {
            return Err(self.out_of_range(partition, offset, range, if sure { END_LOST } else { ANEW }));
        }
        let (topic, (_, high)) = (&self.settings.topic, range);
        let why = format!("{offset} was to be read next of {topic}-{partition}, whose log ends at {high}");
        self.at_the_beginning(topic_id, standings.len(), &why)
    }

    fn at_the_beginning(
        &self,
        topic_id: Option<TopicId>,
        known: usize,
        why: &str,
    ) -> Result<Option<Move>, KafkaSourceError> {
        let topic = &self.settings.topic;
        let Some(partitions) = self.wait_for_topic()? else { return Ok(None) };
        if (partitions as usize) < known {
            let (topic, partition) = (topic.clone(), known as i32 - 1);
            return Err(KafkaSourceError::NoSuchPartition { topic, partitions, partition });
        }
        let Some(beginnings) = self.beginnings(0..partitions)? else { return Ok(None) };
        tracing::warn!(
            partitions,
            "kafka: {topic} was deleted and created anew ({why}): it is read from its beginning, with state and dedup \
             marks as they are (source.on_recreated_topic); what of the old one had not been read is lost"
        );
        let standings = beginnings.into_iter().map(Standing::at).collect();
        Ok(Some(Move { moved: Moved { recreated: true, lost: Vec::new() }, topic_id, standings }))
    }

    fn out_of_range(
        &self,
        partition: i32,
        offset: i64,
        (low, high): (i64, i64),
        hint: &'static str,
    ) -> KafkaSourceError {
        let topic = self.settings.topic.clone();
        KafkaSourceError::OffsetOutOfRange { topic, partition, offset, low, high, hint }
    }
}
