//! How the scenarios ended: `JUnit`'s XML for programs, a summary for people, a closing line for both.

use std::fmt::{self, Write as _};
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::stopwatch::human;

/// How one scenario ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    /// And why.
    Failed(String),
    /// And why.
    Skipped(String),
}

impl Verdict {
    pub(crate) fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Passed => ("passed", ""),
            Self::Failed(why) => ("FAILED", why),
            Self::Skipped(why) => ("skipped", why),
        }
    }
}

/// One scenario of a run.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) seed: u64,
    pub(crate) verdict: Verdict,
    /// Without the start of a shared stack.
    pub(crate) took: Duration,
    /// What was measured.
    pub(crate) notes: Vec<(String, String)>,
}

/// All scenarios that ran, in order.
#[derive(Debug, Default)]
pub(crate) struct Report(pub(crate) Vec<Entry>);

impl Report {
    /// Nothing failed, and something ran or was skipped for a reason.
    pub(crate) fn all_well(&self) -> bool {
        !self.0.is_empty() && self.count("FAILED") == 0
    }

    fn count(&self, word: &str) -> usize {
        self.0.iter().filter(|entry| entry.verdict.parts().0 == word).count()
    }

    /// `N passed, N failed, N skipped`
    pub(crate) fn closing_line(&self) -> String {
        let [passed, failed, skipped] = ["passed", "FAILED", "skipped"].map(|word| self.count(word));
        format!("{passed} passed, {failed} failed, {skipped} skipped")
    }

    /// Writes `report.xml` and `summary.txt`.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        for (name, text) in [("report.xml", self.junit()), ("summary.txt", self.to_string())] {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
        }
        Ok(())
    }

    fn junit(&self) -> String {
        let seconds: f64 = self.0.iter().map(|entry| entry.took.as_secs_f64()).sum();
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"e2e\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" time=\"{seconds:.3}\">\n",
            self.0.len(),
            self.count("FAILED"),
            self.count("skipped")
        );
        for entry in &self.0 {
            let (name, seconds) = (entry.name, entry.took.as_secs_f64());
            // Writing to a String cannot fail.
            let _ = writeln!(
                xml,
                "  <testcase classname=\"e2e.seed-{}\" name=\"{name}\" time=\"{seconds:.3}\">",
                entry.seed
            );
            if !entry.notes.is_empty() {
                xml += "    <properties>\n";
                for (what, value) in &entry.notes {
                    let (what, value) = (escaped(what), escaped(value));
                    let _ = writeln!(xml, "      <property name=\"{what}\" value=\"{value}\"/>");
                }
                xml += "    </properties>\n";
            }
            let (_, why) = entry.verdict.parts();
            let (first, why) = (escaped(why.lines().next().unwrap_or_default()), escaped(why));
            match entry.verdict {
                Verdict::Passed => {}
                Verdict::Failed(_) => {
                    let _ = writeln!(xml, "    <failure message=\"{first}\">{why}</failure>");
                }
                Verdict::Skipped(_) => {
                    let _ = writeln!(xml, "    <skipped message=\"{first}\"/>");
                }
            }
            xml += "  </testcase>\n";
        }
        xml + "</testsuite>\n"
    }
}

impl fmt::Display for Report {
    /// A row a scenario with what it measured, then the closing line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.0 {
            let (word, why) = entry.verdict.parts();
            let seed = if entry.seed == self.0[0].seed { String::new() } else { format!("  seed {}", entry.seed) };
            let row = format!(
                "{:<20} {word:<8} {:>10}{seed}  {}",
                entry.name,
                human(entry.took),
                why.lines().next().unwrap_or_default()
            );
            writeln!(f, "{}", row.trim_end())?;
            for (what, value) in &entry.notes {
                writeln!(f, "    {what}: {value}")?;
            }
            for line in why.lines().skip(1) {
                writeln!(f, "    {line}")?;
            }
        }
        writeln!(f, "\n{}", self.closing_line())
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            // XML 1.0 has no other control characters, not even written as numbers.
            c if c.is_control() && !matches!(c, '\n' | '\t') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let entry = |name, verdict, notes| Entry { name, seed: 1, verdict, took: Duration::from_millis(1500), notes };
        Report(vec![
            entry("seed", Verdict::Passed, vec![("latency".to_owned(), "4 ms".to_owned())]),
            entry("oracle", Verdict::Failed("sums differ: \"a\" < \"b\"\nmore".to_owned()), Vec::new()),
            entry("kraft", Verdict::Skipped("no Docker".to_owned()), Vec::new()),
        ])
    }

    #[test]
    fn the_summary_ends_with_the_counts() {
        let expected = "seed                 passed        1.5 s
    latency: 4 ms
oracle               FAILED        1.5 s  sums differ: \"a\" < \"b\"
    more
kraft                skipped       1.5 s  no Docker

1 passed, 1 failed, 1 skipped
";
        assert_eq!(report().to_string(), expected);
        assert!(!report().all_well());
        assert!(!Report::default().all_well(), "nothing ran");
    }

    #[test]
    fn junit_holds_counts_reasons_and_measures() {
        let xml = report().junit();
        for part in [
            "tests=\"3\" failures=\"1\" skipped=\"1\" time=\"4.500\"",
            "<property name=\"latency\" value=\"4 ms\"/>",
            "<failure message=\"sums differ: &quot;a&quot; &lt; &quot;b&quot;\">sums differ: &quot;a&quot; &lt; &quot;b&quot;\nmore</failure>",
            "<skipped message=\"no Docker\"/>",
        ] {
            assert!(xml.contains(part), "{part} in {xml}");
        }
        assert_eq!(escaped("\u{1b}[1m"), "\u{fffd}[1m");
    }
}
