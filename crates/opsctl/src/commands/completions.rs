//! `opsctl completions`.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use crate::cli::Cli;
use crate::commands::Answer;

pub(super) fn run(shell: Shell) -> Answer {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "opsctl", &mut script);
    Answer::done(String::from_utf8_lossy(&script).trim_end()).field("script", String::from_utf8_lossy(&script))
}
