//! Faults of Connect, connectors, MySQL and the worker, and what is open to others.

use serde_json::json;

use super::*;

pub(super) const FAULTS: &[Row] = &[
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
];
