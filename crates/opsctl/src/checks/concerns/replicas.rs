//! Partitions as they are now: leaders, copies that are up to date, whether a write would be taken.

use crate::checks::concerns::docker::{command, up};
use crate::checks::facts::Facts;
use crate::checks::finding::{About, Check, Found, Group, Judged};
use crate::clients::kafka::{Partition, Topic};

/// Named before "and so many more".
const LISTED: usize = 6;
/// What librdkafka and Flink ask for unless told otherwise, and what the brokers must grant at least.
const DEFAULT_TRANSACTION_MS: i64 = 60_000;

pub(crate) const CHECKS: &[Check] = &[
    Check { about: &BEHIND, judge: behind },
    Check { about: &NO_WRITES, judge: no_writes },
    Check { about: &OFFLINE, judge: offline },
    Check { about: &TRANSACTIONS, judge: transactions },
];

const BEHIND: About = About {
    id: "DOC-REPLICAS-BEHIND",
    group: Group::Kafka,
    title: "all copies are up to date",
    symptom: "kafka-topics --under-replicated-partitions lists some",
    cause: "a broker is away, or came back a moment ago and catches up",
    remedy: "opsctl up; copies catch up by themselves",
    why: "another loss now could stop writes",
    source: "metadata of the cluster: in-sync replicas against replicas",
};

const NO_WRITES: About = About {
    id: "DOC-NO-WRITES",
    group: Group::Kafka,
    title: "every partition takes writes",
    symptom: "NOT_ENOUGH_REPLICAS, NOT_ENOUGH_REPLICAS_AFTER_APPEND in the logs of those who write",
    cause: "fewer copies are up to date than min.insync.replicas: brokers are away, or the topic has too few copies",
    remedy: "what it follows from: opsctl up for brokers, opsctl doctor --fix for copies",
    why: "nothing new is stored there; Connect looks healthy all the same",
    source: "two of three brokers killed here",
};

const OFFLINE: About = About {
    id: "DOC-OFFLINE",
    group: Group::Kafka,
    title: "every partition has a leader",
    symptom: "LEADER_NOT_AVAILABLE; readers and writers of the partition wait",
    cause: "no broker with an up-to-date copy runs",
    remedy: "opsctl up: start the brokers; do not allow unclean leader elections, they lose records",
    why: "nobody can read or write such a partition",
    source: "metadata of the cluster",
};

const TRANSACTIONS: About = About {
    id: "DOC-TRANSACTIONS",
    group: Group::Kafka,
    title: "transactions may last as long as ours",
    symptom: "The transaction timeout is larger than the maximum value allowed by the broker",
    cause: "transaction.max.timeout.ms of the brokers is below the timeout that a transactional writer asks for",
    remedy: "raise KAFKA_TRANSACTION_MAX_TIMEOUT_MS in compose/compose.yaml (15 minutes by default), then opsctl up",
    why: "an exactly-once writer does not start",
    source: "j3-signalroom/apache_flink-kickstarter#787; FLINK-23839",
};

/// Topics with those of their partitions that are meant, as `topic-number`.
type ByTopic = Vec<(String, Vec<String>)>;

/// How many partitions there are, and which of them are wrong.
fn in_partitions(facts: &Facts, wrong: impl Fn(&Topic, &Partition) -> bool) -> Option<(usize, ByTopic)> {
    let cluster = facts.cluster().filter(|cluster| !cluster.topics.is_empty())?;
    let mut all = 0;
    let mut topics = Vec::new();
    for topic in &cluster.topics {
        all += topic.partitions.len();
        let hit: Vec<String> = topic
            .partitions
            .iter()
            .filter(|partition| wrong(topic, partition))
            .map(|partition| format!("{}-{}", topic.name, partition.number))
            .collect();
        if !hit.is_empty() {
            topics.push((topic.name.clone(), hit));
        }
    }
    Some((all, topics))
}

fn some(names: &[String]) -> String {
    let first = names[..names.len().min(LISTED)].join(", ");
    if names.len() > LISTED { format!("{first} and {} more", names.len() - LISTED) } else { first }
}

fn behind(facts: &Facts) -> Option<Judged> {
    let (all, topics) = in_partitions(facts, |_, partition| {
        partition.leader.is_some() && partition.in_sync.len() < partition.replicas.len()
    })?;
    let hit: Vec<String> = topics.into_iter().flat_map(|(_, partitions)| partitions).collect();
    let found = (!hit.is_empty()).then(|| {
        Found::warn("", format!("copies of {} of {all} partitions are behind", hit.len()))
            .evidence(some(&hit))
            .remedy(up(facts))
    });
    Some(Judged::of(format!("in-sync replicas of {all} partitions")).with(found))
}

fn no_writes(facts: &Facts) -> Option<Judged> {
    let (all, topics) =
        in_partitions(facts, |topic, partition| partition.in_sync.len() < facts.min_in_sync(&topic.name))?;
    let found = topics.into_iter().map(|(topic, partitions)| {
        let min = facts.min_in_sync(&topic);
        Found::fail(&topic, format!("{topic} takes no writes"))
            .evidence(format!("{}: fewer than min.insync.replicas={min} copies are up to date", some(&partitions)))
            .remedy(format!("{}; {}", up(facts), command(facts, "doctor --fix")))
    });
    let found = found.collect::<Vec<_>>();
    Some(Judged::of(format!("in-sync replicas against min.insync.replicas of {all} partitions")).with(found))
}

fn offline(facts: &Facts) -> Option<Judged> {
    let (all, topics) = in_partitions(facts, |_, partition| partition.leader.is_none())?;
    let found = topics.into_iter().map(|(topic, partitions)| {
        Found::fail(&topic, format!("{topic}: {} partitions have no leader", partitions.len()))
            .evidence(some(&partitions))
            .remedy(up(facts))
    });
    let found = found.collect::<Vec<_>>();
    Some(Judged::of(format!("leaders of {all} partitions")).with(found))
}

fn transactions(facts: &Facts) -> Option<Judged> {
    let max = facts.kafka.as_ref()?.transaction_max_timeout_ms?;
    let of_workers = facts.workers.iter().filter_map(|worker| Some((worker.transaction_timeout_ms?, &worker.name)));
    let (ours, whose) = match of_workers.max() {
        Some((timeout, name)) => (timeout, name.as_str()),
        // None writes to topics now; one that is told to would not start.
        None => (DEFAULT_TRANSACTION_MS, "by default"),
    };
    let small = (max < ours).then(|| {
        Found::warn(
            "",
            format!("the brokers allow transactions of {} s, ours ({whose}) may last {} s", max / 1000, ours / 1000),
        )
        .evidence(format!("transaction.max.timeout.ms={max}, sink.kafka.transaction_timeout_ms={ours}"))
        .remedy(TRANSACTIONS.remedy)
    });
    Some(Judged::of(format!("transaction.max.timeout.ms={max}, ours={ours} ({whose})")).with(small))
}

/// Whether a topic takes a write in each of its partitions; none if that is not known.
pub(crate) fn takes_writes(facts: &Facts, topic: &str) -> Option<bool> {
    let cluster = facts.cluster()?;
    let min = facts.min_in_sync(topic);
    let topic = cluster.topic(topic)?;
    Some(topic.partitions.iter().all(|partition| partition.leader.is_some() && partition.in_sync.len() >= min))
}
