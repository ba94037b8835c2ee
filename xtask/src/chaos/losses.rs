//! Faults of the disk: what is lost, damaged, full, read-only, failing or slow.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::act::{Act, Outcome};
use super::life::SOON;
use super::wait::{pause, until};
use crate::stopwatch::Stopwatch;

/// What the worker says while it waits for a disk, and once it need not.
const WAITS: &str = "nothing leaves and nothing is read until this is mended";
const GOES_ON: &str = "well again: going on";
const RESTORED: &str = "restored the checkpoint";
/// Refused: going on would not be exactly once.
const REFUSED: i32 = 3;

/// Calls that fail, with the disk's error; the tests of the worker have the same (`kafka/disk_trouble.rs`).
const FAILURES: [(&str, &str); 7] = [
    ("the log's sync fails", "sync|*/log/*.epochs|eio|0"),
    ("the log's disk is full", "write|*/log/*.epochs|enospc|0"),
    ("the log is read-only, and what is half written cannot be cut off", "write|*/log/*|erofs|0;cut|*/log/*|erofs|0"),
    ("the state's disk is full", "write|*/db/*|enospc|0;write|*/db/probe|enospc|0"),
    ("the state's disk fails", "write|*/db/*|eio|0;sync|*/db/*|eio|0"),
    ("the results' disk is full", "write|*/results|enospc|0"),
    ("everything is read-only", "write|*/state/*|erofs|0;write|*/results|erofs|0;sync|*/state/*|erofs|0"),
];

