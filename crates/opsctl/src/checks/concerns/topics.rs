//! Topics as they are made: copies, partitions, what is kept. Connect's own, Kafka's own, and those with data.

use crate::checks::concerns::docker::{command, up};
use crate::checks::facts::Facts;
use crate::checks::finding::{About, Check, Found, Group, Judged};
use crate::checks::fix::Fix;
use crate::checks::internal_topics::{FACTOR, WANTED};
use crate::clients::kafka::{Cluster, Topic};

/// With one of three copies away, two are enough; one would be too few to survive a second loss.
const MIN_IN_SYNC: usize = 2;
/// Debezium makes its history with the largest number there is; ten years are as good.
const FOR_EVER_MS: i64 = 10 * 365 * 86_400_000;
const POLICY: &str = "cleanup.policy";

pub(crate) const CHECKS: &[Check] = &[
    Check { about: &MISSING_TOPIC, judge: missing },
    Check { about: &TOPIC_FACTOR, judge: factor },
    Check { about: &TOPIC_POLICY, judge: policy },
    Check { about: &PARTITIONS, judge: partitions },
    Check { about: &MIN_ISR, judge: min_in_sync },
    Check { about: &SCHEMA_HISTORY, judge: schema_history },
];

const MISSING_TOPIC: About = About {
    id: "DOC-TOPIC-MISSING",
    group: Group::Kafka,
    title: "Connect's internal topics are there",
    symptom: "Connect does not start, or makes them itself with whatever it was told",
    cause: "they were deleted, or the brokers' data was replaced",
    remedy: "opsctl doctor --fix makes them: 1, 25 and 5 partitions, three copies, compacted",
    why: "connectors' configurations and offsets are kept in them",
    source: "Kafka Connect's documentation; opsctl up makes them before Connect starts",
};

const TOPIC_FACTOR: About = About {
    id: "DOC-TOPIC-FACTOR",
    group: Group::Kafka,
    title: "every topic has three copies",
    symptom: "Got error produce response … on topic-partition _connect-configs-0, retrying. Error: NOT_ENOUGH_REPLICAS, ten a second for ever; POST /connectors answers 500 after 90 s; Connect looks healthy",
    cause: "the topic was made with fewer copies than min.insync.replicas wants: mostly because CONFIG_STORAGE_REPLICATION_FACTOR and its like lack the prefix CONNECT_",
    remedy: "opsctl doctor --fix raises the replication factor in place (AlterPartitionReassignments, KIP-455); nothing is deleted, Connect recovers within a second and carries out what it was asked meanwhile",
    why: "nothing can be written to such a topic; deleting it, as the original pipeline's script did, loses connectors and offsets",
    source: "the original pipeline's notes, 7.4; provoked and repaired here: 7 partitions within 2 s, topic ids kept",
};

const TOPIC_POLICY: About = About {
    id: "DOC-TOPIC-POLICY",
    group: Group::Kafka,
    title: "topics keep what they must",
    symptom: "Connect refuses to start: Topic '…' … is required to have 'cleanup.policy=compact'; or, a week later, connectors are gone. Or orders of a symbol vanish",
    cause: "an internal topic was made with the brokers' default (delete); or the orders' topic, which is keyed by symbol, is compacted",
    remedy: "opsctl doctor --fix sets cleanup.policy; records stay",
    why: "with delete, configurations and offsets are forgotten after the retention; with compact, a symbol's tombstone takes its orders away",
    source: "apache/kafka#8828 (KAFKA-9216); connectors/README.md",
};

const PARTITIONS: About = About {
    id: "DOC-TOPIC-PARTITIONS",
    group: Group::Kafka,
    title: "topics have the partitions that Connect needs",
    symptom: "Connect ends: topic '_connect-configs' … must have a single partition",
    cause: "the topic was made by hand or by the brokers' default of partitions",
    remedy: "Kafka takes no partition away: name another CONFIG_STORAGE_TOPIC for kafka-connect in compose/compose.yaml; opsctl up registers the connectors anew, their offsets stay",
    why: "configurations are read in their order, which only one partition keeps",
    source: "Kafka Connect's documentation",
};

const MIN_ISR: About = About {
    id: "DOC-MIN-ISR",
    group: Group::Kafka,
    title: "a write is on two brokers before it counts",
    symptom: "after one broker's loss records are missing, or with one broker away nothing can be written",
    cause: "min.insync.replicas is 1, or not below the replication factor",
    remedy: "opsctl doctor --fix sets min.insync.replicas=2 where it is less",
    why: "with 1 a record may be lost with its only copy; with as many as there are copies no broker may ever be away",
    source: "Kafka's documentation; the original pipeline's notes, 7.4",
};

