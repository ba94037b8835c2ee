//! What happens to each operation on the simulated disks: any of them can be the last one of a life, or fail for a while.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::engine::day::Dice;

/// Something that outlives the worker.
pub(super) type Shared<T> = Arc<Mutex<T>>;

pub(super) fn open<T>(shared: &Shared<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap()
}

/// What happens to an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Well,
    /// Not now; perhaps later. Some of it may have been done.
    Faulty {
        halfway: bool,
    },
    /// The worker dies before it, or in the middle of it.
    Dies {
        halfway: bool,
    },
}

impl Fate {
    /// Whether something of the operation is done.
    pub(super) fn is_begun(self) -> bool {
        matches!(self, Self::Well | Self::Faulty { halfway: true } | Self::Dies { halfway: true })
    }

    /// What the operation's caller is told.
    pub(super) fn told(self) -> io::Result<()> {
        match self {
            Self::Well => Ok(()),
            Self::Faulty { .. } => Err(io::ErrorKind::StorageFull.into()),
            Self::Dies { .. } => Err(io::Error::other("the worker died")),
        }
    }
}

/// Decides over every operation of one life.
pub(super) struct Fates {
    /// Operations until death.
    left: u64,
    /// Of a hundred.
    faults: u64,
    dice: Dice,
    pub(super) faulted: u64,
    /// Set with death: what is tried afterwards, for as long as a stop allows, fails, and the life ends.
    stop: Arc<AtomicBool>,
}

impl Fates {
    pub(super) fn new(left: u64, faults: u64, dice: Dice) -> Self {
        Self { left, faults, dice, faulted: 0, stop: Arc::default() }
    }

    /// Nothing happens.
    pub(super) fn calm() -> Shared<Self> {
        Arc::new(Mutex::new(Self::new(u64::MAX, 0, Dice(0))))
    }

    pub(super) fn next(&mut self) -> Fate {
        if self.left == 0 {
            return Fate::Dies { halfway: false };
        }
        self.left -= 1;
        if self.left == 0 {
            self.stop.store(true, Ordering::Relaxed);
            return Fate::Dies { halfway: self.dice.below(2) == 0 };
        }
        if self.faults > 0 && self.dice.below(100) < self.faults {
            self.faulted += 1;
            return Fate::Faulty { halfway: self.dice.below(2) == 0 };
        }
        Fate::Well
    }

    pub(super) fn is_over(&self) -> bool {
        self.left == 0
    }

    /// The driver's stop flag in this life.
    pub(super) fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// A part of something, from nothing to all of it.
    pub(super) fn part(&mut self, of: usize) -> usize {
        self.dice.below(1 + of as u64) as usize
    }
}
