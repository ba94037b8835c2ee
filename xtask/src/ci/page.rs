//! The worker's page: what is checked in is what its source gives, and a real browser finds it at work.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::broker;
use crate::ci::Context;
use crate::ci::outcome::Verdict;
use crate::process::{ask, run, run_seen, succeeded};
use crate::workspace;

/// Fifteen packages from the registry, and a build of a second.
const BUILD_LIMIT: Duration = Duration::from_mins(5);
/// Each test has a shorter limit of its own; this one ends a browser that hangs.
const BROWSER_LIMIT: Duration = Duration::from_mins(8);
/// Fewer than this means that they were not found.
const LEAST_TESTS: usize = 8;

/// All scripts together, before a browser's connection packs them.
const SCRIPT_BYTES_MAX: usize = 150_000;

const SOURCE: &str = "crates/worker/page";

/// Builds the page from its source and compares.
pub(crate) fn build(context: &mut Context) -> Result<Verdict> {
    if let Some(verdict) = missing(context, &[("npm", "npm")])? {
        return Ok(verdict);
    }
    let place = installed(&context.root)?;
    succeeded(run(npm(&place).args(["run", "build"]), BUILD_LIMIT)?, "npm run build")?;
    let (built, kept) = (files(&place.join("dist"))?, files(&context.root.join(SOURCE).join("dist"))?);
    if built != kept {
        let names = |files: &[(String, Vec<u8>)]| {
            let sizes = files.iter().map(|(name, content)| format!("{name} ({} bytes)", content.len()));
            sizes.collect::<Vec<_>>().join(", ")
        };
        bail!(
            "what is checked in under {SOURCE}/dist is not what its source gives: {} there, {} built; run `npm ci && npm \
             run build` in {SOURCE} and commit",
            names(&kept),
            names(&built)
        );
    }
    let is_script = |name: &str| Path::new(name).extension().is_some_and(|extension| extension == "js");
    let scripts: usize = kept.iter().filter(|(name, _)| is_script(name)).map(|(_, content)| content.len()).sum();
    if scripts > SCRIPT_BYTES_MAX {
        bail!("{SOURCE}/dist has {scripts} bytes of scripts, more than {SCRIPT_BYTES_MAX}");
    }
    Ok(Verdict::Passed(format!("{} files, {scripts} bytes of scripts", kept.len())))
}

/// Runs the tests in Debian's Chromium, on a worker with a real Kafka.
pub(crate) fn browse(context: &mut Context) -> Result<Verdict> {
    if let Some(verdict) = missing(context, &[("npm", "npm"), ("chromium", "chromium")])? {
        return Ok(verdict);
    }
    let Some(address) = context.broker.as_ref().map(broker::Broker::address) else {
        if context.in_ci {
            bail!("not run: it needs the real Kafka, and CI does not go without");
        }
        return Ok(Verdict::Skipped("there is no real Kafka to read from".into()));
    };
    let worker = worker(&context.root)?;
    let target = worker.parent().and_then(Path::parent).context("cargo built the worker in no target directory")?;
    let pictures = target.join("page-pictures");
    let chromium = workspace::program("chromium").context("chromium has gone")?;
    let mut command = Command::new("node");
    command
        .args(["--test", "--test-reporter=tap", "test/browser.test.mjs"])
        .current_dir(installed(&context.root)?)
        .env(broker::ADDRESS_VARIABLE, address)
        .env("CDC_TEST_WORKER", &worker)
        .env("CDC_TEST_CHROMIUM", chromium)
        .env("CDC_TEST_PICTURES", &pictures);
    let mut tests = 0;
    let status = run_seen(&mut command, BROWSER_LIMIT, |line| tests = passed(line).unwrap_or(tests))?;
    succeeded(status, "the page's tests")?;
    if tests < LEAST_TESTS {
        bail!("{tests} tests ran, at least {LEAST_TESTS} are expected");
    }
    Ok(Verdict::Passed(format!("{tests} tests; pictures in {}", pictures.display())))
}

/// What is not installed: a reason to skip, in CI a failure.
pub(super) fn missing(context: &Context, programs: &[(&str, &str)]) -> Result<Option<Verdict>> {
    let missing: Vec<&str> = programs
        .iter()
        .filter(|(program, _)| workspace::program(program).is_none())
        .map(|(_, package)| *package)
        .collect();
    match missing.join(", ") {
        none if none.is_empty() => Ok(None),
        packages if context.in_ci => bail!("not installed, and CI does not go without: {packages}"),
        packages => Ok(Some(Verdict::Skipped(format!("not installed: {packages}")))),
    }
}

/// A copy of the page's source with what it is built and tested by; the checkout stays as it is.
fn installed(root: &Path) -> Result<PathBuf> {
    let (from, to) = (root.join(SOURCE), workspace::cache()?.join("page"));
    // Packages stay where they are wanted as before: npm takes their list as its own.
    let lock = fs::read(from.join("package-lock.json")).context("package-lock.json of the page")?;
    let fresh =
        fs::read(to.join("package-lock.json")).is_ok_and(|known| known == lock) && to.join("installed").exists();
    for entry in to.read_dir().into_iter().flatten().flatten() {
        if fresh && ["node_modules", "installed"].iter().any(|kept| entry.file_name() == *kept) {
            continue;
        }
        let path = entry.path();
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.with_context(|| format!("{} cannot be removed", path.display()))?;
    }
    copy(&from, &to)?;
    if !fresh {
        let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
        succeeded(run(npm(&to).args(install), BUILD_LIMIT)?, "npm ci")?;
        fs::write(to.join("installed"), "").context("the page's packages")?;
    }
    Ok(to)
}

fn npm(place: &Path) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(place);
    command
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("{} cannot be made", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("{} cannot be read", from.display()))? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        if name == "node_modules" || name == "dist" {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name))?;
        } else {
            fs::copy(&path, to.join(name)).with_context(|| format!("{} cannot be copied", path.display()))?;
        }
    }
    Ok(())
}

/// Every file below, by its name, with its content.
fn files(directory: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let (mut found, mut open) = (Vec::new(), vec![directory.to_path_buf()]);
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).with_context(|| format!("{} cannot be read", next.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(directory)?.display().to_string();
                found.push((name, fs::read(&path)?));
            }
        }
    }
    found.sort();
    Ok(found)
}

pub(super) fn worker(root: &Path) -> Result<PathBuf> {
    let mut command = workspace::cargo(root);
    command.args(["build", "--profile", "ci", "--locked", "--package", "worker", "--bin", "worker"]);
    command.args(["--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit());
    let answer = ask(&mut command)?;
    succeeded(answer.status, "cargo build of the worker")?;
    let messages = String::from_utf8_lossy(&answer.stdout);
    workspace::executables(&messages).pop().context("cargo built the worker and does not say where")
}

/// `# pass 8` → 8.
fn passed(line: &str) -> Option<usize> {
    line.strip_prefix("# pass ")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_tests_is_read() {
        for (line, expected) in [("# pass 8", Some(8)), ("# fail 0", None), ("ok 1 - windows fill", None)] {
            assert_eq!(passed(line), expected, "{line}");
        }
    }

    #[test]
    fn a_copy_leaves_out_what_is_made() {
        let (from, to) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        for path in ["src/main.ts", "node_modules/x/index.js", "dist/index.html", "package.json"] {
            let path = from.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, "x").expect("written");
        }
        copy(from.path(), to.path()).expect("copied");
        let names: Vec<String> = files(to.path()).expect("read").into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["package.json", "src/main.ts"]);
    }
}
