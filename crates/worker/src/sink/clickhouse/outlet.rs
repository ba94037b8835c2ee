//! Sends batches: one insert a table, the same one until its answer is definite.

use super::parcel::{self, Section};
use super::prepare::Found;
use super::schema::Table;
use super::tables::Tables;
use super::{ClickHouseError, ClickHouseSettings};
use crate::sink::{Outlet, SinkBatch, SinkError};

const NAME: &str = "clickhouse";
/// More than a batch can have: an insert is one block, which is taken as a whole or not at all, and whose token does not
/// depend on how it would be divided.
const BLOCK_ROWS: &str = "1000000000";
const BLOCK_BYTES: &str = "1000000000000";

/// Inserts batches into ClickHouse. Nothing is asked of the server before the first of them.
pub struct ClickHouseOutlet {
    tables: Tables,
    current: Option<Current>,
}

/// The batch that is being sent.
struct Current {
    borders: (u64, u64, u64),
    attempt: u32,
    /// Tables that have taken their rows, definitely.
    taken: Vec<Table>,
}

impl ClickHouseOutlet {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// Settings that make no sense.
    pub fn new(settings: ClickHouseSettings) -> Result<Self, SinkError> {
        Ok(Self { tables: Tables::new(settings, NAME, false)?, current: None })
    }

    /// Makes database and schema where they are missing and looks at the tables: done by the first batch, if nobody asked
    /// for it before.
    ///
    /// # Errors
    /// As [`Outlet::send`].
    pub fn prepare(&mut self) -> Result<(), SinkError> {
        self.tables.ready().map(drop).map_err(SinkError::from)
    }

    fn send_batch(&mut self, batch: &SinkBatch<'_>) -> Result<(), ClickHouseError> {
        let mut sections = Vec::new();
        for parcel in batch.parcels {
            sections.extend(parcel::read(parcel, self.tables.settings.amounts)?);
        }
        if sections.is_empty() {
            return Ok(());
        }
        let found = self.tables.ready()?;
        self.tables.kill_strays()?;
        let borders = (batch.timeline.0, batch.first, batch.last);
        let current = match &mut self.current {
            Some(current) if current.borders == borders => current,
            current => current.insert(Current { borders, attempt: 0, taken: Vec::new() }),
        };
        current.attempt += 1;
        for table in Table::ALL {
            let rows: Vec<Section<'_>> = sections.iter().filter(|section| section.table == table).copied().collect();
            if rows.is_empty() || current.taken.contains(&table) {
                continue;
            }
            let name = format!("{}/{}/{}/{}/{}", self.tables.ids(), borders.0, borders.1, borders.2, table.name());
            let count: u64 = rows.iter().map(|section| u64::from(section.rows)).sum();
            let what = format!(
                "insert of {count} rows into {}.{} (epochs {} to {})",
                self.tables.settings.database,
                table.name(),
                batch.first,
                batch.last
            );
            let sql = table.insert_into(&self.tables.settings.database);
            let options = insert_options(found, &name, format!("{name}/{}", current.attempt));
            self.tables.server.insert(&what, &sql, &options, rows.iter().map(|section| section.bytes))?;
            current.taken.push(table);
        }
        self.current = None;
        Ok(())
    }
}

/// What goes with an insert. The same for every attempt, but for the query's id.
pub(super) fn insert_options(found: Found, token: &str, query_id: String) -> Vec<(&'static str, String)> {
    let mut options = vec![
        ("query_id", query_id),
        ("max_insert_block_size", BLOCK_ROWS.to_owned()),
        ("min_insert_block_size_rows", BLOCK_ROWS.to_owned()),
        ("min_insert_block_size_bytes", BLOCK_BYTES.to_owned()),
    ];
    if found.dialect.tokens {
        options.extend([
            ("insert_deduplication_token", token.to_owned()),
            ("insert_deduplicate", "1".to_owned()),
            ("async_insert", "0".to_owned()),
            // Orders of many months in one batch are nothing unusual in a snapshot.
            ("max_partitions_per_insert_block", "0".to_owned()),
        ]);
    }
    if found.deduplicate_insert {
        options.push(("deduplicate_insert", "enable".to_owned()));
    }
    options
}

impl Outlet for ClickHouseOutlet {
    fn name(&self) -> &'static str {
        NAME
    }

    fn send(&mut self, batch: &SinkBatch<'_>) -> Result<(), SinkError> {
        self.send_batch(batch).map_err(|error| {
            self.tables.learn_from(&error);
            error.into()
        })
    }
}
