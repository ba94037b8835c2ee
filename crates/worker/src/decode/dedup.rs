//! Repeated binlog positions: Debezium delivers at least once, so each partition keeps a mark.

use serde::{Deserialize, Serialize};

/// Where a change event stands in the binlog. Ordered: file number, position, row, step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BinlogPosition {
    /// The number at the end of `source.file`, as a number (`binlog.999999` < `binlog.1000000`).
    pub file: u64,
    /// `source.pos`
    pub pos: u64,
    /// `source.row`: the row's number within its event.
    pub row: u64,
    /// 0 for `d`, 1 otherwise: a change of key comes as `d` then `c` at one position.
    pub step: u8,
}
