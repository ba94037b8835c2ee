//! The epoch log: what was executed, under which clock, and how far each sink was. A store of its own, never inside the
//! state that it repairs (`design.md`, rule 1).

mod disk;
mod files;
mod memory;
mod scan;
mod segment;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use disk::DiskEpochLog;
pub use files::LogFiles;
pub use memory::MemoryEpochLog;

use serde::{Deserialize, Serialize};

use super::{EpochRecord, Timeline};
use crate::state::SinkProgress;

/// The log could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// An epoch that does not follow the last one.
    #[error("epoch log: epoch {found} does not follow {last}")]
    Gap {
        /// Id of the last record.
        last: u64,
        /// Id that was to be appended, or that was found.
        found: u64,
    },
    /// It cannot be written; nothing of what was to be written counts. Waiting may mend it.
    #[error("epoch log: cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It cannot be read.
    #[error("epoch log: cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file that is not a segment of ours, or of a version that this worker does not know.
    #[error("epoch log: {} is not of a format that this worker reads ({why}): use the worker that wrote it, or a savepoint", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// Something inside the log is not what was written.
    #[error("epoch log: {} is damaged at byte {offset} ({why}): restore a checkpoint made after it, or give the log up (--accept-lost-log)", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// How.
        why: String,
    },
}

impl LogError {
    /// Whether waiting may mend it: a disk that is full, read-only, or failing.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Write { .. })
    }

    fn write(path: &Path, source: std::io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }

    fn read(path: &Path, source: std::io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }
}

/// What a log holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSummary {
    /// The history that its records belong to; `None` where it has none.
    pub timeline: Option<Timeline>,
    /// Id of the first record kept and of the last, where there are any.
    pub epochs: Option<(u64, u64)>,
    /// Each sink's progress as last noted.
    pub sinks: Vec<SinkProgress>,
    /// The batch that each sink which takes batches was given last.
    pub batches: Vec<BatchBorders>,
}

/// The epochs that leave together, however often they are tried (`design.md`, rule 5). Everything before the first of them
/// has been acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchBorders {
    /// The sink's name.
    pub sink: String,
    /// The timeline of the epochs.
    pub timeline: Timeline,
    /// The first of them.
    pub first: u64,
    /// And the last.
    pub last: u64,
}

/// Records, one after the other.
pub type Records = Box<dyn Iterator<Item = Result<EpochRecord, LogError>> + Send>;

/// Keeps epoch records until nothing needs them any more.
pub trait EpochLog: Send {
    /// What it holds.
    fn summary(&self) -> LogSummary;

    /// Appends a record. It is durable after the next sync.
    fn append(&mut self, record: &EpochRecord) -> Result<(), LogError>;

    /// Notes how far a sink is. Durable with whatever is synced next; a note that is lost costs a repetition only.
    fn note(&mut self, progress: &SinkProgress) -> Result<(), LogError>;

    /// Makes what was appended durable, from whichever thread.
    fn syncer(&self) -> Arc<dyn LogSync>;

    /// The records after an epoch, in order.
    fn after(&self, epoch: u64) -> Result<Records, LogError>;

    /// Begins again with nothing; what there was is kept under this name, where it can be kept at all.
    fn set_aside(&mut self, name: &str) -> Result<(), LogError>;

    /// Forgets records up to and including `epoch`, or fewer: whole files only.
    fn forget_through(&mut self, epoch: u64) -> Result<(), LogError>;
}

/// Makes what was appended durable, and takes what sinks at their own pace have to say.
pub trait LogSync: Send + Sync {
    /// When it returns, nothing that happens to the machine loses what was appended before.
    fn sync(&self) -> Result<(), LogError>;

    /// Notes how far a sink is, as [`EpochLog::note`] does.
    fn note(&self, progress: &SinkProgress) -> Result<(), LogError>;

    /// Notes which epochs a sink is given next. To be synced before it is tried.
    fn begin_batch(&self, borders: &BatchBorders) -> Result<(), LogError>;
}
