//! `opsctl`: brings the pipeline up, keeps it right, says what is wrong.
//!
//! Every command can be run again at any time. Commands do (`commands/`), clients talk to one system each (`clients/`),
//! checks judge what was seen without touching anything (`checks/`), and `ui/` tells people and programs.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool: what it prints is its result")]

mod cli;
mod failure;
mod stack;
mod lock;
mod clients;
mod checks;
mod commands;
mod ui;

use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use crate::cli::Cli;
use crate::commands::{Answer, Session};
use crate::failure::{Exit, Failure, Result};

/// A signal that was sent to this program and to those that it started is here after this.
const SIGNAL_MAY_COME: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| {
        let _ = error.print();
        // Help and version are no errors; everything else is wrong usage.
        std::process::exit(if error.use_stderr() { Exit::CouldNotRun as i32 } else { 0 })
    });
    let command = commands::name(&cli.command);
    let session = Session::new(cli.common.clone());
    let result = match &session {
        Ok(session) => in_runtime(session, &cli),
        Err(failure) => Err(failure.clone()),
    };
    if cli.common.json {
        println!("{}", commands::object(session.as_ref().ok(), command, &result));
    }
    let exit = match result {
        Ok(answer) => {
            if !cli.common.json && !answer.text.is_empty() {
                println!("{}", answer.text);
            }
            answer.exit
        }
        Err(failure) => {
            eprintln!("opsctl: {failure}");
            failure.exit
        }
    };
    ExitCode::from(exit as u8)
}

fn in_runtime(session: &Session, cli: &Cli) -> Result<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::could_not_run(format!("no event loop: {error}")))?;
    runtime.block_on(async {
        let mut stopped = pin!(asked_to_stop());
        let result = tokio::select! {
            // First, so that it listens before anything is done.
            biased;
            () = &mut stopped => None,
            result = commands::run(session, &cli.command) => Some(result),
        };
        match result {
            Some(Ok(answer)) => Ok(answer),
            // Ctrl-C goes to what was started here, too: its failure may be seen before the signal is.
            Some(Err(failure)) if timeout(SIGNAL_MAY_COME, stopped).await.is_err() => Err(failure),
            _ if commands::is_endless(&cli.command) => Ok(Answer::done("")),
            _ => Err(Failure::interrupted()),
        }
    })
}

/// Waits for Ctrl-C or SIGTERM.
async fn asked_to_stop() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers the signals end the process as they always do.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
