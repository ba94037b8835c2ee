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
    /// Ends the waiting of a start.
    stop: Arc<AtomicBool>,
    /// `None` before the start is planned, and after anything whose outcome is not known.
    connection: Option<Connection>,
    /// How far the topics are, as last heard.
    marker: Option<Marker>,
    marked_ms: i64,
    /// The last epoch that this process has tried to write.
    tried: u64,
}

impl KafkaOutlet {
    /// Learns how far the topics are, waiting for the brokers as long as it takes. It does not take its place at the brokers
    /// yet: a worker whose start is refused must not have fenced the one that goes on.
    ///
    /// # Errors
    /// Settings that make no sense to librdkafka or to the brokers, and a stop while it waited.
    pub fn open(settings: KafkaSinkSettings, clock: Box<dyn Clock>, stop: &Arc<AtomicBool>) -> Result<Self, SinkError> {
        let stop = Arc::clone(stop);
        let mut outlet = Self { settings, clock, stop, connection: None, marker: None, marked_ms: 0, tried: 0 };
        outlet.marker = outlet.patiently(|| Connection::look(&outlet.settings))?;
        Ok(outlet)
    }

    /// Asks until the brokers answer.
    fn patiently<T>(&self, ask: impl Fn() -> Result<T, KafkaSinkError>) -> Result<T, SinkError> {
        let mut said = None;
        loop {
            match ask() {
                Ok(answer) => return Ok(answer),
                Err(_) if self.stop.load(Ordering::Relaxed) => {
                    return Err(KafkaSinkError::Stopped { bootstrap: self.settings.bootstrap.clone() }.into());
                }
                Err(error) if error.may_pass() => {
                    let text = error.to_string();
                    if said.as_ref() != Some(&text) {
                        tracing::warn!("{text}; retrying");
                        said = Some(text);
                    }
                    self.clock.pause(PAUSE);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A producer whose predecessors can do nothing any more, and how far the topics are.
    fn connected(&mut self, timeline: Timeline) -> Result<&mut Connection, KafkaSinkError> {
        if self.connection.is_none() {
            let ours = |found| self.or_fenced(is_ours(found, self.marker, timeline, self.tried));
            ours(Connection::look(&self.settings)?)?;
            let (connection, marker) = Connection::begin(&self.settings)?;
            ours(marker)?;
            self.marker = marker;
            self.connection = Some(connection);
        }
        self.connection.as_mut().ok_or_else(|| KafkaSinkError::Stopped { bootstrap: self.settings.bootstrap.clone() })
    }

    fn or_fenced(&self, is_ours: bool) -> Result<(), KafkaSinkError> {
        let fenced = || KafkaSinkError::Fenced { transactional_id: self.settings.transactional_id.clone() };
        is_ours.then_some(()).ok_or_else(fenced)
    }

    /// Whether what the topics have goes on where state and log stand.
    fn fits(&self, known: &OutletKnown) -> Result<(), KafkaSinkError> {
        match (self.marker, known.acknowledged, known.state) {
            (None, Some((_, epoch)), _) if epoch > 0 => {
                let group = marker_group(&self.settings.transactional_id);
                Err(KafkaSinkError::MarkerLost { group, epoch })
            }
            // The log, which has those epochs, is not the one that goes on.
            (Some(Marker { timeline, epoch: found }), _, Some((state, epoch)))
                if timeline == state && timeline != known.timeline && found > epoch =>
            {
                Err(KafkaSinkError::Ahead { found, epoch })
            }
            _ => Ok(()),
        }
    }

    fn write(&mut self, batch: &SinkBatch<'_>) -> Result<(), KafkaSinkError> {
        self.connected(batch.timeline)?;
        let marker = Marker { timeline: batch.timeline, epoch: batch.last };
        if self.marker.is_some_and(|found| found.timeline == marker.timeline && found.epoch >= marker.epoch) {
            // What was in doubt has come through after all.
            return Ok(());
        }
        self.tried = batch.last;
        let Self { settings, clock, connection: Some(connection), .. } = self else { return Ok(()) };
        for parcel in batch.parcels {
            connection.send(settings, messages(&parcel.bytes, &settings.topics)?.into_iter())?;
        }
        connection.commit(settings, marker, clock.as_ref())?;
        self.marked(marker);
        Ok(())
    }

    /// Writes the marker alone.
    fn renew(&mut self, marker: Marker) -> Result<(), KafkaSinkError> {
        self.connected(marker.timeline)?;
        self.tried = self.tried.max(marker.epoch);
        let Self { settings, clock, connection: Some(connection), .. } = self else { return Ok(()) };
        connection.commit(settings, marker, clock.as_ref())?;
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
        let accepted = known.accept_lost_output;
        if !accepted {
            self.fits(known)?;
        }
        let (connection, marker) = self.patiently(|| Connection::begin(&self.settings))?;
        // What a process before us had in the works may have come through since we looked; the log has its epochs.
        let ahead = marker.is_some_and(|found| found.timeline == known.timeline && found.epoch > known.last);
        self.or_fenced(accepted || !ahead)?;
        (self.connection, self.marker, self.marked_ms) = (Some(connection), marker, self.clock.boot_ms());
        if !accepted {
            self.fits(known)?;
        }
        Ok(())
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
