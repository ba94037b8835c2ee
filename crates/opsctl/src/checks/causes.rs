//! Which finding explains which: so that one broken thing is one finding without a cause, however much fails after it.

use crate::checks::facts::Facts;
use crate::checks::finding::{Found, Level};

/// A finding of one check, before findings are put together.
#[derive(Clone, Debug)]
pub(crate) struct Single {
    pub(crate) id: &'static str,
    pub(crate) found: Found,
}

/// Between whom a cause reaches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reach {
    /// From anything to everything.
    Any,
    /// Only where something does not work; a warning explains no failure here.
    AnyFailure,
    /// Only within one service, topic or connector.
    Same,
    /// To what ended by itself: what was stopped or killed from outside has no cause in here.
    EndedByItself,
}

use Reach::{Any, AnyFailure, EndedByItself, Same};

/// Effect ← causes. It has no circle: a test holds that.
const FOLLOWS: &[(&str, &[(&str, Reach)])] = &[
    ("DOC-STACK", &[("DOC-COMPOSE", Any), ("DOC-PORT-TAKEN", Any), ("DOC-NAME-TAKEN", Any), ("DOC-DISK", AnyFailure)]),
    ("DOC-OOM-KILLED", &[("DOC-HEAP", Same)]),
    ("DOC-CLUSTER-ID", &[("DOC-VOLUMES", Any)]),
    ("DOC-RESTART-LOOP", OF_A_CONTAINER),
    ("DOC-ZOOKEEPER-DOWN", OF_A_CONTAINER_OR_LOOP),
    ("DOC-BROKER-DOWN", OF_A_CONTAINER_OR_LOOP),
    ("DOC-CONNECT-DOWN", OF_A_CONTAINER_OR_LOOP),
    ("DOC-MYSQL-DOWN", OF_A_CONTAINER_OR_LOOP),
    ("DOC-WORKER-DOWN", OF_A_CONTAINER_OR_LOOP),
    ("DOC-CONTAINER-DOWN", OF_A_CONTAINER_OR_LOOP),
    ("DOC-NAMES", DOWN),
    ("DOC-MYSQL-SILENT", &[("DOC-MYSQL-DOWN", Any), ("DOC-OOM-KILLED", Same), ("DOC-RESTART-LOOP", Same)]),
    ("DOC-TOPIC-FACTOR", &[("DOC-CONNECT-ENV", Any)]),
    ("DOC-TOPIC-PARTITIONS", &[("DOC-CONNECT-ENV", Any)]),
    (
        "DOC-REPLICAS-BEHIND",
        &[("DOC-BROKER-DOWN", Any), ("DOC-ZOOKEEPER-DOWN", Any), ("DOC-CLUSTER-ID", Any), ("DOC-DISK", AnyFailure)],
    ),
    (
        "DOC-OFFLINE",
        &[("DOC-BROKER-DOWN", Any), ("DOC-ZOOKEEPER-DOWN", Any), ("DOC-CLUSTER-ID", Any), ("DOC-DISK", AnyFailure)],
    ),
    (
        "DOC-NO-WRITES",
        &[
            ("DOC-BROKER-DOWN", Any),
            ("DOC-ZOOKEEPER-DOWN", Any),
            ("DOC-TOPIC-FACTOR", Same),
            ("DOC-MIN-ISR", Same),
            ("DOC-CLUSTER-ID", Any),
            ("DOC-OFFLINE", Same),
        ],
    ),
    ("DOC-CONNECT-STUCK", KAFKA_UNWELL),
    ("DOC-CONNECT-SILENT", CONNECT_UNWELL),
    (
        "DOC-CONNECTOR-MISSING",
        &[
            ("DOC-CONNECT-STUCK", Any),
            ("DOC-CONNECT-SILENT", Any),
            ("DOC-TOPIC-MISSING", Any),
            ("DOC-TOPIC-FACTOR", AnyFailure),
        ],
    ),
    ("DOC-CONNECTOR-FAILED", CONNECTOR_UNWELL),
    (
        "DOC-CONNECTOR-STALLED",
        &[
            ("DOC-BROKER-DOWN", Any),
            ("DOC-NO-WRITES", Any),
            ("DOC-OFFLINE", Any),
            ("DOC-DEBEZIUM-VERSION", Any),
            ("DOC-MYSQL-DOWN", Any),
            ("DOC-MYSQL-LOGIN", Any),
            ("DOC-MYSQL-GRANTS", Any),
            ("DOC-BINLOG-PURGED", Same),
            ("DOC-BINLOG-OFF", Any),
            ("DOC-SERVER-ID", Any),
            ("DOC-NAMES", Any),
            ("DOC-DISK", AnyFailure),
        ],
    ),
    ("DOC-WORKER-NOT-READY", WORKER_UNWELL),
    (
        "DOC-WORKER-INPUT",
        &[
            ("DOC-BROKER-DOWN", AnyFailure),
            ("DOC-NO-WRITES", Any),
            ("DOC-OFFLINE", Any),
            ("DOC-CONNECT-DOWN", Any),
            ("DOC-CONNECT-SILENT", Any),
            ("DOC-CONNECT-STUCK", Any),
            ("DOC-CONNECTOR-MISSING", Any),
            ("DOC-CONNECTOR-FAILED", Any),
            ("DOC-CONNECTOR-STALLED", Any),
            ("DOC-CONNECTOR-PAUSED", Any),
            ("DOC-DEBEZIUM-VERSION", Any),
        ],
    ),
    (
        "DOC-WORKER-LAG",
        &[
            ("DOC-WORKER-DOWN", Same),
            ("DOC-WORKER-NOT-READY", Same),
            ("DOC-BROKER-DOWN", AnyFailure),
            ("DOC-OFFLINE", Any),
            ("DOC-DISK", AnyFailure),
            ("DOC-OOM-KILLED", Same),
            ("DOC-VOLUME-OWNER", Same),
        ],
    ),
    ("DOC-WORKER-CHECKPOINT", &[("DOC-VOLUME-OWNER", Same), ("DOC-DISK", AnyFailure), ("DOC-WORKER-LAG", Same)]),
    (
        "DOC-CLICKHOUSE-SILENT",
        &[("DOC-CONTAINER-DOWN", Same), ("DOC-OOM-KILLED", Same), ("DOC-RESTART-LOOP", Same), ("DOC-DISK", AnyFailure)],
    ),
    ("DOC-CLICKHOUSE-TABLES", &[("DOC-CLICKHOUSE-VERSION", Any), ("DOC-CLICKHOUSE-READ-ONLY", Any)]),
    ("DOC-CLICKHOUSE-DEDUP", &[("DOC-CLICKHOUSE-VERSION", Any)]),
    ("DOC-CLICKHOUSE-PARTS", &[("DOC-CLICKHOUSE-DISK", AnyFailure), ("DOC-DISK", AnyFailure)]),
    ("DOC-CLICKHOUSE-DISK", &[("DOC-DISK", Any)]),
    ("DOC-GRAFANA-SILENT", &[("DOC-CONTAINER-DOWN", Same), ("DOC-OOM-KILLED", Same), ("DOC-RESTART-LOOP", Same)]),
    ("DOC-DEAD-LETTERS", &[("DOC-DECIMAL-MODE", Any), ("DOC-BINLOG-ROW-IMAGE", Any)]),
];

