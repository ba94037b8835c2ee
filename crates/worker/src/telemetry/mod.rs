//! What people see of a run beside its results: logs and the status line on stderr, and what the engine tells of itself
//! for the page, the API and the metrics.

mod board;
mod checkpoints;
mod happened;
mod histogram;
pub mod logs;
mod observed;
mod partitions;
mod process;
mod recent;
mod status;
mod steps;

pub use board::SymbolWindows;
pub use checkpoints::{CheckpointStatus, Checkpoints};
pub use happened::{Place, SeenAlert, SeenDeadLetter};
pub use histogram::HistogramCounts;
pub use observed::{OTHER_REASONS, SinkStatus, Telemetry};
pub use partitions::PartitionStatus;
pub use process::{DiskRoom, ProcessUse};
pub use recent::Recent;
pub use status::StatusLine;
pub use steps::{Shares, Stage, Step, Steps};
