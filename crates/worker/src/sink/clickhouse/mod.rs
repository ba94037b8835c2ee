//! ClickHouse tables, in batches that may be sent any number of times (`design.md`, rules 3 to 6): [`ClickHousePack`]
//! makes rows of an epoch's results, [`ClickHouseOutlet`] inserts several epochs' rows at once, one insert a table.
//!
//! What makes a repeated batch harmless, in this order:
//! - its borders are durable before it is sent for the first time, and rows keep their order, so it is the same one
//!   byte for byte;
//! - every insert carries a deduplication token made of pipeline, sink, timeline, borders and table, and is one block:
//!   a table drops a block whose token it knows. Tokens are kept a partition (month), so an insert over several months
//!   that was cut off in the middle is completed, not doubled;
//! - after an answer that is not known, what may still run of the batch is killed before it is sent again;
//! - rows have stable keys in a `ReplacingMergeTree`: whatever slips through all that is one row once merged, or under
//!   `FINAL`.
//!
//! Late events have a table of their own, `orders_late`, as they have a topic of their own in Kafka: they are in
//! `orders_raw` too wherever RAW is on.

mod backfill;
mod encode;
mod error;
mod migrations;
mod outlet;
mod pack;
mod parcel;
mod prepare;
mod schema;
mod server;
mod settings;
mod tables;
mod tls;

pub use backfill::{
    BackfillCounts, BackfillSettings, BackfillSink, Begins, TIMELINE as BACKFILL_TIMELINE, TableCounts, WindowRules,
    WindowsLeftOut,
};
pub use error::ClickHouseError;
pub use outlet::ClickHouseOutlet;
pub use pack::ClickHousePack;
pub use settings::ClickHouseSettings;
