//! The ClickHouse sink against a current engine, where `CDC_TEST_CLICKHOUSE` names one (`cargo xtask clickhouse -- …` does):
//! chdb's behind a few lines of HTTP. It shows what schema, tokens and columns do. Debian's server, where
//! `CDC_TEST_CLICKHOUSE_OLD` names it, is a real one, without tokens: users, connections and kills are its part (`old`).

mod backfill;
#[cfg(feature = "kafka")]
mod backfill_topic;
mod compare;
mod old;
mod proxy;
mod refused;
mod results;
mod rows;
mod schema;
mod server;
mod tokens;
mod values;
