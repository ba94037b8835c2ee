//! Reading a savepoint: the first lines at once, for the engine's decision, then the rest as a stream into a fresh store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use super::SavepointError;
use super::format::{End, Header, Line, OPERATORS, SAVEPOINT_FORMAT, SECTIONS};
use super::pack::Unpacker;
use crate::state::{Commit, OutboxKey, PartitionProgress, SinkProgress, StateKey, StateStore, TimerKey};

/// Keys in one commit to the store.
const KEYS_PER_COMMIT: usize = 10_000;

/// A savepoint that is being read.
pub struct Savepoint {
    path: PathBuf,
    header: Header,
    partitions: Vec<PartitionProgress>,
    sinks: Vec<SinkProgress>,
    lines: Unpacker,
    /// The first line after sinks and partitions.
    held: Option<Line>,
    /// Parts that are not known are left out.
    lenient: bool,
    lost: Lost,
    /// What was read; compared with the last line.
    seen: End,
}

/// What was left out, by name, and how often: only with `--allow-non-restored-state`.
pub type Lost = BTreeMap<String, u64>;

impl Savepoint {
    /// Opens a savepoint and reads it up to the first symbol. With `allow_non_restored_state` sections and operators that
    /// this worker does not know are left out and counted instead of refused.
    pub fn open(path: &Path, allow_non_restored_state: bool) -> Result<Self, SavepointError> {
        let mut lines = Unpacker::open(path).map_err(SavepointError::disk("open", path))?;
        let header = read_header(path, &mut lines)?;
        let unknown = header.unknown();
        if !unknown.is_empty() && !allow_non_restored_state {
            let (path, names) = (path.display().to_string(), unknown.join(", "));
            return Err(SavepointError::Unknown { path, names, worker: header.worker });
        }
        let mut savepoint = Self {
            path: path.to_owned(),
            header,
            partitions: Vec::new(),
            sinks: Vec::new(),
            lines,
            held: None,
            lenient: allow_non_restored_state,
            lost: Lost::new(),
            seen: End::default(),
        };
        loop {
            match savepoint.next_line()? {
                Line::Partition(partition) => savepoint.partitions.push(partition),
                Line::Sink(sink) => savepoint.sinks.push(sink),
                line => {
                    savepoint.held = Some(line);
                    return Ok(savepoint);
                }
            }
        }
    }

    /// What it says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// How far each sink was.
    pub fn sinks(&self) -> &[SinkProgress] {
        &self.sinks
    }

    /// The commit at whose end the state stands, without keyed state.
    pub fn commit(&self) -> Commit {
        Commit {
            timeline: self.header.timeline,
            epoch: self.header.epoch,
            config_id: self.header.config_id,
            clock_ms: self.header.clock_ms,
            watermark_ms: self.header.watermark_ms,
            partitions: self.partitions.clone(),
            symbols: Vec::new(),
            timers: Vec::new(),
            outbox: Vec::new(),
            sinks: self.sinks.clone(),
        }
    }

    /// Reads the rest without keeping it: whether the file is whole, and what it holds.
    pub fn check(mut self) -> Result<(End, Lost), SavepointError> {
        while !matches!(self.take_line()?, Line::End(_)) {}
        Ok((self.seen, self.lost))
    }

    /// Reads the rest into a store in which nothing was ever committed. `last` is what the store's last commit says then,
    /// usually [`Savepoint::commit`]; it is written with the last keys only. After an error the store is to be thrown
    /// away: its last commit is of epoch 0.
    pub fn load_into(mut self, store: &dyn StateStore, last: Commit) -> Result<(End, Lost), SavepointError> {
        if let Some(found) = store.last_commit()? {
            return Err(SavepointError::NotEmpty { path: self.path.display().to_string(), epoch: found.epoch });
        }
        let mut chunk = unfinished(&last);
        loop {
            match self.take_line()? {
                Line::Symbol(symbol) => {
                    let stored = symbol.state.encode().map_err(crate::state::StoreError::from)?;
                    chunk.symbols.push((StateKey::of(symbol.unit, &symbol.symbol), stored));
                }
                Line::Timer(timer) => chunk.timers.push((TimerKey::of(timer.unit, timer.due_ms, &timer.symbol), true)),
                Line::Outbox(outbox) => {
                    let outputs =
                        STANDARD.decode(&outbox.outputs).map_err(|error| self.damaged(format!("outputs: {error}")))?;
                    chunk.outbox.push((OutboxKey::of(&outbox.sink, outbox.timeline, outbox.epoch), Some(outputs)));
                }
                Line::End(_) => break,
                Line::Savepoint(_) | Line::Partition(_) | Line::Sink(_) => {
                    return Err(self.damaged("a line that must stand before the symbols".to_owned()));
                }
            }
            if chunk.symbols.len() + chunk.timers.len() + chunk.outbox.len() >= KEYS_PER_COMMIT {
                store.commit(&std::mem::replace(&mut chunk, unfinished(&last)))?;
            }
        }
        store.commit(&Commit { symbols: chunk.symbols, timers: chunk.timers, outbox: chunk.outbox, ..last })?;
        store.sync()?;
        Ok((self.seen, self.lost))
    }