/// Why a container does not stay up, besides whom it needs.
const OF_A_CONTAINER: &[(&str, Reach)] = &[
    ("DOC-HEAP", EndedByItself),
    ("DOC-OOM-KILLED", Same),
    ("DOC-VOLUME-OWNER", Same),
    ("DOC-CLUSTER-ID", Same),
    ("DOC-PORT-TAKEN", Same),
    ("DOC-NAME-TAKEN", Same),
    ("DOC-DISK", AnyFailure),
    ("DOC-NAMES", EndedByItself),
    ("DOC-ZOOKEEPER-DOWN", EndedByItself),
    ("DOC-BROKER-DOWN", EndedByItself),
    ("DOC-TOPIC-POLICY", EndedByItself),
    ("DOC-TOPIC-PARTITIONS", EndedByItself),
];
const OF_A_CONTAINER_OR_LOOP: &[(&str, Reach)] = &[
    ("DOC-RESTART-LOOP", Same),
    ("DOC-HEAP", EndedByItself),
    ("DOC-OOM-KILLED", Same),
    ("DOC-VOLUME-OWNER", Same),
    ("DOC-CLUSTER-ID", Same),
    ("DOC-PORT-TAKEN", Same),
    ("DOC-NAME-TAKEN", Same),
    ("DOC-DISK", AnyFailure),
    ("DOC-NAMES", EndedByItself),
    ("DOC-ZOOKEEPER-DOWN", EndedByItself),
    ("DOC-BROKER-DOWN", EndedByItself),
    ("DOC-TOPIC-FACTOR", EndedByItself),
    ("DOC-TOPIC-POLICY", EndedByItself),
    ("DOC-TOPIC-PARTITIONS", EndedByItself),
];
/// A stopped container's name stops resolving, too.
const DOWN: &[(&str, Reach)] =
    &[("DOC-ZOOKEEPER-DOWN", Same), ("DOC-BROKER-DOWN", Same), ("DOC-CONNECT-DOWN", Same), ("DOC-MYSQL-DOWN", Same)];
