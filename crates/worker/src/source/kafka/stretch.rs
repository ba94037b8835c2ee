//! A stretch of the topic, read to its end as a recording is: the records of all partitions in one order, that of their
//! timestamps. Which partition's records arrive first changes nothing.
//!
//! The order is that of an epoch (`route/order.rs`): by the largest timestamp so far within the partition, then partition,
//! then offset. So a record is given only once the next one of every other partition is known.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;

use super::connect::{Connecting, Starts, Stop};
use super::context::Context;
use super::elsewhere::Move;
use super::error::LOST;
use super::partitions::partition_ids;
use super::queues::Queues;
use super::source::Standing;
use super::trouble::Trouble;
use super::{KafkaSettings, KafkaSourceError};
use crate::source::{Batch, PartitionId, SourceRecord};
use crate::time::clock::Clock;

/// How long to wait for a record before looking at what else there is.
const WAIT: Duration = Duration::from_millis(100);
/// What is taken out of a partition's queue at a time, in records and bytes of values; the last may go past it.
const AHEAD_RECORDS: usize = 1_000;
const AHEAD_BYTES: usize = 64 << 10;

/// A stretch that is read.
pub struct Stretch {
    queues: Queues,
    ids: Vec<PartitionId>,
    parts: Vec<Part>,
    /// Partitions whose next record is not known.
    waiting: Vec<usize>,
    /// The next record of the others: its place in the order, and its partition.
    next: BinaryHeap<Reverse<(i64, usize)>>,
}

/// What is known of a partition.
struct Part {
    /// Where it goes on, as far as is known.
    position: i64,
    /// Where the stretch ends.
    end: i64,
    ended: bool,
    /// Records taken out of its queue, and how many of them are given.
    ahead: Batch,
    given: usize,
    /// The largest timestamp so far.
    latest_ms: i64,
}

impl Stretch {
    /// The stretch that the settings name: from where they begin to where they end, else to the topic's end as it is now.
    /// Asks no group for its members. Waits for brokers and topic; `None` where `stop` was set meanwhile.
    ///
    /// # Errors
    /// Places that the topic does not have, and what waiting does not mend.
    pub fn open(
        settings: &KafkaSettings,
        clock: Arc<dyn Clock>,
        stop: Arc<AtomicBool>,
    ) -> Result<Option<Self>, KafkaSourceError> {
        settings.check()?;
        let trouble = Arc::new(Trouble::none(Arc::clone(&clock)));
        let consumer = settings.client(&settings.group)?;
        let asking =
            Connecting { consumer: &consumer, settings, clock: &*clock, trouble: &trouble, stop: Stop([&stop, &stop]) };
        let Some(count) = asking.wait_for_topic()? else { return Ok(None) };
        let Some(Starts { mut next, lost, ends }) = asking.start_offsets(count)? else { return Ok(None) };
        if !lost.is_empty() {
            let standings: Vec<Standing> = next.iter().map(|next| Standing::at(*next)).collect();
            let Some(Move { standings, .. }) = asking.skip(None, &standings, lost)? else { return Ok(None) };
            next = standings.iter().map(|standing| standing.position).collect();
        }
        tracing::info!(from = ?next, until = ?ends, "kafka: looking at {}", settings.topic);
        let mut queues = Queues::new(settings, next.len(), clock, stop, trouble)?;
        let parts: Vec<Part> = next.iter().zip(ends).map(|(next, end)| Part::new(*next, end)).collect();
        let waiting: Vec<usize> = (0..parts.len()).filter(|index| !parts[*index].ended).collect();
        for index in &waiting {
            queues.assign(*index as i32, parts[*index].position)?;
        }
        let ids = partition_ids(&settings.topic, parts.len());
        Ok(Some(Self { queues, ids, parts, waiting, next: BinaryHeap::new() }))
    }

    /// How many partitions the topic has.
    pub fn partitions(&self) -> usize {
        self.parts.len()
    }

    /// Asked before anything is read: since when it has all that the topic had; `None`: it has everything. A partition
    /// that does not begin at offset 0 has all since `from_ms`, where that was what it begins by, unless the topic has
    /// deleted what stood before; else since its first record, which is waited for.
    ///
    /// # Errors
    /// What waiting does not mend.
    pub fn whole_since_ms(&mut self, from_ms: Option<i64>) -> Result<Option<i64>, KafkaSourceError> {
        let mut since_ms: Option<i64> = None;
        for index in 0..self.parts.len() {
            let position = self.parts[index].position;
            if position == 0 {
                continue;
            }
            let (low, _) = self.queues.connecting(|asking| asking.log_range(index as i32))?;
            let of_partition = match from_ms {
                Some(from_ms) if low < position => from_ms,
                _ => self.first_ms(index)?,
            };
            since_ms = since_ms.max(Some(of_partition));
        }
        Ok(since_ms)
    }

