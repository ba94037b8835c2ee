//! `worker savepoint`: what savepoints there are, what one holds, and its end.

use std::fs;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::kept_state::{self, KeptStateError};
use crate::checkpoint::savepoint::{ListedSavepoint, Savepoint, SavepointError, list};
use crate::cli::{DisposeArgs, SavepointAction, SavepointArgs, SavepointFileArgs};

/// Does what `arguments` ask for with the savepoints in `directory`; `input` is where an answer comes from.
pub fn execute(
    arguments: &SavepointArgs,
    directory: &Path,
    input: &mut impl BufRead,
    out: &mut impl Write,
) -> Result<(), KeptStateError> {
    match &arguments.action {
        SavepointAction::List(place) => list_all(directory, place.json, out),
        SavepointAction::Inspect(file) => inspect(file, directory, out),
        SavepointAction::Dispose(dispose) => remove(dispose, directory, input, out),
    }
}

fn list_all(directory: &Path, as_json: bool, out: &mut impl Write) -> Result<(), KeptStateError> {
    let savepoints = list(directory)?;
    if as_json {
        let line = |listed: &ListedSavepoint| {
            let refused = listed.header.as_ref().err().map(ToString::to_string);
            json!({"name": listed.name, "path": listed.path, "bytes": listed.bytes, "header": listed.header.as_ref().ok(), "refused": refused})
        };
        return kept_state::json(out, &savepoints.iter().map(line).collect::<Vec<_>>());
    }
    if savepoints.is_empty() {
        return Ok(writeln!(out, "no savepoints in {}", directory.display())?);
    }
    for listed in &savepoints {
        match &listed.header {
            Ok(header) => writeln!(
                out,
                "{}  {}  {} bytes{}",
                listed.name,
                header.created_at,
                listed.bytes,
                if header.drained { "  drained" } else { "" }
            )?,
            Err(error) => writeln!(out, "{}  refused: {error}", listed.name)?,
        }
    }
    Ok(())
}

fn inspect(arguments: &SavepointFileArgs, directory: &Path, out: &mut impl Write) -> Result<(), KeptStateError> {
    let savepoint = Savepoint::open(&find(&arguments.file, directory)?, true)?;
    let (header, commit) = (savepoint.header().clone(), savepoint.commit());
    let unknown = header.unknown();
    let (end, _lost) = savepoint.check()?;
    if arguments.place.json {
        let positions: Vec<_> = commit
            .partitions
            .iter()
            .map(|it| json!({"topic": it.topic, "partition": it.partition, "next_offset": it.next_offset}))
            .collect();
        let whole = json!({"header": header, "partitions": positions, "sinks": commit.sinks, "counts": end, "unknown": unknown});
        return kept_state::json(out, &whole);
    }
    writeln!(out, "epoch {} of timeline {:016x}", header.epoch, header.timeline.0)?;
    writeln!(out, "made {} by worker {}, format {}", header.created_at, header.worker, header.format)?;
    let drained = if header.drained { "yes: restores anywhere, exactly once" } else { "no" };
    writeln!(out, "drained: {drained}")?;
    writeln!(out, "{} symbols, {} timers, {} epochs in the outbox", end.symbols, end.timers, end.outbox)?;
    for position in &commit.partitions {
        writeln!(out, "{}-{} next offset {}", position.topic, position.partition, position.next_offset)?;
    }
    for sink in &commit.sinks {
        writeln!(out, "sink {} at epoch {}", sink.sink, sink.epoch)?;
    }
    for name in &unknown {
        writeln!(out, "not known to this worker: {name}")?;
    }
    Ok(())
}

fn remove(
    arguments: &DisposeArgs,
    directory: &Path,
    input: &mut impl BufRead,
    out: &mut impl Write,
) -> Result<(), KeptStateError> {
    let path = find(&arguments.savepoint.file, directory)?;
    // What is not a savepoint is not removed, whoever asks.
    if let Err(error @ SavepointError::NotASavepoint { .. }) = Savepoint::open(&path, true) {
        return Err(error.into());
    }
    if !arguments.yes {
        write!(out, "remove {}? [y/N] ", path.display())?;
        out.flush()?;
        let mut answer = String::new();
        input.read_line(&mut answer)?;
        if !["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
            return Err(KeptStateError::NotAgreed { file: path.display().to_string() });
        }
    }
    fs::remove_file(&path).map_err(SavepointError::disk("remove", &path))?;
    Ok(writeln!(out, "removed {}", path.display())?)
}

/// A path as it is, or a name in the directory.
fn find(file: &Path, directory: &Path) -> Result<PathBuf, KeptStateError> {
    let places = [file.to_owned(), directory.join(file)];
    places.into_iter().find(|path| path.is_file()).ok_or_else(|| KeptStateError::NoSuch {
        what: "savepoint",
        name: file.display().to_string(),
        directory: directory.display().to_string(),
    })
}
