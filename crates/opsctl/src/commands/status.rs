//! `opsctl status`: one screen.

mod look;
mod screen;

use std::io::{IsTerminal as _, stdout};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use crate::cli::StatusArgs;
use crate::commands::status::look::Seen;
use crate::commands::{Answer, Session};
use crate::failure::Result;

/// Shows the stack once, or again and again.
pub(super) async fn run(session: &Session, arguments: &StatusArgs) -> Result<Answer> {
    let Some(seconds) = arguments.watch.filter(|_| !session.common.json) else {
        let seen = look(session).await?;
        let text = screen::show(&seen, session.palette);
        return Ok(Answer { exit: seen.exit(), ..Answer::done(text) }.field("status", seen));
    };
    // What stands in the way of a first look ends it, as without `--watch`.
    let mut text = screen::show(&look(session).await?, session.palette);
    loop {
        let began = Instant::now();
        let home = if stdout().is_terminal() { "\u{1b}[H\u{1b}[2J" } else { "" };
        println!("{home}{text}");
        sleep_until(began + Duration::from_secs(seconds)).await;
        // An Engine that is restarted is what somebody wants to see, and then to see it come back.
        text = match look(session).await {
            Ok(seen) => screen::show(&seen, session.palette),
            Err(failure) => format!("{:.0} {}", Timestamp::now(), session.palette.red(&failure.to_string())),
        };
    }
}

async fn look(session: &Session) -> Result<Seen> {
    look::at(session, &session.docker().await?).await
}
