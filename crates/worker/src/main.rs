//! Arguments → configuration → command → exit code.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use worker::cli::{self, Cli, Command, Exit};
use worker::commands::config::ConfigCommandError;
use worker::commands::{self, Console, KeptStateError, Session, SessionError};
use worker::config::{Host, Settings, Values};
use worker::telemetry::logs;

fn main() -> ExitCode {
    worker::allocator::give_large_blocks_back();
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(exit) => return exit.into(),
    };
    match execute(&cli) {
        Ok(()) => Exit::Done.into(),
        Err((message, exit)) => {
            // Who closed stderr does not want to know.
            let _closed = writeln!(std::io::stderr(), "worker: {message}");
            exit.into()
        }
    }
}

/// Runs the command. An error is one line and an exit code.
fn execute(cli: &Cli) -> Result<(), (String, Exit)> {
    let host = Host::this();
    let flags = cli.flags();
    if let Command::Config(arguments) = &cli.command {
        return match commands::config::execute(arguments, &flags, &host, &mut std::io::stdout().lock()) {
            // Whoever read has enough (`| head`).
            Err(ConfigCommandError::Write(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            result => result.map_err(|error| (error.to_string(), error.exit())),
        };
    }
    let values = Values::load(&flags, &host).map_err(|error| (error.to_string(), Exit::from(&error)))?;
    let settings = Settings::read(&values, &host).map_err(|error| (error.to_string(), Exit::from(&error)))?;
    let color = cli.common.color.unwrap_or_default();
    let no_color = std::env::var_os("NO_COLOR");
    let colours = |terminal| color.is_on(no_color.as_deref(), terminal);
    let (out_terminal, err_terminal) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
    logs::start(&settings.log, colours(err_terminal), err_terminal);
    let console = Console { colour: colours(out_terminal), terminal: out_terminal };
    match kept_state(&cli.command, &settings) {
        // Whoever read has enough (`| head`).
        Some(Err(KeptStateError::Write(error))) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
        Some(result) => return result.map_err(|error| (error.to_string(), error.exit())),
        None => {}
    }
    run(&cli.command, &settings, &values, console).map_err(|error| (error.to_string(), error.exit()))
}

/// The commands that look at what state was kept; `None` for the others.
fn kept_state(command: &Command, settings: &Settings) -> Option<Result<(), KeptStateError>> {
    let mut out = buffered_stdout();
    let result = match command {
        Command::Checkpoint(arguments) => {
            commands::checkpoint::execute(arguments, &settings.state.checkpoints_directory, &mut out)
        }
        Command::Savepoint(arguments) => {
            let directory = &settings.state.savepoints_directory;
            commands::savepoint::execute(arguments, directory, &mut std::io::stdin().lock(), &mut out)
        }
        _ => return None,
    };
    Some(result.and_then(|()| Ok(out.flush()?)))
}

fn run(command: &Command, settings: &Settings, values: &Values, console: Console) -> Result<(), SessionError> {
    let session = || Session::new(settings, values, console);
    match command {
        Command::Replay(arguments) => commands::replay::execute(arguments, settings, &session()?),
        #[cfg(feature = "clickhouse")]
        Command::Backfill(arguments) => commands::backfill::execute(arguments, settings, values, console),
        #[cfg(not(feature = "clickhouse"))]
        Command::Backfill(_) => Err(SessionError::NotBuilt { feature: "clickhouse" }),
        Command::Decode(arguments) => commands::decode::execute(arguments, settings, &mut buffered_stdout()),
        Command::Health(arguments) => {
            commands::health::execute(arguments, &settings.web, &mut std::io::stdout().lock())
        }
        Command::Generate(arguments) => {
            commands::generate::execute(arguments, settings, &*commands::stop_on_signals()?)
        }
        #[cfg(feature = "kafka")]
        Command::Run(arguments) => commands::run::execute(arguments, settings, values, console),
        #[cfg(feature = "kafka")]
        Command::Demo(arguments) => commands::demo::execute(arguments, settings, values, console),
        #[cfg(not(feature = "kafka"))]
        Command::Run(_) | Command::Demo(_) => Err(SessionError::NotBuilt { feature: "kafka" }),
        // Answered before this.
        Command::Config(_) | Command::Checkpoint(_) | Command::Savepoint(_) => Ok(()),
    }
}

fn buffered_stdout() -> impl Write {
    std::io::BufWriter::new(std::io::stdout().lock())
}
