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
        let wall_s = quartiles(costs.iter().map(|cost| cost.wall.as_secs_f64()).collect()).1;
        Result {
            name,
            events_per_s: records / wall_s,
            megabytes_per_s: self.bytes as f64 / 1e6 / wall_s,
            cpu_ns: quartiles(costs.iter().map(cpu_ns).collect()),
            to_reading: quartiles(pairs().map(|(own, read)| own / read).collect()).1,
            beyond_reading_ns: quartiles(pairs().map(|(own, read)| own - read).collect()).1,
            resident_bytes: costs.iter().map(|cost| cost.resident_bytes).max().unwrap_or(0),
        }
    }
}

/// A subject's medians.
struct Result {
    name: &'static str,
    events_per_s: f64,
    megabytes_per_s: f64,
    /// Lower quartile, median, upper quartile.
    cpu_ns: (f64, f64, f64),
    to_reading: f64,
    beyond_reading_ns: f64,
    resident_bytes: u64,
}

fn quartiles(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_unstable_by(f64::total_cmp);
    let at = |quarter: usize| values.get(values.len().saturating_sub(1) * quarter / 4).copied().unwrap_or(f64::NAN);
    (at(1), at(2), at(3))
}

/// A table a group. Memory is shown where it was looked at.
pub(crate) fn table(groups: &[Group]) -> String {
    let mut text = String::new();
    for group in groups {
        let rounds = group.rows.first().map_or(0, |row| row.1.len());
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "\n{}: {} records, {} bytes each, {rounds} rounds\n{:<38} {:>10} {:>7} {:>8} {:>15} {:>7} {:>8} {:>6}",
            group.name,
            group.records,
            group.bytes / group.records.max(1),
            "",
            "events/s",
            "MB/s",
            "CPU ns",
            "quartiles",
            "× read",
            "− read",
            "MB",
        );
        for row in group.results() {
            let memory = if row.resident_bytes == 0 { String::new() } else { megabytes(row.resident_bytes) };
            let _ = writeln!(
                text,
                "{:<38} {:>10.0} {:>7.0} {:>8.0} {:>15} {:>7.2} {:>8.0} {memory:>6}",
                row.name,
                row.events_per_s,
                row.megabytes_per_s,
                row.cpu_ns.1,
                format!("{:.0} to {:.0}", row.cpu_ns.0, row.cpu_ns.2),
                row.to_reading,
                row.beyond_reading_ns,
            );
        }
    }
    text.push_str(
        "\nCPU ns: processor time of the process an event, user and system, all threads. × read and − read: against the\n\
         first line of the table in the same round. MB: most memory resident.\n",
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
                "cpu_ns_per_event": row.cpu_ns.1,
                "cpu_ns_per_event_quartiles": [row.cpu_ns.0, row.cpu_ns.2],
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
