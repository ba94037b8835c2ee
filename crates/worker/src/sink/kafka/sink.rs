//! The sink: what an epoch gives goes into the open transaction, and is kept until the brokers have committed it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::connection::Connection;
use super::marker::{Marker, marker_group};
use super::messages::EpochMessages;
use super::{KafkaSinkError, KafkaSinkSettings};
use crate::epoch::{EpochRecord, Outputs, Timeline};
use crate::sink::{JsonRenderer, Known, Sink, SinkError};
use crate::state::SinkProgress;
use crate::time::clock::Clock;

const NAME: &str = "kafka";
/// A transaction of more is ended before its time (I7).
const TRANSACTION_BYTES_MAX: usize = 8 << 20;
/// The pause before asking brokers again that do not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// Group offsets expire after seven days without a commit (`offsets.retention.minutes`).
const RENEWED_EVERY_MS: i64 = 86_400_000;

/// Writes results to Kafka, each epoch's once.
pub struct KafkaSink {
    settings: KafkaSinkSettings,
    renderer: JsonRenderer,
    clock: Box<dyn Clock>,
    /// `None` after anything whose outcome is not known.
    connection: Option<Connection>,
    /// How far the topics are, as last heard.
    marker: Option<Marker>,
    marked_ms: i64,
    timeline: Timeline,
    /// The last epoch delivered, results or none.
    delivered: u64,
    /// Epochs that the brokers have not committed, in order.
    pending: Vec<EpochMessages>,
    /// How many of them are in the open transaction.
    sent: usize,
    /// Since when the transaction is open, on the clock since boot.
    open_since_ms: Option<i64>,
    /// The brokers have ended our transaction: somebody else may have written since.
    timed_out: bool,
}

impl KafkaSink {
    /// Takes its place at the brokers, waiting for them as long as it takes, and learns how far the topics are.
    ///
    /// # Errors
    /// Settings that make no sense to librdkafka or to the brokers, and a stop while it waited.
    pub fn open(
        settings: KafkaSinkSettings,
        renderer: JsonRenderer,
        clock: Box<dyn Clock>,
        stop: &Arc<AtomicBool>,
    ) -> Result<Self, SinkError> {
        let mut said = None;
        let (connection, marker) = loop {
            match Connection::begin(&settings, false, |_| true) {
                Ok(begun) => break begun,
                Err(_) if stop.load(Ordering::Relaxed) => {
                    return Err(KafkaSinkError::Stopped { bootstrap: settings.bootstrap }.into());
                }
                Err(error) if error.may_pass() => {
                    let text = error.to_string();
                    if said.as_ref() != Some(&text) {
                        tracing::warn!("{text}; retrying");
                        said = Some(text);
                    }
                    clock.pause(PAUSE);
                }
                Err(error) => return Err(error.into()),
            }
        };
        let marked_ms = clock.boot_ms();
        Ok(Self {
            settings,
            renderer,
            clock,
            connection: Some(connection),
            marker,
            marked_ms,
            timeline: Timeline(0),
            delivered: 0,
            pending: Vec::new(),
            sent: 0,
            open_since_ms: None,
            timed_out: false,
        })
    }

    /// Puts everything pending into the open transaction, of a new producer where the last one was dropped.
    fn send_pending(&mut self) -> Result<(), KafkaSinkError> {
        let connection = if let Some(connection) = &mut self.connection {
            connection
        } else {
            self.sent = 0;
            let is_ours = |found| is_ours(found, self.marker, self.timeline, self.delivered);
            let (connection, marker) = Connection::begin(&self.settings, self.timed_out, is_ours)?;
            self.marker = marker;
            self.timed_out = false;
            // What was in doubt has come through after all.
            let ours = marker.filter(|marker| marker.timeline == self.timeline);
            self.pending.retain(|messages| ours.is_none_or(|marker| messages.epoch > marker.epoch));
            self.connection.insert(connection)
        };
        if self.open_since_ms.is_none() && self.sent < self.pending.len() {
            self.open_since_ms = Some(self.clock.boot_ms());
        }
        for messages in self.pending.iter().skip(self.sent) {
            connection.send(&self.settings, messages.iter(&self.settings.topics))?;
            self.sent += 1;
        }
        Ok(())
    }

    /// Commits everything pending with its marker; the marker alone where it is missing or will soon expire.
    fn commit_pending(&mut self) -> Result<(), KafkaSinkError> {
        if self.pending.is_empty() && !self.marker_is_due() {
            return Ok(());
        }
        self.send_pending()?;
        // What was pending may have turned out to be there.
        let epoch = self.pending.last().map_or(self.delivered, |last| last.epoch);
        let marker = Marker { timeline: self.timeline, epoch };
        if let Some(connection) = &mut self.connection {
            connection.commit(&self.settings, marker)?;
        }
        self.marker = Some(marker);
        self.marked_ms = self.clock.boot_ms();
        self.open_since_ms = None;
        self.pending.clear();
        self.sent = 0;
        Ok(())
    }

