//! What was written, and what is there: all of it, each once.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Result, ensure};

/// The first tell what went wrong.
const DIFFERENCES_TOLD: usize = 10;

/// What was written (by its id) is there, each once; else an error that tells the first differences.
pub(crate) fn must_be(written: &BTreeMap<String, String>, there: &[String]) -> Result<()> {
    let differences = differences(written, there);
    let first = differences.iter().take(DIFFERENCES_TOLD).map(String::as_str).collect::<Vec<_>>().join("\n");
    ensure!(differences.is_empty(), "{} differences, the first:\n{first}", differences.len());
    Ok(())
}

/// What one has and the other has not, or has twice.
fn differences(written: &BTreeMap<String, String>, there: &[String]) -> Vec<String> {
    let mut times: HashMap<&str, usize> = HashMap::new();
    for line in there {
        *times.entry(line).or_default() += 1;
    }
    let mut differences: Vec<String> =
        times.iter().filter(|(_, times)| **times > 1).map(|(line, times)| format!("{times} times: {line}")).collect();
    for line in written.values() {
        if times.remove(line.as_str()).is_none() {
            differences.push(format!("missing: {line}"));
        }
    }
    differences.extend(times.keys().map(|line| format!("too much: {line}")));
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_there_twice_or_too_much_is_told() {
        let written = BTreeMap::from([("1".to_owned(), "a".to_owned()), ("2".to_owned(), "b".to_owned())]);
        let there = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        assert_eq!(differences(&written, &there(&["b", "a"])), Vec::<String>::new());
        assert_eq!(differences(&written, &there(&["a", "b", "a"])), ["2 times: a"]);
        assert_eq!(differences(&written, &there(&["a"])), ["missing: b"]);
        assert_eq!(differences(&written, &there(&["a", "b", "c"])), ["too much: c"]);
    }
}
