//! Every verdict on recorded facts: `recorded/healthy.json` is what a healthy stack showed, each row changes what one fault
//! changes, and names the finding without a cause and those that follow from it. The other recordings are of real faults.

use serde_json::json;

use crate::checks::concerns;
use crate::checks::diagnosis::Diagnosis;
use crate::checks::facts::{
    Container, Disk, Facts, HIDDEN, LogLine, Mount, Name, Other, Owner, Published, Taken, Unseen,
};
use crate::checks::finding::Level;
use crate::checks::repair_plan::plan;
use crate::clients::connect::Running;
use crate::failure::Exit;

mod recordings;

const HEALTHY: &str = include_str!("recorded/healthy.json");

fn healthy() -> Facts {
    serde_json::from_str(HEALTHY).expect("facts")
}

fn container<'a>(facts: &'a mut Facts, service: &str) -> &'a mut Container {
    facts.containers.iter_mut().find(|container| container.service == service).expect(service)
}

fn say(facts: &mut Facts, service: &str, text: &str) {
    let at_ms = facts.at_ms - 1000;
    container(facts, service).log.push(LogLine { at_ms, text: text.to_owned() });
}

fn ended(facts: &mut Facts, service: &str, code: i64) {
    let container = container(facts, service);
    (container.state, container.exit_code, container.health) = ("exited".to_owned(), code, None);
    container.disks.clear();
    if let Some(kafka) = &mut facts.kafka {
        kafka.answering.remove(service);
    }
    let number = service.strip_prefix("kafka-").and_then(|number| number.parse::<i32>().ok());
    if let (Some(cluster), Some(number)) = (facts.kafka.as_mut().and_then(|kafka| kafka.cluster.as_mut()), number) {
        cluster.brokers.retain(|broker| broker.id != number);
        for partition in cluster.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
            partition.in_sync.retain(|id| *id != number);
            if partition.leader == Some(number) {
                partition.leader = partition.in_sync.first().copied();
            }
        }
    }
    match service {
        "mysql" => facts.mysql = None,
        "kafka-connect" => {
            facts.connect.as_mut().expect("connect").silent = Some("its container does not run".to_owned());
        }
        "worker" => facts.workers.clear(),
        _ => {}
    }
}

fn setting(facts: &mut Facts, name: &str, value: &str) {
    let connector = &mut facts.connect.as_mut().expect("connect").connectors[0];
    connector.settings.insert(name.to_owned(), value.to_owned());
}

fn factor_one(facts: &mut Facts, topics: &[&str]) {
    let cluster = facts.kafka.as_mut().and_then(|kafka| kafka.cluster.as_mut()).expect("cluster");
    for topic in cluster.topics.iter_mut().filter(|topic| topics.contains(&topic.name.as_str())) {
        for partition in &mut topic.partitions {
            partition.replicas.truncate(1);
            partition.in_sync = partition.replicas.clone();
            partition.leader = partition.replicas.first().copied();
        }
    }
}

fn fail_task(facts: &mut Facts, trace: &str) {
    let status = facts.connect.as_mut().expect("connect").connectors[0].status.as_mut().expect("a state");
    let failed = |task: &Running| Running { state: "FAILED".to_owned(), trace: trace.to_owned(), ..task.clone() };
    status.tasks = status.tasks.iter().map(failed).collect();
}

fn variable(facts: &mut Facts, name: &str, value: &str) {
    facts.mysql.as_mut().expect("mysql").variables.insert(name.to_owned(), value.to_owned());
}

fn topic_setting(facts: &mut Facts, topic: &str, name: &str, value: &str) {
    let settings = &mut facts.kafka.as_mut().expect("kafka").settings;
    settings.entry(topic.to_owned()).or_default().insert(name.to_owned(), value.to_owned());
}

const INTERNAL: [&str; 3] = ["_connect-configs", "_connect-offsets", "_connect-status"];
const ORDERS: &str = "cdc.orders_db.orders";
const CLUSTER_ID: &str = "[2026-11-27 06:00:00,000] ERROR Fatal error during KafkaServer startup. kafka.common.InconsistentClusterIdException: The Cluster ID NEW doesn't match stored clusterId Some(OLD) in meta.properties. The broker is trying to join the wrong cluster.";
const DENIED: &str = "java.sql.SQLException: outer\n\tat a.b\nCaused by: java.sql.SQLException: Access denied for user 'debezium'@'172.18.0.7' (using password: YES)\n\tat c.d";

const RETRY: &str = "2026-11-27 06:46:45,051 WARN   ||  WorkerSourceTask{id=orders-0} failed to poll records from SourceTask. Will retry operation.   [org.apache.kafka.connect.runtime.AbstractWorkerSourceTask]";

