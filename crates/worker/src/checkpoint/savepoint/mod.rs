//! Savepoints: the state in one portable file, which any parallelism, machine and later version restores.
//!
//! `savepoint-<epoch>-<time>.json.zst`: zstd (frames of some megabytes each), inside one JSON object a line, its only key
//! the kind of line:
//!
//! ```text
//! {"savepoint": {format, worker, timeline, epoch, clock_ms, watermark_ms, config_id, drained, parallelism, key_groups,
//!                key_group_hash, created_at, sections, operators}}                              first, once
//! {"partition": {topic, topic_id, partition, next_offset, leader_epoch, mark, snapshot, time}}   one a partition
//! {"sink":      {sink, timeline, epoch, file_length_bytes}}                                      one a sink
//! {"outbox":    {sink, timeline, epoch, outputs}}        what a sink has not acknowledged, base64
//! {"symbol":    {unit, symbol, state: {windows, rules}}} one a symbol; decimals are strings
//! {"timer":     {unit, due_ms, symbol}}                  one a timer, due_ms on the windows' axis
//! {"end":       {partitions, sinks, outbox, symbols, timers, checksum}}                          last, once
//! ```
//!
//! `end` counts the lines and has the xxh3-128 of all bytes before it: a file without it is not complete. `timeline` and
//! `config_id` of the first line are 16 hexadecimal digits. Partitions and sinks stand before all that follows them.
//! `sections` and `operators` of the first line say which kinds of line and which parts of a symbol's state may come, so
//! that a reader knows at once what it does not know. Key groups are not written: they follow from the symbol.

mod error;
mod format;
mod listing;
mod pack;
mod read;
mod write;

pub use error::SavepointError;
pub use format::{End, Header, SAVEPOINT_FORMAT};
pub use listing::{ListedSavepoint, list};
pub use read::{Lost, Savepoint};
pub use write::{Occasion, Written, write};
