//! Lines that compose.yaml lacks: shown as a diff, written whole or not at all, taken up by Compose.

use std::path::PathBuf;

use crate::checks::compose_text::with_block;
use crate::checks::fix::{ComposeBlock, Fix};
use crate::checks::repair_plan::Planned;
use crate::cli::StackArgs;
use crate::clients::compose::Compose;
use crate::commands::Session;
use crate::commands::up::choose_variant;
use crate::failure::{Failure, Result};
use crate::ui::Outcome;

fn path(session: &Session) -> PathBuf {
    session.stack.dir.join("compose/compose.yaml")
}

fn blocks(planned: &[Planned]) -> impl Iterator<Item = (&str, ComposeBlock)> {
    planned.iter().filter_map(|planned| match &planned.fix {
        Fix::ComposeLines { service, block } => Some((service.as_str(), *block)),
        _ => None,
    })
}

/// What the plan would change in the file, as a diff; empty if nothing.
pub(super) fn preview(session: &Session, planned: &[Planned]) -> String {
    let Ok(before) = std::fs::read_to_string(path(session)) else { return String::new() };
    let (mut text, mut diff) = (before, String::new());
    for (service, block) in blocks(planned) {
        if let Some((next, hunk)) = with_block(&text, service, block) {
            text = next;
            diff.push_str(&hunk);
        }
    }
    if diff.is_empty() { diff } else { format!("--- a/compose/compose.yaml\n+++ b/compose/compose.yaml\n{diff}") }
}

/// Puts the lines there, if Compose can read the file then.
pub(super) async fn add(session: &Session, service: &str, block: ComposeBlock) -> Result<String> {
    let path = path(session);
    let unreadable = |error: std::io::Error| Failure::new(format!("{}: {error}", path.display()));
    let before = std::fs::read_to_string(&path).map_err(unreadable)?;
    let (text, _) = with_block(&before, service, block).ok_or_else(|| {
        Failure::new(format!("{} does not describe {service} in a way that can be changed from here", path.display()))
    })?;
    // Beside it: relative paths mean the same there.
    let new = path.with_extension("yaml.new");
    std::fs::write(&new, text).map_err(unreadable)?;
    let readable = Compose::reads(&new).await;
    if let Err(failure) = readable {
        let _ = std::fs::remove_file(&new);
        return Err(failure);
    }
    std::fs::rename(&new, &path).map_err(unreadable)?;
    Ok(format!("in {}", path.display()))
}

/// Containers that were made without these lines are made anew: their volumes stay. Where the volume itself was missing, the data
/// is in the container, and a person must copy it out first.
pub(super) async fn make_anew(session: &Session, planned: &[Planned]) -> Result<()> {
    let services: Vec<&str> =
        blocks(planned).filter(|(_, block)| *block != ComposeBlock::Volumes).map(|(service, _)| service).collect();
    if services.is_empty() || blocks(planned).any(|(_, block)| block == ComposeBlock::Volumes) {
        return Ok(());
    }
    let docker = session.docker().await?;
    let there = docker.containers().await?;
    let mut services: Vec<&str> =
        services.into_iter().filter(|service| there.iter().any(|container| container.service == *service)).collect();
    services.sort_unstable();
    services.dedup();
    if services.is_empty() {
        return Ok(());
    }
    let step = session.steps.begin("containers", format!("{} made anew", services.join(", ")));
    let variant = choose_variant(session, &StackArgs::default(), &docker).await?;
    let compose = Compose::of(&session.stack, variant);
    if let Err(first) = compose.up(&services, |line| step.say(line)).await {
        // As in `up`: Compose gives up at once where Docker starts again what ended.
        step.say(format!("once more, after: {}", first.message));
        compose.up(&services, |line| step.say(line)).await?;
    }
    step.end(Outcome::Changed, "their data stays");
    Ok(())
}
