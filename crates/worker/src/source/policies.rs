//! What to do where the topic is not what it was: stop, or go on as somebody has decided beforehand.

use crate::words::words;

words! {
    /// `source.on_recreated_topic`: what becomes of a run whose topic was deleted and created anew.
    OnRecreatedTopic {
        /// It stops, and says why.
        Stop = "stop",
        /// The new topic is read from its beginning; state and dedup marks stay.
        Restart = "restart",
    }
}
words! {
    /// `source.on_lost_records`: what becomes of a run whose next records were deleted before they were read.
    OnLostRecords {
        /// It stops, and says why.
        Stop = "stop",
        /// It goes on with the oldest that are left; what is missing is said and counted.
        Skip = "skip",
    }
}
