//! How the steps ended: the table and the closing line.

use std::fmt;
use std::time::Duration;

use crate::stopwatch::human;

/// How one step ended, with a word on it.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// All well; the note may be empty.
    Passed(String),
    /// Something that somebody must mend.
    Failed(String),
    /// It could not run here; why.
    Skipped(String),
}

impl Verdict {
    /// Passed, nothing to add.
    pub(crate) fn passed() -> Self {
        Self::Passed(String::new())
    }

    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Passed(note) => ("passed", note),
            Self::Failed(note) => ("FAILED", note),
            Self::Skipped(note) => ("skipped", note),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, note) = self.parts();
        f.write_str(word)?;
        if note.is_empty() { Ok(()) } else { write!(f, ", {note}") }
    }
}

/// All steps that ran, in order.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<(&'static str, Verdict, Duration)>);

impl Report {
    /// Adds a step that has ended.
    pub(crate) fn add(&mut self, name: &'static str, verdict: Verdict, took: Duration) {
        self.0.push((name, verdict, took));
    }

    /// Something ran and nothing failed.
    pub(crate) fn all_well(&self) -> bool {
        self.count("passed") > 0 && self.count("FAILED") == 0
    }

    fn count(&self, word: &str) -> usize {
        self.0.iter().filter(|(_, verdict, _)| verdict.parts().0 == word).count()
    }
}

impl fmt::Display for Report {
    /// A row a step, then `N passed, N failed, N skipped` alone on a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        for (name, verdict, took) in &self.0 {
            let (word, note) = verdict.parts();
            let first_line = note.lines().next().unwrap_or_default();
            writeln!(f, "{}", format!("{name:<12} {word:<8} {:>10}  {first_line}", human(*took)).trim_end())?;
        }
        let total = human(self.0.iter().map(|(_, _, took)| *took).sum());
        writeln!(f, "{}\n", format_args!("{:<12} {:<8} {total:>10}", "all", ""))?;
        let [passed, failed, skipped] = ["passed", "FAILED", "skipped"].map(|word| self.count(word));
        writeln!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_counts_steps() {
        let mut report = Report::default();
        assert!(!report.all_well(), "nothing ran");
        report.add("fmt", Verdict::passed(), Duration::from_millis(400));
        report.add("test", Verdict::Passed("312 tests".into()), Duration::from_secs(75));
        report.add("deny", Verdict::Skipped("cargo-deny is not installed".into()), Duration::ZERO);
        assert!(report.all_well());
        report.add("tidy", Verdict::Failed("2 findings\nmore".into()), Duration::from_millis(100));
        assert!(!report.all_well());
        let expected = "
fmt          passed        0.4 s
test         passed     1 m 15 s  312 tests
deny         skipped       0.0 s  cargo-deny is not installed
tidy         FAILED        0.1 s  2 findings
all                     1 m 16 s

2 passed, 1 failed, 1 skipped
";
        assert_eq!(report.to_string(), expected);
    }
}
