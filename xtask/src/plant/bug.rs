//! A planted bug: the rule that it breaks, and the texts that it replaces.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::plant::FOLDER;
use crate::plant::measure::Tests;

/// One file of the folder.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bug {
    /// The file's name.
    #[serde(skip)]
    pub(crate) name: String,
    /// The rule of the design that it breaks.
    pub(crate) rule: String,
    /// What is wrong, in words.
    pub(crate) wrong: String,
    /// Planted in every run of CI.
    #[serde(default)]
    pub(crate) quick: bool,
    /// Tests of the library itself that must notice, by a part of their names; else the simulation must.
    pub(crate) library_tests: Option<String>,
    /// Tests of the engine beside the simulation that must notice: those of what its source cannot do.
    pub(crate) engine_tests: Option<String>,
    /// What it changes.
    #[serde(rename = "change")]
    pub(crate) changes: Vec<Change>,
}

/// A text and what stands there instead.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    /// From the root.
    pub(crate) file: String,
    before: String,
    after: String,
}

impl Bug {
    /// Reads a bug's file.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self> {
        let bug: Self = toml::from_str(text).with_context(|| format!("{FOLDER}/{name}.toml cannot be read"))?;
        Ok(Self { name: name.to_owned(), ..bug })
    }

    /// The tests that must notice.
    pub(crate) fn tests(&self) -> Tests {
        match (&self.library_tests, &self.engine_tests) {
            (Some(filter), _) => Tests { library: true, filter: filter.clone() },
            (None, Some(filter)) => Tests { library: false, filter: filter.clone() },
            (None, None) => Tests { library: false, filter: "simulation".to_owned() },
        }
    }
}

impl Change {
    /// The file's text with the bug in it. Fails where the text to be replaced is not there exactly once: the code has
    /// moved on, and the bug must be planted anew.
    pub(crate) fn apply(&self, text: &str) -> Result<String> {
        let (before, after) = (self.before.trim_matches('\n'), self.after.trim_matches('\n'));
        match text.matches(before).count() {
            1 => Ok(text.replacen(before, after, 1)),
            count => {
                bail!("{} has {count} times, not once, the text that begins with {:?}", self.file, first_line(before))
            }
        }
    }
}

fn first_line(text: &str) -> &str {
    text.trim_start().lines().next().unwrap_or_default()
}

/// All of them, by name.
pub(crate) fn read_all(root: &Path) -> Result<Vec<Bug>> {
    let folder = root.join(FOLDER);
    let mut bugs = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("{FOLDER} cannot be read"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            bugs.push(Bug::parse(&name, &text)?);
        }
    }
    bugs.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(bugs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUG: &str = "rule = '2'\nwrong = 'x'\n[[change]]\nfile = 'a.rs'\nbefore = '''\n    one();\n'''\nafter = '''\n    two();\n'''\n";

    #[test]
    fn a_text_is_replaced_where_it_stands_once() {
        let bug = Bug::parse("some", BUG).expect("a bug");
        assert_eq!((bug.name.as_str(), bug.tests().filter.as_str()), ("some", "simulation"));
        assert_eq!(bug.changes[0].apply("{\n    one();\n}\n").expect("there"), "{\n    two();\n}\n");
    }

    #[test]
    fn a_text_that_is_gone_or_stands_twice_is_told() {
        let bug = Bug::parse("some", BUG).expect("a bug");
        for (text, count) in [("{}", 0), ("    one();\n    one();\n", 2)] {
            let error = bug.changes[0].apply(text).expect_err("not once").to_string();
            assert_eq!(error, format!("a.rs has {count} times, not once, the text that begins with \"one();\""));
        }
    }
}
