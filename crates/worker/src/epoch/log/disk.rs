//! The log on disk: a directory of segments. Entries are appended by the thread that gathers and synced by the one that
//! delivers, so that executing an epoch hides the sync of its record.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::files::{Directory, LogFiles};
use super::scan::{Reading, Scanned, scan};
use super::segment::{encode_batch, encode_epoch, encode_progress, header};
use super::{BatchBorders, EpochLog, LogError, LogSummary, LogSync, Records};
use crate::append_file::AppendFile;
use crate::epoch::EpochRecord;
use crate::state::SinkProgress;

/// A segment is closed when it is longer: forgetting removes whole segments.
const SEGMENT_BYTES: u64 = 4 << 20;
/// Given up when the disk is full, so that the log can still say what it must.
const RESERVE_BYTES: u64 = 4 << 20;
const ENDING: &str = "epochs";

/// A log in a directory.
pub struct DiskEpochLog {
    shared: Arc<Shared>,
}

struct Shared {
    /// Held for a sync by whoever asks for one, and taken before `inner`: a failed write-back is told once, to one of those
    /// who ask, and what it was asked for must still be there then.
    syncing: Mutex<()>,
    /// Held for a write, not for a sync on the delivering side.
    inner: Mutex<Inner>,
}

struct Inner {
    files: Arc<dyn LogFiles>,
    /// Closed segments and the open one, in order, with the last epoch that each of them has.
    segments: Vec<(String, u64)>,
    file: Arc<dyn AppendFile>,
    /// Bytes of the open segment that are whole entries.
    length: u64,
    segment_bytes: u64,
    /// What the open segment holds nobody knows: half an entry that could not be cut off, or what a sync failed for. The
    /// next thing that is written goes into another one.
    doubtful: bool,
    /// What was appended to the open segment since the last sync: it is written again elsewhere if a sync fails.
    unsynced: Vec<u8>,
    summary: LogSummary,
}

impl DiskEpochLog {
    /// Opens the log in `directory`, which is made if it is not there. A torn end, of which nothing can have left, does not
    /// count.
    pub fn open(directory: &Path) -> Result<Self, LogError> {
        Self::open_on(Arc::new(Directory::new(directory, RESERVE_BYTES)), SEGMENT_BYTES)
    }

    /// The same in a directory that somebody else provides, with segments about this long.
    pub fn open_on(files: Arc<dyn LogFiles>, segment_bytes: u64) -> Result<Self, LogError> {
        files.prepare().map_err(|source| LogError::write(files.directory(), source))?;
        let mut names = files.names().map_err(|source| LogError::read(files.directory(), source))?;
        names.retain(|name| number_of(name).is_some());
        names.sort();
        let Scanned { mut segments, redundant, newest, summary } = scan(files.as_ref(), &names)?;
        // What a process that died has left may be in the page cache only, and stay there for ever where a sync has failed.
        // It counts from now on, so it is written again. And always into a new file: what stands behind a torn end of an
        // old one is never written over.
        let name = name_of(names.last().and_then(|last| number_of(last)).unwrap_or(0) + 1);
        let mut entries = Vec::new();
        for record in &newest {
            entries.extend(encode_epoch(record).map_err(|error| cannot_encode(files.directory(), error))?);
        }
        entries.extend(of_sinks(&summary).map_err(|error| cannot_encode(files.directory(), error))?);
        let file = new_segment(files.as_ref(), &name, &entries)?;
        let last = summary.epochs.map_or(0, |(_, last)| last);
        // One that cannot be removed now goes in its turn: later epochs must not be forgotten before its own.
        segments.extend(redundant.into_iter().filter(|name| files.remove(name).is_err()).map(|name| (name, last)));
        segments.push((name, last));
        let length = (header().len() + entries.len()) as u64;
        files.make_reserve();
        let (unsynced, doubtful) = (Vec::new(), false);
        let inner = Inner { files, segments, file, length, segment_bytes, doubtful, unsynced, summary };
        Ok(Self { shared: Arc::new(Shared { syncing: Mutex::new(()), inner: Mutex::new(inner) }) })
    }
}