const KAFKA_UNWELL: &[(&str, Reach)] = &[
    ("DOC-BROKER-DOWN", Any),
    ("DOC-ZOOKEEPER-DOWN", Any),
    ("DOC-NO-WRITES", Any),
    ("DOC-OFFLINE", Any),
    ("DOC-TOPIC-FACTOR", AnyFailure),
    ("DOC-TOPIC-MISSING", Any),
];
const CONNECT_UNWELL: &[(&str, Reach)] = &[
    ("DOC-CONNECT-DOWN", Any),
    ("DOC-BROKER-DOWN", Any),
    ("DOC-ZOOKEEPER-DOWN", Any),
    ("DOC-NO-WRITES", Any),
    ("DOC-OFFLINE", Any),
    ("DOC-TOPIC-FACTOR", AnyFailure),
    ("DOC-TOPIC-POLICY", Any),
    ("DOC-TOPIC-PARTITIONS", AnyFailure),
    ("DOC-TOPIC-MISSING", Any),
    ("DOC-NAMES", AnyFailure),
    ("DOC-CONNECT-STUCK", Any),
    ("DOC-OOM-KILLED", Any),
];
const CONNECTOR_UNWELL: &[(&str, Reach)] = &[
    ("DOC-MYSQL-DOWN", Any),
    ("DOC-MYSQL-LOGIN", Any),
    ("DOC-MYSQL-GRANTS", Any),
    ("DOC-BINLOG-PURGED", Same),
    ("DOC-BINLOG-OFF", Any),
    ("DOC-BINLOG-FORMAT", Any),
    ("DOC-BINLOG-ROW-IMAGE", Any),
    ("DOC-NAMES", Any),
    ("DOC-DEBEZIUM-VERSION", Any),
    ("DOC-SERVER-ID", Any),
    ("DOC-SCHEMA-HISTORY", Any),
    ("DOC-BROKER-DOWN", Any),
    ("DOC-NO-WRITES", Any),
    ("DOC-OFFLINE", Any),
    ("DOC-CONNECTOR-DRIFT", Same),
    ("DOC-DISK", AnyFailure),
    ("DOC-SECRET-IN-CONFIG", Same),
];
const WORKER_UNWELL: &[(&str, Reach)] = &[
    ("DOC-WORKER-DOWN", Same),
    ("DOC-BROKER-DOWN", Any),
    ("DOC-OFFLINE", Any),
    ("DOC-NAMES", AnyFailure),
    ("DOC-WORKER-INPUT", Same),
    ("DOC-DISK", AnyFailure),
    ("DOC-VOLUME-OWNER", Same),
    ("DOC-CONNECTOR-MISSING", Any),
];