    fn take_line(&mut self) -> Result<Line, SavepointError> {
        match self.held.take() {
            Some(line) => Ok(line),
            None => self.next_line(),
        }
    }

    /// The next line that is known. The last one is compared with what was seen, and nothing may follow it.
    fn next_line(&mut self) -> Result<Line, SavepointError> {
        loop {
            let number = self.lines.number + 1;
            let (line, checksum) = self.lines.next().map_err(|error| unreadable(&self.path, number, &error))?;
            if line.is_empty() {
                return Err(SavepointError::Incomplete { path: self.path.display().to_string() });
            }
            let parsed = match serde_json::from_slice(line) {
                Ok(parsed) => Ok(Some(parsed)),
                Err(_) if self.lenient => known_part(line, &mut self.lost),
                Err(error) => Err(error.to_string()),
            };
            let Some(line) = parsed.map_err(|reason| self.damaged(reason))? else { continue };
            match &line {
                Line::Partition(_) => self.seen.partitions += 1,
                Line::Sink(_) => self.seen.sinks += 1,
                Line::Outbox(_) => self.seen.outbox += 1,
                Line::Symbol(_) => self.seen.symbols += 1,
                Line::Timer(_) => self.seen.timers += 1,
                Line::Savepoint(_) => return Err(self.damaged("a second first line".to_owned())),
                Line::End(end) => {
                    self.seen.checksum = Some(checksum);
                    if *end != self.seen {
                        return Err(self.damaged(format!("it says {end:?}, and holds {:?}", self.seen)));
                    }
                    let after = self.lines.next().map_err(|error| unreadable(&self.path, number, &error))?;
                    if !after.0.is_empty() {
                        return Err(self.damaged("lines after the last one".to_owned()));
                    }
                }
            }
            return Ok(line);
        }
    }

    fn damaged(&self, reason: String) -> SavepointError {
        SavepointError::Damaged { path: self.path.display().to_string(), line: self.lines.number, reason }
    }
}

/// A commit for keys that are not the last ones: nobody takes it for an epoch's.
fn unfinished(last: &Commit) -> Commit {
    Commit { epoch: 0, partitions: Vec::new(), sinks: Vec::new(), watermark_ms: None, ..last.bare() }
}

fn read_header(path: &Path, lines: &mut Unpacker) -> Result<Header, SavepointError> {
    let refused = |reason: String| SavepointError::NotASavepoint { path: path.display().to_string(), reason };
    let line = match lines.next() {
        Ok((line, _)) => line,
        Err(error) => return Err(refused(format!("it cannot be unpacked: {error}"))),
    };
    let Ok(First { savepoint }) = serde_json::from_slice::<First>(line) else {
        return Err(refused("its first line is not a savepoint's".to_owned()));
    };
    if savepoint.format != u64::from(SAVEPOINT_FORMAT) {
        let (path, found) = (path.display().to_string(), savepoint.format);
        return Err(SavepointError::Format { path, found, worker: savepoint.worker });
    }
    match serde_json::from_slice(line) {
        Ok(Line::Savepoint(header)) => Ok(header),
        Ok(_) => Err(refused("its first line is not a savepoint's".to_owned())),
        Err(error) => Err(refused(format!("its first line: {error}"))),
    }
}

#[derive(Deserialize)]
struct First {
    savepoint: AnyFormat,
}

/// What every format's first line has.
#[derive(Deserialize)]
struct AnyFormat {
    format: u64,
    #[serde(default)]
    worker: String,
}

fn unreadable(path: &Path, line: u64, error: &std::io::Error) -> SavepointError {
    let path = path.display().to_string();
    if crate::source::recording::is_truncated(error) {
        return SavepointError::Incomplete { path };
    }
    SavepointError::Damaged { path, line, reason: error.to_string() }
}

/// A line without what is not known; `None` where that is all of it. What is left out is counted.
fn known_part(line: &[u8], lost: &mut Lost) -> Result<Option<Line>, String> {
    let mut value: Value = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let kind = value.as_object().and_then(|object| object.keys().next()).cloned().unwrap_or_default();
    if !SECTIONS.contains(&kind.as_str()) && kind != "end" && kind != "savepoint" {
        *lost.entry(format!("section {kind}")).or_default() += 1;
        return Ok(None);
    }
    if let Some(state) = value.pointer_mut("/symbol/state") {
        keep_known(state, "", lost);
    }
    serde_json::from_value(value).map(Some).map_err(|error| error.to_string())
}

/// Takes out of a symbol's state what no operator of ours has.
fn keep_known(state: &mut Value, above: &str, lost: &mut Lost) {
    let Some(object) = state.as_object_mut() else { return };
    object.retain(|name, part| {
        let path = format!("{above}{name}");
        if OPERATORS.contains(&path.as_str()) {
            return true;
        }
        let inner = format!("{path}.");
        let leads_on = OPERATORS.iter().any(|operator| operator.starts_with(&inner));
        if leads_on {
            keep_known(part, &inner, lost);
        } else {
            *lost.entry(format!("operator {path}")).or_default() += 1;
        }
        leads_on
    });
}
