//! One act: a topic under load, a worker that reads it, faults until the time is over, then the comparison.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::dice::Dice;
use super::fault::{Deck, Fault};
use super::life::{Life, Shim, Stage, Start};
use super::load::{Load, Market};
use super::mount::Mounted;
use super::report::Happened;
use super::wait::pause;
use super::witness::Witness;
use crate::broker::Broker;
use crate::stopwatch::Stopwatch;

/// Between one fault, recovered from, and the next.
const GAP_MS: (u64, u64) = (200, 2_000);
/// More than cores, and more than partitions.
pub(crate) const PARALLELISMS: [u64; 5] = [1, 2, 3, 4, 8];

/// What is at hand in an act.
pub(crate) struct Act<'a> {
    pub(crate) stage: Stage,
    /// What the load is made of.
    pub(crate) market: Market,
    pub(crate) load: Load,
    /// Since the act began.
    pub(crate) begun: Stopwatch,
    pub(crate) broker: &'a mut Broker,
    pub(crate) dice: &'a mut Dice,
    /// Since the whole run began.
    pub(crate) watch: Stopwatch,
    pub(crate) shim: Option<PathBuf>,
    pub(crate) mounted: Option<Mounted>,
    pub(crate) life: Life,
    pub(crate) witness: Witness,
    pub(crate) parallelism: u64,
    /// Checkpoints that earlier lives made since the timeline began and that are sound.
    pub(crate) checkpoints: usize,
}

/// What became of a fault.
pub(crate) struct Outcome {
    /// In a few words.
    pub(crate) detail: String,
    /// From the moment from which it could go on to its first new result.
    pub(crate) recovered: Duration,
}

impl Act<'_> {
    /// Plays faults for so long; each is told as it is over.
    pub(crate) fn play(&mut self, deck: &mut Deck, limit: Duration, tell: &mut dyn FnMut(Happened)) -> Result<()> {
        let begun = Stopwatch::start();
        self.life.brings(&self.stage, 0, self.life.since).context("the first start")?;
        while begun.elapsed() < limit {
            pause(self.dice.between(GAP_MS.0, GAP_MS.1))?;
            self.load.must_live()?;
            self.life.must_live()?;
            let Some(fault) = deck.draw(self.dice) else { return Ok(()) };
            let at_seconds = self.now();
            let outcome = self.inflict(fault).with_context(|| format!("{} at {at_seconds:.1} s", fault.name()))?;
            let Outcome { detail, recovered } = outcome;
            tell(Happened { time: self.stage.time, at_seconds, fault, detail, recovered });
        }
        Ok(())
    }

    /// Seconds since the run began.
    pub(crate) fn now(&self) -> f64 {
        self.watch.elapsed().as_secs_f64()
    }

    /// The worker is killed; gives how long its results were then.
    pub(crate) fn kill(&mut self) -> Result<u64> {
        self.life.kill()?;
        self.after_its_end()
    }

    /// The worker is stopped by SIGTERM; the same.
    pub(crate) fn stop(&mut self) -> Result<u64> {
        self.life.stop()?;
        self.after_its_end()
    }

    /// What is kept of a life that has ended.
    pub(crate) fn after_its_end(&mut self) -> Result<u64> {
        self.checkpoints += self.life.times(CHECKPOINT_MADE);
        self.witness.look(&self.stage.results(), self.watch.elapsed().as_secs_f64())
    }

    /// The next life begins, the way that most do.
    pub(crate) fn begin(&mut self) -> Result<()> {
        self.begin_with(Start::default())
    }

    /// The same with a savepoint or the library.
    pub(crate) fn begin_with(&mut self, start: Start) -> Result<()> {
        self.clear_away()?;
        self.life = Life::begin(&self.stage, &Start { parallelism: self.parallelism, ..start })?;
        Ok(())
    }

    /// Begins under rules of the library.
    pub(crate) fn begin_shimmed(&mut self, rules: String, only_while: Option<PathBuf>) -> Result<()> {
        let library = self.shim.clone().context("the library was not built")?;
        self.begin_with(Start { shim: Some(Shim { library, rules, only_while }), ..Start::default() })
    }

    /// Waits for the first result behind `beyond`, counted from the start of this life.
    pub(crate) fn recovers(&mut self, beyond: u64) -> Result<Duration> {
        let since = self.life.since;
        self.life.brings(&self.stage, beyond, since)
    }

    /// How many sound checkpoints there are in this timeline.
    pub(crate) fn checkpoints_made(&self) -> usize {
        self.checkpoints + self.life.times(CHECKPOINT_MADE)
    }

    /// Another parallelism than now.
    pub(crate) fn other_parallelism(&mut self) -> u64 {
        let now = self.parallelism;
        let others: Vec<u64> = PARALLELISMS.into_iter().filter(|parallelism| *parallelism != now).collect();
        self.dice.one_of(&others).copied().unwrap_or(now)
    }

    /// Databases that a restore set aside: nobody looks at them, and the disk may be small.
    fn clear_away(&self) -> Result<()> {
        for entry in fs::read_dir(self.stage.state()).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with("db.set-aside-") {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    pub(crate) fn inflict(&mut self, fault: Fault) -> Result<Outcome> {
        match fault {
            Fault::Kill => self.killed(),
            Fault::KillInARow => self.killed_in_a_row(),
            Fault::Stop => self.stopped(),
            Fault::Freeze => self.frozen(),
            Fault::Rescale => self.rescaled(),
            Fault::BrokerKilled => self.without_broker(),
            Fault::Repeats => self.with_repeats(),
            Fault::Savepoint => self.restored_savepoint(),
            Fault::Moved => self.moved(),
            Fault::StateLost => self.without_state(),
            Fault::CheckpointDamaged => self.with_a_damaged_checkpoint(),
            Fault::LogLost => self.without_log(),
            Fault::DiskFull => self.on_a_full_disk(),
            Fault::ReadOnly => self.on_a_read_only_disk(),
            Fault::DiskFails => self.on_a_failing_disk(),
            Fault::DiskSlow => self.on_a_slow_disk(),
            Fault::DeathAtAPoint => self.dead_at_a_point(),
        }
    }
}

/// What the worker says once a checkpoint is complete.
pub(crate) const CHECKPOINT_MADE: &str = "checkpoint made: ";
