//! What a running worker can be asked for from outside: by the REST API, by a signal. Asking waits for nothing; the answer
//! is looked up by the request's number.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many requests are remembered once they are done (I7).
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

/// Carries requests to the worker and their outcomes back. Shared between threads.
#[derive(Debug, Default)]
pub struct Control {
    inner: Mutex<Inner>,
    asked: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    asked: u64,
    waiting: VecDeque<(RequestId, Request)>,
    states: VecDeque<(RequestId, Request, RequestState)>,
}

impl Control {
    /// Asks for something.
    pub fn ask(&self, request: Request) -> RequestId {
        let mut inner = self.inner();
        inner.asked += 1;
        let id = RequestId(inner.asked);
        inner.waiting.push_back((id, request.clone()));
        inner.states.push_back((id, request, RequestState::InProgress));
        if inner.states.len() > REMEMBERED {
            inner.states.pop_front();
        }
        self.asked.notify_one();
        id
    }

    /// What was asked for under this number, and what became of it; `None` for a number that was never given or is
    /// forgotten.
    pub fn state(&self, id: RequestId) -> Option<(Request, RequestState)> {
        let inner = self.inner();
        let found = inner.states.iter().find(|(known, ..)| *known == id)?;
        Some((found.1.clone(), found.2.clone()))
    }

    /// The next request that nobody has begun with, waiting for one at most so long.
    pub fn take(&self, wait: Duration) -> Option<(RequestId, Request)> {
        let inner = self.inner();
        let waited = self.asked.wait_timeout_while(inner, wait, |inner| inner.waiting.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.waiting.pop_front()
    }

    /// Says what became of a request.
    pub fn finish(&self, id: RequestId, state: RequestState) {
        if let Some(found) = self.inner().states.iter_mut().find(|(known, ..)| *known == id) {
            found.2 = state;
        }
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
        let (first, second) = (control.ask(Request::Checkpoint), control.ask(savepoint.clone()));
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
            control.ask(Request::Checkpoint);
            control.take(Duration::ZERO);
        }
        assert_eq!(control.state(RequestId(1)), None);
        assert!(control.state(RequestId(2)).is_some());
    }
}
