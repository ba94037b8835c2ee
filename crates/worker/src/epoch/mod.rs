//! The engine (`design.md`): gather, log, execute, deliver, commit. Execute is pure; the driver is the only loop.

mod accounting;
mod control;
mod driver;
mod execute;
mod executor;
mod feed;
mod log;
mod merge;
mod output;
mod record;
mod sequence;

pub use accounting::Accounting;
pub use control::{Control, Request, RequestId, RequestState};
pub use driver::{Driver, DriverError, Progress};
pub use execute::{Pipeline, ShardWork, Step, StepKind, TIMERS_PER_EPOCH, run_shard};
pub use executor::{Executed, Executor};
pub use feed::{Feed, FeedError, GroupOffsets, Read, ReadAhead};
pub use log::{EpochLog, LogError, MemoryEpochLog};
pub use output::{Output, OutputKind, Outputs};
pub use record::{EPOCH_FORMAT, EpochKind, EpochRecord, PartitionFacts, RecordRange, Timeline, ranges_of};
pub use sequence::{LineClock, Sequencer};
