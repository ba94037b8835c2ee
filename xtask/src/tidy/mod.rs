//! `cargo xtask tidy`: the house's rules as a check, one file a rule.

mod tree;
mod rust_text;
mod rust_paths;
mod layout;
mod rooms;
mod invariants;
mod fixtures;
mod planted;
mod words;
mod scripts;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;

use crate::tidy::tree::Tree;

/// A rule broken at a place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    /// Counted from 1; 0 is the file as a whole.
    line: usize,
    what: String,
}

impl Finding {
    fn new(path: impl Into<String>, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.into(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what),
            line => write!(f, "{}:{line}: {}", self.path, self.what),
        }
    }
}

/// Prints what is wrong; the exit code tells whether anything is.
pub(crate) fn run(root: &Path) -> Result<ExitCode> {
    let findings = findings(root)?;
    for finding in &findings {
        println!("{finding}");
    }
    println!("tidy: {} findings", findings.len());
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All that is wrong below this root, by path and line.
pub(crate) fn findings(root: &Path) -> Result<Vec<Finding>> {
    let tree = Tree::read(root)?;
    let rules =
        [layout::check, rooms::check, invariants::check, fixtures::check, planted::check, words::check, scripts::check];
    let mut findings: Vec<_> = rules.iter().flat_map(|rule| rule(&tree)).collect();
    findings.sort();
    Ok(findings)
}

/// The shell scripts of the project, for a check by other tools.
pub(crate) fn shell_scripts(root: &Path) -> Result<Vec<PathBuf>> {
    Ok(scripts::shell_scripts(&Tree::read(root)?))
}

#[cfg(test)]
mod tests;
