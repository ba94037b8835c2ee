//! Kafka's administration, in its own protocol: what librdkafka's client cannot do is to move replicas.
//!
//! Only for brokers that this host reaches without TLS, as those of the stack are published on loopback.

mod cluster;
mod connection;
mod messages;

use std::time::Duration;

use futures_util::future::join_all;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic};
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::list_partition_reassignments_request::ListPartitionReassignmentsTopics;
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, BrokerId, CreateTopicsRequest, DescribeConfigsRequest,
    IncrementalAlterConfigsRequest, ListOffsetsRequest, ListPartitionReassignmentsRequest, MetadataRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use tokio::time::timeout;

#[cfg(test)]
pub(crate) use cluster::Broker;
pub(crate) use cluster::{Cluster, Partition, Topic};
use connection::{Asks, Connection};

use crate::failure::{Failure, Result};

/// How long the controller may take for what it is asked; it goes on afterwards.
const CONTROLLER_MS: i32 = 45_000;
/// A broker that is asked only whether it is there, and who else is.
const TO_SHOW_UP: Duration = Duration::from_secs(5);
/// A resource that is a topic, in the protocol's numbers.
const TOPIC: i8 = 2;
/// A resource that is a broker, in the protocol's numbers.
const BROKER: i8 = 4;
/// "Behind the last record", in the protocol's numbers.
const LATEST: i64 = -1;
/// "Set this key", in the protocol's numbers.
const SET: i8 = 0;

/// Topic → setting → value.
pub(crate) type TopicSettings = std::collections::BTreeMap<String, std::collections::BTreeMap<String, String>>;

/// A cluster's administration. Every question is a connection of its own: on loopback that costs a millisecond, and
/// there is none that could have died in between.
#[derive(Clone, Debug)]
pub(crate) struct KafkaAdmin {
    addresses: Vec<String>,
}

impl KafkaAdmin {
    /// The cluster that these brokers belong to.
    pub(crate) fn of(addresses: Vec<String>) -> Self {
        Self { addresses }
    }

    /// What each broker knows that answers, asked by itself.
    pub(crate) async fn answering(addresses: &[String]) -> Vec<Cluster> {
        let asked = addresses.iter().map(|address| async move {
            let mut connection = Connection::open(address).await?;
            metadata(&mut connection, Some(Vec::new())).await
        });
        let answered = join_all(asked.map(|asked| timeout(TO_SHOW_UP, asked))).await;
        answered.into_iter().flatten().filter_map(std::result::Result::ok).collect()
    }

    /// Brokers and all topics.
    pub(crate) async fn cluster(&self) -> Result<Cluster> {
        let mut connection = self.any().await?;
        metadata(&mut connection, None).await.map_err(|words| unanswered(&words))
    }

    /// Makes a topic.
    pub(crate) async fn create(
        &self,
        name: &str,
        partitions: i32,
        factor: i16,
        settings: &[(&str, &str)],
    ) -> Result<()> {
        let setting = |(name, value): &(&str, &str)| {
            CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
        };
        let topic = CreatableTopic::default()
            .with_name(TopicName(text(name)))
            .with_num_partitions(partitions)
            .with_replication_factor(factor)
            .with_configs(settings.iter().map(setting).collect());
        let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(CONTROLLER_MS);
        let answer = self.ask_controller(&request).await?;
        for topic in answer.topics {
            // Somebody else, such as Connect, was a moment faster.
            if topic.error_code != ResponseError::TopicAlreadyExists.code() {
                accepted(&format!("making {name}"), topic.error_code, topic.error_message.as_ref())?;
            }
        }
        Ok(())
    }

    /// A topic's setting as it holds, be it the topic's own or the brokers' default.
    pub(crate) async fn setting(&self, topic: &str, name: &str) -> Result<Option<String>> {
        let resource = DescribeConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(text(topic))
            .with_configuration_keys(Some(vec![text(name)]));
        let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
        let answer = self.any().await?.ask(&request).await.map_err(|words| unanswered(&words))?;
        let mut value = None;
        for result in answer.results {
            accepted(&format!("the settings of {topic}"), result.error_code, result.error_message.as_ref())?;
            value =
                result.configs.into_iter().find(|config| config.name.as_str() == name).and_then(|config| config.value);
        }
        Ok(value.map(|value| value.as_str().to_owned()))
    }

