//! What became of every record (I4): consumed = applied + duplicate + late + dead letter + ignored.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::anomaly::Rule;
use crate::decode::Ignored;

/// Counts, of one epoch or of a whole run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounting {
    /// Records read.
    pub consumed: u64,
    /// Order events that acted on the state.
    pub applied: u64,
    /// Repeated binlog positions, dropped.
    pub duplicate: u64,
    /// Order events whose window was over: RAW and rules only.
    pub late: u64,
    /// Records kept as dead letters.
    pub dead_letter: u64,
    /// Records ignored by type, in the order of [`Ignored::ALL`].
    pub ignored: [u64; 7],
    /// Alerts, in the order of [`Rule::ALL`].
    pub alerts: [u64; 4],
    /// AGG lines, corrections included.
    pub windows: u64,
    /// Times that the binlog began again.
    pub generation: u64,
    /// Order events without `source.ts_ms` that went by their record's timestamp (event time only).
    pub without_source_time: u64,
}

impl Accounting {
    /// Counts a record ignored by type.
    pub fn ignore(&mut self, ignored: Ignored) {
        self.ignored[ignored as usize] += 1;
    }

    /// Counts an alert.
    pub fn alert(&mut self, rule: Rule) {
        self.alerts[rule as usize] += 1;
    }

    /// Adds the counts of another.
    pub fn add(&mut self, other: &Self) {
        self.consumed += other.consumed;
        self.applied += other.applied;
        self.duplicate += other.duplicate;
        self.late += other.late;
        self.dead_letter += other.dead_letter;
        for (own, added) in self.ignored.iter_mut().zip(other.ignored) {
            *own += added;
        }
        for (own, added) in self.alerts.iter_mut().zip(other.alerts) {
            *own += added;
        }
        self.windows += other.windows;
        self.generation += other.generation;
        self.without_source_time += other.without_source_time;
    }

    /// Whether every record consumed ended as exactly one thing.
    pub fn adds_up(&self) -> bool {
        let ignored: u64 = self.ignored.iter().sum();
        self.consumed == self.applied + self.duplicate + self.late + self.dead_letter + ignored
    }
}

/// The summary of `spec.md` 1.2, key by key.
impl Serialize for Accounting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Named<'a, const N: usize>([&'a str; N], [u64; N]);
        impl<const N: usize> Serialize for Named<'_, N> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().zip(self.1))
            }
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("consumed", &self.consumed)?;
        map.serialize_entry("applied", &self.applied)?;
        map.serialize_entry("duplicate", &self.duplicate)?;
        map.serialize_entry("late", &self.late)?;
        map.serialize_entry("dead_letter", &self.dead_letter)?;
        map.serialize_entry("ignored", &Named(Ignored::ALL.map(Ignored::name), self.ignored))?;
        map.serialize_entry("alerts", &Named(Rule::ALL.map(Rule::name), self.alerts))?;
        map.serialize_entry("windows", &self.windows)?;
        map.serialize_entry("generation", &self.generation)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_the_specs_object() {
        let mut counts =
            Accounting { consumed: 9, applied: 3, duplicate: 1, late: 1, dead_letter: 2, ..Accounting::default() };
        counts.ignore(Ignored::Tombstone);
        counts.ignore(Ignored::OtherTable);
        counts.alert(Rule::PriceSpike);
        counts.windows = 4;
        assert!(counts.adds_up());
        assert_eq!(
            serde_json::to_string(&counts).unwrap(),
            concat!(
                r#"{"consumed":9,"applied":3,"duplicate":1,"late":1,"dead_letter":2,"ignored":{"tombstone":1,"truncate":0,"#,
                r#""message":0,"heartbeat":0,"transaction":0,"schema_change":0,"other_table":1},"alerts":{"LARGE_ORDER":0,"#,
                r#""HIGH_AMOUNT":0,"PRICE_SPIKE":1,"RAPID_ORDERS":0},"windows":4,"generation":0}"#
            )
        );
    }

    // I4, the other way round: a record that is counted nowhere shows.
    #[test]
    fn a_record_that_is_counted_nowhere_shows() {
        let counts = Accounting { consumed: 2, applied: 1, ..Accounting::default() };
        assert!(!counts.adds_up());
    }
}