impl Shared {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here is half-changed when a panic could happen.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn syncing(&self) -> MutexGuard<'_, ()> {
        self.syncing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EpochLog for DiskEpochLog {
    fn summary(&self) -> LogSummary {
        self.shared.inner().summary.clone()
    }

    fn append(&mut self, record: &EpochRecord) -> Result<(), LogError> {
        if self.shared.inner().is_full() {
            let _syncing = self.shared.syncing();
            self.shared.inner().roll()?;
        }
        let mut inner = self.shared.inner();
        if let Some((_, last)) = inner.summary.epochs
            && record.id != last + 1
        {
            return Err(LogError::Gap { last, found: record.id });
        }
        let bytes = encode_epoch(record).map_err(|error| inner.cannot_encode(error))?;
        inner.write(&bytes)?;
        inner.summary.took(record);
        if let Some(open) = inner.segments.last_mut() {
            open.1 = record.id;
        }
        Ok(())
    }

    fn note(&mut self, progress: &SinkProgress) -> Result<(), LogError> {
        LogSync::note(self.shared.as_ref(), progress)
    }

    fn syncer(&self) -> Arc<dyn LogSync> {
        Arc::clone(&self.shared) as Arc<dyn LogSync>
    }

    fn after(&self, epoch: u64) -> Result<Records, LogError> {
        let inner = self.shared.inner();
        // Of records that were written again the first copies may be forgotten.
        let epoch = inner.summary.epochs.map_or(epoch, |(first, _)| epoch.max(first - 1));
        let wanted = inner.segments.iter().filter(|(_, last)| *last > epoch).map(|(name, _)| name.clone());
        let names = wanted.collect::<Vec<_>>().into_iter();
        Ok(Box::new(Reading::of(Arc::clone(&inner.files), names, epoch)))
    }

    fn set_aside(&mut self, name: &str) -> Result<(), LogError> {
        let (files, segment_bytes) = {
            let inner = self.shared.inner();
            (Arc::clone(&inner.files), inner.segment_bytes)
        };
        files.set_aside(name).map_err(|source| LogError::write(files.directory(), source))?;
        *self = Self::open_on(files, segment_bytes)?;
        Ok(())
    }

    fn forget_through(&mut self, epoch: u64) -> Result<(), LogError> {
        if !self.shared.inner().may_forget(epoch) {
            return Ok(());
        }
        let _syncing = self.shared.syncing();
        let mut inner = self.shared.inner();
        while inner.may_forget(epoch) {
            let (name, last) = inner.segments[0].clone();
            inner.restate()?;
            inner.sync_open()?;
            inner
                .files
                .remove(&name)
                .map_err(|source| LogError::write(&inner.files.directory().join(&name), source))?;
            inner.segments.remove(0);
            if let Some((first, _)) = &mut inner.summary.epochs {
                *first = (*first).max(last + 1);
            }
        }
        Ok(())
    }
}

impl LogSync for Shared {
    fn sync(&self) -> Result<(), LogError> {
        let _syncing = self.syncing();
        let (file, count) = {
            let mut inner = self.inner();
            if inner.unsynced.is_empty() {
                return Ok(());
            }
            if inner.doubtful {
                return inner.start_over();
            }
            (Arc::clone(&inner.file), inner.unsynced.len())
        };
        let synced = file.sync();
        let mut inner = self.inner();
        if !Arc::ptr_eq(&inner.file, &file) {
            // It was closed meanwhile, and synced then.
            return Ok(());
        }
        if synced.is_ok() {
            inner.unsynced.drain(..count);
            return Ok(());
        }
        // Asking again would lie: the kernel tells of a failed write-back once. The same entries go into another file.
        inner.doubtful = true;
        inner.start_over()
    }

    fn note(&self, progress: &SinkProgress) -> Result<(), LogError> {
        let mut inner = self.inner();
        let bytes = encode_progress(progress).map_err(|error| inner.cannot_encode(error))?;
        inner.write(&bytes)?;
        inner.summary.noted(progress);
        Ok(())
    }

    fn begin_batch(&self, borders: &BatchBorders) -> Result<(), LogError> {
        let mut inner = self.inner();
        let bytes = encode_batch(borders).map_err(|error| inner.cannot_encode(error))?;
        inner.write(&bytes)?;
        inner.summary.begun(borders);
        Ok(())
    }
}

impl Inner {
    fn is_full(&self) -> bool {
        self.length >= self.segment_bytes
    }

