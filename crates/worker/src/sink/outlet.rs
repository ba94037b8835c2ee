//! The seam to a sink that takes results at its own pace: what an epoch gives is packed once, on the delivering side, waits
//! in memory and in the state, and leaves in batches of several epochs (`design.md`, rules 3 to 7).

use super::SinkError;
use crate::epoch::{EpochRecord, Outputs, Timeline};
use crate::state::SinkProgress;

/// What one epoch gives to a sink, in the form in which it waits for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parcel {
    /// Rows or messages in it; none: nothing of the epoch is for this sink.
    pub rows: u32,
    /// Them, in the sink's own form. It must stay readable: a later worker may have to send it.
    pub bytes: Vec<u8>,
}

/// Makes parcels. The same epoch gives the same parcel, byte for byte.
pub trait Pack: Send {
    /// What an epoch gives to the sink.
    fn pack(&self, epoch: &EpochRecord, outputs: &Outputs) -> Parcel;
}

/// Several epochs' results, in order. Its borders are durable before it is tried for the first time: however often it is
/// sent, by whichever process, it is the same batch.
#[derive(Clone, Copy, Debug)]
pub struct SinkBatch<'a> {
    /// The history that the epochs belong to.
    pub timeline: Timeline,
    /// The first epoch.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// What they gave, those with rows only.
    pub parcels: &'a [Parcel],
}

/// Where batches go. One is in flight at a time; calls wait for the answer.
pub trait Outlet: Send {
    /// The sink's name in logs, progress and outbox keys.
    fn name(&self) -> &'static str;

    /// How far the other side says that it is, where it can tell: asked before the first batch of a run.
    fn answer(&mut self) -> Result<Option<SinkProgress>, SinkError> {
        Ok(None)
    }

    /// Sends a batch until it has a definite answer or fails. After an error that [may pass](SinkError::may_pass) its
    /// outcome is not known and the same batch is sent again, and no other before it; what is sent again changes nothing.
    fn send(&mut self, batch: &SinkBatch<'_>) -> Result<(), SinkError>;
}
