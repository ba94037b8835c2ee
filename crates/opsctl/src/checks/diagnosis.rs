//! All checks over all facts: what is well, what is wrong, and what of that follows from what.

use serde::Serialize;

use crate::checks::causes::{self, Single};
use crate::checks::concerns;
use crate::checks::facts::{Facts, Unseen};
use crate::checks::finding::{Check, Finding, Found, Judged, Level};
use crate::failure::Exit;

/// What one line names before "and so many more".
const NAMED: usize = 3;

/// The doctor's result.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Diagnosis {
    pub(crate) findings: Vec<Finding>,
    /// What could not be looked at, and why.
    pub(crate) not_looked_at: Vec<Unseen>,
    /// Checks that had nothing to look at.
    pub(crate) skipped: Vec<&'static str>,
}

impl Diagnosis {
    /// Judges everything.
    pub(crate) fn of(facts: &Facts) -> Self {
        let judged: Vec<(&'static Check, Option<Judged>)> =
            concerns::all().map(|check| (check, (check.judge)(facts))).collect();
        let singles: Vec<Single> = judged
            .iter()
            .filter_map(|(check, judged)| Some((check, judged.as_ref()?)))
            .flat_map(|(check, judged)| {
                judged.found.iter().map(|found| Single { id: check.about.id, found: found.clone() })
            })
            .collect();
        let mut findings = Vec::new();
        let mut skipped = Vec::new();
        for (check, judged) in judged {
            match judged {
                None => skipped.push(check.about.id),
                Some(judged) if judged.found.is_empty() => findings.push(well(check, judged.looked_at)),
                Some(judged) => findings.extend(wrong(check, judged, &singles, facts)),
            }
        }
        ground(&mut findings);
        // Stable: within a group as the checks stand.
        findings.sort_by_key(|finding| finding.group);
        Self { findings, not_looked_at: facts.unseen.clone(), skipped }
    }

    /// Without what is not asked for: ids, ids without `DOC-`, or groups.
    #[must_use]
    pub(crate) fn only(mut self, only: &[String], skip: &[String]) -> Self {
        self.findings.retain(|finding| {
            let names = |name: &String| is_named(name, finding.id, finding.group.name());
            (only.is_empty() || only.iter().any(names)) && !skip.iter().any(names)
        });
        if !only.is_empty() {
            self.not_looked_at.clear();
            self.skipped.retain(|id| only.iter().any(|name| is_named(name, id, "")));
        }
        self
    }

    /// What is wrong and not explained by something else that is.
    pub(crate) fn roots(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.is_root())
    }

    /// The worst of it.
    pub(crate) fn level(&self) -> Level {
        self.findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok)
    }

    /// 0 all well, 1 warnings or something not looked at, 2 failures.
    pub(crate) fn exit(&self) -> Exit {
        match (self.level(), self.not_looked_at.is_empty()) {
            (Level::Fail, _) => Exit::Failed,
            (Level::Warn, _) | (Level::Ok, false) => Exit::Differs,
            (Level::Ok, true) => Exit::Done,
        }
    }
}

/// What seems to explain itself in a circle is a cause: a report without a root would help nobody.
fn ground(findings: &mut [Finding]) {
    loop {
        let mut grounded: Vec<&'static str> =
            findings.iter().filter(|finding| finding.is_root()).map(|finding| finding.id).collect();
        loop {
            let more = findings.iter().find(|finding| {
                !grounded.contains(&finding.id) && finding.caused_by.iter().any(|cause| grounded.contains(cause))
            });
            match more {
                Some(finding) => grounded.push(finding.id),
                None => break,
            }
        }
        match findings.iter_mut().find(|finding| finding.level > Level::Ok && !grounded.contains(&finding.id)) {
            Some(finding) => finding.caused_by.clear(),
            None => return,
        }
    }
}

/// Whether somebody means this check by that name.
pub(crate) fn is_named(name: &str, id: &str, group: &str) -> bool {
    let name = name.trim().to_uppercase();
    name == id || id.strip_prefix("DOC-") == Some(&name) || (!group.is_empty() && name == group.to_uppercase())
}

fn well(check: &'static Check, looked_at: String) -> Finding {
    Finding {
        id: check.about.id,
        group: check.about.group,
        level: Level::Ok,
        what: check.about.title.to_owned(),
        subjects: Vec::new(),
        looked_at,
        evidence: Vec::new(),
        why: check.about.why,
        remedy: String::new(),
        fixable: false,
        caused_by: Vec::new(),
        fixes: Vec::new(),
    }
}

/// One finding for all that have the same causes; what has another cause is another finding.
fn wrong(check: &'static Check, judged: Judged, all: &[Single], facts: &Facts) -> Vec<Finding> {
    let mut groups: Vec<(Vec<&'static str>, Vec<Found>)> = Vec::new();
    for found in judged.found {
        let single = Single { id: check.about.id, found };
        let causes = causes::of(&single, all, facts);
        match groups.iter_mut().find(|(known, _)| *known == causes) {
            Some((_, members)) => members.push(single.found),
            None => groups.push((causes, vec![single.found])),
        }
    }
    groups.into_iter().map(|(caused_by, members)| together(check, &judged.looked_at, caused_by, members)).collect()
}

fn together(check: &'static Check, looked_at: &str, caused_by: Vec<&'static str>, mut members: Vec<Found>) -> Finding {
    members.sort_by_key(|member| std::cmp::Reverse(member.level));
    let whats: Vec<&str> = members.iter().map(|member| member.what.as_str()).collect();
    let mut what = whats[..whats.len().min(NAMED)].join("; ");
    if whats.len() > NAMED {
        what = format!("{what}; and {} more", whats.len() - NAMED);
    }
    let distinct = |words: Vec<String>| {
        let mut kept: Vec<String> = Vec::new();
        words.into_iter().filter(|word| !word.is_empty()).for_each(|word| {
            if !kept.contains(&word) {
                kept.push(word);
            }
        });
        kept
    };
    let mut fixes = Vec::new();
    for fix in members.iter().filter_map(|member| member.fix.clone()) {
        if !fixes.contains(&fix) {
            fixes.push(fix);
        }
    }
    Finding {
        id: check.about.id,
        group: check.about.group,
        level: members.first().map_or(Level::Ok, |member| member.level),
        what,
        subjects: distinct(members.iter().map(|member| member.subject.clone()).collect()),
        looked_at: looked_at.to_owned(),
        evidence: distinct(members.iter().flat_map(|member| member.evidence.clone()).collect()),
        why: check.about.why,
        remedy: distinct(members.iter().map(|member| member.remedy.clone()).collect()).join("; "),
        fixable: !fixes.is_empty(),
        caused_by,
        fixes,
    }
}
