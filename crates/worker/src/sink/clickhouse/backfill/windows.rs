//! Which windows of a backfill are whole. Pure.

use crate::epoch::EpochKind;
use crate::window::Aggregate;

/// Where the input begins, as far as windows go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// There was nothing before it.
    WithTheHistory,
    /// Before this time there was more, in milliseconds since the Unix epoch.
    At(i64),
    /// With its first record: there may have been more before that.
    WithItsFirstRecord,
    /// Partitions begin or end at different times: no window is whole for sure.
    Unevenly,
}

/// What is asked of windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowRules {
    /// They are asked for at all: windows by the clock of a worker are not, unless somebody says so.
    pub wanted: bool,
    /// The input is the whole history: those at its edges are whole too.
    pub edges: bool,
    /// Where the input begins.
    pub begins: Begins,
    /// How far times may stand before the record's, in milliseconds.
    pub out_of_orderness_ms: i64,
}

/// What becomes of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Whole,
    AtTheEdge,
    NotWanted,
}

impl WindowRules {
    /// Judges a window that fired in an epoch of that kind; `first_record_ms` is the time of the first record that was read.
    pub(super) fn judge(&self, window: &Aggregate, fired_in: EpochKind, first_record_ms: Option<i64>) -> Verdict {
        if !self.wanted {
            return Verdict::NotWanted;
        }
        if self.edges {
            return Verdict::Whole;
        }
        let whole_from_ms = match self.begins {
            Begins::WithTheHistory => Some(i64::MIN),
            Begins::At(time_ms) => Some(time_ms),
            Begins::WithItsFirstRecord => first_record_ms,
            Begins::Unevenly => None,
        };
        let whole = whole_from_ms
            .is_some_and(|from_ms| window.start_ms >= from_ms.saturating_add(self.out_of_orderness_ms))
            && fired_in != EpochKind::Flush;
        if whole { Verdict::Whole } else { Verdict::AtTheEdge }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal::Decimal;

    fn window(start_ms: i64) -> Aggregate {
        Aggregate {
            start_ms,
            end_ms: start_ms + 300_000,
            first_event_ms: start_ms,
            orders: 1,
            buys: 1,
            sells: 0,
            total: Decimal::from_i64(1),
            average: Decimal::from_i64(1),
            min: Decimal::from_i64(1),
            max: Decimal::from_i64(1),
            revision: 1,
        }
    }

    #[test]
    fn a_window_is_whole_between_the_edges() {
        let rules = WindowRules { wanted: true, edges: false, begins: Begins::At(600_000), out_of_orderness_ms: 0 };
        let late = WindowRules { out_of_orderness_ms: 5_000, ..rules };
        let of = |begins| WindowRules { begins, ..rules };
        let (data, flush) = (EpochKind::Data, EpochKind::Flush);
        for (rules, start_ms, kind, first_ms, expected) in [
            (rules, 300_000, data, None, Verdict::AtTheEdge),
            (rules, 600_000, data, None, Verdict::Whole),
            (rules, 600_000, flush, None, Verdict::AtTheEdge),
            (late, 600_000, data, None, Verdict::AtTheEdge),
            (late, 900_000, data, None, Verdict::Whole),
            (of(Begins::WithTheHistory), 0, data, None, Verdict::Whole),
            (of(Begins::WithTheHistory), 0, flush, None, Verdict::AtTheEdge),
            (of(Begins::WithItsFirstRecord), 600_000, data, Some(600_000), Verdict::Whole),
            (of(Begins::WithItsFirstRecord), 600_000, data, Some(600_001), Verdict::AtTheEdge),
            (of(Begins::WithItsFirstRecord), 600_000, data, None, Verdict::AtTheEdge),
            (of(Begins::Unevenly), 900_000, data, Some(0), Verdict::AtTheEdge),
            (WindowRules { edges: true, ..of(Begins::Unevenly) }, 0, flush, None, Verdict::Whole),
            (WindowRules { wanted: false, edges: true, ..rules }, 900_000, data, None, Verdict::NotWanted),
        ] {
            assert_eq!(rules.judge(&window(start_ms), kind, first_ms), expected, "{rules:?} {start_ms} {kind:?}");
        }
    }
}
