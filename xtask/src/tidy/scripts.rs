//! Scripts can be run as they are: executable, and their first line says by what.

use std::path::PathBuf;

use crate::tidy::Finding;
use crate::tidy::tree::{File, Tree};

/// Sourced by scripts, never run.
const SOURCED: &str = "scripts/lib/";

/// Scripts that cannot be run, and executables that no program is named for.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files.iter().filter_map(|file| Some(Finding::new(&file.path, 0, complaint(file)?))).collect()
}

fn complaint(file: &File) -> Option<&'static str> {
    let names_program = file.text.starts_with("#!/");
    let is_script = (file.path.starts_with("scripts/") && !file.path.starts_with(SOURCED)) || file.path == ".ci/run";
    match (is_script, names_program, file.executable) {
        (true, false, _) => Some("a script's first line names the program that runs it (#!/usr/bin/env bash)"),
        (_, true, false) if file.extension() != "rs" => Some("has a #! line but is not executable (chmod +x)"),
        _ => None,
    }
}

/// All shell scripts, whole paths.
pub(crate) fn shell_scripts(tree: &Tree) -> Vec<PathBuf> {
    let is_shell = |file: &&File| {
        let first = file.text.lines().next().unwrap_or_default();
        file.extension() == "sh" || (first.starts_with("#!") && first.ends_with("sh"))
    };
    tree.files.iter().filter(is_shell).map(|file| tree.root.join(&file.path)).collect()
}
