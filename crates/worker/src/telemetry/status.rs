//! The status line: one line at the bottom of a terminal, written over again and again; nothing where there is none.

use std::io::{IsTerminal, Write};

use crate::epoch::Accounting;

/// Keeps the last line of the terminal.
#[derive(Debug, Default)]
pub struct StatusLine {
    last: Option<(i64, u64)>,
    shown: String,
}

impl StatusLine {
    /// A status line, where stderr is a terminal.
    pub fn on_terminal() -> Option<Self> {
        std::io::stderr().is_terminal().then(Self::default)
    }

    /// What the line says: counts, and the rate since it was last asked, at `now_ms` of any clock that only goes on.
    pub fn text(&mut self, counts: &Accounting, now_ms: i64) -> String {
        let rate = match self.last {
            Some((then_ms, consumed)) if now_ms > then_ms => {
                (counts.consumed.saturating_sub(consumed) * 1_000) / (now_ms - then_ms) as u64
            }
            _ => 0,
        };
        self.last = Some((now_ms, counts.consumed));
        let alerts: u64 = counts.alerts.iter().sum();
        format!(
            "{rate} records/s · {} read · {} applied · {} windows · {alerts} alerts · {} duplicates · {} dead letters",
            counts.consumed, counts.applied, counts.windows, counts.duplicate, counts.dead_letter
        )
    }

    /// Writes the line anew.
    pub fn show(&mut self, counts: &Accounting, now_ms: i64) {
        self.shown = self.text(counts, now_ms);
        self.again();
    }

    /// Writes the line once more: results that went to the same terminal have scrolled over it.
    pub fn again(&self) {
        // A terminal that has gone is no reason to stop.
        let _gone = write!(std::io::stderr(), "\x1b[2K\x1b[7m {} \x1b[0m\r", self.shown);
    }

    /// Takes the line away.
    pub fn clear() {
        let _gone = write!(std::io::stderr(), "\x1b[2K\r");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_of_the_time_since_the_last_line() {
        let mut status = StatusLine::default();
        let mut counts = Accounting { consumed: 100, applied: 90, dead_letter: 10, ..Accounting::default() };
        assert!(status.text(&counts, 0).starts_with("0 records/s · 100 read · 90 applied"));
        counts.consumed = 350;
        assert!(status.text(&counts, 500).starts_with("500 records/s · 350 read"));
        assert!(status.text(&counts, 500).starts_with("0 records/s"), "no time has passed");
    }
}