impl Act<'_> {
    pub(super) fn without_state(&mut self) -> Result<Outcome> {
        self.wait_for_checkpoints(1)?;
        let beyond = self.kill()?;
        remove_all(&self.stage.state().join("db"))?;
        self.begin()?;
        self.life.says(RESTORED, 0)?;
        Ok(Outcome { detail: String::new(), recovered: self.recovers(beyond)? })
    }

    pub(super) fn with_a_damaged_checkpoint(&mut self) -> Result<Outcome> {
        self.wait_for_checkpoints(2)?;
        let beyond = self.kill()?;
        let newest = newest_checkpoint(&self.stage.checkpoints())?;
        let detail = self.damage(&newest)?;
        remove_all(&self.stage.state().join("db"))?;
        self.begin()?;
        self.life.says("checkpoint refused: ", 0)?;
        self.life.says(RESTORED, 0)?;
        let recovered = self.recovers(beyond)?;
        // It would be refused again and again; of the others one at least is sound.
        remove_all(&newest)?;
        self.checkpoints = 1;
        Ok(Outcome { detail, recovered })
    }

    /// Damages one file of a checkpoint. Not in place: it is one file with those of other checkpoints and of the state.
    fn damage(&mut self, checkpoint: &Path) -> Result<String> {
        let mut files = Vec::new();
        files_below(checkpoint, &mut files)?;
        files.sort();
        let file = self.dice.one_of(&files).cloned().context("the checkpoint has no files")?;
        let name = file.strip_prefix(checkpoint).unwrap_or(&file).display().to_string();
        let mut bytes = fs::read(&file)?;
        let (number, length) = (self.dice.below(4), bytes.len() as u64);
        let how = match number {
            0 if length > 0 => {
                let bit = self.dice.below(length * 8);
                if let Some(byte) = bytes.get_mut((bit / 8) as usize) {
                    *byte ^= 1 << (bit % 8);
                }
                format!("bit {bit} flipped")
            }
            1 if length > 0 => {
                bytes.truncate(self.dice.below(length) as usize);
                format!("cut from {length} bytes to {}", bytes.len())
            }
            2 => {
                let others: Vec<_> = files.iter().filter(|other| fs::read(other).is_ok_and(|it| it != bytes)).collect();
                let other = self.dice.one_of(&others).context("all files of the checkpoint are alike")?;
                bytes = fs::read(other)?;
                format!("put another file in its place: {}", other.display())
            }
            _ => {
                fs::remove_file(&file)?;
                return Ok(format!("{name} removed"));
            }
        };
        fs::remove_file(&file)?;
        fs::write(&file, bytes)?;
        Ok(format!("{name}: {how}"))
    }

    pub(super) fn without_log(&mut self) -> Result<Outcome> {
        let beyond = self.kill()?;
        let (log, away) = (self.stage.state().join("log"), self.stage.disk.join("log.away"));
        fs::rename(&log, &away).context("the log cannot be put away")?;
        self.begin()?;
        let code = self.life.end()?.code();
        if code != Some(REFUSED) {
            bail!("a start without the log ended with {code:?}, not {REFUSED}:\n{}", self.life.last_words());
        }
        remove_all(&log)?;
        fs::rename(&away, &log).context("the log cannot be put back")?;
        self.begin()?;
        Ok(Outcome { detail: "refused, as it must be".to_owned(), recovered: self.recovers(beyond)? })
    }

    pub(super) fn on_a_full_disk(&mut self) -> Result<Outcome> {
        let filler = self.stage.disk.join("filler");
        let (waits, goes_on) = (self.life.times(WAITS), self.life.times(GOES_ON));
        let mut file = File::create(&filler).context("the filler cannot be made")?;
        let full = until("the worker waits for the full disk", SOON, || {
            // Until nothing more fits; what the worker gives up for its log is taken too.
            while file.write_all(&[0; 4096]).is_ok() {}
            self.life.must_live()?;
            Ok(self.life.times(WAITS) > waits)
        });
        let for_ms = self.dice.between(200, 1_500);
        full.and_then(|()| pause(for_ms)).inspect_err(|_| drop(fs::remove_file(&filler)))?;
        drop(file);
        let (beyond, since) = (self.stage.length(), Stopwatch::start());
        fs::remove_file(&filler)?;
        self.life.says(GOES_ON, goes_on)?;
        let recovered = self.life.brings(&self.stage, beyond, since)?;
        Ok(Outcome { detail: format!("for {for_ms} ms"), recovered })
    }

    pub(super) fn on_a_read_only_disk(&mut self) -> Result<Outcome> {
        let beyond = self.stop()?;
        self.mounted.as_ref().context("nothing is mounted")?.again("ro")?;
        // Not `begin`: nothing can be cleared away.
        self.life = super::life::Life::begin(&self.stage, &super::life::Start::default())?;
        let status = self.life.end();
        self.mounted.as_ref().context("nothing is mounted")?.again("rw")?;
        let (status, said) = (status?, self.life.said());
        if status.success() || !said.contains("Read-only file system") {
            bail!("a start on a read-only disk ended with {status} and did not name it:\n{}", self.life.last_words());
        }
        self.begin()?;
        Ok(Outcome { detail: "refused, as it must be".to_owned(), recovered: self.recovers(beyond)? })
    }

    pub(super) fn on_a_failing_disk(&mut self) -> Result<Outcome> {
        let beyond = self.kill()?;
        let (what, rules) = self.dice.one_of(&FAILURES).copied().unwrap_or(FAILURES[0]);
        let flag = self.stage.place.join("not-well");
        self.begin_shimmed(rules.to_owned(), Some(flag.clone()))?;
        self.recovers(beyond)?;
        File::create(&flag)?;
        self.life.says(WAITS, 0)?;
        let for_ms = self.dice.between(100, 2_000);
        pause(for_ms)?;
        let (beyond, since) = (self.stage.length(), Stopwatch::start());
        fs::remove_file(&flag)?;
        self.life.says(GOES_ON, 0)?;
        let recovered = self.life.brings(&self.stage, beyond, since)?;
        Ok(Outcome { detail: format!("{what}, for {for_ms} ms"), recovered })
    }

    pub(super) fn on_a_slow_disk(&mut self) -> Result<Outcome> {
        let beyond = self.kill()?;
        let (slow_ms, for_ms) = (self.dice.between(50, 500), self.dice.between(500, 3_000));
        let flag = self.stage.place.join("not-well");
        self.begin_shimmed(format!("sync|*|slow-{slow_ms}|0"), Some(flag.clone()))?;
        self.recovers(beyond)?;
        File::create(&flag)?;
        pause(for_ms)?;
        let (beyond, since) = (self.stage.length(), Stopwatch::start());
        fs::remove_file(&flag)?;
        let recovered = self.life.brings(&self.stage, beyond, since)?;
        Ok(Outcome { detail: format!("syncs of {slow_ms} ms, for {for_ms} ms"), recovered })
    }
}

/// A directory and all below; nothing there is well too.
pub(super) fn remove_all(path: &Path) -> Result<()> {
    if path.exists() {
        fs::remove_dir_all(path).with_context(|| format!("{} cannot be removed", path.display()))?;
    }
    Ok(())
}

/// The newest checkpoint: names carry the epoch.
fn newest_checkpoint(directory: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(directory).with_context(|| format!("{} cannot be read", directory.display()))?;
    let checkpoints = entries.flatten().map(|entry| entry.path());
    let named = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("chk-"));
    checkpoints.filter(named).max().with_context(|| format!("there is no checkpoint in {}", directory.display()))
}

fn files_below(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() { files_below(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
