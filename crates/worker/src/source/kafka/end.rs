//! What ends the thread that polls.

use super::KafkaSourceError;
use super::elsewhere::Move;

/// Ends the thread: told to, or nobody listens any more.
pub(super) struct Stopped;

/// What ends the thread.
pub(super) enum End {
    Stopped,
    Reached,
    Moved(Move),
    Failed(KafkaSourceError),
}

impl From<Option<Move>> for End {
    fn from(to: Option<Move>) -> Self {
        to.map_or(Self::Stopped, Self::Moved)
    }
}

impl From<Stopped> for End {
    fn from(Stopped: Stopped) -> Self {
        Self::Stopped
    }
}

impl From<KafkaSourceError> for End {
    fn from(error: KafkaSourceError) -> Self {
        Self::Failed(error)
    }
}
