//! Why the Kafka source cannot go on.

/// What ends the source; each says what to do. What passes by itself (a broker away, a topic not there yet) is waited
/// for and logged instead.
#[derive(Debug, thiserror::Error)]
pub enum KafkaSourceError {
    /// A setting that librdkafka does not take.
    #[error("kafka: {0}")]
    Settings(String),
    /// A setting that the worker makes itself.
    #[error("kafka: {key} cannot be set: the worker's guarantees rest on its own value; remove it")]
    OwnSetting {
        /// librdkafka's name for it.
        key: String,
    },
    /// Somebody else reads as this group.
    #[error(
        "kafka: group {group} has members: {members}; stop them, or give this worker a group of its own: two readers \
         would both act on every order"
    )]
    GroupHasMembers {
        /// The group.
        group: String,
        /// Client ids and hosts.
        members: String,
    },
    /// Taking over from a group that has read nothing.
    #[error("kafka: group {group} has committed no offset of topic {topic}; check the name, or start from earliest")]
    NothingCommitted {
        /// The group taken over from.
        group: String,
        /// The topic.
        topic: String,
    },
    /// The log no longer has, or never had, what comes next.
    #[error("kafka: {topic}-{partition}: offset {offset} is outside the log, which goes from {low} to {high}: {hint}")]
    OffsetOutOfRange {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset that was to be read next.
        offset: i64,
        /// The log's first offset.
        low: i64,
        /// The offset after the log's last.
        high: i64,
        /// Why, and what can be done.
        hint: &'static str,
    },
    /// The topic is another than the one that was read.
    #[error(
        "kafka: topic {topic} was deleted and created anew: its id was {was}, now it is {found}; what of the old one had \
         not been read is gone. To read the new one from its beginning, with state and dedup marks as they are, set \
         source.on_recreated_topic = \"restart\"; to begin with nothing, give --start-over"
    )]
    TopicRecreated {
        /// The topic.
        topic: String,
        /// The id that it had.
        was: String,
        /// The one that it has.
        found: String,
    },
    /// A start position names a partition that the topic does not have.
    #[error(
        "kafka: topic {topic} has {partitions} partitions, but the position to start from names partition {partition}: the topic is another than it was; create it with at least as many as it had"
    )]
    NoSuchPartition {
        /// The topic.
        topic: String,
        /// How many there are.
        partitions: i32,
        /// The one named.
        partition: i32,
    },
    /// A flag names a partition that the topic does not have.
    #[error("kafka: {flag} names partition {partition}, but topic {topic} has {partitions}, counted from 0")]
    NamedPartition {
        /// The flag.
        flag: &'static str,
        /// The topic.
        topic: String,
        /// The partition named.
        partition: i32,
        /// How many there are.
        partitions: usize,
    },
    /// A flag names an offset that nothing stands at yet.
    #[error("kafka: {flag} names offset {offset} of {topic}-{partition}, whose log ends at {high}")]
    NamedOffset {
        /// The flag.
        flag: &'static str,
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset named.
        offset: i64,
        /// The offset after the log's last.
        high: i64,
    },
    /// Nothing stands between where reading is to begin and where it is to end.
    #[error(
        "kafka: reading {topic}-{partition} would begin at {from} and is to end before {until} (--until), and no other \
         partition has anything between"
    )]
    NothingBetween {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Where it would begin.
        from: i64,
        /// Where it is to end.
        until: i64,
    },
    /// A place to begin at is given, and the state goes on elsewhere.
    #[error(
        "kafka: {flag} {place} is where a first start reads from, but there is a state, which goes on at {stands}: leave \
         the flag out to go on there; add --dry-run to look at the topic without touching the state; add --start-over to \
         begin anew (what there is of a state is set aside)"
    )]
    StateStands {
        /// The flag.
        flag: &'static str,
        /// The place given.
        place: String,
        /// Where the state stands.
        stands: String,
    },
    /// The state was made from another topic.
    #[error(
        "kafka: the state stands in {found}, where {wanted} is to be read: set kafka.topic back to what it was, or give \
         this topic a state directory of its own"
    )]
    OtherTopic {
        /// What is to be read.
        wanted: String,
        /// What the state names.
        found: String,
    },
    /// What an epoch has read is not there any more.
    #[error(
        "kafka: {topic}-{partition}: record {wanted}, which a logged epoch has read, is missing: {found}; the topic's data \
         has changed under the epoch log, so its epochs cannot be repeated: restore the topic, or start over with an \
         empty state directory"
    )]
    RecordMissing {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset that should come.
        wanted: i64,
        /// What is there instead.
        found: String,
    },
    /// Told to stop while it waited.
    #[error("kafka: stopped before the topic could be read")]
    Stopped,
    /// librdkafka gave up.
    #[error("kafka: {topic}: {error}{}", .reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default())]
    Client {
        /// The topic.
        topic: String,
        /// Its error.
        error: String,
        /// In its own words, where it gave some.
        reason: Option<String>,
    },
}

/// What can be done where the next records are gone.
pub(super) const LOST: &str = "the records between were deleted before they were read (retention); what they said is lost \
                               to this worker. To go on with the oldest that are left, set source.on_lost_records = \
                               \"skip\"";
/// What can be done where the log ends before the next record, and the topic's id says nothing.
pub(super) const ANEW: &str = "the topic was created anew, or a broker lost the log's end. To read it from its beginning, \
                               with state and dedup marks as they are, set source.on_recreated_topic = \"restart\"";
/// What can be done where the log ends before the next record, and the topic is the one that it was.
pub(super) const END_LOST: &str = "the topic is not created anew, so a broker has lost the log's end (an election of an \
                                   unclean leader): what comes now may be old or new. Restore the topic, or begin again \
                                   with --start-over";
/// What can be done where a logged epoch has read what is gone.
pub(super) const LOGGED: &str = "a logged epoch has read it and cannot be executed again without it, whatever \
                                 source.on_lost_records says: what it gave may have left. Restore the topic, or begin \
                                 again with --start-over";

impl KafkaSourceError {
    /// Whether going on would not be exactly once.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::GroupHasMembers { .. }
                | Self::OffsetOutOfRange { .. }
                | Self::TopicRecreated { .. }
                | Self::NoSuchPartition { .. }
                | Self::OtherTopic { .. }
                | Self::RecordMissing { .. }
                | Self::StateStands { .. }
        )
    }

    /// Whether the command line is wrong, as the topic now shows.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::NamedPartition { .. } | Self::NamedOffset { .. } | Self::NothingBetween { .. })
    }
}
