//! `cargo xtask plant`: proves that the tests can fail. Each planted bug is a file of `crates/worker/tests/planted`: which
//! rule it breaks, and the text that it puts in the place of the project's own. It is put into a copy of the tree, the
//! tests that are there for it run, and they must turn red.

mod bug;
mod copy;
mod measure;
mod table;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use crate::cli::PlantOptions;
use crate::clickhouse::{ADDRESS_VARIABLE, ClickHouse};
pub(crate) use crate::plant::bug::Bug;
use crate::plant::copy::Copy;
use crate::plant::measure::{Kind, Outcome, Tests};
use crate::stopwatch::{Stopwatch, human};
use crate::workspace;

/// Where the bugs stand.
pub(crate) const FOLDER: &str = "crates/worker/tests/planted";
/// What was measured, for people.
pub(crate) const TABLE: &str = "crates/worker/tests/planted/README.md";

/// Plants the chosen bugs, one after the other, and says what became of each.
pub(crate) fn run(root: &Path, options: &PlantOptions) -> Result<ExitCode> {
    let all = bug::read_all(root)?;
    let chosen = chosen(&all, options)?;
    if options.list {
        for bug in chosen {
            println!("{:<34} {}: {}", bug.name, bug.rule, bug.wrong);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let measured = measure_all(root, &chosen)?;
    print!("{}", table::rows(&measured));
    if options.write {
        if chosen.len() < all.len() {
            bail!("--write is for a run of all bugs: the table says what was measured at once");
        }
        std::fs::write(root.join(TABLE), table::page(&measured))
            .with_context(|| format!("{TABLE} cannot be written"))?;
        println!("written to {TABLE}");
    }
    let green: Vec<&str> =
        measured.iter().filter(|(_, outcome)| !outcome.is_red()).map(|(bug, _)| bug.name.as_str()).collect();
    if green.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("no test noticed: {}", green.join(", "));
    Ok(ExitCode::FAILURE)
}

/// The few bugs that every run of CI plants. Gives how many.
pub(crate) fn run_quick(root: &Path) -> Result<usize> {
    let all = bug::read_all(root)?;
    let quick: Vec<&Bug> = all.iter().filter(|bug| bug.quick).collect();
    let measured = measure_all(root, &quick)?;
    print!("{}", table::rows(&measured));
    match measured.iter().find(|(_, outcome)| !outcome.is_red()) {
        Some((bug, _)) => bail!("{} was planted and no test noticed", bug.name),
        None => Ok(measured.len()),
    }
}

fn chosen<'a>(all: &'a [Bug], options: &PlantOptions) -> Result<Vec<&'a Bug>> {
    if let Some(unknown) = options.only.iter().find(|name| !all.iter().any(|bug| bug.name == **name)) {
        bail!("there is no planted bug {unknown}; --list prints them");
    }
    Ok(all.iter().filter(|bug| options.only.is_empty() || options.only.contains(&bug.name)).collect())
}

/// The tree as it is must pass first: otherwise red would say nothing.
fn measure_all<'a>(root: &Path, bugs: &[&'a Bug]) -> Result<Vec<(&'a Bug, Outcome)>> {
    let copy = Copy::fresh(root, &workspace::cache()?.join("planted"))?;
    let mut tests: Vec<Tests> = bugs.iter().map(|bug| bug.tests()).collect();
    tests.sort();
    tests.dedup();
    let server = tests.iter().any(|tests| tests.kind == Kind::ClickHouse);
    let server = server.then(|| ClickHouse::start(root, None)).transpose()?;
    let variables: Vec<(&str, &str)> = server.iter().map(|server| (ADDRESS_VARIABLE, server.address())).collect();
    for tests in &tests {
        let outcome = measure::run(&copy, tests, &variables)?;
        if outcome != Outcome::Green {
            bail!("the tests {} without any planted bug: {outcome}", tests.filter);
        }
    }
    println!("without a planted bug: green ({} runs of tests)", tests.len());
    let mut measured = Vec::new();
    for bug in bugs {
        let watch = Stopwatch::start();
        let planted = copy.plant(bug)?;
        let outcome =
            measure::run(&copy, &bug.tests(), &variables).with_context(|| format!("planted bug {}", bug.name))?;
        drop(planted);
        println!("{:<34} {outcome} ({})", bug.name, human(watch.elapsed()));
        measured.push((*bug, outcome));
    }
    Ok(measured)
}
