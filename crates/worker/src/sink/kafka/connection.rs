//! One transactional producer, from its start to the first thing that it does not do in time: then it is dropped, and
//! what became of its transaction is asked of the brokers (I5).

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;

use super::marker::{Marker, question};
use super::messages::Message;
use super::{KafkaSinkError, KafkaSinkSettings, topics};
use crate::source::kafka::Context;
use crate::time::clock::Clock;

/// How long the brokers may take to answer a question.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long they may take to acknowledge what a transaction wrote, and its end.
const COMMITTED_WITHIN: Duration = Duration::from_secs(20);
/// How long a full queue is waited for at a time, and how often: a broker takes nothing for 20 s.
const QUEUE_PAUSE: Duration = Duration::from_millis(20);
const QUEUE_PAUSES: usize = 1000;

/// How long acknowledgements are waited for at a time, and how often: as long as the end of a transaction. The client
/// itself, asked to end one, looks again every 100 ms only, which each transaction would wait for.
const FLUSH_PAUSE: Duration = Duration::from_millis(1);
const FLUSH_PAUSES: usize = 20_000;

/// The client that writes.
pub(super) type Writer = BaseProducer<Context>;

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    // The end of the transaction says whether all of them came through.
    fn delivery(&self, _result: &DeliveryResult<'_>, (): ()) {}
}

/// A producer that has fenced its predecessors.
pub(super) struct Connection {
    writer: Writer,
    marker_reader: BaseConsumer<Context>,
    in_transaction: bool,
}

impl Connection {
    /// How far the topics are by the transactions that are over: asked without taking anybody's place. Makes topics that
    /// are missing.
    pub(super) fn look(settings: &KafkaSinkSettings) -> Result<Option<Marker>, KafkaSinkError> {
        let writer = writer(settings)?;
        topics::ensure(&writer, settings)?;
        ask(settings, &writer, &marker_reader(settings, false)?)
    }

    /// Fences the predecessor, which ends its open transaction one way or the other, then asks how far the topics are: final
    /// now. A worker that was held up must not fence the one that has taken its place, so it [looks](Self::look) first.
    pub(super) fn begin(settings: &KafkaSinkSettings) -> Result<(Self, Option<Marker>), KafkaSinkError> {
        let (writer, marker_reader) = (writer(settings)?, marker_reader(settings, true)?);
        writer
            .init_transactions(ANSWER_WITHIN)
            .map_err(|error| failed(settings, &writer, "begin to write in transactions", &error))?;
        let marker = ask(settings, &writer, &marker_reader)?;
        Ok((Self { writer, marker_reader, in_transaction: false }, marker))
    }

