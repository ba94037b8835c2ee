//! Rows that wait for the table to be asked for them, and what makes each of them that row. Pure.
//!
//! | table | a row is known by |
//! |---|---|
//! | raw, late | topic, partition, offset |
//! | alerts | rule, topic, partition, offset: its time may be another worker's |
//! | dead letters | topic, partition, offset, stream, id |
//! | windows | start, end, revision, symbol; any row of a running worker's (`timeline` is not 0) stands for all revisions |

use std::collections::{BTreeMap, HashSet};

use crate::epoch::{Output, OutputKind, Outputs};
use crate::sink::clickhouse::pack::{Origin, event_time_ms};
use crate::sink::clickhouse::schema::{Dialect, Table};
use crate::sink::clickhouse::server::quoted;

/// A question names so many ranges of offsets at most: servers bound a question's length.
const RANGES_MAX: usize = 400;
/// Offsets that are so near each other are asked for in one range.
const GAP: i64 = 64;

/// What makes a row that row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// As the table's answer has it: the columns between tabs. Only the last may hold a tab itself.
    key: String,
    topic: String,
    partition: i32,
    /// The offset; of a window its start.
    at: i64,
    /// The time in the table's key, where every run gives the same one.
    time_ms: Option<i64>,
}

impl Identity {
    /// Of the row that a line has in a table.
    pub(super) fn of(table: Table, line: &Output, outputs: &Outputs, origin: &Origin<'_>) -> Self {
        let (topic, partition, offset) = (origin.topic, origin.partition, origin.offset);
        let place = format!("{topic}\t{partition}\t{offset}");
        let (key, at, time_ms) = match (table, &line.kind) {
            (Table::DeadLetters, _) => {
                let (stream, id) = origin.named(line);
                (format!("{place}\t{stream}\t{id}"), offset, None)
            }
            (Table::Agg, OutputKind::Agg(result)) => {
                let (symbol, window) = &**result;
                let (start_ms, end_ms) = (window.start_ms, window.end_ms);
                (format!("{start_ms}\t{end_ms}\t{}\t{symbol}", window.revision), start_ms, Some(start_ms))
            }
            (_, OutputKind::Alert(alert)) => (format!("{}\t{place}", alert.finding.rule().name()), offset, None),
            _ => {
                let event = outputs.event(line);
                (place, offset, event.and_then(|event| event_time_ms(event, outputs.record(line))))
            }
        };
        Self { key, topic: topic.to_owned(), partition, at, time_ms }
    }
}

/// One table's rows that wait.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) table: Table,
    rows: Vec<(Identity, std::ops::Range<usize>)>,
    bytes: Vec<u8>,
}

impl Waiting {
    pub(super) fn of(table: Table) -> Self {
        Self { table, rows: Vec::new(), bytes: Vec::new() }
    }

    pub(super) fn push(&mut self, identity: Identity, row: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(row);
        self.rows.push((identity, start..self.bytes.len()));
    }

    pub(super) fn clear(&mut self) {
        self.rows.clear();
        crate::source::give_back(&mut self.bytes);
    }

