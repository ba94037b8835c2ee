//! Kafka by the tools in a broker's container: a JVM each time, two or three seconds.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::stack::{Stack, docker};

const LIMIT: Duration = Duration::from_mins(5);
const BOOTSTRAP: [&str; 2] = ["--bootstrap-server", "kafka-1:29092,kafka-2:29093,kafka-3:29094"];

/// A topic as `kafka-topics --describe` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Topic {
    pub(crate) id: String,
    /// Replicas of each partition.
    pub(crate) replicas: Vec<usize>,
    /// Those of them that are in sync.
    pub(crate) in_sync: Vec<usize>,
    /// `cleanup.policy=compact,…`
    pub(crate) configs: String,
}

impl Stack {
    /// Runs one of Kafka's tools against the three brokers.
    pub(crate) fn kafka(&self, tool: &str, arguments: &[&str]) -> Result<String> {
        let id = self.container("kafka-1")?.id;
        docker::run(&[&["exec", &id, tool], &BOOTSTRAP[..], arguments].concat(), None, LIMIT)?.succeeded()
    }

    /// What a topic looks like.
    pub(crate) fn topic(&self, name: &str) -> Result<Topic> {
        let text = self.kafka("kafka-topics", &["--describe", "--topic", name])?;
        described(&text).with_context(|| format!("kafka-topics --describe says of {name}: {text}"))
    }

    /// How many records a topic holds or held, in all of its partitions.
    pub(crate) fn records(&self, topic: &str) -> Result<i64> {
        let text = self.kafka("kafka-get-offsets", &["--topic", topic])?;
        ends(&text).with_context(|| format!("kafka-get-offsets says of {topic}: {text}"))
    }
}

fn described(text: &str) -> Option<Topic> {
    let field = |line: &str, name: &str| {
        let value = line.split('\t').find_map(|part| part.trim().strip_prefix(name))?;
        Some(value.trim().to_owned())
    };
    let (head, partitions) = text.trim().split_once('\n')?;
    let count = |name: &str| -> Option<Vec<usize>> {
        partitions.lines().map(|line| Some(field(line, name)?.split(',').filter(|id| !id.is_empty()).count())).collect()
    };
    Some(Topic {
        id: field(head, "TopicId:")?,
        replicas: count("Replicas:")?,
        in_sync: count("Isr:")?,
        configs: field(head, "Configs:")?,
    })
}

/// `topic:0:12` a line.
fn ends(text: &str) -> Option<i64> {
    let end = |line: &str| line.rsplit_once(':')?.1.parse::<i64>().ok();
    text.lines().map(end).collect::<Option<Vec<_>>>().map(|ends| ends.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_described_topic_is_read() {
        let text = "Topic: a\tTopicId: xyz\tPartitionCount: 2\tReplicationFactor: 3\tConfigs: cleanup.policy=compact\n\
                    \tTopic: a\tPartition: 0\tLeader: 1\tReplicas: 1,2,3\tIsr: 1,3\n\
                    \tTopic: a\tPartition: 1\tLeader: 2\tReplicas: 2,3,1\tIsr: 2,3,1\n";
        let topic = described(text).expect("a topic");
        assert_eq!((topic.id.as_str(), topic.configs.as_str()), ("xyz", "cleanup.policy=compact"));
        assert_eq!((topic.replicas, topic.in_sync), (vec![3, 3], vec![2, 3]));
        assert_eq!(described("Error"), None);
    }

    #[test]
    fn ends_are_added_up() {
        assert_eq!(ends("cdc.orders:0:12\ncdc.orders:1:30\n"), Some(42));
        assert_eq!(ends("nonsense"), None);
    }
}
