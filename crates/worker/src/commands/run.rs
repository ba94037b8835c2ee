//! `worker run`: reads the Kafka topic until it is told to stop.

#[cfg(feature = "rocksdb")]
use std::time::Duration;

use super::kafka_feed::{KafkaFeed, kafka_settings};
use super::{Session, SessionError};
use crate::cli::RunArgs;
use crate::config::{Settings, StateBackend};
use crate::epoch::LineClock;

/// How long whoever asked for a stop with savepoint may take to look up where it stands.
#[cfg(feature = "rocksdb")]
const LOOKED_UP_WITHIN: Duration = Duration::from_secs(5);

/// Runs the pipeline over the configured topic.
pub fn execute(arguments: &RunArgs, settings: &Settings, session: &Session<'_>) -> Result<(), SessionError> {
    let durable = cfg!(feature = "rocksdb") && settings.state.backend == StateBackend::Rocksdb;
    // Of a state in memory there is nothing to be asked for.
    let _web = session.serve(durable.then(|| session.control()))?;
    if let Some(after) = arguments.run_for {
        session.stop_after(after);
    }
    let mut feed = KafkaFeed::start(kafka_settings(settings), session.stop_flag())?;
    #[cfg(feature = "rocksdb")]
    if durable {
        session.run_durable(&mut feed, &arguments.state)?;
        session.control().wait_until_told(LOOKED_UP_WITHIN);
        return Ok(());
    }
    tracing::warn!(
        "state is in memory: this run builds it anew from the topic ({}), and windows that are open when it stops are \
         not fired",
        settings.kafka.topic
    );
    session.run(&mut feed, LineClock::Epoch, Some(&settings.sink.dead_letters))
}
