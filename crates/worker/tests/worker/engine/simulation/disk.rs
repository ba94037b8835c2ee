//! Simulated disks: what is written is in the page cache; what is synced lasts. A crash of the process keeps both, one of
//! the machine loses some of what was not synced, from the end. Any operation can be the last one of a life, or fail for a
//! while.

use std::sync::{Arc, Mutex, MutexGuard};

use worker::epoch::{EpochLog, EpochRecord, LogError, LogSummary, LogSync, Outputs, Records};
use worker::sink::{Known, Sink, SinkError};
use worker::state::{
    Commit, MemoryStateStore, OutboxKey, SinkProgress, StateKey, StateStore, StoreError, Visit, VisitTimer,
};

use crate::engine::day::Dice;
use crate::engine::json;

/// What happens to an operation.
pub(super) enum Fate {
    Well,
    /// Not now; perhaps later.
    Faulty,
    /// The worker dies before it, or in the middle of it.
    Dies {
        halfway: bool,
    },
}

/// Decides over every operation of one life.
pub(super) struct Fates {
    /// Operations until death.
    left: u64,
    faults: u64,
    dice: Dice,
    pub(super) faulted: u64,
}

impl Fates {
    pub(super) fn new(left: u64, faults: u64, dice: Dice) -> Self {
        Self { left, faults, dice, faulted: 0 }
    }

    fn next(&mut self) -> Fate {
        if self.left == 0 {
            return Fate::Dies { halfway: false };
        }
        self.left -= 1;
        if self.left == 0 {
            return Fate::Dies { halfway: self.dice.below(2) == 0 };
        }
        if self.faults > 0 && self.dice.below(100) < self.faults {
            self.faulted += 1;
            return Fate::Faulty;
        }
        Fate::Well
    }
}

/// Something that outlives the worker.
pub(super) type Shared<T> = Arc<Mutex<T>>;

fn open<T>(shared: &Shared<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap()
}

fn died() -> std::io::Error {
    std::io::Error::other("the worker died")
}

fn full() -> std::io::Error {
    std::io::ErrorKind::StorageFull.into()
}

/// An entry of the simulated log.
#[derive(Clone)]
enum Entry {
    Epoch(EpochRecord),
    Note(SinkProgress),
}

/// The log's disk.
#[derive(Default)]
pub(super) struct LogDisk {
    entries: Vec<Entry>,
    synced: usize,
    /// Every record that lasted, also those forgotten since: what the oracle executes.
    pub(super) lineage: Vec<EpochRecord>,
}

impl LogDisk {
    pub(super) fn crash_of_machine(&mut self, dice: &mut Dice) {
        let unsynced = self.entries.len() - self.synced;
        self.entries.truncate(self.synced + dice.below(1 + unsynced as u64) as usize);
        self.synced = self.entries.len();
    }

    fn records(&self) -> impl Iterator<Item = &EpochRecord> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Epoch(record) => Some(record),
            Entry::Note(_) => None,
        })
    }

    fn remember(&mut self) {
        let known = self.lineage.last().map_or(0, |last| last.id);
        let records: Vec<_> = self.records().filter(|record| record.id > known).cloned().collect();
        self.lineage.extend(records);
    }

    /// What a start finds is what counts: records that were lost are not part of the history.
    pub(super) fn settle_lineage(&mut self) {
        let last = self.records().last().map_or(0, |record| record.id);
        self.lineage.retain(|record| record.id <= last);
        self.remember();
    }
}

/// The log as one life sees it.
#[derive(Clone)]
pub(super) struct SimulatedLog {
    pub(super) disk: Shared<LogDisk>,
    pub(super) fates: Shared<Fates>,
}

impl SimulatedLog {
    fn write(&self, entry: Entry) -> Result<(), LogError> {
        let path = || "simulated-log".into();
        match open(&self.fates).next() {
            Fate::Well => {
                open(&self.disk).entries.push(entry);
                Ok(())
            }
            Fate::Faulty => Err(LogError::Write { path: path(), source: full() }),
            // Half an entry is none: its checksum says so.
            Fate::Dies { .. } => Err(LogError::Read { path: path(), source: died() }),
        }
    }
}

impl EpochLog for SimulatedLog {
    fn summary(&self) -> LogSummary {
        let disk = open(&self.disk);
        let mut summary = LogSummary::default();
        for entry in &disk.entries {
            match entry {
                Entry::Epoch(record) => {
                    summary.timeline = Some(record.timeline);
                    summary.epochs = Some((summary.epochs.map_or(record.id, |(first, _)| first), record.id));
                }
                Entry::Note(progress) => {
                    summary.sinks.retain(|known| known.sink != progress.sink);
                    summary.sinks.push(progress.clone());
                }
            }
        }
        summary
    }

