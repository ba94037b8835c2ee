//! Two faults at a time: both are named.

use super::*;

pub(super) const FAULTS: &[Row] = &[
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