    /// Every history has its marker from its first commit on, results or none: a marker that is missing later is lost.
    fn marker_is_due(&self) -> bool {
        let ours = self.marker.is_some_and(|marker| marker.timeline == self.timeline);
        !ours || self.clock.boot_ms() - self.marked_ms >= RENEWED_EVERY_MS
    }

    /// After a failure nothing of the producer is to be trusted (I5). Brokers fence a producer whose transaction they have
    /// ended themselves as if another had come: which of the two it was is asked of the marker.
    fn or_drop(&mut self, result: Result<(), KafkaSinkError>) -> Result<(), SinkError> {
        result.map_err(|error| {
            self.connection = None;
            let open_ms = self.open_since_ms.take().map_or(0, |since_ms| self.clock.boot_ms() - since_ms);
            let timeout_ms = self.settings.transaction_timeout_ms;
            match error {
                KafkaSinkError::Fenced { transactional_id } if open_ms >= i64::from(timeout_ms) => {
                    self.timed_out = true;
                    KafkaSinkError::TimedOut { transactional_id, open_ms, timeout_ms }.into()
                }
                error => error.into(),
            }
        })
    }
}

/// Whether a marker can be of this worker: the one that it heard of last, or one that it may have written since. None at
/// all says nothing of another worker.
fn is_ours(found: Option<Marker>, heard: Option<Marker>, timeline: Timeline, delivered: u64) -> bool {
    found == heard || found.is_none_or(|found| found.timeline == timeline && found.epoch <= delivered)
}

impl Sink for KafkaSink {
    fn name(&self) -> &'static str {
        NAME
    }

    fn answer(&self) -> Option<SinkProgress> {
        let Marker { timeline, epoch } = self.marker?;
        Some(SinkProgress { sink: NAME.to_owned(), timeline, epoch, file_length_bytes: None })
    }

    fn resume(&mut self, known: Known<'_>) -> Result<u64, SinkError> {
        self.timeline = known.timeline;
        if let Some(committed) = known.committed.filter(|_| !known.accept_lost_output) {
            let epoch = committed.epoch;
            match self.marker {
                None if committed.epoch > 0 => {
                    let group = marker_group(&self.settings.transactional_id);
                    return Err(KafkaSinkError::MarkerLost { group, epoch }.into());
                }
                // The log, which has those epochs, is not the one that goes on.
                Some(Marker { timeline, epoch: found })
                    if timeline == committed.timeline && timeline != known.timeline && found > epoch =>
                {
                    return Err(KafkaSinkError::Ahead { found, epoch }.into());
                }
                _ => {}
            }
        }
        self.delivered =
            self.marker.filter(|marker| marker.timeline == known.timeline).map_or(0, |marker| marker.epoch);
        Ok(self.delivered)
    }

    fn deliver(&mut self, epoch: &EpochRecord, outputs: &Outputs) -> Result<(), SinkError> {
        // The same epoch comes again after a failure.
        if self.delivered < epoch.id {
            self.delivered = epoch.id;
            let messages = EpochMessages::render(epoch.id, outputs, &self.renderer);
            if !messages.is_empty() {
                self.pending.push(messages);
            }
        }
        if self.pending.len() == self.sent {
            return Ok(());
        }
        let full = self.pending.iter().map(EpochMessages::bytes).sum::<usize>() > TRANSACTION_BYTES_MAX;
        let done = if full { self.commit_pending() } else { self.send_pending() };
        self.or_drop(done)
    }

    fn takes_notes(&self) -> bool {
        false
    }

    fn settle(&mut self) -> Result<Option<u64>, SinkError> {
        let done = self.commit_pending();
        self.or_drop(done).map(|()| None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_of_another_worker_is_told_by_its_history_and_its_epoch() {
        let marker = |timeline, epoch| Some(Marker { timeline: Timeline(timeline), epoch });
        let cases = [
            ("nothing is written yet", None, None, true),
            ("what was heard", marker(6, 90), marker(6, 90), true),
            ("a commit whose answer was lost", marker(7, 12), marker(7, 9), true),
            ("of a history that is not ours", marker(8, 1), marker(7, 9), false),
            ("further than we have come", marker(7, 13), marker(7, 9), false),
            ("gone", None, marker(7, 9), true),
        ];
        for (what, found, heard, ours) in cases {
            assert_eq!(is_ours(found, heard, Timeline(7), 12), ours, "{what}");
        }
    }
}
