//! Faults that leave the disk as it is: deaths, stops, and a broker that is away.

use std::time::Duration;

use anyhow::{Result, bail};
use rustix::process::Signal;

use super::act::{Act, Outcome};
use super::life::{SOON, Start, TOKEN};
use super::losses::remove_all;
use super::wait::{pause, until};
use super::{load, rest};
use crate::stopwatch::Stopwatch;

/// Where a worker dies, by the call to the machine that it is in. The tests of the worker have the same
/// (`crates/worker/tests/worker/kafka/killed.rs`).
const POINTS: [(&str, &str, u64); 11] = [
    ("in the middle of an epoch's record", "write|*/log/*.epochs|kill-half", 200),
    ("after the record, before its sync", "write|*/log/*.epochs|kill-after", 200),
    ("after the log", "sync|*/log/*.epochs|kill-after", 200),
    ("after execute", "write|*/results|kill-before", 200),
    ("in the middle of delivery", "write|*/results|kill-half", 200),
    ("after delivery", "write|*/results|kill-after", 200),
    ("before the commit", "sync|*/results|kill-after", 50),
    ("in the middle of the commit", "write|*/db/*.log|kill-half", 50),
    ("after the commit", "write|*/db/*.log|kill-after", 50),
    ("before a checkpoint has its name", "rename|*/chk-*|kill-before", 2),
    ("after a checkpoint has its name", "rename|*/chk-*|kill-after", 2),
];