    pub(super) fn rows(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Asks the table which of these it has: a superset of them, whose fields are the keys'.
    pub(super) fn question(&self, database: &str, dialect: Dialect) -> String {
        let milliseconds = |column: &str| {
            if dialect.tokens { format!("toUnixTimestamp64Milli({column})") } else { column.to_owned() }
        };
        let columns = match self.table {
            Table::Raw | Table::Late => "topic, `partition`, `offset`".to_owned(),
            Table::Alerts => "rule, topic, `partition`, `offset`".to_owned(),
            Table::DeadLetters => "topic, `partition`, `offset`, stream, id".to_owned(),
            Table::Agg => format!(
                "{}, {}, if(timeline = 0, revision, 0), symbol",
                milliseconds("window_start"),
                milliseconds("window_end")
            ),
        };
        let mut conditions = self.times(dialect);
        if self.table != Table::Agg {
            conditions.push(self.places());
        }
        let (table, conditions) = (self.table.name(), conditions.join(" AND "));
        format!("SELECT DISTINCT {columns} FROM `{database}`.{table} WHERE {conditions}")
    }

    /// The bounds of the time in the table's key, where every row has one that does not depend on the run: with them the
    /// server looks at few partitions and marks.
    fn times(&self, dialect: Dialect) -> Vec<String> {
        let times: Option<Vec<i64>> = self.rows.iter().map(|(identity, _)| identity.time_ms).collect();
        let bounds = times.and_then(|times| Some((*times.iter().min()?, *times.iter().max()?)));
        let Some((from_ms, to_ms)) = bounds else { return Vec::new() };
        let time = |time_ms: i64| {
            if dialect.tokens {
                format!("fromUnixTimestamp64Milli(toInt64({time_ms}), 'UTC')")
            } else {
                time_ms.to_string()
            }
        };
        vec![format!("{} BETWEEN {} AND {}", self.table.time(), time(from_ms), time(to_ms))]
    }

    fn places(&self) -> String {
        let mut offsets: BTreeMap<(&str, i32), Vec<i64>> = BTreeMap::new();
        for (Identity { topic, partition, at, .. }, _) in &self.rows {
            offsets.entry((topic, *partition)).or_default().push(*at);
        }
        for offsets in offsets.values_mut() {
            offsets.sort_unstable();
        }
        let mut gap = GAP;
        let count = |gap| offsets.values().map(|offsets| ranges(offsets, gap).len()).sum::<usize>();
        while count(gap) > RANGES_MAX.max(offsets.len()) {
            gap = gap.saturating_mul(4);
        }
        let of_partition = |((topic, partition), offsets): (&(&str, i32), &Vec<i64>)| {
            let ranges: Vec<String> = ranges(offsets, gap)
                .into_iter()
                .map(|(from, to)| format!("`offset` BETWEEN {from} AND {to}"))
                .collect();
            format!("topic = {} AND `partition` = {partition} AND ({})", quoted(topic), ranges.join(" OR "))
        };
        let partitions: Vec<String> = offsets.iter().map(of_partition).collect();
        format!("({})", partitions.join(" OR "))
    }

    /// The rows that the table has not, as they are inserted, each once.
    pub(super) fn missing(&self, answer: &[Vec<String>]) -> Missing {
        let there: HashSet<String> = answer.iter().map(|fields| fields.join("\t")).collect();
        let mut seen = HashSet::new();
        let mut missing = Missing::default();
        for (identity, row) in &self.rows {
            let by_a_worker = || {
                let parts: Vec<&str> = identity.key.splitn(4, '\t').collect();
                let [start, end, _, symbol] = parts.as_slice() else { return false };
                there.contains(&format!("{start}\t{end}\t0\t{symbol}"))
            };
            let known = there.contains(&identity.key) || self.table == Table::Agg && by_a_worker();
            if !known && seen.insert(identity.key.as_str()) {
                missing.rows += 1;
                missing.bytes.extend_from_slice(&self.bytes[row.clone()]);
            }
        }
        missing
    }
}

/// Rows that a table has not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) rows: u64,
    pub(super) bytes: Vec<u8>,
}

