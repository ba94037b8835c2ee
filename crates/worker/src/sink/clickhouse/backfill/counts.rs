//! What a backfill has done so far.

use serde::Serialize;

use crate::sink::clickhouse::schema::Table;

/// What a backfill has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BackfillCounts {
    orders_raw: TableCounts,
    orders_late: TableCounts,
    order_agg_5m: TableCounts,
    anomaly_alerts: TableCounts,
    orders_dlq: TableCounts,
    windows_left_out: WindowsLeftOut,
}

/// A table's rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableCounts {
    /// What the input gave.
    pub read: u64,
    /// What was there, or came twice in the input.
    pub already_there: u64,
    /// What was missing and is inserted; of a dry run, what would be.
    pub inserted: u64,
}

/// Windows that were not looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WindowsLeftOut {
    /// They may lack what came before or after the input.
    pub at_the_edges: u64,
    /// They go by the clock of the worker that was there.
    pub processing_time: u64,
}

impl BackfillCounts {
    /// A table's.
    pub(super) fn of(&mut self, table: Table) -> &mut TableCounts {
        match table {
            Table::Raw => &mut self.orders_raw,
            Table::Late => &mut self.orders_late,
            Table::Agg => &mut self.order_agg_5m,
            Table::Alerts => &mut self.anomaly_alerts,
            Table::DeadLetters => &mut self.orders_dlq,
        }
    }

    /// Windows that were not looked for.
    pub(super) fn left_out(&mut self) -> &mut WindowsLeftOut {
        &mut self.windows_left_out
    }

    /// Rows that were missing, of all tables.
    pub fn inserted(&self) -> u64 {
        self.tables().iter().map(|table| table.inserted).sum()
    }

    /// Rows that were asked for, of all tables.
    pub fn looked_at(&self) -> u64 {
        self.inserted() + self.tables().iter().map(|table| table.already_there).sum::<u64>()
    }

    fn tables(&self) -> [TableCounts; 5] {
        [self.orders_raw, self.orders_late, self.order_agg_5m, self.anomaly_alerts, self.orders_dlq]
    }
}