    /// The time of a partition's first record; the end of all time where it gives none, as nobody knows when those before
    /// it were.
    fn first_ms(&mut self, index: usize) -> Result<i64, KafkaSourceError> {
        while self.waiting.contains(&index) && !self.queues.stop.load(Ordering::Relaxed) {
            self.fill()?;
        }
        Ok(self.parts[index].next().map_or(i64::MAX, |record| record.timestamp_ms))
    }

    /// Appends records to the batch, up to these bounds; gives whether more may follow.
    ///
    /// # Errors
    /// What waiting does not mend. The records before it are in the batch.
    pub fn read(&mut self, batch: &mut Batch, records_max: usize, bytes_max: usize) -> Result<bool, KafkaSourceError> {
        if batch.partitions.len() < self.ids.len() {
            batch.partitions.clone_from(&self.ids);
        }
        while batch.records.len() < records_max.max(1) && batch.bytes() < bytes_max.max(1) {
            self.fill()?;
            if self.queues.stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            if !self.waiting.is_empty() {
                // A broker is slow or away: what is known is no reason to wait.
                return Ok(true);
            }
            let Some(Reverse((_, index))) = self.next.pop() else { return Ok(false) };
            let part = &mut self.parts[index];
            part.give(index, batch);
            self.place(index);
        }
        Ok(true)
    }

    /// Looks once for the next record of each partition where it is not known.
    fn fill(&mut self) -> Result<(), KafkaSourceError> {
        for index in std::mem::take(&mut self.waiting) {
            if self.queues.stop.load(Ordering::Relaxed) {
                break;
            }
            let Some(queue) = self.queues.of(index as i32) else { continue };
            let part = &mut self.parts[index];
            if let Err(error) = part.take(queue) {
                self.judge(index, &error)?;
            }
            if !self.parts[index].ahead.records.is_empty() {
                self.queues.trouble.over(|| format!("{} is read", self.queues.settings.topic));
            }
            self.place(index);
            if self.parts[index].ended {
                self.queues.pause(index as i32)?;
            }
        }
        if !self.waiting.is_empty() {
            self.queues.serve()?;
        }
        Ok(())
    }

    /// Puts a partition where it now belongs: in the order, among those waited for, or nowhere at its end.
    fn place(&mut self, index: usize) {
        match &mut self.parts[index] {
            part if part.given < part.ahead.records.len() => self.next.push(Reverse((part.place_ms(), index))),
            part if part.ended => {}
            _ => self.waiting.push(index),
        }
    }

    fn judge(&mut self, index: usize, error: &KafkaError) -> Result<(), KafkaSourceError> {
        let Part { position, end, .. } = self.parts[index];
        match (error, error.rdkafka_error_code()) {
            (KafkaError::PartitionEOF(_), _) => {
                // A broker that has just started may know less of its log's end than it will.
                let (_, high) = self.queues.connecting(|asking| asking.log_range(index as i32))?;
                self.parts[index].ended = high >= end;
                Ok(())
            }
            (_, Some(RDKafkaErrorCode::AutoOffsetReset)) => {
                Err(self.queues.out_of_range(index as i32, position, LOST)?)
            }
            _ => self.queues.passes(error),
        }
    }
}

impl Part {
    fn new(position: i64, end: i64) -> Self {
        let (ahead, latest_ms) = (Batch::default(), i64::MIN);
        Self { position, end, ended: position >= end, ahead, given: 0, latest_ms }
    }

    /// Takes what is in the queue, waiting for the first record.
    fn take(&mut self, queue: &PartitionQueue<Context>) -> Result<(), KafkaError> {
        self.ahead.clear();
        self.given = 0;
        let mut wait = WAIT;
        while !self.ended && self.ahead.records.len() < AHEAD_RECORDS && self.ahead.bytes() < AHEAD_BYTES {
            let Some(message) = queue.poll(wait).transpose()? else { break };
            wait = Duration::ZERO;
            let offset = message.offset();
            if offset < self.end {
                self.position = offset + 1;
                let timestamp_ms = message.timestamp().to_millis().unwrap_or(-1);
                self.ahead.push(0, offset, timestamp_ms, message.payload());
            }
            self.ended = offset + 1 >= self.end;
        }
        Ok(())
    }

    fn next(&self) -> Option<SourceRecord> {
        self.ahead.records.get(self.given).copied()
    }

    /// The place of its next record in the order.
    fn place_ms(&mut self) -> i64 {
        self.latest_ms = self.latest_ms.max(self.next().map_or(i64::MIN, |record| record.timestamp_ms));
        self.latest_ms
    }

    /// Gives its next record.
    fn give(&mut self, index: usize, batch: &mut Batch) {
        if let Some(record) = self.next() {
            batch.push(index as u32, record.offset, record.timestamp_ms, self.ahead.value(&record));
            self.given += 1;
        }
    }
}
