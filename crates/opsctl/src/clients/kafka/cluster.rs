//! A cluster as one of its brokers describes it.

use kafka_protocol::messages::BrokerId;
use kafka_protocol::messages::MetadataResponse;
use kafka_protocol::messages::metadata_response::{MetadataResponsePartition, MetadataResponseTopic};
use serde::{Deserialize, Serialize};

/// Brokers and topics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Cluster {
    pub(crate) brokers: Vec<Broker>,
    /// Who changes topics; none while one is being elected.
    pub(crate) controller: Option<i32>,
    pub(crate) topics: Vec<Topic>,
}

/// A broker and how this host reaches it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Broker {
    pub(crate) id: i32,
    pub(crate) address: String,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Topic {
    pub(crate) name: String,
    /// By their number.
    pub(crate) partitions: Vec<Partition>,
}

/// A partition: who holds it, and who of those is up to date.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Partition {
    pub(crate) number: i32,
    /// None while it has no leader: then nobody can read or write it.
    pub(crate) leader: Option<i32>,
    /// The first is preferred as leader.
    pub(crate) replicas: Vec<i32>,
    pub(crate) in_sync: Vec<i32>,
}

impl Cluster {
    /// The topic of this name.
    pub(crate) fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.iter().find(|topic| topic.name == name)
    }

    /// Where this broker is.
    pub(crate) fn address(&self, id: i32) -> Option<&str> {
        self.brokers.iter().find(|broker| broker.id == id).map(|broker| broker.address.as_str())
    }
}

impl From<MetadataResponse> for Cluster {
    fn from(seen: MetadataResponse) -> Self {
        let mut brokers: Vec<Broker> = seen
            .brokers
            .iter()
            .map(|broker| Broker { id: broker.node_id.0, address: format!("{}:{}", broker.host.as_str(), broker.port) })
            .collect();
        brokers.sort_by_key(|broker| broker.id);
        let topics = seen.topics.into_iter().filter(|topic| topic.error_code == 0);
        let mut topics: Vec<Topic> = topics.filter_map(topic).collect();
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Self { brokers, controller: known(seen.controller_id), topics }
    }
}

fn topic(seen: MetadataResponseTopic) -> Option<Topic> {
    let mut partitions: Vec<Partition> = seen.partitions.iter().map(partition).collect();
    partitions.sort_by_key(|partition| partition.number);
    Some(Topic { name: seen.name?.0.as_str().to_owned(), partitions })
}

fn partition(seen: &MetadataResponsePartition) -> Partition {
    let ids = |nodes: &[BrokerId]| nodes.iter().map(|node| node.0).collect();
    Partition {
        number: seen.partition_index,
        leader: known(seen.leader_id),
        replicas: ids(&seen.replica_nodes),
        in_sync: ids(&seen.isr_nodes),
    }
}

/// The protocol writes -1 where there is none.
fn known(id: BrokerId) -> Option<i32> {
    (id.0 >= 0).then_some(id.0)
}
