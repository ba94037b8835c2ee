//! What each command does; the tree mirrors the command line.

mod answer;
mod bundle;
mod completions;
mod connector;
mod diagnose;
mod doctor;
mod down;
mod logs;
mod poll;
mod savepoint;
mod session;
mod status;
mod topics;
mod up;
mod watch;
mod worker;

pub(crate) use answer::{Answer, object};
pub(crate) use session::Session;

use crate::cli::Command;
use crate::failure::Result;

/// Does what was asked.
pub(crate) async fn run(session: &Session, command: &Command) -> Result<Answer> {
    match command {
        Command::Up(arguments) => match up::run(session, arguments).await {
            Err(failure) => Err(doctor::explained(session, failure).await),
            answer => answer,
        },
        Command::Down(arguments) => down::run(session, arguments).await,
        Command::Status(arguments) => status::run(session, arguments).await,
        Command::Doctor(arguments) => doctor::run(session, arguments).await,
        Command::Bundle(arguments) => bundle::run(session, arguments).await,
        Command::Watch(arguments) => watch::run(session, arguments).await,
        Command::Connector { command } => connector::run(session, command).await,
        Command::Worker { command } => worker::run(session, command).await,
        Command::Savepoint { command } => savepoint::run(session, command).await,
        Command::Logs(arguments) => logs::run(session, arguments).await,
        Command::Completions { shell } => Ok(completions::run(*shell)),
    }
}

/// Whether it goes on until Ctrl-C, which then is its end and no interruption.
pub(crate) const fn is_endless(command: &Command) -> bool {
    use crate::cli::WorkerCommand as W;
    match command {
        Command::Status(arguments) => arguments.watch.is_some(),
        Command::Watch(arguments) => !arguments.once,
        Command::Logs(arguments) => arguments.logs.follow,
        Command::Worker { command: W::Logs { logs, .. } } => logs.follow,
        _ => false,
    }
}

/// The command's name, for reports and the lock.
pub(crate) const fn name(command: &Command) -> &'static str {
    use crate::cli::{ConnectorCommand as C, SavepointCommand as S, WorkerCommand as W};
    match command {
        Command::Up(_) => "up",
        Command::Down(_) => "down",
        Command::Status(_) => "status",
        Command::Doctor(_) => "doctor",
        Command::Bundle(_) => "bundle",
        Command::Watch(_) => "watch",
        Command::Logs(_) => "logs",
        Command::Completions { .. } => "completions",
        Command::Connector { command } => match command {
            C::List => "connector list",
            C::Status { .. } => "connector status",
            C::Register { .. } => "connector register",
            C::Diff { .. } => "connector diff",
            C::Pause { .. } => "connector pause",
            C::Resume { .. } => "connector resume",
            C::Restart { .. } => "connector restart",
            C::Delete { .. } => "connector delete",
        },
        Command::Worker { command } => match command {
            W::Start { .. } => "worker start",
            W::Stop { .. } => "worker stop",
            W::Upgrade { .. } => "worker upgrade",
            W::Scale { .. } => "worker scale",
            W::Logs { .. } => "worker logs",
        },
        Command::Savepoint { command } => match command {
            S::Trigger { .. } => "savepoint trigger",
            S::List { .. } => "savepoint list",
            S::Inspect { .. } => "savepoint inspect",
            S::Dispose { .. } => "savepoint dispose",
        },
    }
}
