//! The log on disk: a directory of segments. Entries are appended by the thread that gathers and synced by the one that
//! delivers, so that executing an epoch hides the sync of its record.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{FallocateFlags, fallocate};

use super::segment::{Entry, Found, SegmentReader, encode_epoch, encode_progress, header};
use super::{EpochLog, LogError, LogSummary, LogSync, Records};
use crate::epoch::EpochRecord;
use crate::state::SinkProgress;

/// A segment is closed when it is longer: forgetting removes whole segments.
const SEGMENT_BYTES: u64 = 4 << 20;
/// Given up when the disk is full, so that the log can still say what it must.
const RESERVE_BYTES: u64 = 4 << 20;
const RESERVE: &str = "reserve";
const ENDING: &str = "epochs";

/// A log in a directory.
pub struct DiskEpochLog {
    shared: Arc<Shared>,
}

struct Shared {
    /// Held for a write, never for a sync.
    inner: Mutex<Inner>,
}

struct Inner {
    directory: PathBuf,
    /// Closed segments and the open one, in order, with the last epoch that each of them has.
    segments: Vec<(PathBuf, u64)>,
    file: File,
    /// Bytes of the open segment that are whole entries.
    length: u64,
    /// What was appended to the open segment since the last sync: it is written again elsewhere if a sync fails.
    unsynced: Vec<u8>,
    summary: LogSummary,
}

impl DiskEpochLog {
    /// Opens the log in `directory`, which is made if it is not there. A torn end, of which nothing can have left, is cut
    /// off.
    pub fn open(directory: &Path) -> Result<Self, LogError> {
        fs::create_dir_all(directory).map_err(|source| LogError::write(directory, source))?;
        let mut paths = Vec::new();
        for entry in fs::read_dir(directory).map_err(|source| LogError::read(directory, source))? {
            let path = entry.map_err(|source| LogError::read(directory, source))?.path();
            if path.extension().is_some_and(|ending| ending == ENDING) {
                paths.push(path);
            }
        }
        paths.sort();
        let scanned = scan(&paths)?;
        let number = paths.last().and_then(|last| number_of(last)).map_or(1, |last| last + 1);
        let path = directory.join(format!("{number:020}.{ENDING}"));
        // Always a new file: what stands behind a torn end of an old one is never written over.
        let file = new_segment(&path, &[])?;
        let mut segments = scanned.segments;
        let last = scanned.summary.epochs.map_or(0, |(_, last)| last);
        segments.push((path, last));
        let length = header().len() as u64;
        let inner = Inner {
            directory: directory.to_owned(),
            segments,
            file,
            length,
            unsynced: Vec::new(),
            summary: scanned.summary,
        };
        inner.make_reserve();
        Ok(Self { shared: Arc::new(Shared { inner: Mutex::new(inner) }) })
    }
}

impl Shared {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here is half-changed when a panic could happen.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EpochLog for DiskEpochLog {
    fn summary(&self) -> LogSummary {
        self.shared.inner().summary.clone()
    }

    fn append(&mut self, record: &EpochRecord) -> Result<(), LogError> {
        let mut inner = self.shared.inner();
        if let Some((_, last)) = inner.summary.epochs
            && record.id != last + 1
        {
            return Err(LogError::Gap { last, found: record.id });
        }
        let bytes = encode_epoch(record).map_err(|error| inner.cannot_encode(error))?;
        if inner.length >= SEGMENT_BYTES {
            inner.roll()?;
        }
        inner.write(&bytes)?;
        inner.summary.took(record);
        if let Some(open) = inner.segments.last_mut() {
            open.1 = record.id;
        }
        Ok(())
    }

    fn note(&mut self, progress: &SinkProgress) -> Result<(), LogError> {
        let mut inner = self.shared.inner();
        let bytes = encode_progress(progress).map_err(|error| inner.cannot_encode(error))?;
        inner.write(&bytes)?;
        inner.summary.noted(progress);
        Ok(())
    }

    fn syncer(&self) -> Arc<dyn LogSync> {
        Arc::clone(&self.shared) as Arc<dyn LogSync>
    }

