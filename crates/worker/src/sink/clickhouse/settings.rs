//! What the ClickHouse sink is told.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::Secret;
use crate::decimal::FixedPoint;

/// What the ClickHouse sink is told.
#[derive(Clone, Debug)]
pub struct ClickHouseSettings {
    /// Where the server takes HTTP: `http://host:8123` or `https://host:8443`.
    pub url: String,
    /// The database: letters, digits and `_`. Created where it is missing.
    pub database: String,
    /// Who logs in.
    pub user: String,
    /// Their password.
    pub password: Option<Secret>,
    /// Certificates to trust, PEM; `None`: the system's.
    pub ca_file: Option<PathBuf>,
    /// This pipeline's name in tokens and query ids: letters, digits, `.`, `_`, `-`. Another one of that name ends this
    /// one's inserts.
    pub pipeline: String,
    /// How long one request may take.
    pub timeout: Duration,
    /// How long rows are kept, by their own time; `None`: for ever.
    pub ttl_days: Option<u32>,
    /// The form of amounts and prices.
    pub amounts: FixedPoint,
    /// Go on with a server that knows no deduplication tokens: rows may be there twice until they are merged.
    pub accept_no_tokens: bool,
}