    /// Puts messages into the open transaction; begins one where there is none.
    pub(super) fn send<'a>(
        &mut self,
        settings: &KafkaSinkSettings,
        messages: impl Iterator<Item = Message<'a>>,
    ) -> Result<(), KafkaSinkError> {
        self.begin_transaction(settings)?;
        for Message { topic, key, value } in messages {
            let mut record = BaseRecord::<[u8], [u8]>::to(topic).payload(value);
            if let Some(key) = key {
                record = record.key(key);
            }
            let mut pauses = 0;
            while let Err((error, back)) = self.writer.send(record) {
                let full = error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
                if !full || pauses == QUEUE_PAUSES {
                    return Err(failed(settings, &self.writer, "take a message", &error));
                }
                pauses += 1;
                self.writer.poll(QUEUE_PAUSE);
                record = back;
            }
        }
        self.writer.poll(Duration::ZERO);
        Ok(())
    }

    fn begin_transaction(&mut self, settings: &KafkaSinkSettings) -> Result<(), KafkaSinkError> {
        if !self.in_transaction {
            self.writer
                .begin_transaction()
                .map_err(|error| failed(settings, &self.writer, "begin a transaction", &error))?;
            self.in_transaction = true;
        }
        Ok(())
    }

    /// Waits until the brokers have what was sent. Not in the client's own waiting call, which spins through its last
    /// millisecond.
    fn flush(&self, clock: &dyn Clock) -> Result<(), KafkaError> {
        let mut pauses = 0;
        while let Err(error) = self.writer.flush(Duration::ZERO) {
            let waits = error.rdkafka_error_code() == Some(RDKafkaErrorCode::OperationTimedOut);
            if !waits || pauses == FLUSH_PAUSES {
                return Err(error);
            }
            let before = self.writer.in_flight_count();
            self.writer.poll(Duration::ZERO);
            if self.writer.in_flight_count() == before {
                pauses += 1;
                clock.pause(FLUSH_PAUSE);
            }
        }
        Ok(())
    }

    /// Ends the open transaction together with its marker; begins one for the marker alone where there is none.
    pub(super) fn commit(
        &mut self,
        settings: &KafkaSinkSettings,
        marker: Marker,
        clock: &dyn Clock,
    ) -> Result<(), KafkaSinkError> {
        self.begin_transaction(settings)?;
        let failed = |what, error: &KafkaError| failed(settings, &self.writer, what, error);
        self.flush(clock).map_err(|error| failed("commit a transaction", &error))?;
        let offsets = marker.to_offsets(&settings.topics.agg).map_err(|error| failed("set the marker", &error))?;
        let Some(group) = self.marker_reader.group_metadata() else {
            return Err(KafkaSinkError::Settings("the marker's group has no name".to_owned()));
        };
        self.writer
            .send_offsets_to_transaction(&offsets, &group, ANSWER_WITHIN)
            .map_err(|error| failed("set the marker", &error))?;
        self.writer.commit_transaction(COMMITTED_WITHIN).map_err(|error| failed("commit a transaction", &error))?;
        self.in_transaction = false;
        Ok(())
    }
}

fn writer(settings: &KafkaSinkSettings) -> Result<Writer, KafkaSinkError> {
    settings.producer().create_with_context(Context::default()).map_err(|error| super::settings::refused(&error))
}

fn marker_reader(settings: &KafkaSinkSettings, waits: bool) -> Result<BaseConsumer<Context>, KafkaSinkError> {
    let reader = settings.marker_reader(waits).create_with_context(Context::default());
    reader.map_err(|error| super::settings::refused(&error))
}

fn ask(
    settings: &KafkaSinkSettings,
    writer: &Writer,
    marker_reader: &BaseConsumer<Context>,
) -> Result<Option<Marker>, KafkaSinkError> {
    let topic = &settings.topics.agg;
    let offsets = marker_reader
        .committed_offsets(question(topic), ANSWER_WITHIN)
        .map_err(|error| failed(settings, writer, "tell how far the topics are", &error))?;
    Ok(Marker::from_offsets(&offsets, topic))
}

/// What a failed call means.
fn failed(settings: &KafkaSinkSettings, writer: &Writer, what: &'static str, error: &KafkaError) -> KafkaSinkError {
    let fatal = writer.client().fatal_error().map(|(code, _)| code);
    for code in [error.rdkafka_error_code(), fatal].into_iter().flatten() {
        match code {
            RDKafkaErrorCode::Fenced | RDKafkaErrorCode::ProducerFenced | RDKafkaErrorCode::InvalidProducerEpoch => {
                return KafkaSinkError::Fenced { transactional_id: settings.transactional_id.clone() };
            }
            RDKafkaErrorCode::InvalidTransactionTimeout => {
                return KafkaSinkError::TimeoutTooLong { timeout_ms: settings.transaction_timeout_ms };
            }
            _ => {}
        }
    }
    unanswered(settings, writer, what, error)
}

/// A call that brought no result.
pub(super) fn unanswered(
    settings: &KafkaSinkSettings,
    writer: &Writer,
    what: &'static str,
    error: &KafkaError,
) -> KafkaSinkError {
    let why = writer.context().take_reason().unwrap_or_else(|| error.to_string());
    KafkaSinkError::Unanswered { bootstrap: settings.bootstrap.clone(), what, why }
}
