//! A planted bug: the rule that it breaks, and the texts that it replaces.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::plant::FOLDER;
use crate::plant::measure::{Kind, Tests};

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
    /// Tests of the ClickHouse sink that must notice, beside a server.
    pub(crate) clickhouse_tests: Option<String>,
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
        let named = [
            (&self.library_tests, Kind::Library),
            (&self.engine_tests, Kind::Engine),
            (&self.clickhouse_tests, Kind::ClickHouse),
        ];
        let named = named.into_iter().find_map(|(filter, kind)| Some((kind, filter.clone()?)));
        let (kind, filter) = named.unwrap_or_else(|| (Kind::Engine, "simulation".to_owned()));
        Tests { kind, filter }
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
    fn a_bug_names_the_tests_that_must_notice() {
        let tests = |line: &str| Bug::parse("some", &format!("{line}\n{BUG}")).expect("a bug").tests();
        let of = |kind, filter: &str| Tests { kind, filter: filter.to_owned() };
        assert_eq!(tests(""), of(Kind::Engine, "simulation"));
        assert_eq!(tests("engine_tests = 'engine::moved'"), of(Kind::Engine, "engine::moved"));
        assert_eq!(tests("library_tests = 'sink::output_file'"), of(Kind::Library, "sink::output_file"));
        assert_eq!(tests("clickhouse_tests = 'clickhouse::tokens'"), of(Kind::ClickHouse, "clickhouse::tokens"));
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
