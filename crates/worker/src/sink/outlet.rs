//! The seam to a sink that takes results at its own pace: what an epoch gives is packed once, on the delivering side, waits
//! in memory and in the state, and leaves in batches of several epochs (`design.md`, rules 3 to 7).

use std::sync::Arc;

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

impl Parcel {
    /// As it stands in the outbox: the rows' number, then them.
    pub fn stored(&self) -> Vec<u8> {
        let mut stored = Vec::with_capacity(self.stored_bytes());
        stored.extend_from_slice(&self.rows.to_le_bytes());
        stored.extend_from_slice(&self.bytes);
        stored
    }

    /// How long that is.
    pub fn stored_bytes(&self) -> usize {
        size_of::<u32>() + self.bytes.len()
    }

    /// Reads it again; `None` where it is none of ours.
    pub fn of_stored(stored: &[u8]) -> Option<Self> {
        let (rows, bytes) = stored.split_first_chunk()?;
        Some(Self { rows: u32::from_le_bytes(*rows), bytes: bytes.to_vec() })
    }
}

/// Makes parcels. The same epoch gives the same parcel, byte for byte.
pub trait Pack: Send {
    /// What an epoch gives to the sink.
    fn pack(&self, epoch: &EpochRecord, outputs: &Outputs) -> Parcel;

    /// How many values this process has found that do not fit the other side: their rows are dead letters of the sink.
    fn misfits(&self) -> u64 {
        0
    }
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
    pub parcels: &'a [Arc<Parcel>],
}

/// What is known of a sink at a start.
#[derive(Clone, Copy, Debug)]
pub struct OutletKnown {
    /// The history that goes on.
    pub timeline: Timeline,
    /// The history and the last epoch of the state, if there is one.
    pub state: Option<(Timeline, u64)>,
    /// The last epoch of the history, in the state or in the log.
    pub last: u64,
    /// How far the log says that it is.
    pub acknowledged: Option<(Timeline, u64)>,
    /// A person has accepted that outputs of an earlier run are lost or come twice.
    pub accept_lost_output: bool,
}

/// Where batches go. One is in flight at a time; calls wait for the answer.
pub trait Outlet: Send {
    /// The sink's name in logs, progress and outbox keys.
    fn name(&self) -> &'static str;

    /// How far the other side says that it is, where it can tell: asked before anything is planned, when nobody's place has
    /// been taken yet, and again after [`Outlet::resume`].
    fn answer(&self) -> Option<SinkProgress> {
        None
    }

    /// Before the first batch: refuses what would not be exactly once, then takes its place.
    fn resume(&mut self, _known: &OutletKnown) -> Result<(), SinkError> {
        Ok(())
    }

    /// Nothing waits for it: looks whether something of its own expires.
    fn idle(&mut self, _timeline: Timeline, _epoch: u64) -> Result<(), SinkError> {
        Ok(())
    }

    /// Sends a batch until it has a definite answer or fails. After an error that [may pass](SinkError::may_pass) its
    /// outcome is not known and the same batch is sent again, and no other before it; what is sent again changes nothing.
    fn send(&mut self, batch: &SinkBatch<'_>) -> Result<(), SinkError>;
}
