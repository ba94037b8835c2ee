//! Messages all the time: the worker's generator, which goes on by itself when the broker was away.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;

use crate::process::{Group, run, succeeded};

/// It waits up to a minute until the broker has everything.
const TIME_TO_END: Duration = Duration::from_secs(90);

/// What is generated.
#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) bootstrap: String,
    pub(crate) topic: String,
    pub(crate) seed: u64,
    pub(crate) rate: u32,
    /// No more than so many: it would go on for ever if nobody stopped it.
    pub(crate) most: u64,
}

/// A generator at work.
#[derive(Debug)]
pub(crate) struct Load {
    group: Group,
    log: PathBuf,
}

impl Load {
    /// Makes the topic and starts it; its words go into a file in `place`.
    pub(crate) fn begin(worker: &Path, market: &Market, place: &Path) -> Result<Self> {
        let log = place.join("generate.log");
        // Nothing at first: the topic is there before anybody reads it.
        let none = run(&mut generator(worker, market, 0, &log)?, TIME_TO_END)?;
        succeeded(none, "worker generate").with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
        Ok(Self { group: Group::spawn(&mut generator(worker, market, market.most, &log)?)?, log })
    }

    /// An error if it has ended.
    pub(crate) fn must_live(&mut self) -> Result<()> {
        match self.group.try_wait()? {
            Some(status) => bail!("the generator ended ({status}): {}", self.said()),
            None => Ok(()),
        }
    }

    /// Nothing more comes until it goes on.
    pub(crate) fn pause(&self) {
        self.group.signal(Signal::STOP);
    }

    /// It goes on; what was not made meanwhile is not made up for.
    pub(crate) fn go_on(&self) {
        self.group.signal(Signal::CONT);
    }

    /// Stops it; gives how many messages it made.
    pub(crate) fn end(&mut self) -> Result<u64> {
        let status = self.group.stop(TIME_TO_END)?;
        let said = self.said();
        if !status.success() {
            bail!("the generator ended ({status}): {said}");
        }
        count_in(&said).with_context(|| format!("the generator did not say how many it made: {said:?}"))
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// Sends the market's first messages once more.
pub(crate) fn repeat(worker: &Path, market: &Market, count: u64, place: &Path) -> Result<()> {
    let log = place.join("repeat.log");
    let ended = run(&mut generator(worker, market, count, &log)?, TIME_TO_END)?;
    succeeded(ended, "worker generate").with_context(|| fs::read_to_string(&log).unwrap_or_default())
}

fn generator(worker: &Path, market: &Market, count: u64, log: &Path) -> Result<Command> {
    let mut command = Command::new(worker);
    command.args(["generate", "--to", &market.bootstrap, "--seed", &market.seed.to_string()]);
    command.args(["--rate", &market.rate.to_string(), "--count", &count.to_string()]);
    command.args(["--set", &format!("kafka.topic={}", market.topic), "--log-level", "warn"]);
    command.stdout(Stdio::null()).stderr(File::create(log)?);
    Ok(command)
}

/// `generated 5 of 10 events` → 5
fn count_in(said: &str) -> Option<u64> {
    let line = said.lines().rev().find_map(|line| line.strip_prefix("generated "))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generators_last_words_are_read() {
        assert_eq!(count_in("a warning\ngenerated 5 of 10 events\n"), Some(5));
        assert_eq!(count_in("kafka: away\n"), None);
    }
}
