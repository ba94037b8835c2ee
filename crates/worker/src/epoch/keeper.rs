//! The thread that makes checkpoints and savepoints, beside the pipeline: it never holds it up.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::{Control, Request, RequestId, RequestState};
use crate::telemetry::Telemetry;
use crate::time::clock::Clock;

/// How long to wait for a request before the clock is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How soon a checkpoint that failed is tried again, at the earliest.
const AGAIN_MS: i64 = 5_000;

/// Makes checkpoints and savepoints of the state as last committed.
pub trait Keeper: Send {
    /// Makes a checkpoint and forgets what is more than is kept. Gives where it stands.
    fn checkpoint(&mut self) -> Result<PathBuf, String>;

    /// Makes a savepoint in `directory` or the configured one. `drained`: everything was delivered and nothing follows.
    fn savepoint(&mut self, directory: Option<&Path>, drained: bool) -> Result<PathBuf, String>;

    /// The epoch of the oldest checkpoint kept: the log is needed from there on. `None`: from its beginning.
    fn oldest_kept(&self) -> Option<u64>;

    /// Somebody asked by a signal for a savepoint since this was last called.
    fn asked_by_signal(&mut self) -> bool {
        false
    }
}

/// What the thread shares with the others.
pub(super) struct Keeping<'a> {
    pub(super) control: &'a Control,
    pub(super) clock: &'a dyn Clock,
    pub(super) telemetry: &'a Telemetry,
    pub(super) interval_ms: i64,
    /// The run's wish to stop; a stop with savepoint sets it.
    pub(super) stop: &'a AtomicBool,
    /// Set when the pipeline has ended.
    pub(super) ended: &'a AtomicBool,
    /// The last epoch committed.
    pub(super) committed: &'a AtomicU64,
    /// The log is needed behind this epoch.
    pub(super) needed_after: &'a AtomicU64,
}

impl Keeping<'_> {
    /// Keeps until the pipeline has ended. Gives the stop with savepoint that was asked for, to be done then.
    pub(super) fn run(&self, keeper: &mut dyn Keeper) -> Option<(RequestId, Option<PathBuf>)> {
        let mut next_ms = self.clock.boot_ms() + self.interval_ms;
        let mut last_epoch = 0;
        let mut stopping = None;
        self.tell_needed(keeper);
        while !self.ended.load(Ordering::Acquire) {
            if keeper.asked_by_signal() {
                // So many wait that this one would be of the same state.
                let _too_many = self.control.ask(Request::Savepoint { directory: None, stop: false });
            }
            match self.control.take(LOOK) {
                Some((id, Request::Checkpoint)) => {
                    next_ms = self.clock.boot_ms() + self.interval_ms;
                    last_epoch = self.committed.load(Ordering::Acquire);
                    self.answer(id, self.checkpoint(keeper));
                }
                Some((id, Request::Savepoint { directory, stop: false })) => {
                    let make = || keeper.savepoint(directory.as_deref(), false);
                    self.answer(id, told("savepoint", self.telemetry.checkpoints.noted(true, self.clock, make)));
                }
                Some((id, Request::Savepoint { stop: true, .. })) if stopping.is_some() => {
                    self.answer(id, Err("the worker stops already, for an earlier request".to_owned()));
                }
                Some((id, Request::Savepoint { directory, stop: true })) => {
                    stopping = Some((id, directory));
                    self.stop.store(true, Ordering::Relaxed);
                }
                None => {}
            }
            let (now_ms, epoch) = (self.clock.boot_ms(), self.committed.load(Ordering::Acquire));
            if now_ms >= next_ms && epoch > last_epoch {
                let made = self.checkpoint(keeper);
                next_ms = now_ms + if made.is_ok() { self.interval_ms } else { self.interval_ms.min(AGAIN_MS) };
                if made.is_ok() {
                    last_epoch = epoch;
                }
            }
        }
        while let Some((id, _)) = self.control.take(Duration::ZERO) {
            self.answer(id, Err("the worker has stopped".to_owned()));
        }
        stopping
    }

    fn checkpoint(&self, keeper: &mut dyn Keeper) -> Result<PathBuf, String> {
        let made = self.telemetry.checkpoints.noted(false, self.clock, || keeper.checkpoint());
        let made = told("checkpoint", made);
        self.tell_needed(keeper);
        made
    }

    fn tell_needed(&self, keeper: &dyn Keeper) {
        self.needed_after.store(keeper.oldest_kept().unwrap_or(0), Ordering::Release);
    }

    /// Says what became of a request.
    pub(super) fn answer(&self, id: RequestId, made: Result<PathBuf, String>) {
        self.control.finish(
            id,
            match made {
                Ok(location) => RequestState::Completed { location },
                Err(reason) => RequestState::Failed { reason },
            },
        );
    }
}

/// Says it in the log too.
pub(super) fn told(what: &str, made: Result<PathBuf, String>) -> Result<PathBuf, String> {
    match &made {
        Ok(location) => tracing::info!("{what} made: {}", location.display()),
        Err(reason) => tracing::error!("no {what} was made: {reason}"),
    }
    made
}
