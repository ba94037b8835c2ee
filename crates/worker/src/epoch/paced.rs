//! Sinks at their own pace, as the driver has them: a part on the delivering side, and a thread that sends.

use std::sync::Arc;

use super::DriverError;
use super::delivery::Delivering;
use crate::sink::{PacedSink, Sender, Standing};
use crate::state::{StateStore, StoreError};

/// Puts the delivering side's parts behind the other sinks, and gives the others.
pub(super) fn begin(
    sinks: Vec<PacedSink>,
    delivering: &mut Vec<Delivering>,
    standing: &Standing<'_>,
) -> Result<Vec<Sender>, DriverError> {
    let mut senders = Vec::new();
    for sink in sinks {
        let (intake, sender, has) = sink.begin(standing)?;
        delivering.push(Delivering { sink: Box::new(intake), has });
        senders.push(sender);
    }
    Ok(senders)
}

/// Starts a thread for each. Nobody waits for their ends: what they have in the works when the process ends is sent again by
/// the next one, under the same borders.
pub(super) fn start(senders: Vec<Sender>) -> Result<(), DriverError> {
    for sender in senders {
        let thread = std::thread::Builder::new().name(format!("send {}", sender.name()));
        thread.spawn(move || sender.run()).map_err(|error| DriverError::Threads(error.to_string()))?;
    }
    Ok(())
}

/// Whether the state holds nothing that waits for these sinks.
pub(super) fn nothing_waits(store: &Arc<dyn StateStore>, sinks: &[&str]) -> Result<bool, StoreError> {
    for sink in sinks {
        if !store.outbox_page(sink, None, 0)?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}