    fn append(&mut self, record: &EpochRecord) -> Result<(), LogError> {
        self.write(Entry::Epoch(record.clone()))
    }

    fn note(&mut self, progress: &SinkProgress) -> Result<(), LogError> {
        self.write(Entry::Note(progress.clone()))
    }

    fn syncer(&self) -> Arc<dyn LogSync> {
        Arc::new(self.clone())
    }

    fn after(&self, epoch: u64) -> Result<Records, LogError> {
        let records: Vec<_> = open(&self.disk).records().filter(|record| record.id > epoch).cloned().map(Ok).collect();
        Ok(Box::new(records.into_iter()))
    }

    fn set_aside(&mut self, _name: &str) -> Result<(), LogError> {
        panic!("no history is given up in these schedules");
    }

    fn forget_through(&mut self, epoch: u64) -> Result<(), LogError> {
        let mut disk = open(&self.disk);
        disk.remember();
        let before = disk.entries.len();
        disk.entries.retain(|entry| !matches!(entry, Entry::Epoch(record) if record.id <= epoch));
        disk.synced = disk.synced.saturating_sub(before - disk.entries.len());
        Ok(())
    }
}

impl LogSync for SimulatedLog {
    fn sync(&self) -> Result<(), LogError> {
        let path = || "simulated-log".into();
        let mut disk = open(&self.disk);
        let fate = open(&self.fates).next();
        match fate {
            Fate::Well | Fate::Dies { halfway: true } => {
                disk.synced = disk.entries.len();
                disk.remember();
            }
            Fate::Faulty => return Err(LogError::Write { path: path(), source: full() }),
            Fate::Dies { halfway: false } => {}
        }
        match fate {
            Fate::Dies { .. } => Err(LogError::Read { path: path(), source: died() }),
            _ => Ok(()),
        }
    }
}

/// The state's disk: commits in order, none of them synced by themselves.
#[derive(Default)]
pub(super) struct StateDisk {
    commits: Vec<Commit>,
    /// How many commits a checkpoint, which is synced, or the database itself has made last.
    synced: usize,
    /// Checkpoints: how many commits each contains.
    pub(super) checkpoints: Vec<usize>,
}

impl StateDisk {
    pub(super) fn crash_of_machine(&mut self, dice: &mut Dice) {
        let unsynced = self.commits.len() - self.synced;
        self.commits.truncate(self.synced + dice.below(1 + unsynced as u64) as usize);
    }

    /// The epoch that the state stands at.
    pub(super) fn epoch(&self) -> u64 {
        self.commits.last().map_or(0, |commit| commit.epoch)
    }

    /// Makes a checkpoint; the newest three stay. Gives the epoch of the oldest.
    pub(super) fn checkpoint(&mut self) -> u64 {
        self.synced = self.commits.len();
        self.checkpoints.push(self.commits.len());
        if self.checkpoints.len() > 3 {
            self.checkpoints.remove(0);
        }
        self.oldest_checkpoint()
    }

    pub(super) fn oldest_checkpoint(&self) -> u64 {
        self.checkpoints.first().map_or(0, |&count| self.commits[count - 1].epoch)
    }

    /// The database is lost: back to a checkpoint, or to nothing.
    pub(super) fn restore(&mut self, dice: &mut Dice) {
        let count = match self.checkpoints.len() {
            0 => 0,
            some => self.checkpoints[dice.below(some as u64) as usize],
        };
        self.commits.truncate(count);
        self.synced = count;
        self.checkpoints.retain(|&kept| kept <= count);
    }

    pub(super) fn store(&self) -> MemoryStateStore {
        let store = MemoryStateStore::default();
        for commit in &self.commits {
            store.commit(commit).unwrap();
        }
        store
    }
}

/// The state as one life sees it.
pub(super) struct SimulatedStore {
    pub(super) memory: MemoryStateStore,
    pub(super) disk: Shared<StateDisk>,
    pub(super) fates: Shared<Fates>,
}

impl StateStore for SimulatedStore {
    fn last_commit(&self) -> Result<Option<Commit>, StoreError> {
        self.memory.last_commit()
    }

    fn symbol(&self, key: &StateKey) -> Result<Option<Vec<u8>>, StoreError> {
        self.memory.symbol(key)
    }

