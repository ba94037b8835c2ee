//! What a running worker can be asked for from outside: by the REST API, by a signal. Asking waits for nothing; the answer
//! is looked up by the request's number.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many requests are remembered, and how many wait at most (I7).
const REMEMBERED: usize = 100;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A checkpoint now, without waiting for the interval.
    Checkpoint,
    /// A savepoint, in this directory or in the configured one.
    Savepoint {
        /// Where to; `None`: `state.savepoints_dir`.
        directory: Option<PathBuf>,
        /// Stop then: what was read is executed, delivered and committed first, and the savepoint restores anywhere.
        stop: bool,
    },
}

/// The number of a request, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// Not done yet.
    InProgress,
    /// Done; what was made stands here.
    Completed {
        /// A checkpoint's directory or a savepoint's file.
        location: PathBuf,
    },
    /// It could not be done.
    Failed {
        /// Why not.
        reason: String,
    },
}

/// So many requests wait already that no more are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{REMEMBERED} requests wait already: ask again when they are done")]
pub struct TooMany;

/// Carries requests to the worker and their outcomes back. Shared between threads.
#[derive(Debug, Default)]
pub struct Control {
    inner: Mutex<Inner>,
    /// Something was asked for, or an answer was looked up.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    asked: u64,
    waiting: VecDeque<(RequestId, Request)>,
    states: VecDeque<(RequestId, Request, RequestState)>,
    /// The stop with savepoint whose outcome nobody has looked up yet.
    untold: Option<RequestId>,
}

impl Control {
    /// Asks for something.
    pub fn ask(&self, request: Request) -> Result<RequestId, TooMany> {
        let mut inner = self.inner();
        if inner.waiting.len() >= REMEMBERED {
            return Err(TooMany);
        }
        inner.asked += 1;
        let id = RequestId(inner.asked);
        inner.waiting.push_back((id, request.clone()));
        inner.states.push_back((id, request, RequestState::InProgress));
        if inner.states.len() > REMEMBERED {
            inner.states.pop_front();
        }
        self.changed.notify_all();
        Ok(id)
    }

    /// What was asked for under this number, and what became of it; `None` for a number that was never given or is
    /// forgotten.
    pub fn state(&self, id: RequestId) -> Option<(Request, RequestState)> {
        let mut inner = self.inner();
        let (_, request, state) = inner.states.iter().find(|(known, ..)| *known == id)?.clone();
        if inner.untold == Some(id) && state != RequestState::InProgress {
            inner.untold = None;
            self.changed.notify_all();
        }
        Some((request, state))
    }

    /// The next request that nobody has begun with, waiting for one at most so long.
    pub fn take(&self, wait: Duration) -> Option<(RequestId, Request)> {
        let inner = self.inner();
        let waited = self.changed.wait_timeout_while(inner, wait, |inner| inner.waiting.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.waiting.pop_front()
    }

    /// Says what became of a request.
    pub fn finish(&self, id: RequestId, state: RequestState) {
        let mut inner = self.inner();
        let Some((_, request, found)) = inner.states.iter_mut().find(|(known, ..)| *known == id) else { return };
        *found = state;
        let stops = matches!(request, Request::Savepoint { stop: true, .. });
        if stops {
            inner.untold = Some(id);
        }
    }

    /// Waits until the outcome of a stop with savepoint has been looked up, at most so long: who asked for it looks again
    /// only after a while, and the process would be gone.
    pub fn wait_until_told(&self, at_most: Duration) {
        let waited = self.changed.wait_timeout_while(self.inner(), at_most, |inner| inner.untold.is_some());
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere leaves whole entries.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_taken_in_order_and_answered_by_number() {
        let control = Control::default();
        let savepoint = Request::Savepoint { directory: None, stop: true };
        let (first, second) = (control.ask(Request::Checkpoint).unwrap(), control.ask(savepoint.clone()).unwrap());
        assert_eq!(control.state(second), Some((savepoint.clone(), RequestState::InProgress)));
        assert_eq!(control.take(Duration::ZERO), Some((first, Request::Checkpoint)));
        assert_eq!(control.take(Duration::ZERO), Some((second, savepoint)));
        assert_eq!(control.take(Duration::ZERO), None);
        let done = RequestState::Completed { location: "chk-1".into() };
        control.finish(first, done.clone());
        assert_eq!(control.state(first), Some((Request::Checkpoint, done)));
        assert_eq!(control.state(RequestId(3)), None);
    }

    // I7
    #[test]
    fn old_requests_are_forgotten() {
        let control = Control::default();
        for _ in 0..=REMEMBERED {
            control.ask(Request::Checkpoint).unwrap();
            control.take(Duration::ZERO);
        }
        assert_eq!(control.state(RequestId(1)), None);
        assert!(control.state(RequestId(2)).is_some());
    }

    // I7
    #[test]
    fn more_than_can_be_remembered_are_not_taken() {
        let control = Control::default();
        for _ in 0..REMEMBERED {
            control.ask(Request::Checkpoint).unwrap();
        }
        assert_eq!(control.ask(Request::Checkpoint), Err(TooMany));
        control.take(Duration::ZERO);
        assert_eq!(control.ask(Request::Checkpoint), Ok(RequestId(REMEMBERED as u64 + 1)));
    }

    #[test]
    fn the_outcome_of_a_stop_is_waited_for_until_somebody_looks() {
        const LONG: Duration = Duration::from_mins(1);
        let control = Control::default();
        control.wait_until_told(LONG);
        let stop = control.ask(Request::Savepoint { directory: None, stop: true }).unwrap();
        control.state(stop);
        control.finish(stop, RequestState::Completed { location: "savepoint-1".into() });
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| control.wait_until_told(LONG));
            assert!(!waits.is_finished());
            control.state(stop);
        });
        control.finish(stop, RequestState::Failed { reason: "nobody looks".into() });
        control.wait_until_told(Duration::from_millis(1));
    }
}
