//! A worker under chaos: what all its lives have in common, and one life from a start to its end.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;

use super::wait::until;
use crate::cli::ChaosTime;
use crate::process::Group;
use crate::stopwatch::{Stopwatch, human};

/// Longer than any of these takes on a busy machine.
pub(crate) const SOON: Duration = Duration::from_mins(1);
/// Takes changes by REST; the page listens on loopback only, for as long as the run lasts.
pub(crate) const TOKEN: &str = "chaos";
/// From one checkpoint to the next.
const CHECKPOINT_EVERY_MS: &str = "2000";
/// Windows are short, so that many close.
pub(crate) const WINDOW_MS: &str = "1000";
/// A partition never counts as idle: idleness is an input that the oracle cannot have.
pub(crate) const IDLE_AFTER_MS: &str = "86400000";
/// The watermark stays so far behind.
pub(crate) const OUT_OF_ORDERNESS_MS: i64 = 5_000;
const LINES_SHOWN: usize = 15;

/// What all lives of a worker have in common.
#[derive(Debug)]
pub(crate) struct Stage {
    /// The program.
    pub(crate) worker: PathBuf,
    /// Results, savepoints and its log are in here.
    pub(crate) place: PathBuf,
    /// State, log and checkpoints are in here: a file system of its own, where there is one.
    pub(crate) disk: PathBuf,
    /// The broker's address.
    pub(crate) bootstrap: String,
    /// What is read.
    pub(crate) topic: String,
    /// What windows go by.
    pub(crate) time: ChaosTime,
    /// Where the page listens.
    pub(crate) port: u16,
    /// Settings beside those, and in their place.
    pub(crate) settings: &'static [(&'static str, &'static str)],
}

/// How a life begins.
#[derive(Debug, Default)]
pub(crate) struct Start {
    /// Shards; 0 counts as 1.
    pub(crate) parallelism: u64,
    /// A savepoint to restore.
    pub(crate) restore: Option<PathBuf>,
    /// The library between it and the machine, with its rules.
    pub(crate) shim: Option<Shim>,
}

/// Rules for the library, and the file that they count with; they always do where that is `None`.
#[derive(Debug)]
pub(crate) struct Shim {
    pub(crate) library: PathBuf,
    pub(crate) rules: String,
    pub(crate) only_while: Option<PathBuf>,
}

impl Stage {
    /// Its results.
    pub(crate) fn results(&self) -> PathBuf {
        self.place.join("results")
    }

    /// How many bytes of results there are.
    pub(crate) fn length(&self) -> u64 {
        fs::metadata(self.results()).map_or(0, |metadata| metadata.len())
    }

    /// The state's directory.
    pub(crate) fn state(&self) -> PathBuf {
        self.disk.join("state")
    }

    /// Where checkpoints are.
    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.disk.join("checkpoints")
    }

    /// How many bytes of log there are, of all lives.
    pub(crate) fn log_length(&self) -> u64 {
        fs::metadata(self.log()).map_or(0, |metadata| metadata.len())
    }

    fn log(&self) -> PathBuf {
        self.place.join("worker.log")
    }

    fn command(&self, start: &Start) -> Command {
        let mut command = Command::new(&self.worker);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CDC_WORKER_") {
                command.env_remove(name);
            }
        }
        command.current_dir(&self.place).arg("run").env("CDC_WORKER_WEB_TOKEN", TOKEN);
        if let Some(savepoint) = &start.restore {
            command.arg("--restore").arg(savepoint);
        }
        if let Some(shim) = &start.shim {
            command.env("LD_PRELOAD", &shim.library).env("CDC_SHIM", &shim.rules);
            if let Some(flag) = &shim.only_while {
                command.env("CDC_SHIM_WHILE", flag);
            }
        }
        let path = |path: PathBuf| path.display().to_string();
        for (key, value) in [
            ("kafka.bootstrap", self.bootstrap.clone()),
            ("kafka.topic", self.topic.clone()),
            ("kafka.group", format!("{}-group", self.topic)),
            ("parallelism", start.parallelism.max(1).to_string()),
            ("format", "json".to_owned()),
            ("time", self.time.word().to_owned()),
            ("agg.window_ms", WINDOW_MS.to_owned()),
            ("event_time.idle_after_ms", IDLE_AFTER_MS.to_owned()),
            ("event_time.out_of_orderness_ms", OUT_OF_ORDERNESS_MS.to_string()),
            ("sink.stdout.enabled", "false".to_owned()),
            ("sink.file.path", path(self.results())),
            ("sink.dead_letters.path", path(self.place.join("dead-letters"))),
            ("state.dir", path(self.state())),
            ("state.checkpoints_dir", path(self.checkpoints())),
            ("state.savepoints_dir", path(self.place.join("savepoints"))),
            ("state.checkpoint_interval_ms", CHECKPOINT_EVERY_MS.to_owned()),
            ("web.listen", format!("127.0.0.1:{}", self.port)),
            ("log.format", "human".to_owned()),
        ] {
            if self.settings.iter().all(|(other, _)| *other != key) {
                command.args(["--set", &format!("{key}={value}")]);
            }
        }
        for (key, value) in self.settings {
            command.args(["--set", &format!("{key}={value}")]);
        }
        command
    }
}

