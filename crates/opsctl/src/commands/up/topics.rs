//! Connect's internal topics, as they must be before Connect uses them.

use crate::clients::kafka::KafkaAdmin;
use crate::commands::session::bootstrap;
use crate::commands::topics::{TO_MOVE, ensure_internal_topics};
use crate::commands::up::Up;
use crate::failure::Result;
use crate::ui::Outcome;

/// Creates or repairs them in place; deletes nothing.
pub(super) async fn internal(up: &Up<'_>) -> Result<()> {
    let step = up.session.steps.begin("topics", "Connect's internal topics are safe");
    let admin = KafkaAdmin::of(bootstrap(&up.docker.containers().await?));
    let mended = ensure_internal_topics(&admin, up.session.patient(TO_MOVE), |words| step.say(words)).await?;
    let words = [mended.repairs.clone(), mended.remarks.clone()].concat().join("; ");
    match (mended.repairs.is_empty(), mended.remarks.is_empty()) {
        (true, true) => step.end(Outcome::Skipped, "replication factor 3, compacted"),
        (true, false) => step.end(Outcome::Warned, words),
        (false, _) => step.end(Outcome::Changed, words),
    }
    Ok(())
}
