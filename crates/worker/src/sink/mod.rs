//! Where results go. Renderers turn outputs into bytes; sinks write them. A sink makes a repeated epoch harmless, or
//! says that it cannot (stdout).

#[cfg(feature = "clickhouse")]
mod clickhouse;
mod dead_letters;
mod file;
mod json;
#[cfg(feature = "kafka")]
mod kafka;
mod memory;
mod message;
mod outlet;
mod output_file;
mod paced;
mod render;
mod stdout;
mod text;

#[cfg(feature = "clickhouse")]
pub use clickhouse::{
    BACKFILL_TIMELINE, BackfillCounts, BackfillSettings, BackfillSink, Begins, ClickHouseError, ClickHouseOutlet,
    ClickHousePack, ClickHouseSettings, TableCounts, WindowRules, WindowsLeftOut,
};
pub use dead_letters::DeadLettersSink;
pub use file::FileSink;
pub use json::JsonRenderer;
#[cfg(feature = "kafka")]
pub use kafka::{KafkaOutlet, KafkaPack, KafkaSinkError, KafkaSinkSettings, Topics};
pub use memory::{Delivered, MemorySink};
pub use message::Language;
pub use outlet::{Outlet, OutletKnown, Pack, Parcel, SinkBatch};
pub use paced::{Intake, PacedLimits, PacedSink, Sender, Sent, Standing};
pub use render::{Format, Render, Renderer};
pub use stdout::StdoutSink;
pub use text::TextRenderer;

use crate::epoch::{EpochRecord, Outputs, Timeline};
use crate::state::{OutboxKey, SinkProgress};

/// A sink could not take an epoch's outputs.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// Whoever read our stdout has gone (`| head`): not a failure of ours.
    #[error("stdout was closed by its reader")]
    Closed,
    /// Writing failed.
    #[error("{sink}: cannot write {target}: {source}")]
    Write {
        /// The sink's name.
        sink: &'static str,
        /// What was written to.
        target: String,
        /// Why not.
        source: std::io::Error,
    },
    /// What was written may not have reached the disk.
    #[error(
        "{sink}: {target} cannot be made durable: {source}; at the next start what it may have lost is written again"
    )]
    Unsettled {
        /// The sink's name.
        sink: &'static str,
        /// What was written to.
        target: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is shorter than the state says: it is another one, or somebody has shortened it.
    #[error(
        "{sink}: {target} has {found_bytes} bytes, but the state has committed {committed_bytes}: put the right file \
         back, or begin a new one with --accept-lost-output"
    )]
    Shorter {
        /// The sink's name.
        sink: &'static str,
        /// The file.
        target: String,
        /// The length that the state names.
        committed_bytes: u64,
        /// The length that it has.
        found_bytes: u64,
    },
    /// There is no state, but results of an earlier run.
    #[error(
        "{sink}: {target} holds {found_bytes} bytes of an earlier run, but there is no state that goes on behind them: \
         move the file away, or write over it with --start-over"
    )]
    LeftOver {
        /// The sink's name.
        sink: &'static str,
        /// The file.
        target: String,
        /// The length that it has.
        found_bytes: u64,
    },
    /// Another process has the file.
    #[error("{sink}: {target} is in use by another worker: stop that one, or give this one another path")]
    InUse {
        /// The sink's name.
        sink: &'static str,
        /// The file.
        target: String,
    },
    /// So much waits for it that nothing more may.
    #[error(
        "{sink}: {waiting_bytes} bytes of results wait for it, and {outbox_bytes} may (sink.outbox_bytes): the sources pause \
         until some have left"
    )]
    OutboxFull {
        /// The sink's name.
        sink: &'static str,
        /// What waits.
        waiting_bytes: u64,
        /// What may.
        outbox_bytes: u64,
    },
    /// What waits for it in the state is not what was put there.
    #[error("{sink}: results that wait for it in the state cannot be read; restore a checkpoint")]
    OutboxUnreadable {
        /// The sink's name.
        sink: &'static str,
    },
    /// State or log failed where it goes at its own pace.
    #[error("{sink}: {reason}")]
    Pace {
        /// The sink's name.
        sink: &'static str,
        /// What failed.
        reason: String,
    },
    /// Kafka did not take it.
    #[cfg(feature = "kafka")]
    #[error(transparent)]
    Kafka(#[from] KafkaSinkError),
    /// ClickHouse did not take it.
    #[cfg(feature = "clickhouse")]
    #[error(transparent)]
    ClickHouse(#[from] ClickHouseError),
}

impl SinkError {
    /// Whether waiting may mend it: a disk that is full, read-only, or failing; brokers that are away.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Write { .. } | Self::OutboxFull { .. } => true,
            #[cfg(feature = "kafka")]
            Self::Kafka(error) => error.may_pass(),
            #[cfg(feature = "clickhouse")]
            Self::ClickHouse(error) => error.may_pass(),
            _ => false,
        }
    }

    /// Whether going on would not be exactly once, and so was refused.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::InUse { .. } | Self::Shorter { .. } | Self::LeftOver { .. } => true,
            #[cfg(feature = "kafka")]
            Self::Kafka(error) => error.is_refusal(),
            #[cfg(feature = "clickhouse")]
            Self::ClickHouse(error) => error.is_refusal(),
            _ => false,
        }
    }
}

/// What the state and the log know of a sink at a start.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The history that goes on.
    pub timeline: Timeline,
    /// What the state committed.
    pub committed: Option<&'a SinkProgress>,
    /// What was noted in the log: since, where the sink takes notes; else when the history began.
    pub noted: Option<&'a SinkProgress>,
    /// A person has accepted that outputs of an earlier run are lost or written over.
    pub accept_lost_output: bool,
}

impl Known<'_> {
    /// Nothing, of a history that begins.
    pub fn nothing_of(timeline: Timeline) -> Self {
        Self { timeline, committed: None, noted: None, accept_lost_output: false }
    }
}

/// Takes the outputs of epochs, in order.
pub trait Sink: Send {
    /// The sink's name in logs and progress.
    fn name(&self) -> &'static str;

    /// Before the first epoch: goes back to where the state stands, or says from itself how far it is. Gives the last
    /// epoch that it needs no more.
    fn resume(&mut self, known: Known<'_>) -> Result<u64, SinkError> {
        Ok(known.noted.or(known.committed).map_or(0, |progress| progress.epoch))
    }

    /// Takes the outputs of an epoch. When it returns, they are out (stdout) or in the file. When it fails, nothing of
    /// them counts, and the same epoch may be delivered again.
    fn deliver(&mut self, epoch: &EpochRecord, outputs: &Outputs) -> Result<(), SinkError>;

    /// Whether how far it is should be noted in the log: not where it is cut back to the commit anyway.
    fn takes_notes(&self) -> bool {
        true
    }

    /// Before a commit names what was delivered: makes it durable. A file says how long it is.
    fn settle(&mut self) -> Result<Option<u64>, SinkError> {
        Ok(None)
    }

    /// How many bytes it would have a commit carry now: with many of them no commit is put off any longer.
    fn uncommitted_bytes(&self) -> usize {
        0
    }

    /// At a commit of everything delivered so far: what it changes in the sink's outbox.
    fn outbox(&mut self) -> Vec<(OutboxKey, Option<Vec<u8>>)> {
        Vec::new()
    }

    /// That commit has been made.
    fn committed(&mut self) {}

    /// The last epoch of which everything has left, where that is not the last one delivered.
    fn progress(&self) -> Option<u64> {
        None
    }

    /// No more epochs will come.
    fn finish(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}
