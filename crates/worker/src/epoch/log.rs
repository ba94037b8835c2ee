//! The epoch log: what was executed, and under which clock. A store of its own, never inside the state that it repairs.

use super::EpochRecord;

/// The log could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// An epoch that does not follow the last one.
    #[error("epoch log: epoch {found} does not follow {last}")]
    Gap {
        /// Id of the last record.
        last: u64,
        /// Id that was to be appended.
        found: u64,
    },
}

/// Keeps epoch records until nothing needs them any more.
pub trait EpochLog: Send {
    /// Appends a record. When it returns, nothing that happens to the machine loses it.
    fn append(&mut self, record: &EpochRecord) -> Result<(), LogError>;

    /// The records after an epoch, in order.
    fn after(&self, epoch: u64) -> Result<Vec<EpochRecord>, LogError>;

    /// Forgets records up to and including `epoch`.
    fn forget_through(&mut self, epoch: u64);
}

/// A log in memory, for runs whose state is in memory too: it can repeat epochs within the process, and no more.
#[derive(Debug, Default)]
pub struct MemoryEpochLog {
    records: Vec<EpochRecord>,
    last: u64,
}

impl EpochLog for MemoryEpochLog {
    fn append(&mut self, record: &EpochRecord) -> Result<(), LogError> {
        if record.id != self.last + 1 {
            return Err(LogError::Gap { last: self.last, found: record.id });
        }
        self.last = record.id;
        self.records.push(record.clone());
        Ok(())
    }

    fn after(&self, epoch: u64) -> Result<Vec<EpochRecord>, LogError> {
        Ok(self.records.iter().filter(|record| record.id > epoch).cloned().collect())
    }

    fn forget_through(&mut self, epoch: u64) {
        self.records.retain(|record| record.id > epoch);
    }
}
