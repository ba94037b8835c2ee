//! `worker checkpoint`: what checkpoints there are, and whether they are sound. Changes nothing, also beside a running
//! worker.

use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::kept_state::{self, KeptStateError};
use crate::checkpoint::{Listed, Manifest, list, verify};
use crate::cli::{CheckpointAction, CheckpointArgs, CheckpointNameArgs};

/// Does what `arguments` ask for with the checkpoints in `directory`.
pub fn execute(arguments: &CheckpointArgs, directory: &Path, out: &mut impl Write) -> Result<(), KeptStateError> {
    match &arguments.action {
        CheckpointAction::List(place) => list_all(directory, place.json, out),
        CheckpointAction::Verify(named) => verify_named(named, directory, out),
        CheckpointAction::Inspect(named) => inspect(named, directory, out),
    }
}

fn list_all(directory: &Path, as_json: bool, out: &mut impl Write) -> Result<(), KeptStateError> {
    let checkpoints = list(directory)?;
    if as_json {
        let line = |listed: &Listed| {
            let refused = listed.manifest.as_ref().err().map(ToString::to_string);
            json!({"name": listed.name, "path": listed.path, "manifest": listed.manifest.as_ref().ok(), "refused": refused})
        };
        return kept_state::json(out, &checkpoints.iter().map(line).collect::<Vec<_>>());
    }
    if checkpoints.is_empty() {
        return Ok(writeln!(out, "no checkpoints in {}", directory.display())?);
    }
    for listed in &checkpoints {
        match &listed.manifest {
            Ok(manifest) => writeln!(out, "{}  {}", listed.name, summary(manifest))?,
            Err(error) => writeln!(out, "{}  refused: manifest.json: {error}", listed.name)?,
        }
    }
    Ok(())
}

fn summary(manifest: &Manifest) -> String {
    format!("{}  {} files  {} bytes", manifest.created_at, manifest.files.len(), manifest.total_bytes)
}

fn verify_named(named: &CheckpointNameArgs, directory: &Path, out: &mut impl Write) -> Result<(), KeptStateError> {
    let checkpoints = match &named.name {
        Some(name) => vec![find(name, directory)?],
        None => list(directory)?,
    };
    let (all, mut refused, mut lines) = (checkpoints.len(), 0, Vec::new());
    for listed in checkpoints {
        let name = listed.name.clone();
        match verify(listed) {
            Ok(verified) if named.place.json => {
                lines.push(json!({"name": name, "verified": true, "epoch": verified.manifest().epoch}));
            }
            Ok(verified) => writeln!(out, "{name}  sound  {}", summary(verified.manifest()))?,
            Err(refusal) => {
                refused += 1;
                if named.place.json {
                    let (file, reason) = (&refusal.file, refusal.fault.to_string());
                    lines.push(json!({"name": name, "verified": false, "file": file, "reason": reason}));
                } else {
                    writeln!(out, "{name}  refused: {}: {}", refusal.file, refusal.fault)?;
                }
            }
        }
    }
    if named.place.json {
        kept_state::json(out, &lines)?;
    } else if all == 0 {
        writeln!(out, "no checkpoints in {}", directory.display())?;
    }
    out.flush()?;
    if refused > 0 { Err(KeptStateError::Refused { refused, all }) } else { Ok(()) }
}

fn inspect(named: &CheckpointNameArgs, directory: &Path, out: &mut impl Write) -> Result<(), KeptStateError> {
    let listed = match &named.name {
        Some(name) => find(name, directory)?,
        None => list(directory)?.into_iter().next().ok_or_else(|| no_such("(any)", directory))?,
    };
    let manifest = match &listed.manifest {
        Ok(manifest) => manifest,
        Err(error) => {
            writeln!(out, "{}  refused: manifest.json: {error}", listed.name)?;
            return Err(KeptStateError::Refused { refused: 1, all: 1 });
        }
    };
    if named.place.json {
        return kept_state::json(out, manifest);
    }
    writeln!(out, "{}\n  epoch {} of timeline {:016x}", listed.name, manifest.epoch, manifest.timeline.0)?;
    writeln!(out, "  made {} by worker {}, format {}", manifest.created_at, manifest.worker, manifest.format)?;
    writeln!(
        out,
        "  configuration {:016x}, {} key groups by {}",
        manifest.config_id, manifest.key_groups, manifest.key_group_hash
    )?;
    for position in &manifest.partitions {
        writeln!(out, "  {}-{} next offset {}", position.topic, position.partition, position.next_offset)?;
    }
    for sink in &manifest.sinks {
        writeln!(out, "  sink {} at epoch {}", sink.sink, sink.epoch)?;
    }
    for file in &manifest.files {
        writeln!(out, "  {}  {:>12} bytes  db/{}", file.checksum, file.size_bytes, file.path)?;
    }
    Ok(())
}

fn find(name: &str, directory: &Path) -> Result<Listed, KeptStateError> {
    list(directory)?.into_iter().find(|listed| listed.name == name).ok_or_else(|| no_such(name, directory))
}

fn no_such(name: &str, directory: &Path) -> KeptStateError {
    KeptStateError::NoSuch { what: "checkpoint", name: name.to_owned(), directory: directory.display().to_string() }
}
