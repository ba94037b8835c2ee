//! What a scenario is, and what it is handed.

use std::fmt::Display;

use anyhow::Result;

use crate::pipeline::Pipeline;
use crate::stack::{Places, Stack};

/// One of the list in `scenarios`.
pub(crate) struct Scenario {
    /// For `--only`, and for what it names after itself.
    pub(crate) name: &'static str,
    /// One line.
    pub(crate) what: &'static str,
    /// Whether `./scripts/test` runs it.
    pub(crate) marked: bool,
    /// On which stack.
    pub(crate) on: On,
    /// Does it; an error, also a panic, is a failure.
    pub(crate) run: fn(&mut Stage<'_>) -> Result<()>,
}

/// Which stack a scenario runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    /// One that was just started, before anybody wrote to it.
    Fresh,
    /// The one that runs, whatever others did on it; it is left running, and as it should be.
    Shared,
    /// One that the scenario makes itself; no other runs meanwhile.
    Own,
}

/// What a scenario is handed.
pub(crate) struct Stage<'a> {
    /// The scenario's name.
    pub(crate) name: &'static str,
    /// For what is random.
    pub(crate) seed: u64,
    pub(crate) places: &'a Places,
    /// Prefix of the names of stacks.
    pub(crate) project: &'a str,
    pub(crate) keep: bool,
    shared: Option<&'a Stack>,
    /// When `opsctl up` of the shared stack began.
    pub(crate) up_began_ms: i64,
    notes: Vec<(String, String)>,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(
        scenario: &Scenario,
        (seed, project, keep): (u64, &'a str, bool),
        places: &'a Places,
        shared: Option<(&'a Stack, i64)>,
    ) -> Self {
        let (shared, up_began_ms) = shared.unzip();
        let up_began_ms = up_began_ms.unwrap_or_default();
        Self { name: scenario.name, seed, places, project, keep, shared, up_began_ms, notes: Vec::new() }
    }

    /// The stack that runs.
    pub(crate) fn stack(&self) -> Result<&'a Stack> {
        self.shared.ok_or_else(|| anyhow::anyhow!("{} asked for a stack of its own", self.name))
    }

    /// A stack of the scenario's own: nothing of it is there yet, and nothing is left when it is dropped.
    pub(crate) fn own_stack(&self) -> Result<Stack> {
        let mut stack = Stack::new(self.places, &format!("{}-{}", self.project, self.name))?;
        stack.keep = self.keep;
        Ok(stack)
    }

    /// A pipeline of the scenario's own on the stack that runs.
    pub(crate) fn pipeline(&self, settings: &str) -> Result<Pipeline<'a>> {
        Pipeline::start(self.stack()?, self.name, settings)
    }

    /// Says what is being done now.
    pub(crate) fn step(&self, words: impl Display) {
        crate::say(&format!("{}: {words}", self.name));
    }

    /// Something measured, for the report.
    pub(crate) fn note(&mut self, what: &str, value: impl Display) {
        let value = value.to_string();
        self.step(format_args!("{what}: {value}"));
        self.notes.push((what.to_owned(), value));
    }

    /// All that was noted.
    pub(crate) fn into_notes(self) -> Vec<(String, String)> {
        self.notes
    }
}