/// The ids that explain this one among all.
pub(crate) fn of(single: &Single, all: &[Single], facts: &Facts) -> Vec<&'static str> {
    let is_there = |id: &str| all.iter().find(|other| other.id == id).map(|other| other.id);
    let own = single.found.explained_by.and_then(is_there);
    let causes = FOLLOWS.iter().find(|(effect, _)| *effect == single.id).map_or(&[][..], |(_, causes)| causes);
    let mut ids: Vec<&'static str> = own.into_iter().collect();
    for (id, reach) in causes {
        let explains = |cause: &Single| match reach {
            Any => true,
            AnyFailure => cause.found.level == Level::Fail,
            Same => cause.found.subject == single.found.subject,
            EndedByItself => ended_by_itself(facts, &single.found.subject) && reaches(cause, &single.found.subject),
        };
        if let Some(cause) = all.iter().find(|other| other.id == *id && explains(other))
            && !ids.contains(&cause.id)
        {
            ids.push(cause.id);
        }
    }
    ids
}

/// Whether a container that ended by itself may have done so because of this.
fn reaches(cause: &Single, service: &str) -> bool {
    let subject = cause.found.subject.as_str();
    let is_broker = matches!(service, "kafka-1" | "kafka-2" | "kafka-3");
    match cause.id {
        "DOC-HEAP" => subject == service,
        // Brokers need ZooKeeper, not each other; ZooKeeper and MySQL need nobody.
        "DOC-BROKER-DOWN" | "DOC-TOPIC-FACTOR" | "DOC-TOPIC-POLICY" | "DOC-TOPIC-PARTITIONS" => {
            !is_broker && !matches!(service, "zookeeper" | "mysql")
        }
        "DOC-ZOOKEEPER-DOWN" => is_broker,
        "DOC-NAMES" => {
            subject != service && (subject == "zookeeper") == is_broker && !matches!(service, "zookeeper" | "mysql")
        }
        _ => true,
    }
}

/// Neither stopped (0, 143) nor killed from outside (137), or never started because it waits for others.
fn ended_by_itself(facts: &Facts, service: &str) -> bool {
    facts.container(service).is_some_and(|container| match container.state.as_str() {
        "created" | "restarting" | "running" => true,
        "paused" => false,
        _ => !matches!(container.exit_code, 0 | 137 | 143),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::checks::concerns;

    #[test]
    fn causes_and_effects_are_checks_that_there_are() {
        let known: BTreeSet<&str> = concerns::all().map(|check| check.about.id).collect();
        for (effect, causes) in FOLLOWS {
            assert!(known.contains(effect), "{effect}");
            for (cause, _) in *causes {
                assert!(known.contains(cause), "{cause}");
            }
        }
    }

    #[test]
    fn nothing_explains_itself_however_far_one_follows() {
        fn visit<'a>(id: &'a str, path: &mut Vec<&'a str>) {
            // A container may loop because a broker does, whose own loop it is not: kinds of causes within one service.
            assert!(!path.contains(&id), "a circle: {path:?} → {id}");
            path.push(id);
            let causes = FOLLOWS.iter().find(|(effect, _)| *effect == id).map_or(&[][..], |(_, causes)| causes);
            for (cause, reach) in causes {
                if *reach != EndedByItself && *cause != id {
                    visit(cause, path);
                }
            }
            path.pop();
        }
        for (effect, _) in FOLLOWS {
            visit(effect, &mut Vec::new());
        }
    }
}
