//! What the doctor saw of ClickHouse and Grafana.

use serde::{Deserialize, Serialize};

/// ClickHouse, asked by HTTP as the worker's user.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct ClickHouse {
    /// Why it does not answer; none if it does.
    pub(crate) silent: Option<String>,
    /// What it says to the worker's user with the secret's password; none if it lets it in.
    pub(crate) refused: Option<String>,
    pub(crate) version: String,
    /// It knows deduplication tokens, by the settings that it has; none if it did not tell.
    pub(crate) knows_tokens: Option<bool>,
    /// Its setting `readonly` for this user; 0 is none.
    pub(crate) read_only_user: u64,
    /// The worker's database.
    pub(crate) database: String,
    pub(crate) tables: Vec<Table>,
    pub(crate) disks: Vec<StoreDisk>,
    /// With so many parts in a partition inserts are slowed down, with so many refused.
    pub(crate) parts_limits: Option<(u64, u64)>,
}

/// A table of the worker's.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) engine: String,
    /// Blocks whose tokens it remembers; none for a view.
    pub(crate) window: Option<u64>,
    /// Parts of the partition that has most.
    pub(crate) parts_max: u64,
    pub(crate) rows: u64,
}

/// A disk that it stores on.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct StoreDisk {
    pub(crate) name: String,
    pub(crate) size_bytes: u64,
    pub(crate) free_bytes: u64,
    pub(crate) read_only: bool,
}

/// Grafana.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Grafana {
    /// Why it does not answer; none if it does.
    pub(crate) silent: Option<String>,
    pub(crate) version: String,
}
