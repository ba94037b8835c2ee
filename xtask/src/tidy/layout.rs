//! Every Rust file says at its top what it is, and is short enough to read.

use crate::tidy::tree::Tree;
use crate::tidy::{Finding, rust_text};

const MOST_LINES: usize = 400;

/// What breaks these two rules.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        if !file.text.lines().next().is_some_and(|line| line.starts_with("//! ") && line.len() > "//! ".len()) {
            findings.push(Finding::new(&file.path, 1, "the first line must be `//!` and say what the file is"));
        }
        let lines = rust_text::lines_without_tests(file);
        if lines > MOST_LINES {
            let what = format!("{lines} lines before its tests; at most {MOST_LINES}: split it by what it is about");
            findings.push(Finding::new(&file.path, 0, what));
        }
    }
    findings
}
