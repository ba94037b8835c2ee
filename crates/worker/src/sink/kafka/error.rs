//! Why the Kafka sink cannot go on.

/// What stands in the way; each says what to do, or that it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum KafkaSinkError {
    /// A setting that librdkafka does not take.
    #[error("kafka sink: {0}")]
    Settings(String),
    /// The brokers did not do what was asked, or did not say so. What became of the transaction is asked of them before
    /// anything is sent again.
    #[error("kafka sink: {bootstrap}: cannot {what} ({why})")]
    Unanswered {
        /// The brokers.
        bootstrap: String,
        /// What was asked.
        what: &'static str,
        /// In librdkafka's words.
        why: String,
    },
    /// A topic is not there and cannot be made.
    #[error("kafka sink: topic {topic} is not there and cannot be created: {why}")]
    Topic {
        /// The topic.
        topic: String,
        /// Why not, and what to do.
        why: String,
    },
    /// Another worker has taken our place.
    #[error(
        "kafka sink: another worker has begun to write as {transactional_id}: this one stops. Give each worker a \
         sink.kafka.transactional_id of its own"
    )]
    Fenced {
        /// The name that both use.
        transactional_id: String,
    },
    /// The brokers have ended our own transaction: it was open for too long.
    #[error(
        "kafka sink: the brokers have ended the transaction of {transactional_id}, which was open for {open_ms} ms \
         (sink.kafka.transaction_timeout_ms is {timeout_ms}); its results are written again by a new producer"
    )]
    TimedOut {
        /// Our name.
        transactional_id: String,
        /// How long it was open.
        open_ms: i64,
        /// How long it may be.
        timeout_ms: u32,
    },
    /// The brokers allow no transaction that long.
    #[error(
        "kafka sink: the brokers take no transaction timeout of {timeout_ms} ms: lower \
         sink.kafka.transaction_timeout_ms to their transaction.max.timeout.ms"
    )]
    TimeoutTooLong {
        /// Ours.
        timeout_ms: u32,
    },
    /// The log says that there should be a marker.
    #[error(
        "kafka sink: the log says that results up to epoch {epoch} have left, but group {group} holds no marker of it: what the \
         topics have is not known. Look whether these are the right brokers; to go on all the same, with results that \
         may come twice, give --accept-lost-output"
    )]
    MarkerLost {
        /// The marker's group.
        group: String,
        /// What the log names.
        epoch: u64,
    },
    /// The topics have more than the state that goes on.
    #[error(
        "kafka sink: the topics have results up to epoch {found}, the state ends at {epoch}: those in between would \
         come twice. Restore a later savepoint, or accept that with --accept-lost-output"
    )]
    Ahead {
        /// What the marker says.
        found: u64,
        /// What the state names.
        epoch: u64,
    },
    /// What waits in the state cannot be read.
    #[error(
        "kafka sink: results that wait in the state are of form {found}, this worker reads {known}: start the worker that \
         wrote them once more, and stop it when they have left"
    )]
    Parcel {
        /// The form found.
        found: u8,
        /// The form that this worker writes.
        known: u8,
    },
    /// Told to stop while it waited.
    #[error("kafka sink: stopped before {bootstrap} answered")]
    Stopped {
        /// The brokers.
        bootstrap: String,
    },
}

impl KafkaSinkError {
    /// Whether waiting may mend it.
    pub(in crate::sink) fn may_pass(&self) -> bool {
        matches!(self, Self::Unanswered { .. } | Self::TimedOut { .. } | Self::Topic { .. })
    }

    /// Whether going on would not be exactly once.
    pub(in crate::sink) fn is_refusal(&self) -> bool {
        matches!(self, Self::Fenced { .. } | Self::MarkerLost { .. } | Self::Ahead { .. } | Self::Parcel { .. })
    }
}
