//! Faults of the machine, of Docker, memory, ports, volumes and health checks.

use super::*;

pub(super) const FAULTS: &[Row] = &[
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
    ("nothing there", nothing_there, &["DOC-STACK"], &[]),
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
            nothing_there(facts);
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
];

fn nothing_there(facts: &mut Facts) {
    *facts = Facts {
        containers: Vec::new(),
        kafka: None,
        connect: None,
        mysql: None,
        workers: Vec::new(),
        names: Vec::new(),
        ..facts.clone()
    };
}
