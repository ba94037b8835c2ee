//! `[sink.clickhouse]`: the server, how rows are kept there, and how much a batch may hold.

use std::path::PathBuf;
use std::time::Duration;

use super::domain::StateBackend;
use super::error::ConfigError;
use super::host::Host;
use super::layers::Values;
use super::secret::Secret;
use crate::decimal::FixedPoint;

/// `[sink.clickhouse]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClickHouseSinkSettings {
    /// Where the server takes HTTP.
    pub url: String,
    /// The database.
    pub database: String,
    /// Who logs in.
    pub user: String,
    /// Their password.
    pub password: Option<Secret>,
    /// Certificates to trust, PEM; `None`: the system's.
    pub ca_file: Option<PathBuf>,
    /// This pipeline's name in tokens and query ids.
    pub pipeline: String,
    /// How long one request may take.
    pub timeout: Duration,
    /// How many days rows are kept; `None`: for ever.
    pub ttl_days: Option<u32>,
    /// The form of amounts and prices.
    pub amounts: FixedPoint,
    /// Go on with a server that knows no deduplication tokens.
    pub accept_no_tokens: bool,
    /// Rows of a batch, about.
    pub batch_rows: usize,
    /// Bytes of a batch, about.
    pub batch_bytes: usize,
    /// How long rows wait for more.
    pub batch_wait: Duration,
}

const URL: &str = "sink.clickhouse.url";
const CA: &str = "sink.clickhouse.ca_file";
const DIGITS: &str = "sink.clickhouse.decimal_digits";
const SCALE: &str = "sink.clickhouse.decimal_scale";

/// Reads `sink.clickhouse.*`; `None` without an address.
pub(super) fn read(values: &Values, host: &Host<'_>) -> Result<Option<ClickHouseSinkSettings>, ConfigError> {
    let url = values.text(URL)?;
    if url.is_empty() {
        return Ok(None);
    }
    if values.is_given(CA) && !url.starts_with("https://") {
        let because = format!("has no use with {}", values.described(URL));
        return Err(values.contradiction(CA, because, format!("begin {URL} with https://, or leave {CA} out")));
    }
    let (digits, scale) = (values.integer(DIGITS)?, values.integer(SCALE)?);
    let amounts = FixedPoint::new(digits, scale).ok_or_else(|| {
        let because = format!("is more than {}", values.described(DIGITS));
        values.contradiction(SCALE, because, format!("lower {SCALE}"))
    })?;
    let days: u32 = values.integer("sink.clickhouse.ttl_days")?;
    Ok(Some(ClickHouseSinkSettings {
        url: url.to_owned(),
        database: values.text("sink.clickhouse.database")?.to_owned(),
        user: values.text("sink.clickhouse.user")?.to_owned(),
        password: values.secret("sink.clickhouse.password", "sink.clickhouse.password_file", host)?,
        ca_file: values.readable(CA, host)?,
        pipeline: values.text("sink.clickhouse.pipeline")?.to_owned(),
        timeout: Duration::from_millis(values.integer("sink.clickhouse.timeout_ms")?),
        ttl_days: (days > 0).then_some(days),
        amounts,
        accept_no_tokens: values.switch("sink.clickhouse.accept_no_tokens")?,
        batch_rows: values.integer("sink.clickhouse.batch_rows")?,
        batch_bytes: values.integer("sink.clickhouse.batch_bytes")?,
        batch_wait: Duration::from_millis(values.integer("sink.clickhouse.batch_ms")?),
    }))
}

/// What is written once must be remembered.
pub(super) fn refuse(backend: StateBackend, values: &Values) -> Result<(), ConfigError> {
    if backend == StateBackend::Rocksdb {
        return Ok(());
    }
    Err(values.contradiction(
        URL,
        format!("does not go with {}: every start would write everything again", values.described("state.backend")),
        "set state.backend to rocksdb".to_owned(),
    ))
}

/// `http://host[:port]` or `https://…`, without a path, a user or a password; or nothing.
pub(super) fn is_address(text: &str) -> bool {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let host = host.map(|host| host.strip_suffix('/').unwrap_or(host));
    text.is_empty() || host.is_some_and(|host| !host.contains([',', '?', '#']) && super::domain::is_bootstrap(host))
}

/// A name that needs no quotes in SQL.
pub(super) fn is_database(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    text.len() <= 64 && text.starts_with(letter) && text.chars().all(|c| letter(c) || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_no_user_and_no_path() {
        for (text, is) in [
            ("", true),
            ("http://clickhouse:8123", true),
            ("https://[::1]:8443/", true),
            ("http://user:password@clickhouse:8123", false),
            ("http://clickhouse:8123/?database=x", false),
            ("http://a:1,b:2", false),
            ("clickhouse:8123", false),
            ("http://", false),
        ] {
            assert_eq!(is_address(text), is, "{text}");
        }
    }

    #[test]
    fn databases_need_no_quotes() {
        for (text, is) in [("cdc", true), ("_a9", true), ("9a", false), ("a b", false), ("a`b", false), ("", false)] {
            assert_eq!(is_database(text), is, "{text}");
        }
    }
}
