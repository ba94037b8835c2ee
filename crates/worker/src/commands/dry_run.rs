//! `worker run --dry-run`: looks again at a part of the topic, and touches nothing: no state, no lock, no place in the
//! group, no file, no topic. Results go to stdout, and the accounting to stderr.

use std::sync::Arc;

use super::{Console, Session, SessionError};
use crate::cli::RunArgs;
use crate::config::{Settings, Values};
use crate::epoch::{LineClock, ReadAhead};
use crate::source::Batch;
use crate::source::kafka::{KafkaSettings, Stretch};
use crate::time::clock::SystemClock;

/// Runs the pipeline over what `kafka` names, as `worker replay` does over a recording: each record's clock is the largest
/// timestamp so far, and open windows fire at the end.
pub(super) fn execute(
    arguments: &RunArgs,
    kafka: &KafkaSettings,
    settings: &Settings,
    values: &Values,
    console: Console,
) -> Result<(), SessionError> {
    let mut settings = settings.clone();
    settings.sink.stdout = true;
    settings.sink.file = None;
    // The one in the configuration belongs to the worker that runs.
    settings.summary = arguments.pipeline.summary.as_ref().and(settings.summary);
    let session = Session::new(&settings, values, console)?;
    if let Some(after) = arguments.run_for {
        session.stop_after(after);
    }
    let opened = Stretch::open(kafka, Arc::new(SystemClock), session.stop_flag())?;
    let Some(mut stretch) = opened else { return Ok(()) };
    let (records_max, bytes_max) = (settings.epoch.max_records, settings.epoch.max_bytes);
    let read = move |batch: &mut Batch| Ok(stretch.read(batch, records_max, bytes_max)?);
    let mut feed = ReadAhead::start(read).map_err(|error| SessionError::Start(error.to_string()))?;
    session.run(&mut feed, LineClock::Records, None)
}
