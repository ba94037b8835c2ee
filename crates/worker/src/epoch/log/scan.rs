//! Reading a log's segments: all of them through when it is opened, and the records behind an epoch one by one.

use std::sync::Arc;

use super::files::LogFiles;
use super::segment::{Entry, Found, SegmentReader};
use super::{BatchBorders, LogError, LogSummary};
use crate::epoch::EpochRecord;
use crate::state::SinkProgress;

/// What is found.
pub(super) struct Scanned {
    /// Those that are kept.
    pub(super) segments: Vec<(String, u64)>,
    /// Those that are not: they hold nothing but copies of `newest`. A copy with epochs behind it stays: it may be the only
    /// one that lasts.
    pub(super) redundant: Vec<String>,
    /// The epochs that no segment before the last one of `segments` has.
    pub(super) newest: Vec<EpochRecord>,
    pub(super) summary: LogSummary,
}

/// Reads all segments through. Broken bytes at a segment's end are what a crash leaves, as long as the epochs go on
/// without a gap behind them. Where they begin is compared with the state by whoever asked for the summary.
pub(super) fn scan(files: &dyn LogFiles, names: &[String]) -> Result<Scanned, LogError> {
    let (segments, redundant, newest) = (Vec::new(), Vec::new(), Vec::new());
    let mut scanned = Scanned { segments, redundant, newest, summary: LogSummary::default() };
    let mut broken: Option<LogError> = None;
    for name in names {
        let before = scanned.summary.epochs.map_or(0, |(_, last)| last);
        let mut last = before;
        if let Some(mut reader) = SegmentReader::open(files, name)? {
            loop {
                match reader.next()? {
                    // Written again into this file because nobody knew what became of the first.
                    Found::Entry(Entry::Epoch(record)) if record.id <= last => {}
                    Found::Entry(Entry::Epoch(record)) => {
                        if record.id != last + 1 && last != 0 {
                            return Err(broken.unwrap_or(LogError::Gap { last, found: record.id }));
                        }
                        if last == before {
                            scanned.newest.clear();
                        }
                        last = record.id;
                        scanned.summary.took(&record);
                        scanned.newest.push(record);
                    }
                    Found::Entry(Entry::Progress(progress)) => scanned.summary.noted(&progress),
                    Found::Entry(Entry::Batch(borders)) => scanned.summary.begun(&borders),
                    Found::End => break,
                    Found::Broken(why) => {
                        let (path, offset) = (files.directory().join(name), reader.offset());
                        tracing::warn!(offset, "epoch log: {} ends in {why}, as a crash leaves it", path.display());
                        broken = Some(LogError::Damaged { path, offset, why: why.to_owned() });
                        break;
                    }
                }
            }
        }
        if last > before {
            scanned.segments.extend(scanned.redundant.drain(..).map(|name| (name, before)));
            scanned.segments.push((name.clone(), last));
        } else {
            scanned.redundant.push(name.clone());
        }
    }
    Ok(scanned)
}

/// The records of some segments.
pub(super) struct Reading {
    files: Arc<dyn LogFiles>,
    names: std::vec::IntoIter<String>,
    open: Option<SegmentReader>,
    last: u64,
}

impl Reading {
    /// Those of these segments, behind an epoch.
    pub(super) fn of(files: Arc<dyn LogFiles>, names: std::vec::IntoIter<String>, epoch: u64) -> Self {
        Self { files, names, open: None, last: epoch }
    }
}

impl Iterator for Reading {
    type Item = Result<EpochRecord, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(reader) = &mut self.open else {
                let name = self.names.next()?;
                match SegmentReader::open(self.files.as_ref(), &name) {
                    Ok(reader) => self.open = reader,
                    Err(error) => return Some(Err(error)),
                }
                continue;
            };
            match reader.next() {
                Ok(Found::Entry(Entry::Epoch(record))) if record.id > self.last => {
                    self.last = record.id;
                    return Some(Ok(record));
                }
                Ok(Found::Entry(_)) => {}
                Ok(Found::End | Found::Broken(_)) => self.open = None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl LogSummary {
    pub(super) fn took(&mut self, record: &EpochRecord) {
        self.timeline = Some(record.timeline);
        self.epochs = Some((self.epochs.map_or(record.id, |(first, _)| first), record.id));
    }

    pub(super) fn noted(&mut self, progress: &SinkProgress) {
        match self.sinks.iter_mut().find(|known| known.sink == progress.sink) {
            Some(known) => known.clone_from(progress),
            None => self.sinks.push(progress.clone()),
        }
    }

    pub(super) fn begun(&mut self, borders: &BatchBorders) {
        match self.batches.iter_mut().find(|known| known.sink == borders.sink) {
            Some(known) => known.clone_from(borders),
            None => self.batches.push(borders.clone()),
        }
    }
}