    fn for_each_symbol(&self, visit: Visit<'_, StateKey>) -> Result<(), StoreError> {
        self.memory.for_each_symbol(visit)
    }

    fn for_each_timer(&self, visit: VisitTimer<'_>) -> Result<(), StoreError> {
        self.memory.for_each_timer(visit)
    }

    fn for_each_in_outbox(&self, sink: &str, visit: Visit<'_, OutboxKey>) -> Result<(), StoreError> {
        self.memory.for_each_in_outbox(sink, visit)
    }

    fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        let place = || "simulated-state".to_owned();
        let fate = open(&self.fates).next();
        match fate {
            Fate::Well | Fate::Dies { halfway: true } => {
                self.memory.commit(commit)?;
                open(&self.disk).commits.push(commit.clone());
            }
            Fate::Faulty => return Err(StoreError::Unavailable { place: place(), reason: "full".to_owned() }),
            Fate::Dies { halfway: false } => {}
        }
        match fate {
            Fate::Dies { .. } => Err(StoreError::Refused { place: place(), reason: "the worker died".to_owned() }),
            _ => Ok(()),
        }
    }
}

/// A file's disk.
#[derive(Default)]
pub(super) struct FileDisk {
    pub(super) bytes: Vec<u8>,
    synced: usize,
}

impl FileDisk {
    pub(super) fn crash_of_machine(&mut self, dice: &mut Dice) {
        let unsynced = self.bytes.len().saturating_sub(self.synced);
        self.bytes.truncate(self.synced + dice.below(1 + unsynced as u64) as usize);
    }
}

/// Which sink.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Cut back to what the state committed.
    File,
    /// What is out is out.
    Stdout,
}

/// A sink as one life sees it.
pub(super) struct SimulatedSink {
    pub(super) kind: Kind,
    pub(super) disk: Shared<FileDisk>,
    pub(super) fates: Shared<Fates>,
}

impl SimulatedSink {
    fn failed(&self, passes: bool) -> SinkError {
        if !passes {
            return SinkError::Closed;
        }
        SinkError::Write { sink: self.name(), target: "simulated".to_owned(), source: full() }
    }
}

impl Sink for SimulatedSink {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::File => "file",
            Kind::Stdout => "stdout",
        }
    }

    fn resume(&mut self, known: Known<'_>) -> Result<u64, SinkError> {
        let mut disk = open(&self.disk);
        let committed = known.committed.map_or(0, |progress| progress.epoch);
        Ok(match self.kind {
            Kind::File => {
                let length = known.committed.and_then(|progress| progress.file_length_bytes).unwrap_or(0) as usize;
                assert!(length <= disk.bytes.len(), "the commit names {length} bytes, {} lasted", disk.bytes.len());
                disk.bytes.truncate(length);
                disk.synced = disk.synced.min(length);
                committed
            }
            Kind::Stdout => known.noted.map_or(0, |noted| noted.epoch).max(committed),
        })
    }

    fn takes_notes(&self) -> bool {
        self.kind == Kind::Stdout
    }

    fn deliver(&mut self, _epoch: &EpochRecord, outputs: &Outputs) -> Result<(), SinkError> {
        let (mut lines, mut aside) = (Vec::new(), Vec::new());
        json().render(outputs, &mut lines, &mut aside);
        let fate = open(&self.fates).next();
        let mut disk = open(&self.disk);
        match fate {
            Fate::Well => disk.bytes.extend(&lines),
            // Not in the middle of a line: readers of stdout see lines.
            Fate::Dies { halfway: true } => {
                let half = lines.len() / 2;
                let whole = lines[..half].iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
                disk.bytes.extend(&lines[..if self.kind == Kind::File { half } else { whole }]);
            }
            Fate::Faulty | Fate::Dies { halfway: false } => {}
        }
        if self.kind == Kind::Stdout {
            disk.synced = disk.bytes.len();
        }
        drop(disk);
        match fate {
            Fate::Well => Ok(()),
            Fate::Faulty => Err(self.failed(true)),
            Fate::Dies { .. } => Err(self.failed(false)),
        }
    }

    fn settle(&mut self) -> Result<Option<u64>, SinkError> {
        if self.kind == Kind::Stdout {
            return Ok(None);
        }
        let fate = open(&self.fates).next();
        if matches!(fate, Fate::Dies { .. }) {
            return Err(self.failed(false));
        }
        let mut disk = open(&self.disk);
        disk.synced = disk.bytes.len();
        Ok(Some(disk.bytes.len() as u64))
    }
}
