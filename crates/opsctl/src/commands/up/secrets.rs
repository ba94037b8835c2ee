//! The secrets' files, made at the first start.

use std::process::Command;

use crate::commands::up::Up;
use crate::failure::{Failure, Result};
use crate::ui::Outcome;

/// Makes what is missing by the same script that people run by hand.
pub(super) fn make(up: &Up<'_>) -> Result<()> {
    let step = up.session.steps.begin("secrets", "passwords are there");
    let directory = &up.session.stack.secrets;
    let script = up.session.stack.dir.join("compose/secrets/generate");
    let output = Command::new("bash").arg(&script).arg(directory).output();
    let output = output.map_err(|error| Failure::could_not_run(format!("bash cannot be run: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect();
        return Err(Failure::could_not_run(format!("the secrets in {} could not be made", directory.display()))
            .log(said)
            .hint("CDC_SECRETS_DIR names a directory that you may write to"));
    }
    let made = String::from_utf8_lossy(&output.stdout).lines().count();
    let (outcome, what) = match made {
        0 => (Outcome::Skipped, "in".to_owned()),
        made => (Outcome::Changed, format!("{made} made in")),
    };
    step.end(outcome, format!("{what} {}", directory.display()));
    Ok(())
}
