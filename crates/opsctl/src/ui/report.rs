//! The doctor's report: groups, one line a finding, one line what mends it; `-v` with everything behind it.

use std::fmt::Write as _;

use serde::Serialize;

use crate::checks::diagnosis::Diagnosis;
use crate::checks::finding::{About, Finding, Group, Level};
use crate::checks::repair_plan::PlannedLine;
use crate::ui::Palette;

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) ok: usize,
    pub(crate) warn: usize,
    pub(crate) fail: usize,
    /// Of those that are wrong: what does not follow from anything else.
    pub(crate) roots: usize,
}

pub(crate) fn counts(diagnosis: &Diagnosis) -> Counts {
    let of = |level| diagnosis.findings.iter().filter(|finding| finding.level == level).count();
    Counts { ok: of(Level::Ok), warn: of(Level::Warn), fail: of(Level::Fail), roots: diagnosis.roots().count() }
}

/// The whole report.
pub(crate) fn text(project: &str, diagnosis: &Diagnosis, verbose: bool, palette: Palette) -> String {
    let mut out = palette.bold(project);
    let mut groups: Vec<Group> = diagnosis.findings.iter().map(|finding| finding.group).collect();
    groups.dedup();
    for group in groups {
        let of_group: Vec<&Finding> = diagnosis.findings.iter().filter(|finding| finding.group == group).collect();
        group_text(&mut out, group, &of_group, verbose, palette);
    }
    for unseen in &diagnosis.not_looked_at {
        // Writing to a String cannot fail.
        let _ = write!(out, "\n{} not looked at: {}: {}", palette.yellow("?"), unseen.what, unseen.why);
    }
    let _ = write!(out, "\n\n{}", closing(diagnosis));
    out
}

fn group_text(out: &mut String, group: Group, findings: &[&Finding], verbose: bool, palette: Palette) {
    let wrong = findings.iter().filter(|finding| finding.level > Level::Ok).count();
    let well = findings.len() - wrong;
    let checks = |count: usize| if count == 1 { "1 check".to_owned() } else { format!("{count} checks") };
    if wrong == 0 && !verbose {
        let _ = write!(out, "\n{} {:<11} {}", palette.green("✓"), group.name(), palette.dim(&checks(well)));
        return;
    }
    let worst = findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok);
    let rest = if well > 0 && !verbose { format!("{} well", checks(well)) } else { String::new() };
    let head = format!("\n{} {:<11} {}", mark(worst, palette), group.name(), palette.dim(&rest));
    out.push_str(head.trim_end());
    let shown = findings.iter().filter(|finding| verbose || finding.level > Level::Ok);
    shown.for_each(|finding| finding_text(out, finding, verbose, palette));
}

fn finding_text(out: &mut String, finding: &Finding, verbose: bool, palette: Palette) {
    let follows = if finding.caused_by.is_empty() {
        String::new()
    } else {
        palette.dim(&format!("  ← {}", finding.caused_by.join(", ")))
    };
    let _ = write!(out, "\n  {} {}  {}{follows}", mark(finding.level, palette), palette.bold(finding.id), finding.what);
    if verbose {
        let _ = write!(out, "\n      {}", palette.dim(&format!("looked at: {}", finding.looked_at)));
        for line in &finding.evidence {
            let _ = write!(out, "\n      {}", palette.dim(&format!("seen: {line}")));
        }
    }
    if finding.level == Level::Ok {
        return;
    }
    if verbose {
        let _ = write!(out, "\n      why it matters: {}", finding.why);
    }
    // What follows from something else is mended with that.
    if verbose || finding.caused_by.is_empty() {
        let fixable = if finding.fixable { palette.dim("  (--fix does it)") } else { String::new() };
        let _ = write!(out, "\n      → {}{fixable}", finding.remedy);
    }
}

fn mark(level: Level, palette: Palette) -> String {
    match level {
        Level::Ok => palette.green("✓"),
        Level::Warn => palette.yellow("!"),
        Level::Fail => palette.red("✗"),
    }
}

fn closing(diagnosis: &Diagnosis) -> String {
    let counts = counts(diagnosis);
    if counts.warn + counts.fail == 0 {
        return format!("All well: {} checks.", counts.ok);
    }
    let many = |count: usize, word: &str| if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") };
    let fixable = diagnosis.findings.iter().any(|finding| finding.level > Level::Ok && finding.fixable);
    let fix = if fixable { " opsctl doctor --fix repairs what can be repaired without losing data." } else { "" };
    format!(
        "{}, {}, {} of them without a cause among the others.{fix} More: -v, --explain ID.",
        many(counts.fail, "failure"),
        many(counts.warn, "warning"),
        counts.roots
    )
}

/// The plan of `--fix`, with what would change in a file.
pub(crate) fn plan(lines: &[PlannedLine], diff: &str, palette: Palette) -> String {
    let mut out = palette.bold("The plan:");
    for (number, line) in lines.iter().enumerate() {
        let still =
            if line.only_if_still { format!(" if {} is still there then", line.id) } else { format!(" ({})", line.id) };
        let _ = write!(out, "\n  {}. {}{}", number + 1, line.action, palette.dim(&still));
    }
    if !diff.is_empty() {
        let _ = write!(out, "\n\n{}", diff.trim_end());
    }
    out
}

/// The page on one check.
pub(crate) fn page(about: &About, palette: Palette) -> String {
    let part = |name: &str, text: &str| format!("\n\n{}\n  {text}", palette.bold(name));
    let parts = [
        ("Symptom", about.symptom),
        ("Cause", about.cause),
        ("Remedy", about.remedy),
        ("Why it matters", about.why),
        ("Source", about.source),
    ];
    let body: String = parts.iter().map(|(name, text)| part(name, text)).collect();
    format!("{}  {}: {}{body}", palette.bold(about.id), about.group.name(), about.title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::repair_plan::{Planned, plan as planned};
    use crate::cli::Color;

    fn diagnosis(facts: &str) -> Diagnosis {
        Diagnosis::of(&serde_json::from_str(facts).expect("facts"))
    }

    /// The files are what people read: whoever changes them has read them.
    #[test]
    fn reports_are_as_they_were_read() {
        let plain = Palette::for_stdout(Color::Never);
        let healthy = diagnosis(include_str!("../checks/recorded/healthy.json"));
        let brokers = diagnosis(include_str!("../checks/recorded/two-brokers-down.json"));
        let password = diagnosis(include_str!("../checks/recorded/connector-failed-password.json"));
        let lines: Vec<PlannedLine> = planned(&password.findings).iter().map(Planned::line).collect();
        for (name, shown, expected) in [
            ("healthy", text("cdc-doc", &healthy, false, plain), include_str!("expected/healthy.txt")),
            (
                "two-brokers-down",
                text("cdc-doc", &brokers, false, plain),
                include_str!("expected/two-brokers-down.txt"),
            ),
            (
                "verbose",
                text("cdc-doc", &password.clone().only(&["mysql".to_owned()], &[]), true, plain),
                include_str!("expected/verbose.txt"),
            ),
            ("plan", plan(&lines, "", plain), include_str!("expected/plan.txt")),
        ] {
            assert_eq!(shown, expected.trim_end(), "{name}: read what it is now, then put it into expected/{name}.txt");
        }
    }
}