    fn may_forget(&self, epoch: u64) -> bool {
        self.segments.len() > 1 && self.segments[0].1 <= epoch
    }

    fn open_path(&self) -> PathBuf {
        let name = self.segments.last().map_or("", |(name, _)| name.as_str());
        self.files.directory().join(name)
    }

    fn cannot_encode(&self, error: postcard::Error) -> LogError {
        cannot_encode(&self.open_path(), error)
    }

    fn cannot_write(&self, source: io::Error) -> LogError {
        LogError::write(&self.open_path(), source)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        if self.doubtful {
            self.start_over()?;
        }
        let mut written = self.file.append(bytes);
        if written.as_ref().is_err_and(|error| error.kind() == ErrorKind::StorageFull) && self.files.give_up_reserve() {
            self.cut();
            written = self.file.append(bytes);
        }
        match written {
            Ok(()) => {
                self.length += bytes.len() as u64;
                self.unsynced.extend_from_slice(bytes);
                Ok(())
            }
            Err(source) => {
                self.cut();
                Err(self.cannot_write(source))
            }
        }
    }

    /// Takes half an entry away again. If that fails too, its checksum tells, and the next entry goes into another file.
    fn cut(&mut self) {
        self.doubtful = self.file.cut(self.length).is_err();
    }

    /// Makes the open segment durable, or what it was to hold in another one.
    fn sync_open(&mut self) -> Result<(), LogError> {
        if self.doubtful || self.file.sync().is_err() {
            self.doubtful = true;
            return self.start_over();
        }
        self.unsynced.clear();
        Ok(())
    }

    /// Closes the open segment and opens the next one.
    fn roll(&mut self) -> Result<(), LogError> {
        self.sync_open()?;
        self.open_next(&[])?;
        self.restate()?;
        self.files.make_reserve();
        Ok(())
    }

    /// Goes on in another file, with what the open one may have lost.
    fn start_over(&mut self) -> Result<(), LogError> {
        let again = std::mem::take(&mut self.unsynced);
        let opened = self.open_next(&again);
        if opened.is_err() {
            self.unsynced = again;
        }
        opened
    }

    /// Opens the next segment with these entries in it, synced.
    fn open_next(&mut self, entries: &[u8]) -> Result<(), LogError> {
        let (number, last) = self.segments.last().map_or((0, 0), |(name, last)| (number_of(name).unwrap_or(0), *last));
        let name = name_of(number + 1);
        self.file = new_segment(self.files.as_ref(), &name, entries)?;
        self.doubtful = false;
        self.length = header().len() as u64 + entries.len() as u64;
        self.segments.push((name, last));
        Ok(())
    }

    /// Notes what is known of the sinks once more, in the open segment: the notes in closed ones go with them.
    fn restate(&mut self) -> Result<(), LogError> {
        let bytes = of_sinks(&self.summary).map_err(|error| self.cannot_encode(error))?;
        if bytes.is_empty() { Ok(()) } else { self.write(&bytes) }
    }
}

/// Entries that say again what is known of the sinks.
fn of_sinks(summary: &LogSummary) -> Result<Vec<u8>, postcard::Error> {
    let progress = summary.sinks.iter().map(encode_progress);
    let entries = progress.chain(summary.batches.iter().map(encode_batch)).collect::<Result<Vec<_>, _>>()?;
    Ok(entries.concat())
}

/// Makes a segment, with its name in the directory, durable.
fn new_segment(files: &dyn LogFiles, name: &str, entries: &[u8]) -> Result<Arc<dyn AppendFile>, LogError> {
    let make = || {
        let file = files.create(name)?;
        file.append(&[&header()[..], entries].concat())?;
        file.sync()?;
        files.sync()?;
        Ok(file)
    };
    make().map_err(|source| LogError::write(&files.directory().join(name), source))
}

fn name_of(number: u64) -> String {
    format!("{number:020}.{ENDING}")
}

/// `None` for a file that is no segment.
fn number_of(name: &str) -> Option<u64> {
    name.strip_suffix(ENDING)?.strip_suffix('.')?.parse().ok()
}

fn cannot_encode(path: &Path, error: postcard::Error) -> LogError {
    LogError::write(path, io::Error::other(error))
}

#[cfg(test)]
mod tests;
