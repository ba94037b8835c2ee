//! Ports of a stack's own, so that a stack on the usual ones goes on undisturbed.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context as _, Result};

/// Below the range that the kernel hands out to clients: between two starts of a stack nobody else gets one of these.
const FIRST: u16 = 21_000;
const LAST: u16 = 29_000;
const BLOCK: u16 = 10;

/// The variable of each port, as `compose/compose.yaml` and `opsctl` read them.
const VARIABLES: [&str; 10] = [
    "CDC_KAFKA_1_PORT",
    "CDC_KAFKA_2_PORT",
    "CDC_KAFKA_3_PORT",
    "CDC_CONNECT_PORT",
    "CDC_MYSQL_PORT",
    "CDC_KAFKA_UI_PORT",
    "CDC_WORKER_PORT",
    "CDC_PROMETHEUS_PORT",
    "CDC_GRAFANA_PORT",
    "CDC_CLICKHOUSE_PORT",
];

/// Consecutive ports from this one on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ports(u16);

impl Ports {
    /// The first block of which all are free.
    pub(crate) fn free() -> Result<Self> {
        let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        let found = (FIRST..LAST).step_by(BLOCK.into()).find(|first| (*first..first + BLOCK).all(is_free));
        found.map(Self).with_context(|| format!("no {BLOCK} free ports in a row on 127.0.0.1 from {FIRST} to {LAST}"))
    }

    /// Variables and values.
    pub(crate) fn variables(self) -> impl Iterator<Item = (&'static str, String)> {
        VARIABLES.into_iter().zip(self.0..).map(|(name, port)| (name, port.to_string()))
    }

    /// Kafka Connect's REST.
    pub(crate) fn connect(self) -> u16 {
        self.0 + 3
    }

    /// Prometheus.
    pub(crate) fn prometheus(self) -> u16 {
        self.0 + 7
    }

    /// ClickHouse.
    pub(crate) fn clickhouse(self) -> u16 {
        self.0 + 9
    }

    /// MySQL.
    pub(crate) fn mysql(self) -> u16 {
        self.0 + 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_with_a_taken_port_is_passed_over() {
        let first = Ports::free().expect("a block");
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, first.0 + 4));
        assert_ne!(Ports::free().expect("another"), first);
        assert_eq!(first.variables().nth(3), Some(("CDC_CONNECT_PORT", first.connect().to_string())));
        assert_eq!(first.variables().nth(7), Some(("CDC_PROMETHEUS_PORT", first.prometheus().to_string())));
        assert_eq!(first.variables().nth(9), Some(("CDC_CLICKHOUSE_PORT", first.clickhouse().to_string())));
        assert_eq!(first.variables().nth(4), Some(("CDC_MYSQL_PORT", first.mysql().to_string())));
    }
}
