//! Faults of brokers, names and topics.

use super::*;

pub(super) const FAULTS: &[Row] = &[
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
];
