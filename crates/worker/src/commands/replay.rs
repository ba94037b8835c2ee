//! `worker replay`: recordings, read to the end; then open windows fire.

use std::path::PathBuf;

use super::{Session, SessionError};
use crate::cli::{Input, ReplayArgs};
use crate::config::{ReplayClock, Settings};
use crate::epoch::{LineClock, ReadAhead};
use crate::source::Batch;
use crate::source::recording::{ReadOutcome, RecordingSource};

/// Replays the recordings that `arguments` name.
pub fn execute(arguments: &ReplayArgs, settings: &Settings, session: &Session<'_>) -> Result<(), SessionError> {
    let mut source = open(&arguments.files, settings)?;
    let (max_records, max_bytes) = (settings.epoch.max_records, settings.epoch.max_bytes);
    let line_clock = match settings.clock {
        ReplayClock::Record => LineClock::Records,
        ReplayClock::Wall => LineClock::EpochInLineOrder,
    };
    let dead_letters = arguments.dead_letters.as_ref().map(|_| settings.sink.dead_letters.as_path());
    let read = move |batch: &mut Batch| Ok(source.read(batch, max_records, max_bytes)? == ReadOutcome::More);
    let mut feed = ReadAhead::start(read).map_err(|error| SessionError::Start(error.to_string()))?;
    session.run(&mut feed, line_clock, dead_letters)
}

/// Opens recordings, all of them, before the first is read.
pub(super) fn open(files: &[Input], settings: &Settings) -> Result<RecordingSource, SessionError> {
    let paths: Vec<PathBuf> = files
        .iter()
        .map(|file| match file {
            Input::Stdin => PathBuf::from("-"),
            Input::File(path) if path.as_os_str() == "-" => PathBuf::from("./-"),
            Input::File(path) => path.clone(),
        })
        .collect();
    RecordingSource::open(&paths, settings.source.max_line_bytes)
        .map_err(|error| SessionError::Source(error.to_string()))
}
