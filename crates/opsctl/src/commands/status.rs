//! `opsctl status`: one screen.

mod look;
mod screen;

use std::io::{IsTerminal as _, stdout};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::cli::StatusArgs;
use crate::commands::{Answer, Session};
use crate::failure::Result;

/// Shows the stack once, or again and again.
pub(super) async fn run(session: &Session, arguments: &StatusArgs) -> Result<Answer> {
    let docker = session.docker().await?;
    let Some(seconds) = arguments.watch.filter(|_| !session.common.json) else {
        let seen = look::at(session, &docker).await?;
        let text = screen::show(&seen, session.palette);
        return Ok(Answer { exit: seen.exit(), ..Answer::done(text) }.field("status", seen));
    };
    loop {
        let began = Instant::now();
        let seen = look::at(session, &docker).await?;
        let home = if stdout().is_terminal() { "\u{1b}[H\u{1b}[2J" } else { "" };
        println!("{home}{}", screen::show(&seen, session.palette));
        sleep_until(began + Duration::from_secs(seconds)).await;
    }
}
