//! Reads logged ranges once more: exactly their records, however far one partition is ahead of another.
//!
//! The partitions are read one after the other: all of an epoch are needed, so nothing is lost by waiting for one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::error::LOGGED;
use super::messages::Fetched;
use super::queues::Queues;
use super::trouble::Trouble;
use super::{KafkaSettings, KafkaSourceError};
use crate::source::Batch;
use crate::time::clock::Clock;

/// How long to wait for a record before looking at what else there is.
const WAIT: Duration = Duration::from_millis(100);
/// How long a silent partition is let alone before a broker is asked about it, in milliseconds.
const ASK_AFTER_MS: i64 = 1_000;
/// How long a log must have ended before a record, with a broker answering, until that is believed: a broker that has
/// just started may know less of its log's end than it will.
const MISSING_AFTER_MS: i64 = 5_000;

/// The records of one partition in an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The partition.
    pub partition: i32,
    /// The first record's offset.
    pub from: i64,
    /// The last record's offset + 1.
    pub to: i64,
}

/// Queues that stand behind what was read last.
pub(super) struct Rereader {
    /// Reads.
    pub queues: Queues,
    /// Leader epoch of the last record of each partition.
    pub leader_epochs: BTreeMap<i32, i32>,
}

/// How far the reading of one range has come.
struct Reading {
    range: Range,
    /// Since when nothing has come, or was last asked about.
    silent_ms: i64,
    /// Since when the log has been at its end.
    ended_ms: Option<i64>,
}

impl Rereader {
    /// One for so many partitions.
    pub(super) fn new(
        settings: &KafkaSettings,
        partitions: usize,
        clock: Arc<dyn Clock>,
        stop: Arc<AtomicBool>,
        trouble: Arc<Trouble>,
    ) -> Result<Self, KafkaSourceError> {
        let queues = Queues::new(settings, partitions, clock, stop, trouble)?;
        Ok(Self { queues, leader_epochs: BTreeMap::new() })
    }

    /// Appends the records of `ranges` to `batch`, whose table has partition `n` in slot `n`.
    pub(super) fn read(&mut self, ranges: &[Range], batch: &mut Batch) -> Result<(), KafkaSourceError> {
        for range in ranges {
            self.queues.assign(range.partition, range.from)?;
        }
        ranges.iter().try_for_each(|range| self.read_range(*range, batch))
    }

    fn read_range(&mut self, range: Range, batch: &mut Batch) -> Result<(), KafkaSourceError> {
        let Queues { clock, stop, trouble, settings, .. } = &self.queues;
        let Some(queue) = self.queues.of(range.partition) else { return Ok(()) };
        let mut reading = Reading { range, silent_ms: clock.boot_ms(), ended_ms: None };
        while !stop.load(Ordering::Relaxed) {
            match queue.poll(WAIT) {
                None => {
                    self.queues.serve()?;
                    self.ask(&mut reading)?;
                }
                Some(Ok(message)) => {
                    reading.ended_ms = None;
                    reading.silent_ms = clock.boot_ms();
                    let Fetched { offset, timestamp_ms, leader_epoch, value, .. } = Fetched::of(&message);
                    if offset < range.from || offset >= range.to {
                        return Err(self.another_record(range, offset));
                    }
                    batch.push(range.partition as u32, offset, timestamp_ms, value);
                    if offset == range.to - 1 {
                        self.leader_epochs.insert(range.partition, leader_epoch);
                        trouble.over(|| format!("{} is read again", settings.topic));
                        return Ok(());
                    }
                }
                Some(Err(error)) => self.judge(&error, &mut reading)?,
            }
        }
        Err(KafkaSourceError::Stopped)
    }

    fn judge(&self, error: &KafkaError, reading: &mut Reading) -> Result<(), KafkaSourceError> {
        match (error, error.rdkafka_error_code()) {
            (KafkaError::PartitionEOF(_), _) => {
                reading.ended_ms.get_or_insert_with(|| self.queues.clock.boot_ms());
                Ok(())
            }
            (_, Some(RDKafkaErrorCode::AutoOffsetReset)) => {
                let Range { partition, from, .. } = reading.range;
                Err(self.queues.out_of_range(partition, from, LOGGED)?)
            }
            _ => self.queues.passes(error),
        }
    }

    /// Asks a broker about a partition that has been silent.
    fn ask(&self, reading: &mut Reading) -> Result<(), KafkaSourceError> {
        let now_ms = self.queues.clock.boot_ms();
        if now_ms - reading.silent_ms < ASK_AFTER_MS {
            return Ok(());
        }
        reading.silent_ms = now_ms;
        let Range { partition, from, to } = reading.range;
        let KafkaSettings { topic, bootstrap, .. } = &self.queues.settings;
        match self.queues.consumer.fetch_watermarks(topic, partition, Duration::from_secs(1)) {
            Err(error) => {
                // A broker that was away may have had to find its log's end again.
                reading.ended_ms = None;
                let reason = self.queues.consumer.context().take_reason().unwrap_or_else(|| error.to_string());
                self.queues.trouble.tell(format!("{topic} cannot be read again from {bootstrap} ({reason}); retrying"));
                Ok(())
            }
            Ok((low, high)) if low >= to => {
                let topic = topic.clone();
                Err(KafkaSourceError::OffsetOutOfRange { topic, partition, offset: from, low, high, hint: LOGGED })
            }
            Ok((_, high)) => match reading.ended_ms {
                Some(ended_ms) if now_ms - ended_ms >= MISSING_AFTER_MS => {
                    Err(self.missing(reading.range, format!("the log ends at {high} without it")))
                }
                _ => Ok(()),
            },
        }
    }

    fn another_record(&self, range: Range, offset: i64) -> KafkaSourceError {
        if offset < range.from {
            let found = format!("{offset} stands before it");
            self.missing(Range { to: range.from + 1, ..range }, found)
        } else {
            self.missing(range, format!("{offset} comes next"))
        }
    }

    fn missing(&self, Range { partition, to, .. }: Range, found: String) -> KafkaSourceError {
        KafkaSourceError::RecordMissing { topic: self.queues.settings.topic.clone(), partition, wanted: to - 1, found }
    }
}