    /// These settings of these topics, as they hold.
    pub(crate) async fn settings_of(&self, topics: &[&str], names: &[&str]) -> Result<TopicSettings> {
        let resource = |topic: &&str| {
            DescribeConfigsResource::default()
                .with_resource_type(TOPIC)
                .with_resource_name(text(topic))
                .with_configuration_keys(Some(names.iter().map(|name| text(name)).collect()))
        };
        let request = DescribeConfigsRequest::default().with_resources(topics.iter().map(resource).collect());
        let answer = self.any().await?.ask(&request).await.map_err(|words| unanswered(&words))?;
        // A topic that was deleted a moment ago has none.
        let known = answer.results.into_iter().filter(|result| result.error_code == 0);
        let settings = known.map(|result| {
            let pairs = result
                .configs
                .into_iter()
                .filter_map(|config| Some((config.name.as_str().to_owned(), config.value?.as_str().to_owned())));
            (result.resource_name.as_str().to_owned(), pairs.collect())
        });
        Ok(settings.collect())
    }

    /// A setting of the broker that answers first.
    pub(crate) async fn broker_setting(&self, broker: i32, name: &str) -> Result<Option<String>> {
        let resource = DescribeConfigsResource::default()
            .with_resource_type(BROKER)
            .with_resource_name(text(&broker.to_string()))
            .with_configuration_keys(Some(vec![text(name)]));
        let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
        // Only the broker itself knows its settings.
        let mut connection = self.any().await?;
        let seen = metadata(&mut connection, Some(Vec::new())).await.map_err(|words| unanswered(&words))?;
        let Some(address) = seen.address(broker) else { return Ok(None) };
        let mut connection = Connection::open(address).await.map_err(|words| unanswered(&words))?;
        let answer = connection.ask(&request).await.map_err(|words| unanswered(&words))?;
        let mut configs =
            answer.results.into_iter().filter(|result| result.error_code == 0).flat_map(|result| result.configs);
        Ok(configs
            .find(|config| config.name.as_str() == name)
            .and_then(|config| config.value)
            .map(|value| value.as_str().to_owned()))
    }

    /// Gives a topic this setting; its others stay as they are.
    pub(crate) async fn set(&self, topic: &str, name: &str, value: &str) -> Result<()> {
        let config =
            AlterableConfig::default().with_name(text(name)).with_config_operation(SET).with_value(Some(text(value)));
        let resource = AlterConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(text(topic))
            .with_configs(vec![config]);
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
        for response in self.ask_controller(&request).await?.responses {
            accepted(&format!("{name}={value} for {topic}"), response.error_code, response.error_message.as_ref())?;
        }
        Ok(())
    }

    /// Asks that these partitions be held by these brokers. Data is copied afterwards: see [`Self::moving`].
    pub(crate) async fn reassign(&self, topic: &str, to: &[(i32, Vec<i32>)]) -> Result<()> {
        let partitions = to.iter().map(|(number, replicas)| {
            let replicas = replicas.iter().copied().map(BrokerId).collect();
            ReassignablePartition::default().with_partition_index(*number).with_replicas(Some(replicas))
        });
        let moved =
            ReassignableTopic::default().with_name(TopicName(text(topic))).with_partitions(partitions.collect());
        let request =
            AlterPartitionReassignmentsRequest::default().with_topics(vec![moved]).with_timeout_ms(CONTROLLER_MS);
        let answer = self.ask_controller(&request).await?;
        accepted(&format!("moving {topic}"), answer.error_code, answer.error_message.as_ref())?;
        for partition in answer.responses.iter().flat_map(|topic| &topic.partitions) {
            let what = format!("moving partition {} of {topic}", partition.partition_index);
            accepted(&what, partition.error_code, partition.error_message.as_ref())?;
        }
        Ok(())
    }

    /// How many of a topic's partitions are still being copied.
    pub(crate) async fn moving(&self, topic: &str, partitions: &[i32]) -> Result<usize> {
        let asked = ListPartitionReassignmentsTopics::default()
            .with_name(TopicName(text(topic)))
            .with_partition_indexes(partitions.to_vec());
        let request =
            ListPartitionReassignmentsRequest::default().with_topics(Some(vec![asked])).with_timeout_ms(CONTROLLER_MS);
        let answer = self.ask_controller(&request).await?;
        accepted(&format!("what moves of {topic}"), answer.error_code, answer.error_message.as_ref())?;
        Ok(answer.topics.iter().map(|topic| topic.partitions.len()).sum())
    }

