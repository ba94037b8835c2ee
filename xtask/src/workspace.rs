//! Where things are: the workspace's root, cargo, the cache outside the checkout.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::process::{ask, succeeded};

/// The checkout that xtask runs in: cargo says so at run time, the place it was built in otherwise.
pub(crate) fn root() -> Result<PathBuf> {
    let package =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    let root = package.parent().context("xtask lies in no workspace")?;
    root.canonicalize().with_context(|| format!("the workspace {} cannot be read", root.display()))
}

/// The cargo that started us, in the workspace's root.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    // Set for xtask by `cargo run`; a nested cargo and its build scripts would take it for theirs and rebuild.
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    command
}

/// `${XDG_CACHE_HOME:-~/.cache}/cdc-pipeline`: what is dear to make and may be thrown away.
pub(crate) fn cache() -> Result<PathBuf> {
    let given = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let base = match given {
        Some(base) => base,
        None => env::home_dir().context("neither XDG_CACHE_HOME nor a home directory is known")?.join(".cache"),
    };
    Ok(base.join("cdc-pipeline"))
}

/// The program's full path, if `PATH` has it.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let runs = |path: &Path| path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0);
    env::split_paths(&env::var_os("PATH")?).map(|directory| directory.join(name)).find(|path| runs(path))
}

/// The programs among cargo's messages (`--message-format json`), one JSON object a line.
pub(crate) fn executables(messages: &str) -> Vec<PathBuf> {
    let path = |line: &str| Some(PathBuf::from(line.split_once("\"executable\":\"")?.1.split_once('"')?.0));
    messages.lines().filter_map(path).collect()
}

/// The worker in the profile that tests, images and benchmarks share, built.
pub(crate) fn built_worker(root: &Path) -> Result<PathBuf> {
    let mut command = cargo(root);
    command.args(["build", "--profile", "ci", "--locked", "--package", "worker", "--bin", "worker"]);
    command.args(["--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit());
    let answer = ask(&mut command)?;
    succeeded(answer.status, "cargo build of the worker")?;
    let built = executables(&String::from_utf8_lossy(&answer.stdout)).pop();
    built.context("cargo built the worker and does not say where")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_among_cargos_messages() {
        let messages = concat!(
            "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"serde\"},\"executable\":null,\"fresh\":true}\n",
            "{\"reason\":\"compiler-artifact\",\"executable\":\"/cache/ci/worker\",\"fresh\":false}\n",
            "{\"reason\":\"build-finished\",\"success\":true}\n"
        );
        assert_eq!(executables(messages), [PathBuf::from("/cache/ci/worker")]);
        assert!(executables("{\"executable\":null}\n").is_empty());
    }

    #[test]
    fn the_root_has_the_workspace() {
        assert!(root().expect("a root").join("xtask/Cargo.toml").is_file());
    }

    #[test]
    fn programs_are_looked_up_in_the_path() {
        assert!(program("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(program("no-such-program-anywhere"), None);
    }
}