    fn after(&self, epoch: u64) -> Result<Records, LogError> {
        let inner = self.shared.inner();
        let wanted = inner.segments.iter().filter(|(_, last)| *last > epoch).map(|(path, _)| path.clone());
        Ok(Box::new(Reading { paths: wanted.collect::<Vec<_>>().into_iter(), open: None, last: epoch }))
    }

    fn set_aside(&mut self, name: &str) -> Result<(), LogError> {
        let directory = self.shared.inner().directory.clone();
        let aside = directory.with_extension(name);
        fs::rename(&directory, &aside).map_err(|source| LogError::write(&aside, source))?;
        *self = Self::open(&directory)?;
        Ok(())
    }

    fn forget_through(&mut self, epoch: u64) -> Result<(), LogError> {
        let mut inner = self.shared.inner();
        while inner.segments.len() > 1 && inner.segments[0].1 <= epoch {
            let (path, last) = inner.segments[0].clone();
            inner.restate()?;
            inner.file.sync_data().map_err(|source| LogError::write(inner.open_path(), source))?;
            fs::remove_file(&path).map_err(|source| LogError::write(&path, source))?;
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
        let (file, path, count) = {
            let inner = self.inner();
            if inner.unsynced.is_empty() {
                return Ok(());
            }
            let path = inner.open_path().to_owned();
            (inner.file.try_clone().map_err(|source| LogError::write(&path, source))?, path, inner.unsynced.len())
        };
        let synced = file.sync_data();
        let mut inner = self.inner();
        if inner.open_path() != path {
            // It was closed meanwhile, and synced then.
            return Ok(());
        }
        match synced {
            Ok(()) => {
                inner.unsynced.drain(..count);
                Ok(())
            }
            // What the file holds now nobody knows, and asking again would lie: the kernel tells of a failed write-back
            // once. The same entries go into another file.
            Err(_) => inner.start_over(),
        }
    }
}

impl Inner {
    fn open_path(&self) -> &Path {
        self.segments.last().map_or(&self.directory, |(path, _)| path)
    }

    fn cannot_encode(&self, error: postcard::Error) -> LogError {
        LogError::write(self.open_path(), std::io::Error::other(error))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        let mut written = self.file.write_all(bytes);
        if written.as_ref().is_err_and(|error| error.kind() == ErrorKind::StorageFull) && self.give_up_reserve() {
            self.cut();
            written = self.file.write_all(bytes);
        }
        match written {
            Ok(()) => {
                self.length += bytes.len() as u64;
                self.unsynced.extend_from_slice(bytes);
                Ok(())
            }
            Err(source) => {
                self.cut();
                Err(LogError::write(self.open_path(), source))
            }
        }
    }

    /// Takes half an entry away again. If that fails too, its checksum tells, and the next entry goes into another file.
    fn cut(&mut self) {
        if self.file.set_len(self.length).is_err() {
            let _ended_elsewhere = self.start_over();
        }
    }

    /// Closes the open segment and opens the next one.
    fn roll(&mut self) -> Result<(), LogError> {
        if self.file.sync_data().is_err() {
            return self.start_over();
        }
        self.unsynced.clear();
        self.open_next(&[])?;
        self.restate()?;
        self.make_reserve();
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
        let number = number_of(self.open_path()).unwrap_or_default() + 1;
        let path = self.directory.join(format!("{number:020}.{ENDING}"));
        let last = self.segments.last().map_or(0, |(_, last)| *last);
        self.file = new_segment(&path, entries)?;
        self.length = header().len() as u64 + entries.len() as u64;
        self.segments.push((path, last));
        Ok(())
    }

    /// Notes the sinks' progress once more, in the open segment: the notes in closed ones go with them.
    fn restate(&mut self) -> Result<(), LogError> {
        for progress in self.summary.sinks.clone() {
            let bytes = encode_progress(&progress).map_err(|error| self.cannot_encode(error))?;
            self.write(&bytes)?;
        }
        Ok(())
    }

