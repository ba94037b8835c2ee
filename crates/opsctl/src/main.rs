//! `opsctl`: brings the pipeline up, keeps it right, says what is wrong.
//!
//! Every command can be run again at any time. Commands do (`commands/`), clients talk to one system each (`clients/`),
//! checks judge what was seen without touching anything (`checks/`), and `ui/` tells people and programs.

mod cli;
mod failure;
mod clients;
mod checks;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;

fn main() -> ExitCode {
    let _cli = Cli::parse();
    ExitCode::SUCCESS
}
