//! The peer: the Flink job that the worker replaces (`xtask/peers/flink`), compiled by Maven into the cache and run in one
//! JVM, as one `MiniCluster`.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::broker::java;
use crate::process::run;
use crate::stopwatch::{Stopwatch, human};
use crate::workspace;

/// The version that its `pom.xml` names.
pub(crate) const VERSION: &str = "1.18.1";
const LIMIT: Duration = Duration::from_mins(15);
/// As much as the job's two containers had for their heaps, and more.
const HEAP: &str = "-Xmx1g";
/// What Flink looks into on Java 17.
const OPENED: [&str; 11] = [
    "java.lang",
    "java.lang.reflect",
    "java.net",
    "java.io",
    "java.nio",
    "java.text",
    "java.time",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "java.util.concurrent.locks",
];

/// A compiled job.
#[derive(Debug)]
pub(crate) struct Flink {
    home: PathBuf,
    java: PathBuf,
}

/// What a run of the job is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job<'a> {
    /// `HOST:PORT`
    pub(crate) bootstrap: &'a str,
    /// What it reads.
    pub(crate) topic: &'a str,
    /// Its consumer group.
    pub(crate) group: &'a str,
    /// `rocksdb` or `heap`.
    pub(crate) state: &'a str,
    /// Length of its windows.
    pub(crate) window_ms: u64,
    /// Where it keeps checkpoints.
    pub(crate) checkpoints: &'a Path,
}

impl Flink {
    /// Compiles the job, unless this very job is in the cache.
    pub(crate) fn build(root: &Path) -> Result<Self> {
        let sources = root.join("xtask/peers/flink");
        let peers = workspace::cache()?.join("peers");
        let text = all_text(&sources)?;
        let flink = Self { home: peers.join("flink"), java: java()? };
        if fs::read_to_string(flink.home.join("compiled-from")).is_ok_and(|known| known == text) {
            return Ok(flink);
        }
        let maven = workspace::program("mvn").context("Maven (mvn) is not installed: apt-get install maven")?;
        eprintln!("bench: compiling the Flink {VERSION} job with Maven into {}", flink.home.display());
        let watch = Stopwatch::start();
        fs::create_dir_all(&peers).with_context(|| format!("{} cannot be made", peers.display()))?;
        // Beside its place, so that the rename below is one step: an interrupted run leaves no half of it.
        let work = tempfile::Builder::new().prefix("compiling-").tempdir_in(&peers)?;
        copy(&sources, work.path())?;
        compile(&maven, work.path())?;
        fs::write(work.path().join("compiled-from"), text)?;
        if flink.home.exists() {
            fs::remove_dir_all(&flink.home)?;
        }
        fs::rename(work.path(), &flink.home)
            .with_context(|| format!("{} cannot be put in place", flink.home.display()))?;
        eprintln!("bench: compiled in {}", human(watch.elapsed()));
        Ok(flink)
    }

    /// The job's command line: RAW discarded, windows and alerts on standard output.
    pub(crate) fn command(&self, job: Job<'_>) -> Command {
        let mut command = Command::new(&self.java);
        command.arg(HEAP).args(
            OPENED.iter().flat_map(|package| ["--add-opens".to_owned(), format!("java.base/{package}=ALL-UNNAMED")]),
        );
        command.args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"]);
        command.arg(format!("{}:{}", self.home.join("target/classes").display(), self.home.join("libs/*").display()));
        command.arg("peer.OrdersJob").args(["--bootstrap", job.bootstrap, "--topic", job.topic, "--group", job.group]);
        command.args(["--parallelism", "2", "--state", job.state, "--raw", "discard"]);
        command.args(["--window-ms", &job.window_ms.to_string(), "--checkpoints"]).arg(job.checkpoints);
        command
    }
}

fn compile(maven: &Path, work: &Path) -> Result<()> {
    let mut command = Command::new(maven);
    command.current_dir(work).args(["-q", "-B", "-Dstyle.color=never", "compile"]);
    command.args(["dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=libs"]);
    let log = work.join("log");
    let file = File::create(&log)?;
    command.stdout(file.try_clone()?).stderr(file);
    let status = run(&mut command, LIMIT)?;
    if !status.success() {
        bail!("mvn could not compile the Flink job ({status}):\n{}", fs::read_to_string(&log).unwrap_or_default());
    }
    Ok(())
}

/// Every file's name and content, in order: what was compiled is known by it.
fn all_text(directory: &Path) -> Result<String> {
    let mut text = String::new();
    for path in files(directory)? {
        let content = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let _infallible = write!(text, "== {}\n{content}", path.strip_prefix(directory)?.display());
    }
    Ok(text)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for path in files(from)? {
        let target = to.join(path.strip_prefix(from)?);
        fs::create_dir_all(target.parent().context("a file lies in a directory")?)?;
        fs::copy(&path, &target).with_context(|| format!("{} cannot be copied", path.display()))?;
    }
    Ok(())
}

fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| format!("{} cannot be read", directory.display()))? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    found.sort();
    Ok(found)
}
