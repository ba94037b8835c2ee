//! A guard against slowness that no clock is needed for: instructions of the decoder and of the pipeline, counted by
//! valgrind, beside those of `serde_json` on the same messages. A ratio of two counts is the same on every machine.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::ci::Context;
use crate::ci::outcome::Verdict;
use crate::process::ask;
use crate::workspace;

/// Messages of the recording that are counted over.
const RECORDS: &str = "10000";
/// What the others are set against: `serde_json` into a borrowed struct, with the messages in memory.
const YARDSTICK: &str = "bare/serde_json into a borrowed struct";
/// Reading alone, which every run does first.
const READING: &str = "bare/read";

/// Who is counted, and how many instructions for one of the yardstick's it may take: a tenth above what it took when
/// this was written (0.56, 2.09, 2.58). The pipeline goes over the messages three times.
const CEILINGS: [(&str, f64); 3] =
    [("bare/decode", 0.62), ("bare/pipeline, 1 shard, no RAW", 2.3), ("bare/pipeline, 1 shard, JSON", 2.85)];

/// Counts, compares, tells the ratios.
pub(crate) fn instructions(context: &mut Context) -> Result<Verdict> {
    if workspace::program("valgrind").is_none() {
        return Ok(Verdict::Skipped("valgrind is not installed (apt-get install valgrind)".into()));
    }
    let mut build = workspace::cargo(&context.root);
    build.args(["build", "--profile", "ci", "--locked", "--package", "worker", "--no-default-features"]);
    build.args(["--bench", "decode", "--message-format", "json-render-diagnostics"]);
    let built = ask(&mut build)?;
    let programs = workspace::executables(&String::from_utf8_lossy(&built.stdout));
    let is_bench = |path: &&std::path::PathBuf| path.to_string_lossy().contains("/decode-");
    let program = programs
        .iter()
        .find(is_bench)
        .with_context(|| format!("cargo built no benchmark:\n{}", String::from_utf8_lossy(&built.stderr)))?;
    let count = |only: &str| -> Result<u64> {
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
        command.args(["--instrumented", "--records", RECORDS, "--rounds", "1", "--json", "--only", only]);
        let output = ask(command.current_dir(&context.root))?;
        let text = String::from_utf8_lossy(&output.stderr);
        let counted = collected(&text).filter(|_| output.status.success());
        counted.with_context(|| format!("valgrind counted nothing for {only}:\n{text}"))
    };
    let reading = count(READING)?;
    let beyond_reading = |only| count(only).map(|counted| counted.saturating_sub(reading) as f64);
    let yardstick = beyond_reading(YARDSTICK)?;
    let (mut told, mut broken) = (Vec::new(), Vec::new());
    for (subject, ceiling) in CEILINGS {
        let ratio = beyond_reading(subject)? / yardstick;
        told.push(format!("{subject} {ratio:.2}"));
        if ratio > ceiling {
            broken.push(format!("{subject} takes {ratio:.3} times serde_json's instructions, more than {ceiling}"));
        }
    }
    if broken.is_empty() { Ok(Verdict::Passed(told.join("; "))) } else { bail!(broken.join("; ")) }
}

/// `==1234== Collected : 5678`
fn collected(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valgrinds_count_is_read() {
        assert_eq!(collected("==7== Events    : Ir\n==7== Collected : 1678053632\n==7==\n"), Some(1_678_053_632));
        assert_eq!(collected("valgrind: no such tool"), None);
    }
}
