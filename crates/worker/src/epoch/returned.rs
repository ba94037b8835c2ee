//! What the gathering side gets back: memory, how far the sinks are, what is committed. Epochs of large messages wait for
//! each other here.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, TryRecvError};
use std::time::Duration;

use super::DriverError;
use super::delivery::Returned;
use super::feed::Feed;
use super::gather::Gather;

/// From so many bytes on nothing more is read until some are delivered (I7): four epochs of the usual bound, or one message
/// of the largest size.
const IN_FLIGHT_BYTES_MAX: usize = 16 << 20;

impl Gather<'_> {
    /// Takes back what delivered epochs need no more: their memory, and their records in the log (I7). `false`: delivery
    /// has ended, which it does by itself only when it failed; an idle pipeline would notice with the next record only.
    pub(super) fn take_back(&mut self, feed: &mut dyn Feed) -> Result<bool, DriverError> {
        loop {
            match self.returned.try_recv() {
                Ok(returned) => self.take(returned, feed),
                Err(TryRecvError::Empty) => return Ok(true),
                Err(TryRecvError::Disconnected) => return Ok(false),
            }
        }
    }

    /// Whether more may be read.
    pub(super) fn has_room(&self) -> bool {
        self.in_flight_bytes < IN_FLIGHT_BYTES_MAX
    }

    /// Waits at most so long until something comes back. `false`: delivery has ended.
    pub(super) fn wait_for_room(&mut self, feed: &mut dyn Feed, wait: Duration) -> bool {
        match self.returned.recv_timeout(wait) {
            Ok(returned) => self.take(returned, feed),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        true
    }

    fn take(&mut self, returned: Returned, feed: &mut dyn Feed) {
        match returned {
            Returned::Delivered(outputs, notes) => {
                self.in_flight_bytes = self.in_flight_bytes.saturating_sub(outputs.batch.bytes());
                self.executor.recycle(outputs.decoded);
                let mut batch = outputs.batch;
                // Now, not when it is used again: who has read a large message may not read again for long.
                batch.clear();
                feed.recycle(batch);
                for note in &notes {
                    // Without the note an epoch may be repeated on stdout after a crash, no more.
                    if let Err(error) = self.log.note(note) {
                        tracing::warn!("{error}");
                    }
                }
            }
            Returned::Committed(epoch) => {
                self.executor.committed(epoch);
                let needed_after = self.needed_after.load(Ordering::Acquire);
                // The last record stays: it says which history the state belongs to.
                if let Err(error) = self.log.forget_through((epoch - 1).min(needed_after)) {
                    tracing::warn!("{error}");
                }
            }
        }
    }
}