/// Sorted offsets as ranges, both ends in them; what is nearer than `gap` is one.
fn ranges(offsets: &[i64], gap: i64) -> Vec<(i64, i64)> {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for &offset in offsets {
        match ranges.last_mut() {
            Some((_, to)) if offset.saturating_sub(*to) <= gap => *to = offset,
            _ => ranges.push((offset, offset)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal::FixedPoint;

    fn identity(key: &str, topic: &str, partition: i32, at: i64, time_ms: Option<i64>) -> Identity {
        Identity { key: key.to_owned(), topic: topic.to_owned(), partition, at, time_ms }
    }

    fn dialect(tokens: bool) -> Dialect {
        Dialect { tokens, amounts: FixedPoint::new(38, 10).unwrap() }
    }

    fn answer(rows: &[&str]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.split('|').map(str::to_owned).collect()).collect()
    }

    #[test]
    fn offsets_are_ranges_that_stop_at_wide_gaps() {
        assert_eq!(ranges(&[1, 2, 2, 10, 11, 100], 8), [(1, 11), (100, 100)]);
        assert_eq!(ranges(&[1, 2, 2, 10, 11, 100], 7), [(1, 2), (10, 11), (100, 100)]);
        assert_eq!(ranges(&[i64::MIN, i64::MAX], 7), [(i64::MIN, i64::MIN), (i64::MAX, i64::MAX)]);
        assert!(ranges(&[], 1).is_empty());
    }

    #[test]
    fn a_question_names_partitions_offsets_and_times() {
        let mut raw = Waiting::of(Table::Raw);
        raw.push(identity("t\t0\t5", "t", 0, 5, Some(2_000)), b"a");
        raw.push(identity("t\t0\t4", "t", 0, 4, Some(1_000)), b"b");
        raw.push(identity("it's\t1\t900", "it's", 1, 900, Some(3_000)), b"c");
        assert_eq!(
            raw.question("cdc", dialect(true)),
            "SELECT DISTINCT topic, `partition`, `offset` FROM `cdc`.orders_raw WHERE \
             event_time BETWEEN fromUnixTimestamp64Milli(toInt64(1000), 'UTC') AND \
             fromUnixTimestamp64Milli(toInt64(3000), 'UTC') AND (topic = 'it\\'s' AND `partition` = 1 AND \
             (`offset` BETWEEN 900 AND 900) OR topic = 't' AND `partition` = 0 AND (`offset` BETWEEN 4 AND 5))"
        );
        raw.push(identity("t\t0\t6", "t", 0, 6, None), b"d");
        let text = raw.question("cdc", dialect(false));
        assert!(!text.contains("event_time"), "a row without a time of its own may be anywhere: {text}");
        let mut agg = Waiting::of(Table::Agg);
        agg.push(identity("0\t300000\t1\tA", "", -1, 0, Some(0)), b"w");
        assert_eq!(
            agg.question("cdc", dialect(false)),
            "SELECT DISTINCT window_start, window_end, if(timeline = 0, revision, 0), symbol FROM `cdc`.order_agg_5m \
             WHERE window_start BETWEEN 0 AND 0"
        );
    }

    #[test]
    fn a_question_stays_short_however_far_apart_offsets_are() {
        let mut raw = Waiting::of(Table::Raw);
        for n in 0..100_000 {
            raw.push(identity("", "t", 0, n * 1_000, None), b"");
        }
        let text = raw.question("cdc", dialect(true));
        assert!(text.len() < 40_000, "{}", text.len());
    }

    #[test]
    fn what_is_missing_comes_once_and_in_order() {
        let mut raw = Waiting::of(Table::Raw);
        for (offset, row) in [(1, "one"), (2, "two"), (3, "three"), (2, "again"), (4, "four")] {
            raw.push(identity(&format!("t\t0\t{offset}"), "t", 0, offset, None), row.as_bytes());
        }
        let missing = raw.missing(&answer(&["t|0|3", "u|0|1", "t|1|1"]));
        assert_eq!((missing.rows, missing.bytes.as_slice()), (3, &b"onetwofour"[..]));
        assert_eq!(raw.missing(&answer(&["t|0|1", "t|0|2", "t|0|3", "t|0|4"])), Missing::default());
    }

    // Symbols are any text: a tab in one must not make it another's window.
    #[test]
    fn a_window_that_a_worker_has_written_is_there_in_all_its_revisions() {
        let mut agg = Waiting::of(Table::Agg);
        for (revision, symbol) in [(1, "A"), (2, "A"), (1, "B"), (2, "B"), (1, "C\tA")] {
            agg.push(identity(&format!("0\t5\t{revision}\t{symbol}"), "", -1, 0, Some(0)), symbol.as_bytes());
        }
        let missing = agg.missing(&answer(&["0|5|0|A", "0|5|1|B", "5|9|0|C\tA"]));
        assert_eq!((missing.rows, missing.bytes.as_slice()), (2, &b"BC\tA"[..]), "B's second, and the one of C");
    }
}