    /// Keeps some room for the day on which the disk is full. Without it the log only stops earlier.
    fn make_reserve(&self) {
        let path = self.directory.join(RESERVE);
        let made =
            File::create(&path).and_then(|file| Ok(fallocate(&file, FallocateFlags::empty(), 0, RESERVE_BYTES)?));
        if made.is_err() {
            let _not_there = fs::remove_file(&path);
        }
    }

    fn give_up_reserve(&self) -> bool {
        fs::remove_file(self.directory.join(RESERVE)).is_ok()
    }
}

impl LogSummary {
    fn took(&mut self, record: &EpochRecord) {
        self.timeline = Some(record.timeline);
        self.epochs = Some((self.epochs.map_or(record.id, |(first, _)| first), record.id));
    }

    fn noted(&mut self, progress: &SinkProgress) {
        match self.sinks.iter_mut().find(|known| known.sink == progress.sink) {
            Some(known) => known.clone_from(progress),
            None => self.sinks.push(progress.clone()),
        }
    }
}

/// Makes a segment, with its name in the directory, durable.
fn new_segment(path: &Path, entries: &[u8]) -> Result<File, LogError> {
    let make = || {
        // Another attempt may have left one.
        File::create(path)?;
        // At the end, wherever that is after half an entry was cut off.
        let mut file = OpenOptions::new().append(true).open(path)?;
        file.write_all(&[&header()[..], entries].concat())?;
        file.sync_all()?;
        if let Some(directory) = path.parent() {
            File::open(directory)?.sync_all()?;
        }
        Ok(file)
    };
    make().map_err(|source| LogError::write(path, source))
}

fn number_of(path: &Path) -> Option<u64> {
    path.file_stem()?.to_str()?.parse().ok()
}

/// Takes a torn end away: whatever stands behind it in later files, it is never taken for damage.
fn cut_off(path: &Path, offset: u64) -> Result<(), LogError> {
    let cut = || {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(offset)?;
        file.sync_all()
    };
    cut().map_err(|source| LogError::write(path, source))
}

struct Scanned {
    segments: Vec<(PathBuf, u64)>,
    summary: LogSummary,
}

/// Reads all segments through. Broken bytes at a segment's end are what a crash leaves, as long as the epochs go on
/// without a gap behind them.
fn scan(paths: &[PathBuf]) -> Result<Scanned, LogError> {
    let mut scanned = Scanned { segments: Vec::new(), summary: LogSummary::default() };
    let mut broken: Option<LogError> = None;
    for path in paths {
        let mut last = scanned.summary.epochs.map_or(0, |(_, last)| last);
        let Some(mut reader) = SegmentReader::open(path)? else {
            scanned.segments.push((path.clone(), last));
            continue;
        };
        loop {
            match reader.next()? {
                // Written again into this file because nobody knew what became of the first.
                Found::Entry(Entry::Epoch(record)) if record.id <= last => {}
                Found::Entry(Entry::Epoch(record)) => {
                    let follows = record.id == last + 1 || (last == 0 && broken.is_none());
                    if !follows {
                        return Err(broken.unwrap_or(LogError::Gap { last, found: record.id }));
                    }
                    last = record.id;
                    scanned.summary.took(&record);
                }
                Found::Entry(Entry::Progress(progress)) => scanned.summary.noted(&progress),
                Found::End => break,
                Found::Broken(why) => {
                    let (path, offset) = (path.clone(), reader.offset());
                    tracing::warn!(offset, "epoch log: {} ends in {why}, as a crash leaves it", path.display());
                    if paths.last() == Some(&path) {
                        cut_off(&path, offset)?;
                    }
                    broken = Some(LogError::Damaged { path, offset, why: why.to_owned() });
                    break;
                }
            }
        }
        scanned.segments.push((path.clone(), last));
    }
    Ok(scanned)
}

/// The records of some segments.
struct Reading {
    paths: std::vec::IntoIter<PathBuf>,
    open: Option<SegmentReader>,
    last: u64,
}

impl Iterator for Reading {
    type Item = Result<EpochRecord, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(reader) = &mut self.open else {
                let path = self.paths.next()?;
                match SegmentReader::open(&path) {
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

#[cfg(test)]
mod tests;
