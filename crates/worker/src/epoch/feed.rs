//! How records reach the driver: the seam to the sources.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use super::{PartitionFacts, RecordRange, ranges_of};
use crate::source::{Batch, PartitionId, PartitionSeen};

/// Any source's error: named in its own words, passed through.
pub type FeedError = Box<dyn std::error::Error + Send + Sync>;

/// What a read gave.
#[derive(Debug)]
pub enum Read {
    /// Records, with the ranges that go into the epoch record.
    Records(Batch, Vec<RecordRange>),
    /// Reading goes on elsewhere: positions and topic are others already, and nothing was read there yet.
    Moved(Moved),
    /// Nothing came within the time given.
    Nothing,
    /// A recording is at its end.
    End,
}

/// Why reading goes on elsewhere, for whoever watches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// The topic was deleted and created anew, and is read from its beginning.
    pub recreated: bool,
    /// Records that were deleted before they were read, at most.
    pub lost_records: u64,
}

/// A topic's id; a topic that was deleted and created anew has another.
pub type TopicId = [u8; 16];

/// A consumer group's name, and what it has committed.
pub type GroupOffsets = (String, Vec<(PartitionId, i64)>);

/// Gives records to the driver. One read is one epoch: sources bound it in records and bytes.
pub trait Feed {
    /// Records, waiting for them at most `wait`.
    fn read(&mut self, wait: Duration) -> Result<Read, FeedError>;

    /// Takes a batch back whose records have been delivered, to use its memory again.
    fn recycle(&mut self, _batch: Batch) {}

    /// What the source's own consumer group has committed, with the group's name: asked for where there is no state, for
    /// then there should be nothing. `None` where the source has no group, or was told to begin elsewhere.
    fn group_offsets(&mut self) -> Result<Option<GroupOffsets>, FeedError> {
        Ok(None)
    }

    /// Where the partitions begin now. Asked for where records are to be read again, behind [`Self::seek`]; empty where
    /// nothing is ever deleted.
    fn beginnings(&mut self) -> Result<Vec<(PartitionId, i64)>, FeedError> {
        Ok(Vec::new())
    }

    /// What keeps the source from reading, in words, while it tries again.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// The partitions read, in the order of the source's table. Asked for when time alone makes an epoch.
    fn partitions(&self) -> Vec<PartitionId> {
        Vec::new()
    }

    /// What a broker said last of the partitions, for those of which it is known: only shown.
    fn seen(&self) -> Vec<PartitionSeen> {
        Vec::new()
    }

    /// What is known of a partition beside its records.
    fn facts(&self, _slot: usize) -> PartitionFacts {
        PartitionFacts::default()
    }

    /// Goes to where the state stands, before anything is read: the partitions in the order of the source's table, each
    /// with the offset to read next, and the id of the topic that they are offsets of. Gives the id that the topic has now,
    /// where it has one. Not called where there is no state yet: the source then begins where it is set to.
    fn seek(
        &mut self,
        _next_offsets: &[(PartitionId, i64)],
        _was: Option<TopicId>,
    ) -> Result<Option<TopicId>, FeedError> {
        Err("this source cannot go back to where the state stands".into())
    }

    /// An epoch that is executed again has named partitions: reading goes on there, and in the topic of that id.
    fn goes_on_at(&mut self, _named: &[RecordRange]) {}

    /// Reads the records of a logged epoch once more, for each range those from `from` up to and including `to - 1`,
    /// however long that takes. Called after [`Self::seek`], for the epochs behind the state, in their order; then
    /// [`Self::read`] goes on behind them.
    ///
    /// # Errors
    /// The source no longer has them, or was told to stop.
    fn reread(&mut self, _ranges: &[RecordRange]) -> Result<Batch, FeedError> {
        Err("this source cannot read records again".into())
    }

    /// These offsets were committed: tell whoever watches the group.
    fn committed(&mut self, _next_offsets: &[(PartitionId, i64)]) {}
}

/// A batch with its ranges; `None` at the end.
type Filled = Result<Option<(Batch, Vec<RecordRange>)>, FeedError>;

/// Reads ahead on a thread of its own, two batches at most (I7).
pub struct ReadAhead {
    batches: Receiver<Filled>,
    spare: Sender<Batch>,
    partitions: Vec<PartitionId>,
}

impl ReadAhead {
    /// Starts reading with `read`, which fills a batch and says whether more may follow. The thread ends with the
    /// recording, or with the first read after the feed was dropped: nobody waits for it, since a read of a pipe may
    /// last for ever, and whoever is told to stop must be able to.
    ///
    /// # Errors
    /// No thread is to be had.
    pub fn start(
        mut read: impl FnMut(&mut Batch) -> Result<bool, FeedError> + Send + 'static,
    ) -> std::io::Result<Self> {
        let (to_driver, batches) = sync_channel(2);
        let (spare, returned) = channel::<Batch>();
        std::thread::Builder::new().name("read".into()).spawn(move || read_all(&mut read, &to_driver, &returned))?;
        Ok(Self { batches, spare, partitions: Vec::new() })
    }
}

fn read_all(
    read: &mut dyn FnMut(&mut Batch) -> Result<bool, FeedError>,
    to_driver: &SyncSender<Filled>,
    returned: &Receiver<Batch>,
) {
    let mut partitions: Vec<PartitionId> = Vec::new();
    loop {
        let mut batch = returned.try_recv().unwrap_or_default();
        batch.clear();
        batch.partitions.clone_from(&partitions);
        let more = read(&mut batch);
        partitions.clone_from(&batch.partitions);
        let last = !matches!(more, Ok(true));
        // What was read before an error is good: it goes first.
        let full = !batch.records.is_empty();
        if full {
            let ranges = ranges_of(&batch, |_| PartitionFacts::default());
            if to_driver.send(Ok(Some((batch, ranges)))).is_err() {
                return;
            }
        }
        if last {
            // The driver may have gone meanwhile; then nobody waits for the end.
            let _gone = to_driver.send(more.map(|_| None));
            return;
        }
    }
}

impl Feed for ReadAhead {
    fn read(&mut self, wait: Duration) -> Result<Read, FeedError> {
        match self.batches.recv_timeout(wait) {
            Ok(Ok(Some((batch, ranges)))) => {
                if self.partitions.len() < batch.partitions.len() {
                    self.partitions.clone_from(&batch.partitions);
                }
                Ok(Read::Records(batch, ranges))
            }
            Ok(Ok(None)) => Ok(Read::End),
            // The reader says how it ends, unless it panicked.
            Err(RecvTimeoutError::Disconnected) => Err("the thread that reads the recording has died".into()),
            Ok(Err(error)) => Err(error),
            Err(RecvTimeoutError::Timeout) => Ok(Read::Nothing),
        }
    }

    fn recycle(&mut self, batch: Batch) {
        // A reader that has finished needs no more memory.
        let _finished = self.spare.send(batch);
    }

    fn partitions(&self) -> Vec<PartitionId> {
        self.partitions.clone()
    }
}
