//! What the doctor saw on a real stack while a scenario had broken it: judged again, the same is found.

use super::sorted;
use crate::checks::diagnosis::Diagnosis;
use crate::checks::facts::Facts;
use crate::checks::finding::Level;

macro_rules! recorded {
    ($name:literal) => {
        ($name, include_str!(concat!("../recorded/", $name, ".json")))
    };
}

/// A recording with its name, what is found without a cause, some of what follows.
type Row = ((&'static str, &'static str), &'static [&'static str], &'static [&'static str]);

const RECORDED: &[Row] = &[
    (recorded!("healthy"), &[], &[]),
    (recorded!("binlog-format-statement"), &["DOC-BINLOG-FORMAT"], &[]),
    (recorded!("binlog-purged"), &["DOC-BINLOG-PURGED"], &[]),
    (recorded!("broker-down"), &["DOC-BROKER-DOWN"], &["DOC-NAMES", "DOC-REPLICAS-BEHIND"]),
    (recorded!("cleanup-policy-delete"), &["DOC-TOPIC-POLICY"], &[]),
    (recorded!("connect-env-prefix"), &["DOC-CONNECT-ENV"], &[]),
    (recorded!("connector-drift"), &["DOC-CONNECTOR-DRIFT"], &[]),
    (recorded!("connector-failed-grant"), &["DOC-MYSQL-GRANTS"], &["DOC-CONNECTOR-FAILED"]),
    (recorded!("connector-failed-password"), &["DOC-MYSQL-LOGIN"], &["DOC-CONNECTOR-FAILED"]),
    (recorded!("decimal-mode-precise"), &["DOC-DECIMAL-MODE"], &["DOC-CONNECTOR-DRIFT"]),
    (recorded!("dns"), &["DOC-NAMES"], &[]),
    (recorded!("heap-over-limit"), &["DOC-HEAP"], &[]),
    (recorded!("no-healthchecks"), &["DOC-START-ORDER"], &[]),
    (recorded!("oom-killed"), &["DOC-OOM-KILLED"], &["DOC-MYSQL-DOWN", "DOC-RESTART-LOOP", "DOC-CONNECTOR-FAILED"]),
    (recorded!("port-taken"), &["DOC-PORT-TAKEN"], &["DOC-MYSQL-DOWN", "DOC-NAMES"]),
    (recorded!("replication-factor-1"), &["DOC-TOPIC-FACTOR"], &["DOC-NO-WRITES", "DOC-CONNECT-STUCK"]),
    (recorded!("root-owned-checkpoints"), &["DOC-VOLUME-OWNER"], &["DOC-WORKER-DOWN"]),
    (recorded!("secret-in-config"), &["DOC-SECRET-IN-CONFIG"], &["DOC-CONNECTOR-DRIFT"]),
    (
        recorded!("two-brokers-down"),
        &["DOC-BROKER-DOWN"],
        &["DOC-NO-WRITES", "DOC-CONNECT-STUCK", "DOC-CONNECTOR-STALLED", "DOC-WORKER-INPUT"],
    ),
    (recorded!("worker-stopped"), &["DOC-WORKER-DOWN"], &[]),
];

#[test]
fn recorded_faults_are_found() {
    for ((name, text), roots, followers) in RECORDED {
        let facts: Facts = serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let diagnosis = Diagnosis::of(&facts);
        let found = sorted(diagnosis.roots().map(|finding| finding.id).collect());
        assert_eq!(found, *roots, "{name}");
        for follower in *followers {
            let follows = |finding: &crate::checks::finding::Finding| {
                finding.id == *follower && finding.level > Level::Ok && !finding.caused_by.is_empty()
            };
            assert!(diagnosis.findings.iter().any(follows), "{name}: {follower} does not follow");
        }
    }
}