    /// Where each partition of a topic ends, as its leader has it.
    pub(crate) async fn end_offsets(&self, topic: &str) -> Result<Vec<(i32, i64)>> {
        let mut connection = self.any().await?;
        let seen = metadata(&mut connection, Some(vec![topic.to_owned()])).await.map_err(|words| unanswered(&words))?;
        let partitions = seen.topic(topic).map(|topic| topic.partitions.as_slice()).unwrap_or_default();
        let mut ends = Vec::new();
        for broker in &seen.brokers {
            let led = partitions.iter().filter(|partition| partition.leader == Some(broker.id));
            let asked: Vec<_> = led
                .map(|led| ListOffsetsPartition::default().with_partition_index(led.number).with_timestamp(LATEST))
                .collect();
            if asked.is_empty() {
                continue;
            }
            let topics = vec![ListOffsetsTopic::default().with_name(TopicName(text(topic))).with_partitions(asked)];
            let request = ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(topics);
            let mut leader = Connection::open(&broker.address).await.map_err(|words| unanswered(&words))?;
            let answer = leader.ask(&request).await.map_err(|words| unanswered(&words))?;
            for partition in answer.topics.iter().flat_map(|topic| &topic.partitions) {
                accepted(&format!("the end of {topic}-{}", partition.partition_index), partition.error_code, None)?;
                ends.push((partition.partition_index, partition.offset));
            }
        }
        ends.sort_unstable();
        Ok(ends)
    }

    /// A connection to the first broker that takes one.
    async fn any(&self) -> Result<Connection> {
        let mut words = "no broker runs".to_owned();
        for address in &self.addresses {
            match Connection::open(address).await {
                Ok(connection) => return Ok(connection),
                Err(why) => words = why,
            }
        }
        Err(unanswered(&words))
    }

    /// With ZooKeeper only the controller changes topics; without it every broker hands the question on.
    async fn ask_controller<Q: Asks>(&self, request: &Q) -> Result<Q::Answer> {
        let mut connection = self.any().await?;
        let seen = metadata(&mut connection, Some(Vec::new())).await.map_err(|words| unanswered(&words))?;
        let controller = seen.controller.and_then(|id| seen.address(id));
        let controller = controller.ok_or_else(|| {
            Failure::new("the brokers have no controller").hint("one is being elected: run this again in a few seconds")
        })?;
        let mut connection = Connection::open(controller).await.map_err(|words| unanswered(&words))?;
        connection.ask(request).await.map_err(|words| unanswered(&words))
    }
}

/// All topics if none are named.
async fn metadata(connection: &mut Connection, topics: Option<Vec<String>>) -> std::result::Result<Cluster, String> {
    let topics = topics.map(|names| {
        let topic = |name: String| {
            kafka_protocol::messages::metadata_request::MetadataRequestTopic::default()
                .with_name(Some(TopicName(StrBytes::from_string(name))))
        };
        names.into_iter().map(topic).collect()
    });
    let request = MetadataRequest::default().with_topics(topics).with_allow_auto_topic_creation(false);
    connection.ask(&request).await.map(Cluster::from)
}

fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

fn unanswered(words: &str) -> Failure {
    Failure::new(format!("Kafka: {words}")).hint("opsctl status; opsctl logs kafka-1 kafka-2 kafka-3")
}

/// Kafka's own words, where it has some.
fn accepted(what: &str, code: i16, message: Option<&StrBytes>) -> Result<()> {
    let Some(error) = ResponseError::try_from_code(code) else { return Ok(()) };
    let words = message.map_or_else(|| error.to_string(), |message| format!("{error}: {}", message.as_str()));
    let failure = Failure::new(format!("Kafka refused {what}: {words}"));
    Err(match error {
        ResponseError::NotController => failure.hint("another controller was just elected: run this again"),
        ResponseError::InvalidReplicationFactor => failure.hint("do three brokers run? opsctl status"),
        _ => failure,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafka_s_refusals_are_told_in_its_own_words() {
        accepted("x", 0, None).expect("no error");
        let refused = accepted("making t", 38, Some(&text("larger than available brokers: 2"))).expect_err("refused");
        assert!(refused.message.contains("making t") && refused.message.contains("available brokers: 2"), "{refused}");
        assert!(refused.hint.as_ref().is_some_and(|hint| hint.contains("three brokers")), "{refused}");
    }

    #[tokio::test]
    async fn without_a_broker_the_address_is_named() {
        let nobody =
            std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a free port");
        let refused = KafkaAdmin::of(vec![nobody.to_string()]).cluster().await.expect_err("nobody listens");
        assert!(refused.message.contains(&nobody.to_string()), "{refused}");
        assert!(KafkaAdmin::answering(&[nobody.to_string()]).await.is_empty());
    }
}
