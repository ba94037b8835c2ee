//! Takes results as any sink does, packs them as the ClickHouse sink does, and fills in what the tables have not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::counts::BackfillCounts;
use super::fill::{self, Filling};
use super::rows::{Identity, Waiting};
use super::windows::{Verdict, WindowRules};
use crate::epoch::{EpochKind, EpochRecord, Output, OutputKind, Outputs, Timeline};
use crate::sink::clickhouse::pack::Origin;
use crate::sink::clickhouse::parcel::TableRows;
use crate::sink::clickhouse::schema::Table;
use crate::sink::clickhouse::tables::Tables;
use crate::sink::clickhouse::{ClickHouseError, ClickHousePack, ClickHouseSettings};
use crate::sink::{JsonRenderer, Sink, SinkError};
use crate::time::clock::Clock;

/// The history that a backfill's rows belong to: none of a worker's, which are named after the clock.
pub const TIMELINE: Timeline = Timeline(0);

/// How often progress is told.
const TELL_EVERY_MS: i64 = 10_000;

/// What a backfill is told.
pub struct BackfillSettings {
    /// The server and its tables.
    pub clickhouse: ClickHouseSettings,
    /// The language of alerts' messages.
    pub renderer: JsonRenderer,
    /// Rows of a batch, about.
    pub batch_rows: usize,
    /// Bytes of a batch, about.
    pub batch_bytes: usize,
    /// Which windows are filled in.
    pub windows: WindowRules,
    /// Only looks.
    pub dry_run: bool,
    /// Names this run, and tells how long something fails.
    pub clock: Arc<dyn Clock>,
    /// Set to stop: what fails is not tried for long any more.
    pub stop: Arc<AtomicBool>,
}

/// Fills in what the tables have not of a run's results.
pub struct BackfillSink {
    pack: ClickHousePack,
    windows: WindowRules,
    batch_rows: usize,
    batch_bytes: usize,
    filling: Filling,
    waiting: [Waiting; 5],
    /// One line's rows.
    scratch: [TableRows; 5],
    first_record_ms: Option<i64>,
    counts: Arc<Mutex<BackfillCounts>>,
    told_ms: i64,
}

impl BackfillSink {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// Settings that make no sense.
    pub fn new(settings: BackfillSettings) -> Result<Self, SinkError> {
        let BackfillSettings { clickhouse, renderer, batch_rows, batch_bytes, windows, dry_run, clock, stop } =
            settings;
        let told_ms = clock.boot_ms();
        Ok(Self {
            pack: ClickHousePack::new(renderer, clickhouse.amounts),
            windows,
            batch_rows,
            batch_bytes,
            filling: Filling {
                tables: Tables::new(clickhouse, fill::NAME, dry_run)?,
                run: clock.wall_ms(),
                clock,
                stop,
                inserts: 0,
            },
            waiting: Table::ALL.map(Waiting::of),
            scratch: Default::default(),
            first_record_ms: None,
            counts: Arc::default(),
            told_ms,
        })
    }

    /// What it has done, while it is in use and afterwards.
    pub fn counts(&self) -> impl Fn() -> BackfillCounts + use<> {
        let counts = Arc::clone(&self.counts);
        move || *counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, count: impl FnOnce(&mut BackfillCounts)) {
        // A panic elsewhere leaves whole numbers.
        count(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn take(&mut self, epoch: &EpochRecord, outputs: &Outputs, line: &Output) {
        if let OutputKind::Agg(result) = &line.kind {
            // A topic that is told to stop ends, and its open windows fire: those are never whole.
            let stopped = epoch.kind == EpochKind::Flush && self.filling.stop.load(Ordering::Relaxed);
            match self.windows.judge(&result.1, epoch.kind, self.first_record_ms) {
                Verdict::Whole if !stopped => {}
                Verdict::Whole | Verdict::AtTheEdge => {
                    return self.count(|counts| counts.left_out().at_the_edges += 1);
                }
                Verdict::NotWanted => return self.count(|counts| counts.left_out().processing_time += 1),
            }
        }
        let origin = Origin::of(epoch, outputs, outputs.record(line));
        self.pack.line(line, outputs, &origin, &mut self.scratch);
        for (table, row) in Table::ALL.into_iter().zip(&mut self.scratch) {
            if row.rows > 0 {
                self.waiting[table as usize].push(Identity::of(table, line, outputs, &origin), &row.bytes);
                self.counts.lock().unwrap_or_else(PoisonError::into_inner).of(table).read += 1;
            }
            row.rows = 0;
            crate::source::give_back(&mut row.bytes);
        }
    }

    fn is_full(&self) -> bool {
        let sum = |of: fn(&Waiting) -> usize| self.waiting.iter().map(of).sum::<usize>();
        sum(Waiting::rows) >= self.batch_rows || sum(Waiting::bytes) >= self.batch_bytes
    }

    /// Asks the tables for what waits, and inserts what they have not.
    fn fill(&mut self) -> Result<(), ClickHouseError> {
        for index in 0..self.waiting.len() {
            let waiting = &self.waiting[index];
            if waiting.rows() == 0 {
                continue;
            }
            let missing = self.filling.fill(waiting)?;
            let (table, rows) = (waiting.table, waiting.rows() as u64);
            self.count(|counts| {
                counts.of(table).inserted += missing;
                counts.of(table).already_there += rows - missing;
            });
            self.waiting[index].clear();
        }
        self.tell();
        Ok(())
    }

    fn tell(&mut self) {
        let now_ms = self.filling.clock.boot_ms();
        if now_ms - self.told_ms >= TELL_EVERY_MS {
            self.told_ms = now_ms;
            let counts = self.counts()();
            tracing::info!(looked_at = counts.looked_at(), inserted = counts.inserted(), "backfill: going on");
        }
    }
}

impl Sink for BackfillSink {
    fn name(&self) -> &'static str {
        "backfill"
    }

    fn deliver(&mut self, epoch: &EpochRecord, outputs: &Outputs) -> Result<(), SinkError> {
        if self.first_record_ms.is_none() {
            let mut times = outputs.batch.records.iter().map(|record| record.timestamp_ms);
            self.first_record_ms = times.find(|&time_ms| time_ms >= 0);
        }
        for line in &outputs.lines {
            self.take(epoch, outputs, line);
            // Within an epoch too: one of many alerts may be more than a batch.
            if self.is_full() {
                self.fill()?;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        Ok(self.fill()?)
    }
}
