//! The outlet: a batch is one transaction, with the marker of its last epoch. What has come through is asked of the brokers,
//! never guessed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::connection::Connection;
use super::marker::{Marker, marker_group};
use super::messages::messages;
use super::{KafkaSinkError, KafkaSinkSettings};
use crate::epoch::Timeline;
use crate::sink::{Outlet, OutletKnown, SinkBatch, SinkError};
use crate::state::SinkProgress;
use crate::time::clock::Clock;

/// The sink's name.
pub(super) const NAME: &str = "kafka";
/// The pause before asking brokers again that do not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// Group offsets expire after seven days without a commit (`offsets.retention.minutes`).
const RENEWED_EVERY_MS: i64 = 86_400_000;

/// Writes batches to Kafka, each once.
pub struct KafkaOutlet {
    settings: KafkaSinkSettings,
    clock: Box<dyn Clock>,
    /// `None` after anything whose outcome is not known.
    connection: Option<Connection>,
    /// How far the topics are, as last heard.
    marker: Option<Marker>,
    marked_ms: i64,
    /// The last epoch that this process has tried to write.
    tried: u64,
}

impl KafkaOutlet {
    /// Takes its place at the brokers, waiting for them as long as it takes, and learns how far the topics are.
    ///
    /// # Errors
    /// Settings that make no sense to librdkafka or to the brokers, and a stop while it waited.
    pub fn open(settings: KafkaSinkSettings, clock: Box<dyn Clock>, stop: &Arc<AtomicBool>) -> Result<Self, SinkError> {
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
        Ok(Self { settings, clock, connection: Some(connection), marker, marked_ms, tried: 0 })
    }

    /// A producer whose predecessors can do nothing any more, and how far the topics are.
    fn connected(&mut self, timeline: Timeline) -> Result<&mut Connection, KafkaSinkError> {
        if self.connection.is_none() {
            let (heard, tried) = (self.marker, self.tried);
            let is_ours = |found| is_ours(found, heard, timeline, tried);
            let (connection, marker) = Connection::begin(&self.settings, true, is_ours)?;
            self.marker = marker;
            self.connection = Some(connection);
        }
        self.connection.as_mut().ok_or_else(|| KafkaSinkError::Stopped { bootstrap: self.settings.bootstrap.clone() })
    }

    fn write(&mut self, batch: &SinkBatch<'_>) -> Result<(), KafkaSinkError> {
        self.connected(batch.timeline)?;
        let marker = Marker { timeline: batch.timeline, epoch: batch.last };
        if self.marker.is_some_and(|found| found.timeline == marker.timeline && found.epoch >= marker.epoch) {
            // What was in doubt has come through after all.
            return Ok(());
        }
        self.tried = batch.last;
        let Self { settings, connection: Some(connection), .. } = self else { return Ok(()) };
        for parcel in batch.parcels {
            connection.send(settings, messages(&parcel.bytes, &settings.topics)?.into_iter())?;
        }
        connection.commit(settings, marker)?;
        self.marked(marker);
        Ok(())
    }

    /// Writes the marker alone.
    fn renew(&mut self, marker: Marker) -> Result<(), KafkaSinkError> {
        self.connected(marker.timeline)?;
        self.tried = self.tried.max(marker.epoch);
        let Self { settings, connection: Some(connection), .. } = self else { return Ok(()) };
        connection.commit(settings, marker)?;
        self.marked(marker);
        Ok(())
    }

    fn marked(&mut self, marker: Marker) {
        self.marker = Some(marker);
        self.marked_ms = self.clock.boot_ms();
    }

    /// After a failure nothing of the producer is to be trusted (I5). Brokers fence a producer whose transaction they have
    /// ended themselves as if another had come: which of the two it was is asked of the marker.
    fn or_drop(&mut self, since_ms: i64, result: Result<(), KafkaSinkError>) -> Result<(), SinkError> {
        result.map_err(|error| {
            self.connection = None;
            let open_ms = self.clock.boot_ms() - since_ms;
            let timeout_ms = self.settings.transaction_timeout_ms;
            match error {
                KafkaSinkError::Fenced { transactional_id } if open_ms >= i64::from(timeout_ms) => {
                    KafkaSinkError::TimedOut { transactional_id, open_ms, timeout_ms }.into()
                }
                error => error.into(),
            }
        })
    }
}

/// Whether a marker can be of this worker: the one that it heard of last, or one that it may have written since. None at
/// all says nothing of another worker.
fn is_ours(found: Option<Marker>, heard: Option<Marker>, timeline: Timeline, tried: u64) -> bool {
    found == heard || found.is_none_or(|found| found.timeline == timeline && found.epoch <= tried)
}

impl Outlet for KafkaOutlet {
    fn name(&self) -> &'static str {
        NAME
    }

    fn answer(&self) -> Option<SinkProgress> {
        let Marker { timeline, epoch } = self.marker?;
        Some(SinkProgress { sink: NAME.to_owned(), timeline, epoch, file_length_bytes: None })
    }

    fn resume(&mut self, known: &OutletKnown) -> Result<(), SinkError> {
        if known.accept_lost_output {
            return Ok(());
        }
        match (self.marker, known.acknowledged, known.state) {
            (None, Some((_, epoch)), _) if epoch > 0 => {
                let group = marker_group(&self.settings.transactional_id);
                Err(KafkaSinkError::MarkerLost { group, epoch }.into())
            }
            // The log, which has those epochs, is not the one that goes on.
            (Some(Marker { timeline, epoch: found }), _, Some((state, epoch)))
                if timeline == state && timeline != known.timeline && found > epoch =>
            {
                Err(KafkaSinkError::Ahead { found, epoch }.into())
            }
            _ => Ok(()),
        }
    }

    fn send(&mut self, batch: &SinkBatch<'_>) -> Result<(), SinkError> {
        let since_ms = self.clock.boot_ms();
        let done = self.write(batch);
        self.or_drop(since_ms, done)
    }

    // Every history has its marker, results or none, and it is renewed before it expires: one that is missing is lost.
    fn idle(&mut self, timeline: Timeline, epoch: u64) -> Result<(), SinkError> {
        let since_ms = self.clock.boot_ms();
        let ours = self.marker.is_some_and(|marker| marker.timeline == timeline);
        if epoch == 0 || (ours && since_ms - self.marked_ms < RENEWED_EVERY_MS) {
            return Ok(());
        }
        let done = self.renew(Marker { timeline, epoch });
        self.or_drop(since_ms, done)
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
