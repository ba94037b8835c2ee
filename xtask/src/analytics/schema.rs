//! The tables as the worker makes them: its own migrations, with the names in braces filled in for an engine of today.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::analytics::server::{DATABASE, Server};

/// What stands for what; the worker has others for an old server.
const NAMES: &[(&str, &str)] = &[
    ("database", DATABASE),
    ("word", "LowCardinality(String)"),
    ("optional_word", "LowCardinality(Nullable(String))"),
    ("amount", "Decimal(76, 30)"),
    ("time", "DateTime64(3, 'UTC')"),
    ("now", "now64(3)"),
    ("window", "SETTINGS non_replicated_deduplication_window = 1000"),
];

/// Carries all migrations out, in order.
pub(super) fn make(server: &Server, folder: &Path) -> Result<()> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(|| format!("{}", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sql"));
    files.sort();
    ensure!(!files.is_empty(), "{} has no migrations", folder.display());
    for file in files {
        let text = fs::read_to_string(&file).with_context(|| format!("{}", file.display()))?;
        for statement in statements(&text) {
            let statement = filled(&statement).with_context(|| format!("{}", file.display()))?;
            server.execute(&statement)?;
        }
    }
    Ok(())
}

/// Without comments, one by one.
fn statements(text: &str) -> Vec<String> {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let code = code.join("\n");
    code.split(";\n")
        .map(|statement| statement.trim().trim_end_matches(';').to_owned())
        .filter(|one| !one.is_empty())
        .collect()
}

fn filled(statement: &str) -> Result<String> {
    let mut filled = String::new();
    let mut rest = statement;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}').with_context(|| format!("a brace without end: {after:.40}"))?;
        filled.push_str(before);
        let value = match name.split_once(':') {
            Some(("month", column)) => format!("toYYYYMM({column})"),
            Some(("milliseconds", column)) => format!("toString(toUnixTimestamp64Milli({column}))"),
            _ => {
                let known = NAMES.iter().find(|(known, _)| *known == name);
                known.with_context(|| format!("{{{name}}} stands for nothing that is known here"))?.1.to_owned()
            }
        };
        filled.push_str(&value);
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_cut_at_their_semicolons_and_filled_in() {
        let text = "-- what it is; really\nCREATE TABLE {database}.a (b {word})\nPARTITION BY {month:b};\n\nCREATE VIEW c AS SELECT 1;\n";
        let statements: Vec<String> = statements(text).iter().map(|one| filled(one).expect("known")).collect();
        assert_eq!(
            statements,
            ["CREATE TABLE cdc.a (b LowCardinality(String))\nPARTITION BY toYYYYMM(b)", "CREATE VIEW c AS SELECT 1"]
        );
        assert!(filled("{nobody}").expect_err("unknown").to_string().contains("{nobody}"));
    }
}
