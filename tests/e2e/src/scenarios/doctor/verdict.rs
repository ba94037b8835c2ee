//! What the doctor said, as its JSON has it.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// A diagnosis.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    wrong: Vec<Finding>,
    unseen: Vec<String>,
    pub(super) seconds: f64,
}

#[derive(Debug, Clone)]
struct Finding {
    id: String,
    what: String,
    remedy: String,
    fixable: bool,
    caused_by: Vec<String>,
}

impl Verdict {
    pub(super) fn of(answer: &Value) -> Result<Self> {
        let findings = answer["findings"].as_array().with_context(|| format!("no findings: {answer}"))?;
        let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let finding = |value: &Value| Finding {
            id: text(value, "id"),
            what: text(value, "what"),
            remedy: text(value, "remedy"),
            fixable: value["fixable"] == true,
            caused_by: value["caused_by"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        };
        let unseen = answer["not_looked_at"].as_array().into_iter().flatten();
        Ok(Self {
            wrong: findings.iter().filter(|finding| finding["level"] != "ok").map(finding).collect(),
            unseen: unseen.map(ToString::to_string).collect(),
            seconds: answer["seconds"].as_f64().unwrap_or_default(),
        })
    }

    /// Ids without a cause, each once.
    pub(super) fn roots(&self) -> Vec<String> {
        let roots = self.wrong.iter().filter(|finding| finding.caused_by.is_empty()).map(|finding| finding.id.clone());
        roots.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Why it is not these causes with these followers; none if it is.
    pub(super) fn differs(&self, roots: &[&str], follow: &[&str]) -> Option<String> {
        let wanted: BTreeSet<&str> = roots.iter().copied().collect();
        let found = self.roots();
        let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
        let followers: Vec<&str> = self
            .wrong
            .iter()
            .filter(|finding| !finding.caused_by.is_empty())
            .map(|finding| finding.id.as_str())
            .collect();
        let missing: Vec<&&str> = follow.iter().filter(|id| !followers.contains(id)).collect();
        let well = wanted == found && missing.is_empty() && self.unseen.is_empty();
        (!well).then(|| format!("{self}; missing {missing:?}; not looked at {:?}", self.unseen))
    }

    pub(super) fn is_fixable(&self, id: &str) -> bool {
        self.wrong.iter().any(|finding| finding.id == id && finding.fixable)
    }

    pub(super) fn remedy(&self, id: &str) -> &str {
        self.wrong.iter().find(|finding| finding.id == id).map_or("", |finding| finding.remedy.as_str())
    }

    /// Everything that was said.
    pub(super) fn words(&self, id: &str) -> &str {
        self.wrong.iter().find(|finding| finding.id == id).map_or("", |finding| finding.what.as_str())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.wrong.is_empty() {
            return f.write_str("all well");
        }
        for (number, finding) in self.wrong.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{}", finding.id)?;
            if finding.caused_by.is_empty() {
                write!(f, " [{}]", finding.what)?;
            } else {
                write!(f, " (from {})", finding.caused_by.join(" and "))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn causes_and_followers_are_told_apart() {
        let answer = json!({"seconds": 1.5, "not_looked_at": [], "findings": [
            {"id": "A", "level": "fail", "caused_by": [], "fixable": true, "what": "a", "remedy": "r"},
            {"id": "B", "level": "warn", "caused_by": ["A"], "what": "b", "remedy": ""},
            {"id": "C", "level": "ok", "caused_by": []}]});
        let verdict = Verdict::of(&answer).expect("findings");
        assert_eq!(verdict.differs(&["A"], &["B"]), None);
        assert!(verdict.differs(&["A", "B"], &[]).is_some() && verdict.differs(&["A"], &["C"]).is_some());
        assert!(verdict.differs(&[], &[]).is_some());
        assert!(verdict.is_fixable("A") && !verdict.is_fixable("B"));
        assert!(Verdict::of(&json!({})).is_err());
    }
}