/// One process, from its start to its end.
#[derive(Debug)]
pub(crate) struct Life {
    group: Group,
    log: PathBuf,
    /// Where its words begin in the log.
    from: u64,
    /// Since its start.
    pub(crate) since: Stopwatch,
}

impl Life {
    /// Starts a worker.
    pub(crate) fn begin(stage: &Stage, start: &Start) -> Result<Self> {
        let path = stage.log();
        let log = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        let from = log.metadata()?.len();
        let mut command = stage.command(start);
        command.stdout(Stdio::null()).stderr(log);
        let since = Stopwatch::start();
        Ok(Self { group: Group::spawn(&mut command)?, log: path, from, since })
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> String {
        let mut bytes = Vec::new();
        let read = File::open(&self.log).and_then(|mut log| {
            log.seek(SeekFrom::Start(self.from))?;
            log.read_to_end(&mut bytes)
        });
        // A log that cannot be read says nothing, and whoever waits for words says so.
        if read.is_err() { String::new() } else { String::from_utf8_lossy(&bytes).into_owned() }
    }

    /// How often it has said something.
    pub(crate) fn times(&self, what: &str) -> usize {
        self.said().matches(what).count()
    }

    /// Waits until it says something more often than `before`; it must not end.
    pub(crate) fn says(&mut self, what: &str, before: usize) -> Result<()> {
        until(&format!("the worker says {what:?}"), SOON, || {
            let said = self.times(what) > before;
            if !said {
                self.must_live()?;
            }
            Ok(said)
        })
    }

    /// What stands behind some words, up to the line's end.
    pub(crate) fn word_behind(&self, what: &str) -> Result<String> {
        let said = self.said();
        let behind = said.rsplit_once(what).map(|(_, behind)| behind.lines().next().unwrap_or_default());
        behind.map(|word| word.trim().to_owned()).with_context(|| format!("the worker did not say {what:?}"))
    }

    /// Waits until its results are longer than `beyond`; gives how long that took, from `since`.
    pub(crate) fn brings(&mut self, stage: &Stage, beyond: u64, since: Stopwatch) -> Result<Duration> {
        until("the worker brings new results", SOON, || {
            let there = stage.length() > beyond;
            if !there {
                self.must_live()?;
            }
            Ok(there)
        })?;
        Ok(since.elapsed())
    }

    /// An error with its last words if it has ended.
    pub(crate) fn must_live(&mut self) -> Result<()> {
        if let Some(status) = self.group.try_wait()? {
            bail!("the worker ended by itself ({status}); its last words:\n{}", self.last_words());
        }
        Ok(())
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.must_live()?;
        self.group.kill()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        self.group.signal(signal);
    }

    /// SIGTERM; it must end well.
    pub(crate) fn stop(&mut self) -> Result<()> {
        self.must_live()?;
        let status = self.group.stop(SOON)?;
        if !status.success() {
            bail!("the worker did not end well after SIGTERM ({status}); its last words:\n{}", self.last_words());
        }
        Ok(())
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self) -> Result<ExitStatus> {
        self.group
            .wait_at_most(SOON)?
            .with_context(|| format!("the worker still runs after {}:\n{}", human(SOON), self.last_words()))
    }

    pub(crate) fn last_words(&self) -> String {
        let said = self.said();
        let lines: Vec<_> = said.lines().collect();
        lines.get(lines.len().saturating_sub(LINES_SHOWN)..).unwrap_or_default().join("\n")
    }
}

/// A file's bytes from a place on, up to another.
pub(crate) fn bytes_of(path: &Path, from: u64, to: u64) -> Result<impl std::io::Read> {
    let told = || format!("{} cannot be read", path.display());
    let mut file = File::open(path).with_context(told)?;
    file.seek(SeekFrom::Start(from)).with_context(told)?;
    Ok(file.take(to - from))
}
