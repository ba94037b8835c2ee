//! Connect's internal topics: what is wrong with them, and what mends it in place. Nothing here deletes.

use std::collections::BTreeMap;

use crate::clients::kafka::{Cluster, Topic};
use crate::failure::{Failure, Result};

/// Copies that each must have, each on another broker.
pub(crate) const FACTOR: usize = 3;

/// A topic as Connect needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) name: &'static str,
    pub(crate) partitions: usize,
    /// Another number of partitions breaks Connect; elsewhere it is only not what was meant.
    exactly: bool,
}

impl Wanted {
    /// Whether Connect refuses any other number of partitions.
    pub(crate) const fn is_exact(self) -> bool {
        self.exactly
    }
}

/// Names and numbers as in compose.yaml.
pub(crate) const WANTED: [Wanted; 3] = [
    // Configurations are read in their order: Connect refuses more than one partition.
    Wanted { name: "_connect-configs", partitions: 1, exactly: true },
    Wanted { name: "_connect-offsets", partitions: 25, exactly: false },
    Wanted { name: "_connect-status", partitions: 5, exactly: false },
];

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Repair {
    /// It is not there.
    Create(Wanted),
    /// Partitions with too few copies, each with the brokers that shall hold it: those that do first.
    Grow { topic: String, from: usize, to: Vec<(i32, Vec<i32>)> },
    /// `cleanup.policy` would let Connect's memory be forgotten after a week.
    Compact { topic: String, was: String },
}

impl std::fmt::Display for Repair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Create(wanted) => write!(f, "{} made, {} partitions", wanted.name, wanted.partitions),
            Self::Grow { topic, from, to } => {
                write!(f, "{topic}: replication factor {from} → {FACTOR}, {} partitions", to.len())
            }
            Self::Compact { topic, was } => write!(f, "{topic}: cleanup.policy {was} → compact"),
        }
    }
}

/// What there is to do, and what cannot be mended and matters little. Refuses what Connect could not work with.
pub(crate) fn plan(cluster: &Cluster, policies: &BTreeMap<String, String>) -> Result<(Vec<Repair>, Vec<String>)> {
    let (mut repairs, mut remarks) = (Vec::new(), Vec::new());
    for wanted in WANTED {
        let Some(topic) = cluster.topic(wanted.name) else {
            repairs.push(Repair::Create(wanted));
            continue;
        };
        let partitions = topic.partitions.len();
        if partitions != wanted.partitions && wanted.exactly {
            return Err(Failure::new(format!(
                "the topic {} has {partitions} partitions, Connect works with {} only",
                wanted.name, wanted.partitions
            ))
            .hint("Kafka takes no partition away and opsctl deletes no topic: name another CONFIG_STORAGE_TOPIC for kafka-connect in compose/compose.yaml; opsctl up then registers the connectors anew, their offsets stay"));
        }
        if partitions != wanted.partitions {
            remarks.push(format!(
                "{} has {partitions} partitions, not {}: Connect works with that",
                wanted.name, wanted.partitions
            ));
        }
        repairs.extend(grow(cluster, topic)?);
        let policy = policies.get(wanted.name).map_or("delete", String::as_str);
        if policy != "compact" {
            repairs.push(Repair::Compact { topic: wanted.name.to_owned(), was: policy.to_owned() });
        }
    }
    Ok((repairs, remarks))
}

