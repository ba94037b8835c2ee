//! The gate proves itself: a tidy tree has no finding, and each planted slip is found. The last test is the real tree.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use super::*;
use crate::workspace;

/// The smallest tree that breaks no rule.
fn tidy_tree() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for room in ["decode/mod", "route", "time/clock", "window/mod", "anomaly/mod", "epoch/execute"] {
        write(&directory, &format!("crates/worker/src/{room}.rs"), "//! A room.\n");
    }
    write(&directory, "crates/worker/src/time/clock.rs", "//! The clock.\nuse std::time::SystemTime;\n");
    write(&directory, "crates/worker/tests/worker/main.rs", "//! Tests.\n// holds I900\n");
    write(&directory, "ARCHITECTURE.md", "- **I900** nothing is lost\n");
    write(&directory, "tests/fixtures/README.md", "`a.ndjson`: recorded\n");
    write(&directory, "tests/fixtures/a.ndjson", "{}\n");
    write(&directory, "scripts/test", "#!/usr/bin/env bash\n");
    let script = directory.path().join("scripts/test");
    fs::set_permissions(script, fs::Permissions::from_mode(0o755)).expect("executable");
    directory
}

fn write(directory: &TempDir, path: &str, text: &str) {
    let path = directory.path().join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    fs::write(path, text).expect("written");
}

fn found(directory: &TempDir) -> Vec<String> {
    findings(directory.path()).expect("readable").iter().map(ToString::to_string).collect()
}

#[test]
fn a_tidy_tree_has_no_finding() {
    assert_eq!(found(&tidy_tree()), Vec::<String>::new());
}

#[test]
fn every_planted_slip_is_found() {
    let long = format!("//! Long.\n{}", "fn f() {}\n".repeat(400));
    let mark = concat!("//! X.\n// TO", "DO: later\n");
    for (path, text, expected) in [
        ("crates/worker/src/x.rs", "fn f() {}\n", "crates/worker/src/x.rs:1: the first line must be `//!`"),
        ("xtask/src/x.rs", "", "xtask/src/x.rs:1: the first line must be `//!`"),
        ("crates/worker/src/x.rs", &long, "crates/worker/src/x.rs: 401 lines before its tests"),
        (
            "crates/worker/src/decode/x.rs",
            "//! X.\nuse std::fs::File;\n",
            "crates/worker/src/decode/x.rs:2: `std::fs::File`",
        ),
        (
            "crates/worker/src/route.rs",
            "//! X.\n#[cfg(feature = \"kafka\")]\nuse rdkafka::Message;\n",
            "crates/worker/src/route.rs:3: `rdkafka::Message`",
        ),
        (
            "crates/worker/src/time/clock.rs",
            "//! X.\nuse std::{thread};\n",
            "crates/worker/src/time/clock.rs:2: `std::thread`",
        ),
        (
            "crates/worker/src/epoch/execute/x.rs",
            "//! X.\nfn f() { std::thread::sleep(d) }\n",
            "crates/worker/src/epoch/execute/x.rs:2: `std::thread::sleep`",
        ),
        (
            "crates/worker/src/epoch/recovery.rs",
            "//! X.\nuse std::time::Instant;\n",
            "crates/worker/src/epoch/recovery.rs:2: `std::time::Instant`",
        ),
        ("ARCHITECTURE.md", "**I900** **I901**\n", "ARCHITECTURE.md:1: no test cites I901"),
        ("ARCHITECTURE.md", "no numbers\n", "ARCHITECTURE.md: no numbered invariant"),
        (
            "tests/fixtures/derived/b.ndjson",
            "{}\n",
            "tests/fixtures/derived/b.ndjson: tests/fixtures/README.md does not say",
        ),
        ("crates/worker/src/x.rs", mark, concat!("crates/worker/src/x.rs:2: TO", "DO")),
        ("crates/worker/src/utils.rs", "//! X.\n", "crates/worker/src/utils.rs: `utils` does not say"),
        ("scripts/x", "#!/usr/bin/env bash\n", "scripts/x: has a #! line but is not executable"),
        (".ci/run", "exec ./scripts/test\n", ".ci/run: a script's first line names the program"),
    ] {
        let directory = tidy_tree();
        write(&directory, path, text);
        let found = found(&directory);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{path}: {found:?}, not {expected}");
    }
}

#[test]
fn what_is_missing_is_found() {
    for (path, expected) in [
        ("ARCHITECTURE.md", "ARCHITECTURE.md: missing"),
        ("tests/fixtures/README.md", "tests/fixtures/a.ndjson: tests/fixtures/README.md does not say"),
        ("crates/worker/src/epoch/execute.rs", "crates/worker/src/epoch/execute: this pure room is not there"),
        ("crates/worker/tests/worker/main.rs", "ARCHITECTURE.md:1: no test cites I900"),
    ] {
        let directory = tidy_tree();
        fs::remove_file(directory.path().join(path)).expect("removed");
        let found = found(&directory);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{path}: {found:?}, not {expected}");
    }
}

#[test]
fn tests_at_a_files_end_may_do_as_they_like() {
    let directory = tidy_tree();
    let tests = format!("#[cfg(test)]\nmod tests {{\n    use std::fs;\n{}}}\n", "    // I900\n".repeat(500));
    write(&directory, "crates/worker/src/decode/x.rs", &format!("//! X, see std::fs.\n\n{tests}"));
    assert_eq!(found(&directory), Vec::<String>::new());
}

/// Holds I2 for this very tree: rooms 2 to 6, execute and recovery read no clock, spawn nothing, touch neither network nor disk.
#[test]
fn this_tree_is_tidy() {
    let findings = findings(&workspace::root().expect("a root")).expect("readable");
    let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "\n{}", lines.join("\n"));
}