impl Act<'_> {
    pub(super) fn killed(&mut self) -> Result<Outcome> {
        let beyond = self.kill()?;
        self.begin()?;
        Ok(Outcome { detail: String::new(), recovered: self.recovers(beyond)? })
    }

    pub(super) fn killed_in_a_row(&mut self) -> Result<Outcome> {
        let times = self.dice.between(2, 5);
        let mut beyond = self.kill()?;
        for _ in 1..times {
            self.begin()?;
            // From before the state is open to well into the work.
            pause(self.dice.between(10, 600))?;
            beyond = self.kill()?.max(beyond);
        }
        self.begin()?;
        Ok(Outcome { detail: format!("{times} times"), recovered: self.recovers(beyond)? })
    }

    pub(super) fn stopped(&mut self) -> Result<Outcome> {
        let beyond = self.stop()?;
        self.begin()?;
        Ok(Outcome { detail: String::new(), recovered: self.recovers(beyond)? })
    }

    pub(super) fn frozen(&mut self) -> Result<Outcome> {
        let for_ms = self.dice.between(200, 4_000);
        self.life.signal(Signal::STOP);
        pause(for_ms)?;
        let (beyond, since) = (self.stage.length(), Stopwatch::start());
        self.life.signal(Signal::CONT);
        let recovered = self.life.brings(&self.stage, beyond, since)?;
        Ok(Outcome { detail: format!("for {for_ms} ms"), recovered })
    }

    pub(super) fn rescaled(&mut self) -> Result<Outcome> {
        let gently = self.dice.below(2) == 0;
        let beyond = if gently { self.stop()? } else { self.kill()? };
        let before = self.parallelism;
        self.parallelism = self.other_parallelism();
        self.begin()?;
        let how = if gently { "SIGTERM" } else { "kill -9" };
        let detail = format!("{how}, parallelism {before} to {}", self.parallelism);
        Ok(Outcome { detail, recovered: self.recovers(beyond)? })
    }

    pub(super) fn without_broker(&mut self) -> Result<Outcome> {
        let for_ms = self.dice.between(200, 4_000);
        self.broker.kill()?;
        pause(for_ms)?;
        self.life.must_live()?;
        let away = Stopwatch::start();
        self.broker.start_again()?;
        let detail = format!("away for {:.1} s", for_ms as f64 / 1e3 + away.elapsed().as_secs_f64());
        let (beyond, since) = (self.stage.length(), Stopwatch::start());
        Ok(Outcome { detail, recovered: self.life.brings(&self.stage, beyond, since)? })
    }

    pub(super) fn with_repeats(&mut self) -> Result<Outcome> {
        // Snapshot rows have no place in the binlog: they count again. By then they are late for certain, by event time.
        let begun = self.begun;
        until("the first messages are old", SOON, || Ok(begun.elapsed() > OLD))?;
        let count = self.dice.between(100, 500);
        // Once all is committed, and before anything newer: only the marks of the commit tell what is a repeat.
        self.load.pause();
        self.wait_until_quiet()?;
        self.kill()?;
        load::repeat(&self.stage.worker, &self.market, count, &self.stage.place)?;
        self.begin()?;
        // Late ones leave traces by event time, snapshot rows always do.
        self.recovers(self.stage.length())?;
        self.wait_until_quiet()?;
        let (beyond, since) = (self.stage.length(), Stopwatch::start());
        self.load.go_on();
        Ok(Outcome { detail: format!("{count} messages"), recovered: self.life.brings(&self.stage, beyond, since)? })
    }

    pub(super) fn restored_savepoint(&mut self) -> Result<Outcome> {
        let before = self.life.times(SAVEPOINT_MADE);
        self.life.signal(Signal::USR1);
        self.life.says(SAVEPOINT_MADE, before)?;
        let savepoint = self.life.word_behind(SAVEPOINT_MADE)?;
        // What is executed behind it is executed again.
        pause(self.dice.between(0, 1_000))?;
        let beyond = self.kill()?;
        self.parallelism = self.other_parallelism();
        self.begin_with(Start { restore: Some(savepoint.into()), ..Start::default() })?;
        self.life.says(SAVEPOINT_RESTORED, 0)?;
        Ok(Outcome { detail: format!("at parallelism {}", self.parallelism), recovered: self.recovers(beyond)? })
    }

    pub(super) fn moved(&mut self) -> Result<Outcome> {
        rest::stop_with_savepoint(self.stage.port, TOKEN)?;
        let status = self.life.end()?;
        if !status.success() {
            bail!("the stop with savepoint ended badly ({status}):\n{}", self.life.last_words());
        }
        let savepoint = self.life.word_behind(SAVEPOINT_MADE)?;
        let beyond = self.after_its_end()?;
        remove_all(&self.stage.state())?;
        // A new timeline, whose log does not reach back to the checkpoints of before.
        self.checkpoints = 0;
        self.parallelism = self.other_parallelism();
        self.begin_with(Start { restore: Some(savepoint.into()), ..Start::default() })?;
        self.life.says(SAVEPOINT_RESTORED, 0)?;
        Ok(Outcome { detail: format!("at parallelism {}", self.parallelism), recovered: self.recovers(beyond)? })
    }

    pub(super) fn dead_at_a_point(&mut self) -> Result<Outcome> {
        let beyond = self.kill()?;
        let (what, rule, most) = self.dice.one_of(&POINTS).copied().unwrap_or(POINTS[0]);
        let number = self.dice.between(1, most);
        self.begin_shimmed(format!("{rule}|{number}"), None)?;
        let status = self.life.end()?;
        if status.success() || status.code().is_some() {
            bail!("{what}: the worker ended ({status}) instead of dying there:\n{}", self.life.last_words());
        }
        let beyond = self.after_its_end()?.max(beyond);
        self.begin()?;
        Ok(Outcome { detail: format!("{what}, the {number}th time"), recovered: self.recovers(beyond)? })
    }

    /// Waits until nothing new has come for a while.
    fn wait_until_quiet(&mut self) -> Result<()> {
        let (mut length, mut silent) = (self.stage.length(), Stopwatch::start());
        until("all that was read has come out", SOON, || {
            self.life.must_live()?;
            let now = self.stage.length();
            if now != length {
                (length, silent) = (now, Stopwatch::start());
            }
            Ok(silent.elapsed() > QUIET)
        })
    }

    /// Waits until so many sound checkpoints of this timeline are there.
    pub(super) fn wait_for_checkpoints(&mut self, count: usize) -> Result<()> {
        until(&format!("there are {count} checkpoints"), SOON + Duration::from_secs(10), || {
            self.life.must_live()?;
            Ok(self.checkpoints_made() >= count)
        })
    }
}

/// More than a window, the watermark's distance and what one partition may be behind another.
const OLD: Duration = Duration::from_secs(12);
/// More than commits wait for each other, and than a message is on its way; less than a window would add to.
const QUIET: Duration = Duration::from_millis(1_500);
const SAVEPOINT_MADE: &str = "savepoint made: ";
const SAVEPOINT_RESTORED: &str = "restored the savepoint";
