//! Steps of a command: a spinner each on a terminal, plain lines with the time elsewhere, records for `--json`.

use std::cell::RefCell;
use std::io::{IsTerminal as _, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

use crate::cli::{Color, CommonArgs};
use crate::ui::Palette;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// Looked at, and it is well.
    Done,
    /// Nothing to do: it was so already.
    Skipped,
    /// Something was started, made or repaired.
    Changed,
    /// It goes on, but somebody should look.
    Warned,
    /// It did not come about.
    Failed,
}

/// What remains of a step.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StepRecord {
    pub(crate) id: &'static str,
    pub(crate) title: String,
    pub(crate) outcome: Outcome,
    pub(crate) detail: String,
    pub(crate) seconds: f64,
}

/// All steps of one command, and how they are shown.
#[derive(Debug)]
pub(crate) struct Steps {
    shown: Shown,
    palette: Palette,
    began: Instant,
    records: RefCell<Vec<StepRecord>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Spinner,
    Lines,
    Nothing,
}

impl Steps {
    /// Shown as the flags say.
    pub(crate) fn new(common: &CommonArgs) -> Self {
        // A program that reads JSON still wants people to see in its log how far it is.
        let shown = match (common.quiet, stderr().is_terminal() && common.color != Color::Never) {
            (true, _) => Shown::Nothing,
            (false, true) => Shown::Spinner,
            (false, false) => Shown::Lines,
        };
        let palette = Palette::for_stderr(common.color);
        Self { shown, palette, began: Instant::now(), records: RefCell::new(Vec::new()) }
    }

    /// Begins a step. Until it is ended by [`Step::end`] it counts as failed.
    pub(crate) fn begin(&self, id: &'static str, title: impl Into<String>) -> Step<'_> {
        let title = title.into();
        let spinner = (self.shown == Shown::Spinner).then(|| spinner(&title));
        Step { steps: self, id, title, began: Instant::now(), spinner, said: RefCell::default(), ended: false }
    }

    /// What became of the steps so far.
    pub(crate) fn records(&self) -> Vec<StepRecord> {
        self.records.borrow().clone()
    }

    /// Whether any step changed anything.
    pub(crate) fn changed(&self) -> bool {
        self.records.borrow().iter().any(|record| record.outcome == Outcome::Changed)
    }

    /// Since the command began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    fn line(&self, text: &str) {
        if self.shown == Shown::Lines {
            eprintln!("{:.0} {text}", Timestamp::now());
        }
    }

    fn ended(&self, record: StepRecord) {
        let mark = match record.outcome {
            Outcome::Done => self.palette.green("✓"),
            Outcome::Skipped => self.palette.dim("·"),
            Outcome::Changed => self.palette.green("↻"),
            Outcome::Warned => self.palette.yellow("!"),
            Outcome::Failed => self.palette.red("✗"),
        };
        let took = self.palette.dim(&format!("({:.1} s)", record.seconds));
        let detail = if record.detail.is_empty() { String::new() } else { format!(": {}", record.detail) };
        match self.shown {
            Shown::Spinner => eprintln!("{mark} {}{detail} {took}", record.title),
            Shown::Lines => self.line(&format!("{mark} {}{detail} {took}", record.title)),
            Shown::Nothing => {}
        }
        self.records.borrow_mut().push(record);
    }
}

/// A step under way.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    steps: &'a Steps,
    id: &'static str,
    title: String,
    began: Instant,
    spinner: Option<ProgressBar>,
    /// The last thing said, so that polling does not fill a log with the same line.
    said: RefCell<String>,
    ended: bool,
}

impl Step<'_> {
    /// How far it is; the same words twice are said once.
    pub(crate) fn say(&self, text: impl Into<String>) {
        let text = text.into();
        if *self.said.borrow() == text {
            return;
        }
        match &self.spinner {
            Some(spinner) => spinner.set_message(format!("{}: {text}", self.title)),
            None => self.steps.line(&format!("  {}: {text}", self.title)),
        }
        self.said.replace(text);
    }

    /// Ends it.
    pub(crate) fn end(mut self, outcome: Outcome, detail: impl Into<String>) {
        self.finish(outcome, detail.into());
    }

    fn finish(&mut self, outcome: Outcome, detail: String) {
        self.ended = true;
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
        let seconds = (self.began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        self.steps.ended(StepRecord { id: self.id, title: self.title.clone(), outcome, detail, seconds });
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let said = self.said.take();
            self.finish(Outcome::Failed, said);
        }
    }
}

fn spinner(title: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_message(title.to_owned());
    // A template that does not parse leaves the default, which shows as much.
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps() -> Steps {
        Steps {
            shown: Shown::Nothing,
            palette: Palette::for_stderr(Color::Never),
            began: Instant::now(),
            records: RefCell::default(),
        }
    }

    #[test]
    fn a_step_that_is_left_has_failed_and_says_where_it_was() {
        let steps = steps();
        let step = steps.begin("brokers", "three brokers answer");
        step.say("2 of 3");
        drop(step);
        let records = steps.records();
        assert_eq!((records[0].outcome, records[0].detail.as_str()), (Outcome::Failed, "2 of 3"));
        assert!(!steps.changed());
    }

    #[test]
    fn a_changed_step_makes_the_run_a_changed_one() {
        let steps = steps();
        steps.begin("a", "a").end(Outcome::Skipped, "");
        assert!(!steps.changed());
        steps.begin("b", "b").end(Outcome::Changed, "made");
        assert!(steps.changed());
    }
}
