//! A log in memory, for runs whose state is in memory too: it can repeat epochs within the process, and no more.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{BatchBorders, EpochLog, LogError, LogSummary, LogSync, Records};
use crate::epoch::EpochRecord;
use crate::state::SinkProgress;

/// Keeps records in memory; there is nothing to sync.
#[derive(Debug, Default)]
pub struct MemoryEpochLog {
    records: VecDeque<EpochRecord>,
    last: u64,
}

impl EpochLog for MemoryEpochLog {
    fn summary(&self) -> LogSummary {
        let epochs = self.records.front().map(|first| (first.id, self.last));
        LogSummary { timeline: self.records.back().map(|last| last.timeline), epochs, ..LogSummary::default() }
    }

    fn append(&mut self, record: &EpochRecord) -> Result<(), LogError> {
        if self.last > 0 && record.id != self.last + 1 {
            return Err(LogError::Gap { last: self.last, found: record.id });
        }
        self.last = record.id;
        self.records.push_back(record.clone());
        Ok(())
    }

    fn note(&mut self, _progress: &SinkProgress) -> Result<(), LogError> {
        Ok(())
    }

    fn syncer(&self) -> Arc<dyn LogSync> {
        Arc::new(NothingToSync)
    }

    fn after(&self, epoch: u64) -> Result<Records, LogError> {
        let records: Vec<_> = self.records.iter().filter(|record| record.id > epoch).cloned().map(Ok).collect();
        Ok(Box::new(records.into_iter()))
    }

    fn set_aside(&mut self, _name: &str) -> Result<(), LogError> {
        *self = Self::default();
        Ok(())
    }

    fn forget_through(&mut self, epoch: u64) -> Result<(), LogError> {
        while self.records.front().is_some_and(|record| record.id <= epoch) {
            self.records.pop_front();
        }
        Ok(())
    }
}

struct NothingToSync;

impl LogSync for NothingToSync {
    fn sync(&self) -> Result<(), LogError> {
        Ok(())
    }

    fn note(&self, _progress: &SinkProgress) -> Result<(), LogError> {
        Ok(())
    }

    fn begin_batch(&self, _borders: &BatchBorders) -> Result<(), LogError> {
        Ok(())
    }
}
