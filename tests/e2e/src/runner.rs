//! Runs the chosen scenarios in order, on as few stacks as they allow, and takes everything down however it ends.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Context as _, Result, bail};

use crate::cli::Cli;
use crate::report::{Entry, Report, Verdict};
use crate::say;
use crate::scenario::{On, Scenario, Stage};
use crate::signals::{self, Interrupted};
use crate::stack::{Places, Stack, docker};
use crate::stopwatch::{Stopwatch, human, wall_ms};

/// The stack that scenarios share.
struct Shared {
    stack: Stack,
    up_began_ms: i64,
    /// Nobody has written to it.
    fresh: bool,
}

/// One run of `cargo xtask e2e`.
pub(crate) struct Runner<'a> {
    cli: &'a Cli,
    places: &'a Places,
    shared: Option<Shared>,
}

impl<'a> Runner<'a> {
    pub(crate) fn new(cli: &'a Cli, places: &'a Places) -> Self {
        Self { cli, places, shared: None }
    }

    /// All rounds. After Ctrl-C the report holds what had run until then.
    pub(crate) fn run(&mut self, chosen: &[&Scenario], report: &mut Report) -> Result<()> {
        self.remove_leftovers()?;
        for round in 0..self.cli.repeat {
            let seed = self.cli.seed + round;
            for scenario in chosen {
                let entry = self.run_one(scenario, seed);
                let interrupted = signals::interrupted();
                report.0.extend(entry.filter(|_| !interrupted));
                if interrupted {
                    self.shared = None;
                    bail!(Interrupted);
                }
            }
            // The next round starts from nothing.
            if round + 1 < self.cli.repeat {
                self.shared = None;
            }
        }
        if let Some(shared) = &mut self.shared {
            shared.stack.keep = self.cli.keep;
        }
        self.shared = None;
        Ok(())
    }

    /// What a run before, that was killed or told to, left behind under our names.
    fn remove_leftovers(&self) -> Result<()> {
        let project = &self.cli.project;
        let prefix = format!("{project}-");
        for left in docker::projects()?.iter().filter(|name| *name == project || name.starts_with(&prefix)) {
            let parts = docker::remove_project(left)?;
            say(&format!("removed {left}, which a run before had left ({parts} containers, networks, volumes)"));
        }
        Ok(())
    }

    fn run_one(&mut self, scenario: &Scenario, seed: u64) -> Option<Entry> {
        say(&format!("━━ {}: {}", scenario.name, scenario.what));
        if let Err(error) = self.prepare(scenario.on) {
            let verdict = Verdict::Failed(format!("no stack to run on: {error:#}"));
            return Some(ended(scenario, seed, verdict, Stopwatch::start(), Vec::new()));
        }
        let shared = self.shared.as_mut().filter(|_| scenario.on != On::Own);
        let shared = shared.map(|shared| {
            shared.fresh = false;
            (&shared.stack, shared.up_began_ms)
        });
        let keep = self.cli.keep && self.cli.repeat == 1;
        let mut stage = Stage::new(scenario, (seed, &self.cli.project, keep), self.places, shared);
        let watch = Stopwatch::start();
        let result = catch_unwind(AssertUnwindSafe(|| (scenario.run)(&mut stage)));
        let notes = stage.into_notes();
        let verdict = match result {
            Ok(Ok(())) => Verdict::Passed,
            Ok(Err(error)) if error.is::<Interrupted>() => return None,
            Ok(Err(error)) => Verdict::Failed(format!("{error:#}")),
            Err(panic) => Verdict::Failed(format!("panicked: {}", panic_message(panic.as_ref()))),
        };
        let failed = verdict != Verdict::Passed;
        let entry = ended(scenario, seed, verdict, watch, notes);
        if failed && scenario.on != On::Own && !self.cli.keep {
            // What a failed one left behind should fail no other.
            self.shared = None;
        }
        Some(entry)
    }

    /// Brings the shared stack to what the next scenario needs.
    fn prepare(&mut self, on: On) -> Result<()> {
        match (on, &self.shared) {
            (On::Shared, Some(_)) | (On::Own, None) => return Ok(()),
            (On::Fresh, Some(shared)) if shared.fresh => return Ok(()),
            _ => self.shared = None,
        }
        if on == On::Own {
            return Ok(());
        }
        let stack = Stack::new(self.places, &self.cli.project)?;
        let (watch, up_began_ms) = (Stopwatch::start(), wall_ms());
        say(&format!("starting {} with opsctl up", stack.project));
        stack.up(&[]).context("the stack did not come up")?;
        say(&format!("{} is up in {}", stack.project, human(watch.elapsed())));
        self.shared = Some(Shared { stack, up_began_ms, fresh: true });
        Ok(())
    }
}

fn ended(scenario: &Scenario, seed: u64, verdict: Verdict, watch: Stopwatch, notes: Vec<(String, String)>) -> Entry {
    let (word, why) = verdict.parts();
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    say(&format!("━━ {}: {word} ({}){why}", scenario.name, human(watch.elapsed())));
    Entry { name: scenario.name, seed, verdict, took: watch.elapsed(), notes }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