const SCHEMA_HISTORY: About = About {
    id: "DOC-SCHEMA-HISTORY",
    group: Group::Kafka,
    title: "the schema history is kept for ever, in one partition",
    symptom: "after a restart the connector fails: The db history topic or its content is fully or partially missing",
    cause: "the topic was made beforehand with a retention, is compacted, or has several partitions",
    remedy: "opsctl doctor --fix sets retention.ms=-1 and cleanup.policy=delete. If it is missing already: snapshot.mode=recovery once",
    why: "Debezium rebuilds the table's shape from it at every start",
    source: "Debezium's documentation; airbytehq/airbyte#32066",
};

fn is_internal(name: &str) -> bool {
    WANTED.iter().any(|wanted| wanted.name == name)
}

fn missing(facts: &Facts) -> Option<Judged> {
    let cluster = whole(facts)?;
    let names: Vec<&str> = WANTED.iter().map(|wanted| wanted.name).collect();
    let absent = names.iter().filter(|name| cluster.topic(name).is_none()).map(|name| {
        Found::fail(*name, format!("{name} is not there"))
            .evidence(format!("not among the {} topics", cluster.topics.len()))
            .remedy(command(facts, "doctor --fix --only DOC-TOPIC-MISSING"))
            .fix(Fix::InternalTopics)
    });
    Some(Judged::of(names.join(", ")).with(absent.collect::<Vec<_>>()))
}

/// The cluster with its topics, where there are any to look at.
fn whole(facts: &Facts) -> Option<&Cluster> {
    facts.cluster().filter(|cluster| !cluster.brokers.is_empty())
}

fn factor(facts: &Facts) -> Option<Judged> {
    let cluster = whole(facts)?;
    let found = cluster.topics.iter().filter_map(|topic| {
        let least = topic.partitions.iter().map(|partition| partition.replicas.len()).min()?;
        if least >= FACTOR {
            return None;
        }
        let (name, min) = (&topic.name, facts.min_in_sync(&topic.name));
        let short = topic.partitions.iter().filter(|partition| partition.replicas.len() < FACTOR).count();
        let evidence = format!(
            "{name}: replication factor {least}, {short} of {} partitions; min.insync.replicas={min}",
            topic.partitions.len()
        );
        let found = if least < min {
            Found::fail(name, format!("{name} has {least} of {FACTOR} copies and takes no writes"))
        } else {
            Found::warn(name, format!("{name} has {least} of {FACTOR} copies"))
        };
        let complaint = facts.container("kafka-connect").and_then(|connect| {
            connect.last_line(|text| text.contains("NOT_ENOUGH_REPLICAS") && text.contains(name.as_str()))
        });
        let found = found
            .evidence(evidence)
            .evidence(complaint.map_or_else(String::new, |line| format!("kafka-connect's log: {}", line.text)))
            .remedy(command(facts, "doctor --fix --only DOC-TOPIC-FACTOR"));
        Some(found.fix(if is_internal(name) { Fix::InternalTopics } else { Fix::RaiseFactor { topic: name.clone() } }))
    });
    let found = found.collect::<Vec<_>>();
    Some(Judged::of(format!("replicas of {} topics", cluster.topics.len())).with(found))
}

fn policy(facts: &Facts) -> Option<Judged> {
    let cluster = whole(facts)?;
    let mut looked = Vec::new();
    let mut found = Vec::new();
    for topic in &cluster.topics {
        let Some(policy) = facts.topic_setting(&topic.name, POLICY) else { continue };
        let wanted = if is_internal(&topic.name) {
            "compact"
        } else if orders_topics(facts).contains(&topic.name) {
            "delete"
        } else {
            continue;
        };
        looked.push(format!("{} {policy}", topic.name));
        if policy != wanted {
            let fix = if wanted == "compact" {
                Fix::InternalTopics
            } else {
                Fix::TopicSetting { topic: topic.name.clone(), setting: POLICY, value: "delete" }
            };
            let what = format!("{}: cleanup.policy is {policy}, must be {wanted}", topic.name);
            found.push(
                Found::fail(&topic.name, what)
                    .evidence(format!("{}: cleanup.policy={policy}", topic.name))
                    .remedy(command(facts, "doctor --fix --only DOC-TOPIC-POLICY"))
                    .fix(fix),
            );
        }
    }
    if looked.is_empty() {
        return None;
    }
    Some(Judged::of(looked.join(", ")).with(found))
}

/// Topics that connectors with `message.key.columns` write: keyed by something that is not unique.
fn orders_topics(facts: &Facts) -> Vec<String> {
    let connectors =
        facts.answering_connect().map(|connect| connect.connectors.iter().map(|connector| &connector.settings));
    let settings = connectors.into_iter().flatten().chain(facts.wanted.values());
    let mut topics: Vec<String> =
        settings.filter(|settings| settings.contains_key("message.key.columns")).flat_map(data_topics).collect();
    topics.sort();
    topics.dedup();
    topics
}

/// The topics that a connector's tables go to.
pub(crate) fn data_topics(settings: &crate::clients::connect::Settings) -> Vec<String> {
    let (Some(prefix), Some(tables)) = (settings.get("topic.prefix"), settings.get("table.include.list")) else {
        return Vec::new();
    };
    tables.split(',').map(|table| format!("{prefix}.{}", table.trim())).collect()
}

