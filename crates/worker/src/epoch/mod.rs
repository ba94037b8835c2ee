//! The engine (`design.md`): gather, log, execute, deliver, commit. Execute is pure; the driver is the only loop.

mod accounting;
mod control;
mod delivery;
mod driver;
mod execute;
mod executor;
mod feed;
mod gather;
mod keeper;
mod log;
mod merge;
mod output;
mod patience;
mod progress;
mod record;
mod recovery;
mod reread;
mod returned;
mod sequence;
mod standpoint;
mod stepped;

pub use accounting::Accounting;
pub use control::{Control, Request, RequestId, RequestState, TooMany};
pub use delivery::CommitPace;
pub use driver::{Checkpoints, Driver, DriverError, History};
pub use execute::{Pipeline, ShardWork, Step, StepKind, TIMERS_PER_EPOCH, run_shard};
pub use executor::{Executed, Executor, Unexecuted};
pub use feed::{Feed, FeedError, GroupOffsets, Moved, Read, ReadAhead, TopicId};
pub use keeper::Keeper;
pub use log::{BatchBorders, DiskEpochLog, EpochLog, LogError, LogFiles, LogSummary, LogSync, MemoryEpochLog, Records};
pub use output::{Output, OutputKind, Outputs};
pub use progress::{Progress, Trouble};
pub use record::{EPOCH_FORMAT, EpochKind, EpochRecord, PartitionFacts, RecordRange, Timeline, ranges_of};
pub use recovery::{Plan, Policy, Position, Refusal, plan};
pub use sequence::{LineClock, Sequencer};
pub use stepped::SteppedDriver;