/// A fault, what it changes, what is found without a cause, what is found to follow.
type Row = (&'static str, fn(&mut Facts), &'static [&'static str], &'static [&'static str]);

const FAULTS: &[Row] = &[
    (
        "no Docker",
        |facts| {
            *facts = Facts {
                project: "p".into(),
                engine: crate::checks::facts::Engine {
                    unreachable: Some(("no".into(), "start it".into())),
                    ..Default::default()
                },
                ..Facts::default()
            }
        },
        &["DOC-DOCKER"],
        &[],
    ),
    ("old Engine", |facts| facts.engine.version = "19.03.5".into(), &["DOC-DOCKER"], &[]),
    (
        "old Compose",
        |facts| facts.engine.compose = Some(Err("Docker Compose 1.29.2 is too old".into())),
        &["DOC-COMPOSE"],
        &[],
    ),
    (
        "nothing there",
        |facts| {
            *facts = Facts {
                containers: Vec::new(),
                kafka: None,
                connect: None,
                mysql: None,
                workers: Vec::new(),
                names: Vec::new(),
                ..facts.clone()
            };
        },
        &["DOC-STACK"],
        &[],
    ),
    (
        "somebody else's container has our name",
        |facts| facts.others.push(Other { name: "cdc-doc-kafka-1-1".into(), image: "x".into(), ..Other::default() }),
        &["DOC-NAME-TAKEN"],
        &[],
    ),
    ("less memory than limits", |facts| facts.engine.memory_bytes = 4 << 30, &["DOC-HOST-MEMORY"], &[]),
    (
        "port-taken",
        |facts| {
            ended(facts, "mysql", 128);
            container(facts, "mysql").state = "created".into();
            facts.host.taken.push(Taken { port: 3306, service: "mysql".into(), by: "mysqld (process 7)".into() });
            fail_task(facts, "Communications link failure");
        },
        &["DOC-PORT-TAKEN"],
        &["DOC-MYSQL-DOWN", "DOC-CONNECTOR-FAILED"],
    ),
    (
        "port taken before the first start",
        |facts| {
            *facts = Facts {
                containers: Vec::new(),
                kafka: None,
                connect: None,
                mysql: None,
                workers: Vec::new(),
                names: Vec::new(),
                ..facts.clone()
            };
            facts.host.taken.push(Taken { port: 3306, service: "mysql".into(), by: "mysqld (process 7)".into() });
        },
        &["DOC-PORT-TAKEN"],
        &["DOC-STACK"],
    ),
    ("a clock that is a minute off", |facts| facts.engine.clock_ahead_ms = Some(-61_000), &["DOC-CLOCK"], &[]),
    (
        "heap-over-limit",
        |facts| {
            container(facts, "kafka-connect").environment.insert("HEAP_OPTS".into(), "-Xms256m -Xmx2g".into());
        },
        &["DOC-HEAP"],
        &[],
    ),
    (
        "a heap that touches all of it: killed at its start",
        |facts| {
            ended(facts, "kafka-connect", 137);
            let connect = container(facts, "kafka-connect");
            connect.environment.insert("HEAP_OPTS".into(), "-Xms2g -Xmx2g".into());
            (connect.state, connect.oom_killed, connect.restarts) = ("restarting".into(), true, 5);
        },
        &["DOC-HEAP"],
        &["DOC-OOM-KILLED", "DOC-CONNECT-DOWN", "DOC-RESTART-LOOP"],
    ),
    (
        "-Xms above -Xmx",
        |facts| {
            ended(facts, "kafka-1", 1);
            container(facts, "kafka-1").environment.insert("KAFKA_HEAP_OPTS".into(), "-Xms512m -Xmx256m".into());
            say(facts, "kafka-1", "Initial heap size set to a larger value than the maximum heap size");
        },
        &["DOC-HEAP"],
        &["DOC-BROKER-DOWN", "DOC-REPLICAS-BEHIND"],
    ),
    (
        "oom-killed",
        |facts| {
            ended(facts, "kafka-connect", 137);
            container(facts, "kafka-connect").oom_killed = true;
        },
        &["DOC-OOM-KILLED"],
        &["DOC-CONNECT-DOWN"],
    ),
    (
        "killed for memory and started again by Docker",
        |facts| {
            let at_ms = facts.at_ms;
            let mysql = container(facts, "mysql");
            (mysql.oom_killed, mysql.restarts, mysql.started_ms) = (true, 1, Some(at_ms - 5_000));
        },
        &["DOC-OOM-KILLED"],
        &[],
    ),
    (
        "disk-nearly-full",
        |facts| {
            container(facts, "worker").disks =
                vec![Disk { path: "/var/lib/worker".into(), size_bytes: 64 << 20, free_bytes: 1 << 20 }];
        },
        &["DOC-DISK"],
        &[],
    ),
    (
        "a full disk ends a broker",
        |facts| {
            ended(facts, "kafka-2", 1);
            facts.host.disks =
                vec![Disk { path: "/var/lib/docker".into(), size_bytes: 100 << 30, free_bytes: 1 << 20 }];
            say(facts, "kafka-2", "java.io.IOException: No space left on device");
        },
        &["DOC-DISK"],
        &["DOC-BROKER-DOWN", "DOC-REPLICAS-BEHIND"],
    ),
    (
        "root-owned-checkpoints",
        |facts| {
            ended(facts, "worker", 1);
            let worker = container(facts, "worker");
            (worker.state, worker.restarts) = ("restarting".into(), 7);
            worker.mounts.iter_mut().filter(|mount| mount.kind == "volume").for_each(|mount| {
                mount.owners = vec![Owner { path: "/var/lib/worker".into(), uid: 0, gid: 0, mode: 0o40755 }];
            });
        },
        &["DOC-VOLUME-OWNER"],
        &["DOC-WORKER-DOWN", "DOC-RESTART-LOOP"],
    ),
    (
        "only the checkpoints belong to root",
        |facts| {
            container(facts, "worker")
                .mounts
                .iter_mut()
                .flat_map(|mount| &mut mount.owners)
                .filter(|owner| owner.path.ends_with("/checkpoints"))
                .for_each(|owner| (owner.uid, owner.gid) = (0, 0));
        },
        &["DOC-VOLUME-OWNER"],
        &[],
    ),
    (
        "zookeeper-volume-lost",
        |facts| {
            for broker in ["kafka-1", "kafka-2", "kafka-3"] {
                ended(facts, broker, 1);
                container(facts, broker).stored_cluster_id = Some("OLD".into());
                say(facts, broker, CLUSTER_ID);
            }
            facts.kafka = Some(crate::checks::facts::Kafka::default());
            facts.zookeeper_topics = Some(Vec::new());
            ended(facts, "kafka-connect", 0);
            container(facts, "kafka-connect").state = "created".into();
        },
        &["DOC-CLUSTER-ID"],
        &["DOC-BROKER-DOWN", "DOC-CONNECT-DOWN"],
    ),
    (
        "ZooKeeper keeps its data in its container",
        |facts| container(facts, "zookeeper").mounts.clear(),
        &["DOC-VOLUMES"],
        &[],
    ),
    (
        "a volume without a name",
        |facts| container(facts, "mysql").mounts.iter_mut().for_each(|mount| mount.nameless = mount.kind == "volume"),
        &["DOC-VOLUMES"],
        &[],
    ),
    (
        "no-healthchecks",
        |facts| {
            for broker in ["kafka-1", "kafka-2", "kafka-3"] {
                container(facts, broker).has_health_check = false;
            }
            let connect = facts.files.as_mut().expect("files").services.get_mut("kafka-connect").expect("described");
            for condition in connect.depends_on.values_mut() {
                *condition = "service_started".into();
            }
        },
        &["DOC-START-ORDER"],
        &[],
    ),
    ("broker-down", |facts| ended(facts, "kafka-2", 137), &["DOC-BROKER-DOWN"], &["DOC-REPLICAS-BEHIND"]),
    (
        "two-brokers-down",
        |facts| {
            ended(facts, "kafka-2", 137);
            ended(facts, "kafka-3", 137);
        },
        &["DOC-BROKER-DOWN"],
        &["DOC-REPLICAS-BEHIND", "DOC-NO-WRITES", "DOC-CONNECT-STUCK", "DOC-CONNECTOR-STALLED", "DOC-WORKER-INPUT"],
    ),
    (
        "a broker that does not answer",
        |facts| {
            facts.kafka.as_mut().expect("kafka").answering.remove("kafka-3");
        },
        &["DOC-BROKER-DOWN"],
        &[],
    ),
    (
        "a paused broker",
        |facts| {
            ended(facts, "kafka-1", 0);
            container(facts, "kafka-1").state = "paused".into();
        },
        &["DOC-BROKER-DOWN"],
        &["DOC-REPLICAS-BEHIND"],
    ),
    ("ZooKeeper stopped", |facts| ended(facts, "zookeeper", 143), &["DOC-ZOOKEEPER-DOWN"], &[]),
    ("Connect killed", |facts| ended(facts, "kafka-connect", 137), &["DOC-CONNECT-DOWN"], &[]),
    (
        "MySQL stopped",
        |facts| {
            ended(facts, "mysql", 0);
            facts.names.iter_mut().filter(|name| name.wanted == "mysql").for_each(|name| name.resolves = false);
            fail_task(facts, "Communications link failure");
        },
        &["DOC-MYSQL-DOWN"],
        &["DOC-NAMES", "DOC-CONNECTOR-FAILED"],
    ),
    (
        "Kafka UI ended",
        |facts| {
            facts.containers.push(Container {
                service: "kafka-ui".into(),
                state: "exited".into(),
                exit_code: 1,
                ..Container::default()
            });
        },
        &["DOC-CONTAINER-DOWN"],
        &[],
    ),
    (
        "a mistyped bootstrap server",
        |facts| {
            facts.names.push(Name { wanted: "kafka-99".into(), needed_by: "kafka-connect".into(), resolves: false });
        },
        &["DOC-NAMES"],
        &[],
    ),
    (
        "Connect ended for a mistyped name",
        |facts| {
            ended(facts, "kafka-connect", 1);
            facts.names.retain(|name| name.needed_by != "kafka-connect");
            say(
                facts,
                "kafka-connect",
                "WARN Couldn't resolve server kafka-99:29092 from bootstrap.servers as DNS resolution failed for kafka-99",
            );
        },
        &["DOC-NAMES"],
        &["DOC-CONNECT-DOWN"],
    ),
    // The seed's line (Flink 1.18): this one could not be provoked here.
    (
        "a name that was unknown for a moment",
        |facts| {
            say(facts, "kafka-connect", "java.net.UnknownHostException: mysql: Temporary failure in name resolution");
        },
        &["DOC-NAMES"],
        &[],
    ),
    (
        "an internal topic is gone",
        |facts| {
            facts
                .kafka
                .as_mut()
                .and_then(|kafka| kafka.cluster.as_mut())
                .expect("cluster")
                .topics
                .retain(|topic| topic.name != "_connect-status");
        },
        &["DOC-TOPIC-MISSING"],
        &[],
    ),
    (
        "replication-factor-1, configs",
        |facts| factor_one(facts, &INTERNAL[..1]),
        &["DOC-TOPIC-FACTOR"],
        &["DOC-NO-WRITES", "DOC-CONNECT-STUCK"],
    ),
    (
        "replication-factor-1, offsets",
        |facts| factor_one(facts, &INTERNAL[1..2]),
        &["DOC-TOPIC-FACTOR"],
        &["DOC-NO-WRITES", "DOC-CONNECT-STUCK"],
    ),
    (
        "replication-factor-1, status",
        |facts| factor_one(facts, &INTERNAL[2..]),
        &["DOC-TOPIC-FACTOR"],
        &["DOC-NO-WRITES", "DOC-CONNECT-STUCK"],
    ),
    (
        "replication-factor-1, all, while a connector is to be registered",
        |facts| {
            factor_one(facts, &INTERNAL);
            facts.connect.as_mut().expect("connect").connectors.clear();
            say(
                facts,
                "kafka-connect",
                "WARN [Producer clientId=cdc-connect-configs] Got error produce response with correlation id 9 on topic-partition _connect-configs-0, retrying (2147483640 attempts left). Error: NOT_ENOUGH_REPLICAS",
            );
        },
        &["DOC-TOPIC-FACTOR"],
        &["DOC-NO-WRITES", "DOC-CONNECT-STUCK", "DOC-CONNECTOR-MISSING"],
    ),
    (
        "the orders have one copy",
        |facts| factor_one(facts, &[ORDERS]),
        &["DOC-TOPIC-FACTOR"],
        &["DOC-NO-WRITES", "DOC-CONNECTOR-STALLED", "DOC-WORKER-INPUT"],
    ),
    (
        "cleanup-policy-delete",
        |facts| topic_setting(facts, INTERNAL[1], "cleanup.policy", "delete"),
        &["DOC-TOPIC-POLICY"],
        &[],
    ),
    (
        "the orders are compacted",
        |facts| topic_setting(facts, ORDERS, "cleanup.policy", "compact"),
        &["DOC-TOPIC-POLICY"],
        &[],
    ),
    (
        "two partitions of configurations",
        |facts| {
            let cluster = facts.kafka.as_mut().and_then(|kafka| kafka.cluster.as_mut()).expect("cluster");
            let topic = cluster.topics.iter_mut().find(|topic| topic.name == INTERNAL[0]).expect("topic");
            topic.partitions.push(topic.partitions[0].clone());
        },
        &["DOC-TOPIC-PARTITIONS"],
        &[],
    ),
    (
        "a write counts with one copy",
        |facts| topic_setting(facts, ORDERS, "min.insync.replicas", "1"),
        &["DOC-MIN-ISR"],
        &[],
    ),
    ("no broker may be away", |facts| topic_setting(facts, ORDERS, "min.insync.replicas", "3"), &["DOC-MIN-ISR"], &[]),
    (
        "a schema history that forgets",
        |facts| topic_setting(facts, "_schema-history.orders_db", "retention.ms", "604800000"),
        &["DOC-SCHEMA-HISTORY"],
        &[],
    ),
    (
        "short transactions",
        |facts| facts.kafka.as_mut().expect("kafka").transaction_max_timeout_ms = Some(10_000),
        &["DOC-TRANSACTIONS"],
        &[],
    ),
    (
        "transactions of a worker that are longer than the brokers allow",
        |facts| {
            facts.kafka.as_mut().expect("kafka").transaction_max_timeout_ms = Some(600_000);
            facts.workers[0].transaction_timeout_ms = Some(900_000);
        },
        &["DOC-TRANSACTIONS"],
        &[],
    ),
    (
        "Connect does not answer",
        |facts| facts.connect.as_mut().expect("connect").silent = Some("does not answer yet".into()),
        &["DOC-CONNECT-SILENT"],
        &[],
    ),
    (
        "connect-env-prefix",
        |facts| {
            let environment = &mut container(facts, "kafka-connect").environment;
            for kind in ["CONFIG", "OFFSET", "STATUS"] {
                environment.remove(&format!("CONNECT_{kind}_STORAGE_REPLICATION_FACTOR"));
                environment.insert(format!("{kind}_STORAGE_REPLICATION_FACTOR"), "3".into());
            }
            factor_one(facts, &INTERNAL);
        },
        &["DOC-CONNECT-ENV"],
        &["DOC-TOPIC-FACTOR", "DOC-NO-WRITES", "DOC-CONNECT-STUCK"],
    ),
    (
        "not registered",
        |facts| facts.connect.as_mut().expect("connect").connectors.clear(),
        &["DOC-CONNECTOR-MISSING"],
        &[],
    ),
    (
        "connector-failed, password",
        |facts| {
            facts.mysql.as_mut().expect("mysql").login_refused = Some("ERROR 1045 (28000): Access denied".into());
            fail_task(facts, DENIED);
        },
        &["DOC-MYSQL-LOGIN"],
        &["DOC-CONNECTOR-FAILED"],
    ),
    (
        "connector-failed, grant",
        |facts| {
            facts.mysql.as_mut().expect("mysql").grants = Some(vec![
                "GRANT RELOAD, SHOW DATABASES ON *.* TO `debezium`@`%`".into(),
                "GRANT SELECT ON `orders_db`.* TO `debezium`@`%`".into(),
            ]);
            fail_task(
                facts,
                "Access denied; you need (at least one of) the REPLICATION SLAVE privilege(s) for this operation",
            );
        },
        &["DOC-MYSQL-GRANTS"],
        &["DOC-CONNECTOR-FAILED"],
    ),
    (
        "a failure that nothing explains",
        |facts| fail_task(facts, "org.apache.kafka.connect.errors.ConnectException: boom"),
        &["DOC-CONNECTOR-FAILED"],
        &[],
    ),
    (
        "paused",
        |facts| {
            facts.connect.as_mut().expect("connect").connectors[0].status.as_mut().expect("state").connector.state =
                "PAUSED".into();
        },
        &["DOC-CONNECTOR-PAUSED"],
        &[],
    ),
    ("connector-drift", |facts| setting(facts, "heartbeat.interval.ms", "0"), &["DOC-CONNECTOR-DRIFT"], &[]),
    (
        "decimal-mode-precise",
        |facts| {
            setting(facts, "decimal.handling.mode", "precise");
            facts.workers[0].accounting = Some(json!({"consumed": 5, "dead_letter": 2}));
        },
        &["DOC-DECIMAL-MODE"],
        &["DOC-CONNECTOR-DRIFT", "DOC-DEAD-LETTERS"],
    ),
    (
        "snapshot always",
        |facts| setting(facts, "snapshot.mode", "always"),
        &["DOC-SNAPSHOT-MODE"],
        &["DOC-CONNECTOR-DRIFT"],
    ),
    (
        "two connectors with one number",
        |facts| {
            let connectors = &mut facts.connect.as_mut().expect("connect").connectors;
            let mut second = connectors[0].clone();
            second.name = "second".into();
            connectors.push(second);
        },
        &["DOC-SERVER-ID"],
        &[],
    ),
    (
        "secret-in-config",
        |facts| setting(facts, "database.password", HIDDEN),
        &["DOC-SECRET-IN-CONFIG"],
        &["DOC-CONNECTOR-DRIFT"],
    ),
    (
        "an old Debezium on a new MySQL",
        |facts| {
            let plugins = &mut facts.connect.as_mut().expect("connect").plugins;
            plugins.insert("io.debezium.connector.mysql.MySqlConnector".into(), "2.5.4.Final".into());
            say(facts, "kafka-connect", RETRY);
            say(
                facts,
                "kafka-connect",
                "Caused by: java.sql.SQLSyntaxErrorException: … near 'MASTER STATUS' at line 1",
            );
        },
        &["DOC-DEBEZIUM-VERSION"],
        &["DOC-CONNECTOR-STALLED"],
    ),
    (
        "the first snapshot with DBZ-9006",
        |facts| {
            let connector = &mut facts.connect.as_mut().expect("connect").connectors[0];
            (connector.binlog_file, connector.offset_known) = (None, true);
        },
        &["DOC-DEBEZIUM-SNAPSHOT"],
        &[],
    ),
    (
        "MySQL does not answer",
        |facts| facts.mysql.as_mut().expect("mysql").refused = Some("Access denied for user 'root'".into()),
        &["DOC-MYSQL-SILENT"],
        &[],
    ),
    ("no binlog", |facts| variable(facts, "log_bin", "OFF"), &["DOC-BINLOG-OFF"], &[]),
    ("binlog-format-statement", |facts| variable(facts, "binlog_format", "STATEMENT"), &["DOC-BINLOG-FORMAT"], &[]),
    ("half rows", |facts| variable(facts, "binlog_row_image", "MINIMAL"), &["DOC-BINLOG-ROW-IMAGE"], &[]),
    ("no GTID", |facts| variable(facts, "gtid_mode", "OFF"), &["DOC-GTID"], &[]),
    (
        "a binlog of an hour",
        |facts| variable(facts, "binlog_expire_logs_seconds", "3600"),
        &["DOC-BINLOG-RETENTION"],
        &[],
    ),
    (
        "binlog-purged",
        |facts| {
            facts.mysql.as_mut().expect("mysql").binlogs = vec!["mysql-bin.000009".into()];
            fail_task(
                facts,
                "The connector is trying to read binlog starting at …, but this is no longer available on the server",
            );
        },
        &["DOC-BINLOG-PURGED"],
        &["DOC-CONNECTOR-FAILED"],
    ),
    (
        "a purged binlog that Debezium asks for again and again",
        |facts| {
            facts.mysql.as_mut().expect("mysql").binlogs = vec!["mysql-bin.000009".into()];
            say(facts, "kafka-connect", RETRY);
            say(
                facts,
                "kafka-connect",
                "Caused by: io.debezium.DebeziumException: Cannot replicate because the source purged required binary logs.",
            );
        },
        &["DOC-BINLOG-PURGED"],
        &["DOC-CONNECTOR-STALLED"],
    ),
    ("worker-stopped", |facts| ended(facts, "worker", 0), &["DOC-WORKER-DOWN"], &[]),
    (
        "no worker",
        |facts| {
            facts.containers.retain(|container| !container.is_worker);
            facts.workers.clear();
        },
        &["DOC-WORKER-DOWN"],
        &[],
    ),
    (
        "a worker that waits",
        |facts| facts.workers[0].waits_for = Some("not ready: no partition has been read".into()),
        &["DOC-WORKER-NOT-READY"],
        &[],
    ),
    (
        "worker-lagging, standing still",
        |facts| (facts.workers[0].lag_records, facts.workers[0].committed_records) = (Some((9_000, 9_000)), Some(0)),
        &["DOC-WORKER-LAG"],
        &[],
    ),
    (
        "worker-lagging, further and further",
        |facts| (facts.workers[0].lag_records, facts.workers[0].committed_records) = (Some((9_000, 9_500)), Some(100)),
        &["DOC-WORKER-LAG"],
        &[],
    ),
    (
        "no checkpoint for long",
        |facts| {
            (facts.workers[0].checkpoint_ms, facts.workers[0].uncheckpointed_records) =
                (Some(facts.at_ms - 700_000), Some(50));
            let at_ms = facts.at_ms;
            container(facts, "worker").started_ms = Some(at_ms - 3_600_000);
        },
        &["DOC-WORKER-CHECKPOINT"],
        &[],
    ),
    (
        "dead-letters",
        |facts| facts.workers[0].accounting = Some(json!({"consumed": 5, "dead_letter": 2})),
        &["DOC-DEAD-LETTERS"],
        &[],
    ),
    (
        "Connect's REST for everybody",
        |facts| {
            container(facts, "kafka-connect").published =
                vec![Published { inside: 8083, address: "0.0.0.0".into(), port: 8083 }];
        },
        &["DOC-EXPOSED-PORT"],
        &[],
    ),
    (
        "Docker's socket in a container",
        |facts| {
            container(facts, "kafka-connect").mounts.push(Mount {
                kind: "bind".into(),
                source: "/var/run/docker.sock".into(),
                inside: "/s".into(),
                ..Mount::default()
            });
        },
        &["DOC-DOCKER-SOCKET"],
        &[],
    ),
    (
        "the unmaintained Kafka UI",
        |facts| {
            facts.containers.push(Container {
                service: "kafka-ui".into(),
                image: "provectuslabs/kafka-ui:v0.7.1".into(),
                state: "running".into(),
                ..Container::default()
            });
        },
        &["DOC-IMAGE"],
        &[],
    ),
    ("an old Connect", |facts| facts.connect.as_mut().expect("connect").version = "3.3.2".into(), &["DOC-IMAGE"], &[]),
    // Mixtures: both are named.
    (
        "a broker killed and the binlog as statements",
        |facts| {
            ended(facts, "kafka-1", 137);
            variable(facts, "binlog_format", "MIXED");
        },
        &["DOC-BROKER-DOWN", "DOC-BINLOG-FORMAT"],
        &["DOC-REPLICAS-BEHIND"],
    ),
    (
        "a broker and Connect killed",
        |facts| {
            ended(facts, "kafka-1", 137);
            ended(facts, "kafka-connect", 137);
        },
        &["DOC-BROKER-DOWN", "DOC-CONNECT-DOWN"],
        &["DOC-REPLICAS-BEHIND"],
    ),
    (
        "drift and a secret",
        |facts| {
            setting(facts, "heartbeat.interval.ms", "0");
            setting(facts, "database.password", HIDDEN);
        },
        &["DOC-CONNECTOR-DRIFT", "DOC-SECRET-IN-CONFIG"],
        &[],
    ),
    (
        "the worker stopped and topics with one copy",
        |facts| {
            ended(facts, "worker", 143);
            factor_one(facts, &INTERNAL);
        },
        &["DOC-WORKER-DOWN", "DOC-TOPIC-FACTOR"],
        &["DOC-NO-WRITES", "DOC-CONNECT-STUCK"],
    ),
];

fn sorted(mut ids: Vec<&'static str>) -> Vec<&'static str> {
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[test]
fn each_fault_is_found_with_what_follows_from_it() {
    for (name, fault, roots, followers) in FAULTS {
        let mut facts = healthy();
        fault(&mut facts);
        let diagnosis = Diagnosis::of(&facts);
        let wrong = || diagnosis.findings.iter().filter(|finding| finding.level > Level::Ok);
        let found_roots = sorted(diagnosis.roots().map(|finding| finding.id).collect());
        assert_eq!(found_roots, sorted(roots.to_vec()), "{name}: causes; all: {:#?}", wrong().collect::<Vec<_>>());
        let found: Vec<&str> = sorted(wrong().filter(|finding| !finding.is_root()).map(|finding| finding.id).collect());
        let missing: Vec<_> = followers.iter().filter(|id| !found.contains(id)).collect();
        assert!(missing.is_empty(), "{name}: {missing:?} are not found to follow, {found:?} are");
        for finding in wrong() {
            assert!(!finding.remedy.is_empty() && !finding.evidence.is_empty(), "{name}: {finding:?}");
            assert!(
                finding.caused_by.iter().all(|cause| wrong().any(|other| other.id == *cause)),
                "{name}: {finding:?}"
            );
        }
        let exit = diagnosis.exit();
        assert!(exit == Exit::Failed || exit == Exit::Differs, "{name}: {exit:?}");
    }
}

#[test]
fn a_healthy_stack_has_no_finding_and_nothing_to_repair() {
    // I9: what is not wrong is not touched.
    let diagnosis = Diagnosis::of(&healthy());
    let wrong: Vec<_> = diagnosis.findings.iter().filter(|finding| finding.level > Level::Ok).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(diagnosis.exit(), Exit::Done);
    assert!(plan(&diagnosis.findings).is_empty());
    assert!(diagnosis.skipped.len() <= 2, "{:?}", diagnosis.skipped);
}

#[test]
fn a_log_of_a_moment_ago_is_no_finding_where_brokers_cannot_be_asked_from_here() {
    let mut facts = healthy();
    say(&mut facts, "kafka-connect", "NOT_ENOUGH_REPLICAS for _connect-offsets-1");
    let wrong = |facts: &Facts| sorted(Diagnosis::of(facts).roots().map(|finding| finding.id).collect());
    facts.kafka = None;
    assert!(wrong(&facts).is_empty(), "{:?}", wrong(&facts));
}

#[test]
fn every_check_is_shown_to_fail() {
    let shown: Vec<&str> =
        FAULTS.iter().flat_map(|(_, _, roots, followers)| roots.iter().chain(*followers)).copied().collect();
    let never: Vec<&str> = concerns::all().map(|check| check.about.id).filter(|id| !shown.contains(id)).collect();
    // Its partitions have no leader when all copies are away: then no broker is left that would tell.
    assert_eq!(never, ["DOC-OFFLINE"]);
}

#[test]
fn ids_are_unique_and_each_has_its_page() {
    let ids: Vec<&str> = concerns::all().map(|check| check.about.id).collect();
    assert_eq!(sorted(ids.clone()).len(), ids.len());
    for check in concerns::all() {
        let about = check.about;
        assert!(about.id.starts_with("DOC-"), "{}", about.id);
        for text in [about.title, about.symptom, about.cause, about.remedy, about.why, about.source] {
            assert!(!text.is_empty(), "{}", about.id);
        }
    }
}

#[test]
fn what_could_not_be_looked_at_is_a_warning() {
    let mut facts = healthy();
    facts.unseen.push(Unseen { what: "MySQL".into(), why: "no answer within 4 s".into() });
    facts.mysql = None;
    let diagnosis = Diagnosis::of(&facts);
    assert_eq!(diagnosis.exit(), Exit::Differs);
    assert!(diagnosis.skipped.contains(&"DOC-BINLOG-FORMAT"), "{:?}", diagnosis.skipped);
}

#[test]
fn a_choice_of_checks_is_by_id_or_group() {
    let mut facts = healthy();
    variable(&mut facts, "binlog_format", "MIXED");
    ended(&mut facts, "worker", 0);
    let only = |names: &[&str], skip: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let diagnosis = Diagnosis::of(&facts).only(&owned(names), &owned(skip));
        sorted(diagnosis.roots().map(|finding| finding.id).collect())
    };
    assert_eq!(only(&["mysql"], &[]), ["DOC-BINLOG-FORMAT"]);
    assert_eq!(only(&["worker-down"], &[]), ["DOC-WORKER-DOWN"]);
    assert_eq!(only(&[], &["DOC-WORKER-DOWN"]), ["DOC-BINLOG-FORMAT"]);
    assert!(only(&["kafka"], &[]).is_empty());
}

#[test]
fn the_mark_of_an_old_kill_for_memory_is_no_finding() {
    let mut facts = healthy();
    // Docker keeps it over a start by hand, which sets the count of restarts to 0.
    container(&mut facts, "mysql").oom_killed = true;
    assert_eq!(Diagnosis::of(&facts).exit(), Exit::Done);
}

#[test]
fn a_name_that_was_unknown_before_its_container_ran_is_no_trouble() {
    let mut facts = healthy();
    say(&mut facts, "kafka-1", "java.net.UnknownHostException: kafka-2: Name or service not known");
    let (id, started) = ("DOC-NAMES", facts.at_ms);
    let is_wrong = |facts: &Facts| Diagnosis::of(facts).roots().any(|finding| finding.id == id);
    assert!(is_wrong(&facts), "it ran when the name was asked for");
    container(&mut facts, "kafka-2").started_ms = Some(started - 500);
    assert!(!is_wrong(&facts), "it was started after that");
}

#[test]
fn causes_are_repaired_before_what_follows() {
    let mut facts = healthy();
    facts.mysql.as_mut().expect("mysql").login_refused = Some("Access denied".into());
    fail_task(&mut facts, DENIED);
    let planned = plan(&Diagnosis::of(&facts).findings);
    let lines: Vec<(&str, bool)> = planned.iter().map(|planned| (planned.id, planned.only_if_still)).collect();
    assert_eq!(lines, [("DOC-MYSQL-LOGIN", false), ("DOC-CONNECTOR-FAILED", true)]);
}

#[test]
fn no_repair_deletes() {
    for (name, fault, ..) in FAULTS {
        let mut facts = healthy();
        fault(&mut facts);
        for planned in plan(&Diagnosis::of(&facts).findings) {
            let words = planned.fix.to_string().replace("nothing is deleted", "").replace("cleanup.policy=delete", "");
            for word in ["delete", "remove", "purge", "drop", "reset"] {
                assert!(!words.contains(word), "{name}: {words}");
            }
        }
    }
}

#[test]
fn lost_ids_are_set_again_only_where_the_topics_are_still_known() {
    let lost = |topics: &[&str]| {
        let mut facts = healthy();
        ended(&mut facts, "kafka-1", 1);
        say(&mut facts, "kafka-1", CLUSTER_ID);
        facts.zookeeper_topics = Some(topics.iter().map(|topic| (*topic).to_owned()).collect());
        let planned = plan(&Diagnosis::of(&facts).findings);
        planned.iter().filter(|planned| planned.id == "DOC-CLUSTER-ID").count()
    };
    assert_eq!((lost(&[]), lost(&["_connect-offsets", ORDERS])), (0, 1));
}
