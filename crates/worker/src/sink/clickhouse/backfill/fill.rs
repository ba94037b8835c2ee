//! Asks a table for rows, and inserts those that it has not: until it is done, or has failed for too long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use super::rows::{Missing, Waiting};
use crate::sink::clickhouse::ClickHouseError;
use crate::sink::clickhouse::error::Meaning;
use crate::sink::clickhouse::outlet::insert_options;
use crate::sink::clickhouse::prepare::Found;
use crate::sink::clickhouse::tables::Tables;
use crate::time::clock::Clock;

/// The part of a query's id that tells a backfill's inserts from the running worker's.
pub(super) const NAME: &str = "backfill";
/// The first pause before trying again, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// So long the same rows are tried in vain at most.
const PATIENCE_MS: i64 = 60_000;
/// The same once it is told to stop.
const LAST_TRIES_MS: i64 = 3_000;
/// How often it is looked whether it is told to stop.
const LOOK: Duration = Duration::from_millis(200);
/// How often it is said that it is tried again.
const SAY_EVERY_MS: i64 = 10_000;

/// The tables, and what is done to them.
pub(super) struct Filling {
    pub(super) tables: Tables,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stop: Arc<AtomicBool>,
    /// This run's name.
    pub(super) run: i64,
    /// Inserts so far.
    pub(super) inserts: u64,
}

impl Filling {
    /// Inserts what the table has not of these rows; gives how many those were.
    pub(super) fn fill(&mut self, rows: &Waiting) -> Result<u64, ClickHouseError> {
        let mut missing_at_first = None;
        let (mut pause, longest) = PAUSES;
        let (mut failing_ms, mut stopping_ms, mut said_ms) = (None, None, None);
        loop {
            let error = match self.attempt(rows, &mut missing_at_first) {
                Ok(()) => return Ok(missing_at_first.unwrap_or_default()),
                Err(error) => error,
            };
            self.tables.learn_from(&error);
            if !error.may_pass() || error.needs_a_person() {
                return Err(error);
            }
            let now_ms = self.clock.boot_ms();
            let stopping =
                self.stop.load(Ordering::Relaxed) && now_ms - *stopping_ms.get_or_insert(now_ms) >= LAST_TRIES_MS;
            if stopping || now_ms - *failing_ms.get_or_insert(now_ms) >= PATIENCE_MS {
                tracing::error!("given up: what is inserted stays, and the same backfill goes on from there");
                return Err(error);
            }
            if said_ms.is_none_or(|said_ms| now_ms - said_ms >= SAY_EVERY_MS) {
                said_ms = Some(now_ms);
                tracing::warn!("{error}; trying again");
            }
            self.wait(pause);
            pause = (pause * 2).min(longest);
        }
    }

    /// Waits; not longer than a look once it is told to stop.
    fn wait(&self, pause: Duration) {
        let mut left = pause;
        while !left.is_zero() {
            let step = left.min(LOOK);
            self.clock.pause(step);
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            left -= step;
        }
    }

    /// Asks and inserts. After an attempt whose outcome is not known some of the rows may be there: what was missing when
    /// the table was asked first is what counts.
    fn attempt(&mut self, rows: &Waiting, missing_at_first: &mut Option<u64>) -> Result<(), ClickHouseError> {
        let found = self.tables.ready()?;
        self.tables.kill_strays()?;
        let missing = rows.missing(&self.ask(rows, found)?);
        missing_at_first.get_or_insert(missing.rows);
        if missing.rows == 0 || self.tables.only_looks {
            return Ok(());
        }
        self.insert(rows, &missing, found)
    }

    fn ask(&self, rows: &Waiting, found: Found) -> Result<Vec<Vec<String>>, ClickHouseError> {
        let (database, table) = (&self.tables.settings.database, rows.table.name());
        let what = format!("which of {} rows {database}.{table} has", rows.rows());
        let asked = self.tables.server.ask(&what, &rows.question(database, found.dialect));
        match asked {
            Err(ClickHouseError::Said { meaning: Meaning::NoTable | Meaning::NoDatabase, .. })
                if self.tables.only_looks =>
            {
                Ok(Vec::new())
            }
            asked => asked,
        }
    }

    /// The token is that of the bytes, so that a repeated insert is one, and of this run: a table still knows the tokens of
    /// rows that somebody has deleted, and would drop what a later backfill brings again.
    fn insert(&mut self, rows: &Waiting, missing: &Missing, found: Found) -> Result<(), ClickHouseError> {
        self.inserts += 1;
        let (database, table) = (&self.tables.settings.database, rows.table.name());
        let run = format!("{}/{}", self.tables.ids(), self.run);
        let id = format!("{run}/{}", self.inserts);
        let token = format!("{run}/{table}/{:016x}-{}", xxh3_64(&missing.bytes), missing.bytes.len());
        let what = format!("insert of {} rows into {database}.{table}", missing.rows);
        let options = insert_options(found, &token, id);
        let pieces = std::iter::once(missing.bytes.as_slice());
        self.tables.server.insert(&what, &rows.table.insert_into(database), &options, pieces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal::FixedPoint;
    use crate::sink::clickhouse::ClickHouseSettings;
    use crate::sink::clickhouse::schema::Table;
    use crate::time::clock::ManualClock;

    /// How long a server that does not answer is tried, by a clock that a pause moves.
    fn tried_ms(stopping: bool) -> i64 {
        // A port that was free a moment ago: whoever connects is refused.
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let settings = ClickHouseSettings {
            url: format!("http://{closed}"),
            database: "cdc".to_owned(),
            user: "default".to_owned(),
            password: None,
            ca_file: None,
            pipeline: "p".to_owned(),
            timeout: Duration::from_secs(5),
            ttl_days: None,
            amounts: FixedPoint::new(76, 30).unwrap(),
            accept_no_tokens: false,
        };
        let clock = Arc::new(ManualClock::at(0));
        let mut filling = Filling {
            tables: Tables::new(settings, NAME, false).unwrap(),
            clock: Arc::<ManualClock>::clone(&clock),
            stop: Arc::new(AtomicBool::new(stopping)),
            run: 0,
            inserts: 0,
        };
        let error = filling.fill(&Waiting::of(Table::Raw)).unwrap_err();
        assert!(matches!(error, ClickHouseError::Unanswered { .. }), "{error}");
        clock.boot_ms()
    }

    #[test]
    fn what_does_not_answer_is_tried_for_a_minute_and_told_to_stop_for_seconds() {
        // Pauses of 0.1, 0.2, … 3.2, then 5 s: the first end of one at or after a minute.
        assert_eq!(tried_ms(false), 6_300 + 11 * 5_000);
        assert_eq!(tried_ms(true), 100 + 15 * 200, "in steps, so that a stop is noticed");
    }
}
