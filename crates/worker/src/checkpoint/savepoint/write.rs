//! Writing a savepoint: beside, synced, renamed.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::SavepointError;
use super::format::{End, Header, Line, Outbox, SymbolLine, Timer};
use super::pack::Packer;
use crate::state::{Commit, StateKey, StateStore, StoreError, SymbolState};

/// What the state itself does not say.
#[derive(Clone, Copy, Debug)]
pub struct Occasion {
    /// The tail was executed, every sink has acknowledged, the outbox is empty.
    pub drained: bool,
    /// How many shards there are.
    pub parallelism: u16,
    /// Now, milliseconds since the Unix epoch.
    pub now_ms: i64,
}

/// A savepoint that was written.
#[derive(Debug)]
pub struct Written {
    /// The file.
    pub path: PathBuf,
    /// What it says of itself.
    pub header: Header,
    /// What it holds.
    pub end: End,
    /// The file's length.
    pub bytes: u64,
}

/// Writes what a store holds into a new file of `directory`. Nothing may be committed meanwhile: it is for a store that
/// stands still, or a copy of one (a checkpoint, opened to be read).
pub fn write(directory: &Path, store: &dyn StateStore, occasion: Occasion) -> Result<Written, SavepointError> {
    crate::state::directory::prepare(directory)?;
    let commit = store.last_commit()?.ok_or(SavepointError::Nothing)?;
    let header = Header::of(&commit, occasion.drained, occasion.parallelism, occasion.now_ms);
    let path = free_name(directory, &header);
    let making = making(&path);
    let written = write_lines(&making, store, &commit, &header).and_then(|end| {
        fs::rename(&making, &path).map_err(SavepointError::disk("rename", &making))?;
        let synced = File::open(directory).and_then(|directory| directory.sync_all());
        synced.map_err(SavepointError::disk("sync", directory))?;
        let bytes = fs::metadata(&path).map_err(SavepointError::disk("look at", &path))?.len();
        Ok(Written { path: path.clone(), header, end, bytes })
    });
    if written.is_err() {
        // The first error is the one to tell; what stays has a name that nobody takes for a savepoint.
        let _left = fs::remove_file(&making);
    }
    written
}

fn free_name(directory: &Path, header: &Header) -> PathBuf {
    let time = header.created_at.replace([':', '-'], "");
    let name = |ending: &str| directory.join(format!("savepoint-{}-{time}{ending}.json.zst", header.epoch));
    let numbered = (2..).map(|number| name(&format!("-{number}")));
    std::iter::once(name("")).chain(numbered).find(|path| !path.exists()).unwrap_or_else(|| name(""))
}

fn making(path: &Path) -> PathBuf {
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    path.with_file_name(format!(".making-{name}"))
}

fn write_lines(making: &Path, store: &dyn StateStore, commit: &Commit, header: &Header) -> Result<End, SavepointError> {
    let failed = |error| SavepointError::disk("write", making)(error);
    let file = File::create(making).map_err(failed)?;
    let mut lines = Packer::new(BufWriter::new(file));
    lines.line(&Line::Savepoint(header.clone())).map_err(failed)?;
    let mut end =
        End { partitions: commit.partitions.len() as u64, sinks: commit.sinks.len() as u64, ..End::default() };
    for partition in &commit.partitions {
        lines.line(&Line::Partition(partition.clone())).map_err(failed)?;
    }
    for sink in &commit.sinks {
        lines.line(&Line::Sink(sink.clone())).map_err(failed)?;
    }
    // A walk ends with the store's errors: one of the disk here is put down and told after it.
    let mut broken = None;
    let mut put = |lines: &mut Packer<_>, line: Line| {
        lines.line(&line).map_err(|error: io::Error| {
            let reason = error.to_string();
            broken = Some(error);
            StoreError::Unavailable { place: making.display().to_string(), reason }
        })
    };
    let walked = walk(store, commit, &mut end, &mut |line| put(&mut lines, line));
    if let Some(error) = broken {
        return Err(failed(error));
    }
    walked?;
    let after = store.last_commit()?.map_or(0, |commit| commit.epoch);
    if after != commit.epoch {
        return Err(SavepointError::Moved { before: commit.epoch, after });
    }
    end.checksum = Some(lines.checksum().map_err(failed)?);
    lines.line(&Line::End(end)).map_err(failed)?;
    let file = lines.finish().and_then(|buffer| buffer.into_inner().map_err(io::IntoInnerError::into_error));
    file.and_then(|file| file.sync_all()).map_err(failed)?;
    Ok(end)
}

fn walk(
    store: &dyn StateStore,
    commit: &Commit,
    end: &mut End,
    put: &mut dyn FnMut(Line) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    for sink in &commit.sinks {
        store.for_each_in_outbox(&sink.sink, &mut |key, outputs| {
            let Some((sink, timeline, epoch)) = key.parts() else { return Err(StoreError::Key(key.as_bytes().into())) };
            end.outbox += 1;
            put(Line::Outbox(Outbox { sink: sink.to_owned(), timeline, epoch, outputs: STANDARD.encode(outputs) }))
        })?;
    }
    store.for_each_symbol(&mut |key: StateKey, stored| {
        let (Some(unit), Some(symbol)) = (unit(key.as_bytes()), key.symbol()) else {
            return Err(StoreError::Key(key.as_bytes().into()));
        };
        let state =
            SymbolState::decode(stored).map_err(|source| StoreError::Symbol { symbol: symbol.to_owned(), source })?;
        end.symbols += 1;
        put(Line::Symbol(SymbolLine { unit, symbol: symbol.into(), state }))
    })?;
    store.for_each_timer(&mut |key| {
        let (Some(unit), Some((due_ms, symbol))) = (unit(key.as_bytes()), key.due_and_symbol()) else {
            return Err(StoreError::Key(key.as_bytes().into()));
        };
        end.timers += 1;
        put(Line::Timer(Timer { unit, due_ms, symbol: symbol.into() }))
    })
}

/// What both kinds of key begin with.
fn unit(key: &[u8]) -> Option<u32> {
    key.first_chunk().map(|unit| u32::from_be_bytes(*unit))
}