fn partitions(facts: &Facts) -> Option<Judged> {
    let cluster = whole(facts)?;
    let there: Vec<(&Topic, usize, bool)> = WANTED
        .iter()
        .filter_map(|wanted| Some((cluster.topic(wanted.name)?, wanted.partitions, wanted.is_exact())))
        .collect();
    if there.is_empty() {
        return None;
    }
    let words = there.iter().map(|(topic, _, _)| format!("{} {}", topic.name, topic.partitions.len()));
    let judged = Judged::of(words.collect::<Vec<_>>().join(", "));
    let found =
        there.iter().filter(|(topic, wanted, _)| topic.partitions.len() != *wanted).map(|(topic, wanted, exactly)| {
            let what = format!("{} has {} partitions, not {wanted}", topic.name, topic.partitions.len());
            let found = if *exactly {
                Found::fail(&topic.name, what)
            } else {
                Found::warn(&topic.name, format!("{what}: Connect works with that"))
            };
            found.evidence(format!("{}: {} partitions", topic.name, topic.partitions.len())).remedy(if *exactly {
                PARTITIONS.remedy.to_owned()
            } else {
                "nothing has to be done".to_owned()
            })
        });
    Some(judged.with(found.collect::<Vec<_>>()))
}

fn min_in_sync(facts: &Facts) -> Option<Judged> {
    let cluster = whole(facts)?;
    let mut looked = 0;
    let mut found = Vec::new();
    for topic in &cluster.topics {
        let Some(min) =
            facts.topic_setting(&topic.name, "min.insync.replicas").and_then(|text| text.parse::<usize>().ok())
        else {
            continue;
        };
        looked += 1;
        let copies = topic.partitions.iter().map(|partition| partition.replicas.len()).min().unwrap_or(0);
        let name = &topic.name;
        let evidence = format!("{name}: min.insync.replicas={min}, {copies} copies");
        if min < MIN_IN_SYNC && copies >= FACTOR {
            found.push(
                Found::warn(name, format!("{name}: a write counts when one broker has it"))
                    .evidence(evidence)
                    .remedy(command(facts, "doctor --fix --only DOC-MIN-ISR"))
                    .fix(Fix::TopicSetting { topic: name.clone(), setting: "min.insync.replicas", value: "2" }),
            );
        } else if copies >= FACTOR && min >= copies {
            found.push(
                Found::warn(name, format!("{name}: no broker may be away, or nothing can be written"))
                    .evidence(evidence)
                    .remedy(command(facts, "doctor --fix --only DOC-MIN-ISR"))
                    .fix(Fix::TopicSetting { topic: name.clone(), setting: "min.insync.replicas", value: "2" }),
            );
        }
    }
    if looked == 0 {
        return None;
    }
    Some(Judged::of(format!("min.insync.replicas of {looked} topics")).with(found))
}

fn schema_history(facts: &Facts) -> Option<Judged> {
    let cluster = whole(facts)?;
    let connectors =
        facts.answering_connect().map(|connect| connect.connectors.iter().map(|connector| &connector.settings));
    let names = connectors.into_iter().flatten().chain(facts.wanted.values());
    let mut names: Vec<&String> =
        names.filter_map(|settings| settings.get("schema.history.internal.kafka.topic")).collect();
    names.sort();
    names.dedup();
    let topics: Vec<&Topic> = names.into_iter().filter_map(|name| cluster.topic(name)).collect();
    if topics.is_empty() {
        return None;
    }
    let mut found = Vec::new();
    for topic in &topics {
        let name = &topic.name;
        let retention = facts.topic_setting(name, "retention.ms").unwrap_or("-1");
        let policy = facts.topic_setting(name, POLICY).unwrap_or("delete");
        let mut set = |what: String, setting, value| {
            found.push(
                Found::fail(name, what)
                    .evidence(format!("{name}: retention.ms={retention}, cleanup.policy={policy}"))
                    .remedy(command(facts, "doctor --fix --only DOC-SCHEMA-HISTORY"))
                    .fix(Fix::TopicSetting { topic: name.clone(), setting, value }),
            );
        };
        let kept_ms = retention.parse::<i64>().unwrap_or(0);
        if (0..FOR_EVER_MS).contains(&kept_ms) {
            set(format!("{name} forgets after {} hours", kept_ms / 3_600_000), "retention.ms", "-1");
        }
        if policy != "delete" {
            set(format!("{name} is compacted: only its newest entry would be left"), POLICY, "delete");
        }
        if topic.partitions.len() > 1 {
            found.push(
                Found::fail(name, format!("{name} has {} partitions: its order is lost", topic.partitions.len()))
                    .evidence(format!("{name}: {} partitions", topic.partitions.len()))
                    .remedy(format!("name another schema.history.internal.kafka.topic in connectors/, snapshot.mode=recovery for one start; {}", up(facts))),
            );
        }
    }
    let names: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
    Some(Judged::of(names.join(", ")).with(found))
}
