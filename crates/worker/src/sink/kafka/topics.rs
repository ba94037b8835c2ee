//! Topics that are not there are created; those that are stay as they are.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::Producer;
use rdkafka::types::RDKafkaErrorCode;

use super::connection::{ANSWER_WITHIN, Writer};
use super::settings::MESSAGE_BYTES;
use super::{KafkaSinkError, KafkaSinkSettings};
use crate::source::kafka::block_on;

/// How long the controller may take.
const CREATED_WITHIN: Duration = Duration::from_secs(15);

/// Creates what is missing.
pub(super) fn ensure(writer: &Writer, settings: &KafkaSinkSettings) -> Result<(), KafkaSinkError> {
    let metadata = writer
        .client()
        .fetch_metadata(None, ANSWER_WITHIN)
        .map_err(|error| super::connection::unanswered(settings, writer, "list the topics", &error))?;
    let there = |name: &str| metadata.topics().iter().any(|topic| topic.name() == name && topic.error().is_none());
    let missing: Vec<&str> = settings.topics.all().into_iter().filter(|name| !there(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let admin: AdminClient<DefaultClientContext> =
        settings.client().create().map_err(|error| super::settings::refused(&error))?;
    let new: Vec<NewTopic<'_>> = missing
        .iter()
        .map(|&name| {
            let new = NewTopic::new(name, settings.partitions, TopicReplication::Fixed(settings.replication_factor));
            // A dead letter is as large as what the source's topic takes; everything else is an order's size.
            if name == settings.topics.dead_letters { new.set("max.message.bytes", MESSAGE_BYTES) } else { new }
        })
        .collect();
    let options = AdminOptions::new().request_timeout(Some(CREATED_WITHIN)).operation_timeout(Some(CREATED_WITHIN));
    let created = block_on(admin.create_topics(&new, &options))
        .map_err(|error| super::connection::unanswered(settings, writer, "create topics", &error))?;
    for (result, topic) in created.into_iter().zip(&missing) {
        match result {
            Ok(_) => tracing::info!(
                partitions = settings.partitions,
                replication_factor = settings.replication_factor,
                "kafka sink: topic {topic} created"
            ),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, RDKafkaErrorCode::InvalidReplicationFactor)) => {
                let (wanted, brokers) = (settings.replication_factor, metadata.brokers().len());
                let why = format!(
                    "it should have {wanted} replicas, and {brokers} brokers answer; start the others, or lower \
                     sink.kafka.replication_factor"
                );
                return Err(KafkaSinkError::Topic { topic: (*topic).to_owned(), why });
            }
            Err((_, code)) => {
                return Err(KafkaSinkError::Topic { topic: (*topic).to_owned(), why: code.to_string() });
            }
        }
    }
    Ok(())
}
