//! Kafka Connect answers.

use std::time::Duration;

use crate::clients::connect::Connect;
use crate::commands::diagnose::explained;
use crate::commands::poll::{Found, Waited, until};
use crate::commands::session::CONNECT;
use crate::commands::up::Up;
use crate::failure::{Failure, Result};
use crate::ui::Outcome;

const LIMIT: Duration = Duration::from_secs(90);

/// Waits until it has joined its group and answers.
pub(super) async fn wait(up: &Up<'_>) -> Result<Connect> {
    let step = up.session.steps.begin("connect", "Kafka Connect answers");
    let connect = up.session.connect(&up.docker).await?;
    let ask = async || {
        Ok(match connect.is_up().await {
            Ok(()) => Found::Ready(()),
            Err(words) => Found::NotYet(words),
        })
    };
    let limit = up.session.patient(LIMIT);
    match until(limit, ask, |words| step.say(words)).await? {
        Waited::Ready(()) => step.end(Outcome::Done, connect.address()),
        Waited::TooLate(words) => {
            let failure = Failure::new(format!("Kafka Connect {words}, {} s after its start", limit.as_secs()));
            return Err(explained(failure, &up.docker, &[CONNECT]).await);
        }
    }
    Ok(connect)
}