/// Where partitions have too few copies: who shall hold them. Who holds one keeps it; the others take turns.
pub(crate) fn grow(cluster: &Cluster, topic: &Topic) -> Result<Option<Repair>> {
    let short: Vec<_> = topic.partitions.iter().filter(|partition| partition.replicas.len() < FACTOR).collect();
    let Some(from) = short.iter().map(|partition| partition.replicas.len()).min() else { return Ok(None) };
    let brokers: Vec<i32> = cluster.brokers.iter().map(|broker| broker.id).collect();
    if brokers.len() < FACTOR {
        return Err(Failure::new(format!(
            "{} has replication factor {from}; {FACTOR} need as many brokers, {} are there",
            topic.name,
            brokers.len()
        )));
    }
    let target = |held: &[i32], number: i32| {
        let mut replicas = held.to_vec();
        // Begins at another broker for each partition, so that the work spreads.
        let turn = number.unsigned_abs() as usize % brokers.len();
        let others = brokers[turn..].iter().chain(&brokers[..turn]).filter(|id| !held.contains(id));
        replicas.extend(others.take(FACTOR.saturating_sub(held.len())));
        replicas
    };
    let to = short.iter().map(|partition| (partition.number, target(&partition.replicas, partition.number))).collect();
    Ok(Some(Repair::Grow { topic: topic.name.clone(), from, to }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::kafka::{Broker, Partition};

    fn topic(name: &str, partitions: i32, replicas: &[i32]) -> Topic {
        let partition = |number| Partition {
            number,
            leader: replicas.first().copied(),
            replicas: replicas.to_vec(),
            in_sync: replicas.to_vec(),
        };
        Topic { name: name.to_owned(), partitions: (0..partitions).map(partition).collect() }
    }

    fn cluster(brokers: i32, topics: Vec<Topic>) -> Cluster {
        let broker = |id| Broker { id, address: format!("127.0.0.1:{}", 9091 + id) };
        Cluster { brokers: (1..=brokers).map(broker).collect(), controller: Some(1), topics }
    }

    fn compact() -> BTreeMap<String, String> {
        WANTED.iter().map(|wanted| (wanted.name.to_owned(), "compact".to_owned())).collect()
    }

    fn lines(repairs: &[Repair]) -> Vec<String> {
        repairs.iter().map(ToString::to_string).collect()
    }

    fn with_factors(replicas: &[i32]) -> Vec<Topic> {
        WANTED.iter().map(|wanted| topic(wanted.name, wanted.partitions as i32, replicas)).collect()
    }

    #[test]
    fn what_is_right_is_left_alone() {
        let (repairs, remarks) = plan(&cluster(3, with_factors(&[2, 3, 1])), &compact()).expect("well");
        assert_eq!((repairs, remarks), (Vec::new(), Vec::new()));
    }

    #[test]
    fn what_is_missing_is_made() {
        let (repairs, _) = plan(&cluster(3, Vec::new()), &BTreeMap::new()).expect("to be made");
        assert_eq!(
            lines(&repairs),
            [
                "_connect-configs made, 1 partitions",
                "_connect-offsets made, 25 partitions",
                "_connect-status made, 5 partitions"
            ]
        );
    }

    #[test]
    fn copies_are_added_beside_the_one_that_is_there() {
        let (repairs, _) = plan(&cluster(3, with_factors(&[2])), &compact()).expect("to be repaired");
        let Repair::Grow { topic, from: 1, to } = &repairs[1] else { panic!("{repairs:?}") };
        assert_eq!((topic.as_str(), to.len()), ("_connect-offsets", 25));
        for (number, replicas) in to {
            assert_eq!(replicas[0], 2, "partition {number} keeps its leader");
            let mut all = replicas.clone();
            all.sort_unstable();
            assert_eq!(all, [1, 2, 3], "partition {number}");
        }
        assert_eq!(lines(&repairs)[0], "_connect-configs: replication factor 1 → 3, 1 partitions");
    }

    #[test]
    fn with_more_brokers_the_copies_spread() {
        let (repairs, _) = plan(&cluster(5, with_factors(&[1])), &compact()).expect("to be repaired");
        let Repair::Grow { to, .. } = &repairs[1] else { panic!("{repairs:?}") };
        for id in 2..=5 {
            let held = to.iter().filter(|(_, replicas)| replicas.contains(&id)).count();
            assert!(held >= 8, "broker {id} has {held} of 50 new copies");
        }
        assert!(to.iter().all(|(_, replicas)| replicas.len() == 3));
    }

    #[test]
    fn a_policy_that_forgets_is_repaired() {
        let mut policies = compact();
        policies.insert("_connect-offsets".to_owned(), "delete".to_owned());
        let (repairs, _) = plan(&cluster(3, with_factors(&[1, 2, 3])), &policies).expect("to be repaired");
        assert_eq!(lines(&repairs), ["_connect-offsets: cleanup.policy delete → compact"]);
    }

    #[test]
    fn other_numbers_of_partitions_are_told_or_refused() {
        let mut topics = with_factors(&[1, 2, 3]);
        topics[1].partitions.truncate(10);
        let (repairs, remarks) = plan(&cluster(3, topics.clone()), &compact()).expect("works");
        assert!(repairs.is_empty() && remarks[0].contains("10 partitions, not 25"), "{remarks:?}");
        topics[0] = topic("_connect-configs", 2, &[1, 2, 3]);
        let refused = plan(&cluster(3, topics), &compact()).expect_err("Connect would refuse it");
        assert!(refused.message.contains("2 partitions") && refused.hint.is_some(), "{refused}");
    }

    #[test]
    fn two_brokers_cannot_hold_three_copies() {
        let refused = plan(&cluster(2, with_factors(&[1])), &compact()).expect_err("too few");
        assert!(refused.message.contains("2 are there"), "{refused}");
    }
}
