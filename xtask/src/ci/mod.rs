//! `cargo xtask ci`: every check and test, each with its title and duration, then a table and one closing line.

mod outcome;
mod api;
mod page;
mod steps;
mod tools;
mod instructions;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;

use crate::broker::Broker;
use crate::ci::outcome::{Report, Verdict};
use crate::ci::steps::{STEPS, Step};
use crate::cli::CiOptions;
use crate::process::Interrupted;
use crate::stopwatch::{Stopwatch, human};

/// What the steps share.
pub(crate) struct Context {
    root: PathBuf,
    /// `CI` is set: what is missing is installed, and a Kafka or ClickHouse that cannot be started is a failure.
    in_ci: bool,
    broker: Option<Broker>,
}

/// The steps' names, in order.
pub(crate) fn step_names() -> Vec<&'static str> {
    STEPS.iter().map(|step| step.name).collect()
}

/// Runs the chosen steps; the exit code tells whether all went well.
pub(crate) fn run(root: &Path, options: &CiOptions) -> Result<ExitCode> {
    if options.list {
        for step in STEPS {
            println!("{:<12} {}", step.name, step.what);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let in_ci = env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
    let mut context = Context { root: root.to_path_buf(), in_ci, broker: None };
    let mut report = Report::default();
    for step in chosen(options) {
        run_step(step, &mut context, &mut report)?;
    }
    // Before the closing line: stopping takes a moment, and nothing should stand below that line.
    drop(context);
    print!("{report}");
    Ok(if report.all_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run_step(step: &Step, context: &mut Context, report: &mut Report) -> Result<()> {
    println!("\n━━ {}: {}", step.name, step.what);
    let watch = Stopwatch::start();
    let verdict = match (step.run)(context) {
        Ok(verdict) => verdict,
        Err(error) if error.is::<Interrupted>() => return Err(error),
        Err(error) => Verdict::Failed(format!("{error:#}")),
    };
    println!("━━ {}: {verdict} ({})", step.name, human(watch.elapsed()));
    report.add(step.name, verdict, watch.elapsed());
    Ok(())
}

/// `--only` names steps, which bring what they need; `--skip` has the last word.
fn chosen(options: &CiOptions) -> impl Iterator<Item = &'static Step> {
    let named = |names: &[String], name: &str| names.iter().any(|given| given == name);
    let needed = move |name: &str| STEPS.iter().any(|step| step.needs == Some(name) && named(&options.only, step.name));
    STEPS.iter().filter(move |step| {
        let wanted = options.only.is_empty() || named(&options.only, step.name) || needed(step.name);
        wanted && !named(&options.skip, step.name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_brings_what_a_step_needs_and_skip_has_the_last_word() {
        let names = |only: &[&str], skip: &[&str]| {
            let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
            let options = CiOptions { only: owned(only), skip: owned(skip), list: false };
            chosen(&options).map(|step| step.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&["fmt"], &[]), ["fmt"]);
        assert_eq!(names(&["test"], &[]), ["broker", "test"]);
        assert_eq!(names(&["test", "fmt"], &["broker"]), ["fmt", "test"]);
        assert_eq!(names(&[], &[]), step_names());
        assert_eq!(names(&[], &["fmt"]), step_names()[1..]);
    }

    #[test]
    fn every_need_is_a_step_that_runs_before() {
        for (index, step) in STEPS.iter().enumerate() {
            let before = &STEPS[..index];
            assert!(before.iter().all(|other| other.name != step.name), "{} stands twice", step.name);
            if let Some(need) = step.needs {
                assert!(before.iter().any(|other| other.name == need), "{} needs {need}", step.name);
            }
        }
    }
}
