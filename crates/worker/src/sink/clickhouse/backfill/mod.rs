//! Fills the tables in after the fact, from a recording or a stretch of the topic (`worker backfill`): only rows that are
//! not there yet are inserted, so it may be run any number of times.
//!
//! What makes that so, in this order:
//! - of each batch the tables are asked which rows they have, by what makes a row that row ([`rows`]), not by the sort
//!   key, which may hold the clock of the worker that was there;
//! - after an answer that is not known, and before the first batch, what may still run of an earlier backfill is killed,
//!   then the tables are asked again;
//! - an insert that arrives late all the same carries the token of its bytes and the run, which the one that took its place
//!   has too;
//! - rows that the running worker sends at the same time are one with ours once merged.
//!
//! Rows of a backfill have `timeline` 0 ([`TIMELINE`]): no worker's history has that name.

mod counts;
mod fill;
mod rows;
mod sink;
mod windows;

pub use counts::{BackfillCounts, TableCounts, WindowsLeftOut};
pub use sink::{BackfillSettings, BackfillSink, TIMELINE};
pub use windows::{Begins, WindowRules};
