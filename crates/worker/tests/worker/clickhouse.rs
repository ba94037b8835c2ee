//! The ClickHouse sink against a current engine, where `CDC_TEST_CLICKHOUSE` names one (`cargo xtask clickhouse -- …` does):
//! chdb's behind a few lines of HTTP. It shows what schema, tokens and columns do; connections and kills of a real server
//! are for the e2e scenarios.

mod compare;
mod proxy;
mod refused;
mod results;
mod schema;
mod server;
mod tokens;
mod values;
