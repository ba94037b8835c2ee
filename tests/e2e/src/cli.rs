//! Every flag, in one place.

use clap::Parser;
use clap::builder::PossibleValuesParser;

use crate::scenarios;

/// `cargo xtask e2e …`
#[derive(Debug, Parser)]
#[command(
    name = "e2e",
    bin_name = "cargo xtask e2e",
    about = "The real stack under test: MySQL to the worker's lines, under a project name and on ports of its own",
    after_help = "Examples:
  cargo xtask e2e                       the marked scenarios, as ./scripts/test runs them
  cargo xtask e2e --all
  cargo xtask e2e --only oracle --seed 7 --repeat 3
  cargo xtask e2e --only seed --keep    leaves the stack for a look: opsctl -p cdc-e2e status

Logs of every container, report.xml (JUnit) and summary.txt go to target/e2e.
Exit codes: 0 all passed or skipped, 1 something failed, 130 interrupted (the stack is taken down first)."
)]
pub(crate) struct Cli {
    /// Run every scenario, not only the marked ones
    #[arg(long, conflicts_with = "only")]
    pub(crate) all: bool,
    /// Print the scenarios and stop
    #[arg(long)]
    pub(crate) list: bool,
    /// Run only this scenario; may be given several times
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(scenarios::names()), hide_possible_values = true)]
    pub(crate) only: Vec<String>,
    /// Seed of what is random; printed, so that a run can be had again
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Run all of it so many times, each time with the next seed, each time from nothing
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) repeat: u64,
    /// Leave the last stack running; the next run removes it
    #[arg(long)]
    pub(crate) keep: bool,
    /// Whose images: local (of `cargo xtask images`), public or auto
    #[arg(long, value_name = "WHOSE", default_value = "local", value_parser = ["local", "public", "auto"], hide_possible_values = true)]
    pub(crate) images: String,
    /// Project name; others have the stacks' names after it
    #[arg(long, value_name = "NAME", default_value = "cdc-e2e")]
    pub(crate) project: String,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_unknown_scenario_is_refused_and_the_known_ones_are_named() {
        let error = Cli::try_parse_from(["e2e", "--only", "sed"]).expect_err("no such scenario").to_string();
        assert!(error.contains("sed") && error.contains("seed"), "{error}");
    }
}
