//! `worker backfill`: recordings or a stretch of the topic through the pipeline, and into ClickHouse what it has not.
//! Touches nothing of a worker that runs.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Serialize;

use super::{Console, Session, SessionError, clickhouse_settings, replay};
use crate::cli::BackfillArgs;
#[cfg(feature = "kafka")]
use crate::cli::StretchArgs;
use crate::config::{ClickHouseSinkSettings, Settings, Values};
use crate::epoch::{LineClock, ReadAhead};
use crate::sink::{
    BACKFILL_TIMELINE, BackfillCounts, BackfillSettings, BackfillSink, Begins, JsonRenderer, WindowRules,
};
use crate::source::Batch;
#[cfg(feature = "kafka")]
use crate::source::Place;
use crate::source::recording::ReadOutcome;
use crate::time::TimeMode;
use crate::time::clock::SystemClock;

/// What is said last.
#[derive(Serialize)]
struct Said {
    backfill: Told,
}

#[derive(Serialize)]
struct Told {
    dry_run: bool,
    /// It was told to stop, or failed: not everything was looked at.
    cut_short: bool,
    #[serde(flatten)]
    counts: BackfillCounts,
}

/// Fills in what `arguments` name.
///
/// # Errors
/// No ClickHouse is configured; and whatever ends a run.
pub fn execute(
    arguments: &BackfillArgs,
    settings: &Settings,
    values: &Values,
    console: Console,
) -> Result<(), SessionError> {
    let Some(clickhouse) = &settings.sink.clickhouse else {
        let missing = "worker backfill fills in ClickHouse, but no sink.clickhouse.url is configured: set it, to where the \
                       running worker writes";
        return Err(SessionError::Configuration(missing.to_owned()));
    };
    let mut settings = settings.clone();
    settings.sink.stdout = false;
    settings.sink.file = None;
    // The one in the configuration belongs to the worker that runs.
    settings.summary = arguments.summary.as_ref().and(settings.summary);
    let session = Session::new(&settings, values, console)?;
    let Some((mut feed, begins)) = open(arguments, &settings, &session)? else { return Ok(()) };
    let sink = BackfillSink::new(told(arguments, &settings, clickhouse, begins, &session))?;
    let counts = sink.counts();
    let ran = session.run_into(&mut feed, LineClock::Records, vec![Box::new(sink)], BACKFILL_TIMELINE);
    let cut_short = ran.is_err() || session.stop_flag().load(Ordering::Relaxed);
    let said = Said { backfill: Told { dry_run: arguments.dry_run, cut_short, counts: counts() } };
    // Numbers and our own words: serialising them cannot fail. Who closed stderr does not want to know.
    let line = serde_json::to_string(&said).unwrap_or_default();
    let _closed = writeln!(std::io::stderr(), "{line}");
    ran
}

fn told(
    arguments: &BackfillArgs,
    settings: &Settings,
    clickhouse: &ClickHouseSinkSettings,
    begins: Begins,
    session: &Session<'_>,
) -> BackfillSettings {
    let out_of_orderness_ms = match settings.time {
        TimeMode::Processing => 0,
        TimeMode::Event => settings.event_time.out_of_orderness_ms,
    };
    BackfillSettings {
        clickhouse: clickhouse_settings::of(clickhouse),
        renderer: JsonRenderer { language: settings.language },
        batch_rows: clickhouse.batch_rows,
        batch_bytes: clickhouse.batch_bytes,
        windows: WindowRules {
            wanted: settings.time == TimeMode::Event || arguments.windows,
            edges: arguments.edges,
            begins,
            out_of_orderness_ms,
        },
        dry_run: arguments.dry_run,
        clock: Arc::new(SystemClock),
        stop: session.stop_flag(),
    }
}

/// What is read, and where it begins; `None` where it was told to stop meanwhile.
fn open(
    arguments: &BackfillArgs,
    settings: &Settings,
    session: &Session<'_>,
) -> Result<Option<(ReadAhead, Begins)>, SessionError> {
    let (max_records, max_bytes) = (settings.epoch.max_records, settings.epoch.max_bytes);
    if arguments.files.is_empty() {
        return open_topic(arguments, settings, session);
    }
    let mut source = replay::open(&arguments.files, settings)?;
    let read = move |batch: &mut Batch| Ok(source.read(batch, max_records, max_bytes)? == ReadOutcome::More);
    let feed = ReadAhead::start(read).map_err(|error| SessionError::Start(error.to_string()))?;
    Ok(Some((feed, Begins::WithItsFirstRecord)))
}

#[cfg(feature = "kafka")]
fn open_topic(
    arguments: &BackfillArgs,
    settings: &Settings,
    session: &Session<'_>,
) -> Result<Option<(ReadAhead, Begins)>, SessionError> {
    use crate::source::kafka::{KafkaSettings, StartFrom, Stretch};

    let mut kafka = super::run::stretch(&arguments.stretch, settings)?;
    if arguments.stretch.from().is_none() {
        kafka = KafkaSettings { from: StartFrom::Earliest, ..kafka };
    }
    let Some(mut stretch) = Stretch::open(&kafka, Arc::new(SystemClock), session.stop_flag())? else { return Ok(None) };
    let from_ms = match &arguments.stretch.from_timestamp {
        Some(Place::Timestamp(from_ms)) => Some(*from_ms),
        _ => None,
    };
    let since_ms = stretch.whole_since_ms(from_ms)?;
    let begins = begins(&arguments.stretch, stretch.partitions(), since_ms);
    let (max_records, max_bytes) = (settings.epoch.max_records, settings.epoch.max_bytes);
    let read = move |batch: &mut Batch| Ok(stretch.read(batch, max_records, max_bytes)?);
    let feed = ReadAhead::start(read).map_err(|error| SessionError::Start(error.to_string()))?;
    Ok(Some((feed, begins)))
}

/// Where a stretch of the topic begins that has everything since then, or from the beginning.
#[cfg(feature = "kafka")]
fn begins(asked: &StretchArgs, partitions: usize, since_ms: Option<i64>) -> Begins {
    let by_offset = |place: &Option<Place>| matches!(place, Some(Place::Offset(_) | Place::Offsets(_)));
    let cut = by_offset(&asked.until) || by_offset(&asked.from_offset) && since_ms.is_some();
    match since_ms {
        _ if cut && partitions > 1 => Begins::Unevenly,
        None => Begins::WithTheHistory,
        Some(since_ms) => Begins::At(since_ms),
    }
}

#[cfg(not(feature = "kafka"))]
fn open_topic(
    _arguments: &BackfillArgs,
    _settings: &Settings,
    _session: &Session<'_>,
) -> Result<Option<(ReadAhead, Begins)>, SessionError> {
    Err(SessionError::NotBuilt { feature: "kafka" })
}
