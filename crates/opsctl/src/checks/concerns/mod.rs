//! The doctor's checks, one file a concern.

pub(crate) mod cluster_id;
mod clickhouse;
mod connect;
mod connectors;
mod debezium;
mod disk;
mod docker;
mod exposure;
mod grafana;
mod heap;
mod machine;
mod mysql;
mod names;
mod replicas;
mod running;
mod settings;
mod start_order;
mod topics;
mod volumes;
mod worker;

use crate::checks::finding::Check;

/// All checks, in the report's order within each group.
pub(crate) fn all() -> impl Iterator<Item = &'static Check> {
    [
        docker::CHECKS,
        machine::CHECKS,
        heap::CHECKS,
        disk::CHECKS,
        running::CHECKS,
        start_order::CHECKS,
        volumes::CHECKS,
        cluster_id::CHECKS,
        names::CHECKS,
        topics::CHECKS,
        replicas::CHECKS,
        connect::CHECKS,
        connectors::CHECKS,
        settings::CHECKS,
        debezium::CHECKS,
        mysql::CHECKS,
        worker::CHECKS,
        clickhouse::CHECKS,
        grafana::CHECKS,
        exposure::CHECKS,
    ]
    .into_iter()
    .flatten()
}
