//! The driver step by step on one thread, for simulations: the same two sides, taking turns as somebody else decides.
//! Nothing in it is a copy of what [`super::Driver::run`] does; only the threads are missing.

use std::time::Duration;

use super::delivery::{Delivering, Delivery};
use super::gather::{Gather, Stepped};
use super::{Driver, DriverError, Feed};
use crate::sink::{Sender, Sent};

/// A driver that goes on only when told to.
pub struct SteppedDriver<'a> {
    gather: Gather<'a>,
    delivery: Delivery<'a>,
    senders: Vec<Sender>,
    /// Epochs handed over and not delivered yet.
    waiting: usize,
}

impl<'a> SteppedDriver<'a> {
    /// How many epochs may wait for delivery: gathering must not go on then.
    pub const WAITING_MAX: usize = super::driver::DELIVERIES;

    /// Prepares a start: looks at state, log and sinks, goes to where they stand. `checkpointed`: the log is kept for
    /// checkpoints, of which [`Self::log_needed_after`] tells.
    pub fn start(driver: Driver<'a>, feed: &mut dyn Feed, checkpointed: bool) -> Result<Self, DriverError> {
        let (gather, delivery, senders) = driver.prepare(feed, checkpointed)?;
        Ok(Self { gather, delivery, senders, waiting: 0 })
    }

    /// The gathering side makes one epoch, or finds nothing to do. `false`: the feed has ended.
    ///
    /// # Panics
    /// More would wait than [`Self::WAITING_MAX`], which on one thread would wait for ever.
    pub fn gather(&mut self, feed: &mut dyn Feed) -> Result<bool, DriverError> {
        assert!(self.waiting < Self::WAITING_MAX, "deliver first");
        let before = self.gather.handed_over;
        let going = self.gather.step(feed, Duration::ZERO)? == Stepped::GoOn;
        self.waiting += (self.gather.handed_over - before) as usize;
        Ok(going)
    }

    /// How many things wait for delivery.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// The delivering side takes the next thing, or commits what has been delivered where nothing waits.
    pub fn deliver(&mut self) -> Result<(), DriverError> {
        self.delivery.step(Duration::ZERO)?;
        self.waiting = self.waiting.saturating_sub(1);
        Ok(())
    }

    /// The sinks at their own pace, in the driver's order, do the next thing that they have to do.
    pub fn send(&mut self) -> Vec<Sent> {
        self.senders.iter_mut().map(Sender::step).collect()
    }

    /// Ends as a stop does: everything is delivered and committed, and has left where nothing is in its way.
    pub fn end(mut self) -> Result<(), DriverError> {
        while self.waiting > 0 {
            self.deliver()?;
        }
        while self.delivery.sinks.iter().any(Delivering::is_behind) {
            let sent = self.send();
            if sent.contains(&Sent::Over) {
                // One has failed, and the delivering side says why.
                break;
            }
            let waits = sent.into_iter().map(|sent| if let Sent::Wait(wait) = sent { wait } else { Duration::ZERO });
            self.delivery.patience.clock.pause(waits.min().unwrap_or_default());
        }
        self.delivery.end()
    }

    /// The oldest checkpoint kept contains this epoch: the log may forget what is before.
    pub fn log_needed_after(&self, epoch: u64) {
        self.gather.needed_after.store(epoch, std::sync::atomic::Ordering::Release);
    }
}
