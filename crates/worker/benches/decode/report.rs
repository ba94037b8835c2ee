//! Medians over the rounds, as a table for people and as JSON for programs.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::stopwatch::Cost;

/// Subjects that run over the same records; the first is the yardstick of the others.
pub(crate) struct Group {
    /// What the records are.
    pub(crate) name: &'static str,
    records: usize,
    bytes: usize,
    rows: Vec<(&'static str, Vec<Cost>)>,
}

impl Group {
    /// A group without results, over so many records and bytes.
    pub(crate) fn new(name: &'static str, records: usize, bytes: usize) -> Self {
        Self { name, records, bytes, rows: Vec::new() }
    }

    /// Notes what a pass of a subject cost.
    pub(crate) fn add(&mut self, name: &'static str, cost: Cost) {
        match self.rows.iter_mut().find(|row| row.0 == name) {
            Some(row) => row.1.push(cost),
            None => self.rows.push((name, vec![cost])),
        }
    }

    fn results(&self) -> Vec<Result> {
        let Some((_, yardstick)) = self.rows.first() else { return Vec::new() };
        self.rows.iter().map(|(name, costs)| self.result(name, costs, yardstick)).collect()
    }

    fn result(&self, name: &'static str, costs: &[Cost], yardstick: &[Cost]) -> Result {
        let records = self.records as f64;
        let cpu_ns = |cost: &Cost| cost.cpu.as_secs_f64() * 1e9 / records;
        // Both of one round, so that what else the machine does falls on both.
        let pairs = || costs.iter().zip(yardstick).map(|(own, read)| (cpu_ns(own), cpu_ns(read)));
        let wall_s = median(costs.iter().map(|cost| cost.wall.as_secs_f64()));
        Result {
            name,
            events_per_s: records / wall_s,
            megabytes_per_s: self.bytes as f64 / 1e6 / wall_s,
            cpu_ns: median(costs.iter().map(cpu_ns)),
            cpu_ns_least: costs.iter().map(cpu_ns).fold(f64::INFINITY, f64::min),
            to_reading: median(pairs().map(|(own, read)| own / read)),
            beyond_reading_ns: median(pairs().map(|(own, read)| own - read)),
            resident_bytes: costs.iter().map(|cost| cost.resident_bytes).max().unwrap_or(0),
        }
    }
}

/// A subject's medians.
struct Result {
    name: &'static str,
    events_per_s: f64,
    megabytes_per_s: f64,
    cpu_ns: f64,
    /// What else the machine does only adds: the least is the nearest to what it would be alone.
    cpu_ns_least: f64,
    to_reading: f64,
    beyond_reading_ns: f64,
    resident_bytes: u64,
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A table a group. Memory is shown where it was looked at.
pub(crate) fn table(groups: &[Group]) -> String {
    let mut text = String::new();
    for group in groups {
        let rounds = group.rows.first().map_or(0, |row| row.1.len());
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "\n{}: {} records, {} bytes each, {rounds} rounds\n{:<38} {:>10} {:>7} {:>8} {:>8} {:>7} {:>8} {:>6}",
            group.name,
            group.records,
            group.bytes / group.records.max(1),
            "",
            "events/s",
            "MB/s",
            "CPU ns",
            "least",
            "× read",
            "− read",
            "MB",
        );
        for row in group.results() {
            let memory = if row.resident_bytes == 0 { String::new() } else { megabytes(row.resident_bytes) };
            let _ = writeln!(
                text,
                "{:<38} {:>10.0} {:>7.0} {:>8.0} {:>8.0} {:>7.2} {:>8.0} {memory:>6}",
                row.name,
                row.events_per_s,
                row.megabytes_per_s,
                row.cpu_ns,
                row.cpu_ns_least,
                row.to_reading,
                row.beyond_reading_ns,
            );
        }
    }
    text.push_str(
        "\nMedians over the rounds. CPU ns: processor time of the process an event, user and system, all threads; least: of\n\
         the best round. × read and − read: against the table's first line, round by round. MB: most memory resident.\n",
    );
    text
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}

/// The same as one object: groups by name, subjects by name.
pub(crate) fn json(groups: &[Group]) -> String {
    let group = |group: &Group| {
        let rows = group.results().into_iter().map(|row| {
            json!({
                "name": row.name,
                "events_per_s": row.events_per_s,
                "mb_per_s": row.megabytes_per_s,
                "cpu_ns_per_event": row.cpu_ns,
                "cpu_ns_per_event_least": row.cpu_ns_least,
                "ratio_to_reading": row.to_reading,
                "beyond_reading_ns_per_event": row.beyond_reading_ns,
                "rss_peak_mb": (row.resident_bytes > 0).then_some(row.resident_bytes as f64 / 1e6),
            })
        });
        json!({
            "name": group.name,
            "records": group.records,
            "bytes": group.bytes,
            "rounds": group.rows.first().map_or(0, |row| row.1.len()),
            "subjects": rows.collect::<Vec<Value>>(),
        })
    };
    json!({ "groups": groups.iter().map(group).collect::<Vec<Value>>() }).to_string() + "\n"
}
