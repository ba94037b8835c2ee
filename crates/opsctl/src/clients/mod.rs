//! Thin I/O, one system a file: nothing here decides.

pub(crate) mod archive;
pub(crate) mod clickhouse;
pub(crate) mod compose;
pub(crate) mod connect;
pub(crate) mod docker;
pub(crate) mod host;
pub(crate) mod kafka;
pub(crate) mod mysql;
pub(crate) mod worker_page;
