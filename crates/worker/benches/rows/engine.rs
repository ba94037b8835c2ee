//! The engine alone: the encoder's bytes, in batches of the sink's size, sent by the official client as anybody sends rows.

use bytes::Bytes;
use clickhouse::{Client, Compression};
use serde_json::{Map, Value, json};
use tokio::runtime::{Builder, Runtime};
use worker::sink::{ClickHouseOutlet, ClickHouseSettings, Parcel};

use crate::Turn;
use crate::results::{Results, amounts};
use crate::stopwatch::Stopwatch;

/// The defaults of `sink.clickhouse.batch_rows` and `batch_bytes`.
pub(crate) const BATCH_ROWS: u64 = 100_000;
pub(crate) const BATCH_BYTES: usize = 16 << 20;
const TIMEOUT_MS: u64 = 30_000;
/// What goes to the connection at a time, as in the sink.
const CHUNK_BYTES: usize = 256 * 1024;

/// The tables, by their numbers in a parcel.
const TABLES: [&str; 5] = ["orders_raw", "orders_late", "order_agg_5m", "anomaly_alerts", "orders_dlq"];
/// In front of a parcel's tables (`sink/clickhouse/parcel.rs`).
const HEAD_BYTES: usize = 3;

/// A server, and a database of a turn's own.
pub(crate) struct Engine {
    runtime: Runtime,
    client: Client,
    pub(crate) settings: ClickHouseSettings,
}

impl Engine {
    /// The tables are the sink's own; making them does not count.
    pub(crate) fn new(address: &str, database: &str) -> Self {
        let url = format!("http://{address}");
        let settings = ClickHouseSettings {
            url: url.clone(),
            database: database.to_owned(),
            user: "default".to_owned(),
            password: None,
            ca_file: None,
            pipeline: database.to_owned(),
            timeout: std::time::Duration::from_millis(TIMEOUT_MS),
            ttl_days: None,
            amounts: amounts(),
            accept_no_tokens: false,
        };
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let client = Client::default().with_url(url).with_user("default").with_compression(Compression::None);
        Self { runtime, client, settings }
    }

    /// The sink's outlet, with its tables there.
    pub(crate) fn outlet(&self) -> ClickHouseOutlet {
        let mut outlet = ClickHouseOutlet::new(self.settings.clone()).expect("settings");
        outlet.prepare().expect("tables");
        outlet
    }

    /// Inserts what the encoder gives.
    pub(crate) fn insert(&self, results: &Results) -> Turn {
        let parcels = results.packed();
        let _with_tables = self.outlet();
        let statements = TABLES.map(|table| self.statement(table));
        let (rows, bytes) = sizes(&parcels);
        let batches = batches(&parcels);
        let watch = Stopwatch::start();
        for batch in batches {
            for (number, statement) in statements.iter().enumerate() {
                let pieces: Vec<&[u8]> = batch.iter().filter_map(|parcel| rows_of(parcel, number)).collect();
                if !pieces.is_empty() {
                    self.send(statement, &pieces);
                }
            }
        }
        Turn { cost: watch.lap(), rows, bytes, memory: None }
    }

    /// What is in the tables, by the engine's own word; then the database goes.
    pub(crate) fn tables(&self) -> Value {
        let database = &self.settings.database;
        let mut told = Map::new();
        for table in TABLES {
            let sql = format!("SELECT count(), uniqExact(id) FROM `{database}`.{table}");
            told.insert(table.to_owned(), json!(self.ask(&sql)));
        }
        let sql = format!("SELECT toString(sum(amount)) FROM `{database}`.orders_raw");
        told.insert("amount".to_owned(), json!(self.ask(&sql)));
        let dropped = self.client.query_raw(&format!("DROP DATABASE `{database}`")).execute();
        self.runtime.block_on(dropped).expect("dropped");
        Value::Object(told)
    }

    /// The columns that have no value of their own, in the table's order: those that the encoder writes.
    fn statement(&self, table: &str) -> String {
        let database = &self.settings.database;
        let columns = self.ask(&format!(
            "SELECT arrayStringConcat(groupArray(concat('`', name, '`')), ', ') FROM (SELECT name FROM system.columns \
             WHERE database = '{database}' AND table = '{table}' AND default_kind = '' ORDER BY position)"
        ));
        format!("INSERT INTO `{database}`.{table} ({columns}) FORMAT RowBinary")
    }

    fn send(&self, statement: &str, pieces: &[&[u8]]) {
        let mut insert = self.client.insert_formatted_with(statement);
        let sent = self.runtime.block_on(async {
            for chunk in pieces.iter().flat_map(|piece| piece.chunks(CHUNK_BYTES)) {
                insert.send(Bytes::copy_from_slice(chunk)).await?;
            }
            insert.end().await
        });
        sent.expect("the engine takes them");
    }

    /// An answer's only row.
    fn ask(&self, sql: &str) -> String {
        let query = self.client.query_raw(sql);
        let answer = self.runtime.block_on(async { query.fetch_bytes("TabSeparated")?.collect().await });
        String::from_utf8_lossy(&answer.expect("an answer")).trim_end().to_owned()
    }
}

/// Rows and bytes of all of them.
pub(crate) fn sizes(parcels: &[Parcel]) -> (u64, usize) {
    (parcels.iter().map(|parcel| u64::from(parcel.rows)).sum(), parcels.iter().map(|parcel| parcel.bytes.len()).sum())
}

/// Whole epochs, as many as fit a batch.
fn batches(parcels: &[Parcel]) -> Vec<&[Parcel]> {
    let (mut batches, mut rest) = (Vec::new(), parcels);
    while !rest.is_empty() {
        let fits = |count: usize| {
            let (rows, bytes) = sizes(&rest[..count]);
            rows <= BATCH_ROWS && bytes <= BATCH_BYTES
        };
        let count = (1..=rest.len()).take_while(|&count| count == 1 || fits(count)).last().unwrap_or(1);
        let (batch, behind) = rest.split_at(count);
        batches.push(batch);
        rest = behind;
    }
    batches
}

/// A table's rows in a parcel, whose form `sink/clickhouse/parcel.rs` describes.
fn rows_of(parcel: &Parcel, table: usize) -> Option<&[u8]> {
    let mut rest = parcel.bytes.get(HEAD_BYTES..)?;
    loop {
        let (&number, after) = rest.split_first()?;
        let (_rows, after) = after.split_first_chunk::<4>()?;
        let (length, after) = after.split_first_chunk::<8>()?;
        let (rows, behind) = after.split_at_checked(u64::from_le_bytes(*length) as usize)?;
        if usize::from(number) == table {
            return Some(rows);
        }
        rest = behind;
    }
}
