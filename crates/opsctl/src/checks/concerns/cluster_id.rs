//! Whose data the brokers have: that of this ZooKeeper's cluster, or of one that is no more.

use crate::checks::facts::{Container, Facts};
use crate::checks::finding::{About, Check, Found, Group, Judged};
use crate::checks::fix::Fix;

pub(crate) const MARK: &str = "InconsistentClusterIdException";
/// The topics that a cluster of ours has in any case.
const TELLING: &str = "_connect-offsets";

pub(crate) const CHECKS: &[Check] = &[Check { about: &CLUSTER_ID, judge: cluster_id }];

const CLUSTER_ID: About = About {
    id: "DOC-CLUSTER-ID",
    group: Group::Containers,
    title: "brokers and ZooKeeper are of one cluster",
    symptom: "brokers end after seconds: InconsistentClusterIdException: The Cluster ID X doesn't match stored clusterId Some(Y) in meta.properties",
    cause: "ZooKeeper's volumes were lost or replaced: it made a new cluster id, while the brokers' data has the old one. The names and places of all topics were in ZooKeeper, too",
    remedy: "restore ZooKeeper's two volumes from where they went. Never delete meta.properties: brokers come up, and every topic is gone. Where no copy is left, topics and Connect's offsets are lost: opsctl down --volumes, opsctl up begins anew from MySQL's rows, which are the truth",
    why: "no broker starts; and the wrong repair loses every topic",
    source: "the original pipeline's notes, 7.3; ZooKeeper's volumes removed here: code 1 after 4 s; without meta.properties: all healthy, no topics",
};

fn cluster_id(facts: &Facts) -> Option<Judged> {
    let brokers: Vec<&Container> =
        facts.containers.iter().filter(|container| container.stored_cluster_id.is_some()).collect();
    let stored: Vec<String> = brokers
        .iter()
        .map(|broker| format!("{} {}", broker.service, broker.stored_cluster_id.as_deref().unwrap_or("-")))
        .collect();
    let conflicts: Vec<(&Container, (String, String))> = facts
        .containers
        .iter()
        // One that runs has found its cluster since.
        .filter(|container| !container.runs() || container.health.as_deref() != Some("healthy"))
        .filter_map(|container| {
            Some((
                container,
                ids(&container.last_line(|text| text.contains(MARK) && text.contains("doesn't match"))?.text)?,
            ))
        })
        .collect();
    let ids: std::collections::BTreeSet<&str> =
        brokers.iter().filter_map(|broker| broker.stored_cluster_id.as_deref()).collect();
    if brokers.is_empty() && conflicts.is_empty() {
        return None;
    }
    let judged = Judged::of(if stored.is_empty() {
        "brokers' logs".to_owned()
    } else {
        format!("meta.properties: {}", stored.join(", "))
    });
    let mut found: Vec<Found> = conflicts.iter().map(|(container, ids)| conflict(facts, container, ids)).collect();
    if found.is_empty() && ids.len() > 1 {
        found.push(
            Found::fail("", "the brokers' data is of different clusters")
                .evidence(stored.join(", "))
                .remedy("restore the volumes that belong together; delete none"),
        );
    }
    Some(judged.with(found))
}

fn conflict(facts: &Facts, container: &Container, (zookeeper, stored): &(String, String)) -> Found {
    let line = container.last_line(|text| text.contains(MARK)).map_or("", |line| line.text.as_str());
    let found = Found::fail(
        &container.service,
        format!("{}: its data is of cluster {stored}, ZooKeeper's id is {zookeeper}", container.service),
    )
    .evidence(format!("log: {line}"));
    // ZooKeeper that still knows the topics lost only its id.
    let knows_topics =
        facts.zookeeper_topics.as_ref().is_some_and(|topics| topics.iter().any(|topic| topic == TELLING));
    if knows_topics {
        found
            .evidence("ZooKeeper still has the topics: only the id is another")
            .remedy("opsctl doctor --fix --only DOC-CLUSTER-ID")
            .fix(Fix::ClusterId { id: stored.clone() })
    } else {
        let topics = facts.zookeeper_topics.as_ref().map(|topics| {
            format!("ZooKeeper knows {} topics, {TELLING} is not among them: its data is new", topics.len())
        });
        found.evidence(topics.unwrap_or_default()).remedy(CLUSTER_ID.remedy)
    }
}

/// The two ids of `The Cluster ID X doesn't match stored clusterId Some(Y)`.
fn ids(line: &str) -> Option<(String, String)> {
    let (zookeeper, rest) = line.split_once("Cluster ID ")?.1.split_once(" doesn't match")?;
    let stored = rest.split_once("Some(")?.1.split_once(')')?.0;
    Some((zookeeper.to_owned(), stored.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ids_are_read_from_kafka_s_line() {
        let line = "kafka.common.InconsistentClusterIdException: The Cluster ID aB-1 doesn't match stored clusterId Some(cD_2) in meta.properties. The broker is trying to join the wrong cluster.";
        assert_eq!(ids(line), Some(("aB-1".to_owned(), "cD_2".to_owned())));
        assert_eq!(ids("INFO Cluster ID = x"), None);
    }
}
