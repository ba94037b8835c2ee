//! `worker run`: reads the Kafka topic until it is told to stop, or to where it is to end.

#[cfg(feature = "rocksdb")]
use std::time::Duration;

use super::kafka_feed::{KafkaFeed, kafka_settings};
use super::{Console, Session, SessionError, dry_run};
use crate::cli::{RunArgs, StretchArgs};
use crate::config::{Settings, StateBackend, Values};
use crate::epoch::LineClock;
use crate::source::Place;
use crate::source::kafka::{KafkaSettings, StartFrom};
use crate::time::clock::{Clock as _, SystemClock};

/// How long whoever asked for a stop with savepoint may take to look up where it stands.
#[cfg(feature = "rocksdb")]
const LOOKED_UP_WITHIN: Duration = Duration::from_secs(5);

/// Runs the pipeline over the configured topic.
pub fn execute(
    arguments: &RunArgs,
    settings: &Settings,
    values: &Values,
    console: Console,
) -> Result<(), SessionError> {
    let kafka = stretch(&arguments.stretch, settings)?;
    if arguments.dry_run {
        return dry_run::execute(arguments, &kafka, settings, values, console);
    }
    let session = Session::new(settings, values, console)?;
    let durable = cfg!(feature = "rocksdb") && settings.state.backend == StateBackend::Rocksdb;
    // Of a state in memory there is nothing to be asked for.
    let _web = session.serve(durable.then(|| session.control()))?;
    if let Some(after) = arguments.run_for {
        session.stop_after(after);
    }
    let mut feed = KafkaFeed::start(kafka, session.stop_flag())?;
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

/// The source's settings, for the part of the topic that is asked for.
pub(super) fn stretch(stretch: &StretchArgs, settings: &Settings) -> Result<KafkaSettings, SessionError> {
    if let Some(until @ Place::Timestamp(time_ms)) = &stretch.until
        && *time_ms > SystemClock.wall_ms()
    {
        return Err(SessionError::Usage(format!(
            "--until {until} is still to come, and --until waits for nothing: to stop at a time, give --for DURATION"
        )));
    }
    let kafka = kafka_settings(settings);
    let from = stretch.from().cloned().map_or_else(|| kafka.from.clone(), StartFrom::Named);
    Ok(KafkaSettings { from, until: stretch.until.clone(), ..kafka })
}
