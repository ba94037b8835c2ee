//! What every command that runs the pipeline has in common: the pipeline made from the settings, sinks, the stop
//! signals, the summary.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::config_id::config_id;
use super::console::Console;
#[cfg(feature = "kafka")]
use super::kafka_feed::exit_of;
use super::stop_limit::StopLimit;
use super::stop_signals::stop_on_signals;
use crate::anomaly::{HighAmount, LargeOrder, PriceSpike, RapidOrders, Rules};
use crate::cli::Exit;
use crate::config::{Settings, SnapshotRowsMode, Values};
use crate::decode::{Columns, DecodeSettings};
use crate::epoch::{
    Accounting, Checkpoints, CommitPace, Control, Driver, DriverError, EpochLog, Executor, Feed, History, LineClock,
    MemoryEpochLog, Pipeline, Policy, Progress, Timeline,
};
use crate::sink::{
    DeadLettersSink, FileSink, Format, JsonRenderer, PacedSink, Renderer, Sink, SinkError, StdoutSink, TextRenderer,
};
use crate::source::generate::GenerateError;
#[cfg(feature = "kafka")]
use crate::source::kafka::KafkaSourceError;
use crate::state::{MemoryStateStore, StateStore};
use crate::time::clock::{Clock, SystemClock};
use crate::time::{TimeMode, WatermarkSettings};
use crate::window::TumblingWindows;

/// Why a run did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The engine, its source or a sink failed.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// A sink could not be opened.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The state could not be opened.
    #[cfg(all(feature = "rocksdb", feature = "kafka"))]
    #[error(transparent)]
    Durable(#[from] super::durable::DurableError),
    /// Threads or signals are not to be had.
    #[error("{0}")]
    Start(String),
    /// The source could not be opened.
    #[error("{0}")]
    Source(String),
    /// The topic could not be opened.
    #[cfg(feature = "kafka")]
    #[error(transparent)]
    Kafka(#[from] KafkaSourceError),
    /// The command line asks for what cannot be.
    #[error("{0}")]
    Usage(String),
    /// The market's messages could not be written.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// The summary could not be written.
    #[error("cannot write the summary to {path}: {source}")]
    Summary {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The configuration lacks what the command needs.
    #[error("{0}")]
    Configuration(String),
    /// A worker that was asked is not well.
    #[error("not well: {0}")]
    Health(String),
    /// This build lacks what the command needs.
    #[error("this worker was built without {feature}: build it with `cargo build --features {feature}`")]
    NotBuilt {
        /// The missing feature.
        feature: &'static str,
    },
}

impl SessionError {
    /// How the program ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Sink(error) | Self::Driver(DriverError::Sink(error)) if error.is_refusal() => Exit::StateRefused,
            Self::Driver(DriverError::Refused(_)) => Exit::StateRefused,
            #[cfg(all(feature = "rocksdb", feature = "kafka"))]
            Self::Durable(error) if error.is_refusal() => Exit::StateRefused,
            #[cfg(feature = "kafka")]
            Self::Driver(DriverError::Source(error)) => error.downcast_ref().map_or(Exit::Failed, exit_of),
            #[cfg(feature = "kafka")]
            Self::Kafka(error) => exit_of(error),
            Self::Usage(_) => Exit::Usage,
            Self::Configuration(_) => Exit::Configuration,
            _ => Exit::Failed,
        }
    }
}

/// What a run keeps its state and its history in.
struct Kept {
    log: Box<dyn EpochLog>,
    store: Arc<dyn StateStore>,
    history: History,
    pace: CommitPace,
    patient: bool,
    checkpoints: Option<Checkpoints>,
}

/// A run of the pipeline, from its settings.
pub struct Session<'a> {
    settings: &'a Settings,
    config_id: u64,
    console: Console,
    stop: Arc<AtomicBool>,
    progress: Arc<Progress>,
    control: Arc<Control>,
    #[cfg(feature = "web")]
    about: crate::web::About,
}

impl<'a> Session<'a> {
    /// Prepares a run that SIGTERM and Ctrl-C stop cleanly.
    pub fn new(settings: &'a Settings, values: &Values, console: Console) -> Result<Self, SessionError> {
        let stop = stop_on_signals()?;
        Ok(Self {
            settings,
            config_id: config_id(values),
            console,
            stop,
            progress: Arc::default(),
            control: Arc::default(),
            #[cfg(feature = "web")]
            about: crate::web::About::new(settings, values),
        })
    }

    /// Set to stop the run.
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// What the run has done so far.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// What the run can be asked for from other threads.
    pub fn control(&self) -> Arc<Control> {
        Arc::clone(&self.control)
    }

    /// Stops the run after some time.
    pub fn stop_after(&self, after: Duration) {
        let stop = self.stop_flag();
        // Ends with the process at the latest; nobody waits for it.
        std::thread::spawn(move || {
            std::thread::sleep(after);
            stop.store(true, Ordering::Relaxed);
        });
    }

    /// Serves page, API and metrics, if settings and build have them, until dropped. `control` takes their requests.
    #[cfg(feature = "web")]
    pub fn serve(&self, control: Option<Arc<Control>>) -> Result<Option<crate::web::Server>, SessionError> {
        if !self.settings.web.enabled {
            return Ok(None);
        }
        let (about, clock) = (self.about.clone(), Box::new(SystemClock));
        let view = crate::web::ProgressView::new(self.progress(), control, about, clock, self.settings.parallelism);
        let server = crate::web::start(&self.settings.web, Arc::new(view));
        server.map(Some).map_err(|error| SessionError::Start(error.to_string()))
    }

    /// This build serves nothing.
    #[cfg(not(feature = "web"))]
    pub fn serve(&self, _control: Option<Arc<Control>>) -> Result<Option<()>, SessionError> {
        Ok(None)
    }

    /// Runs the pipeline over a feed with its state in memory, then tells the accounting.
    pub fn run(
        &self,
        feed: &mut dyn Feed,
        line_clock: LineClock,
        dead_letters: Option<&Path>,
    ) -> Result<(), SessionError> {
        let timeline = Timeline(SystemClock.wall_ms() as u64);
        self.run_into(feed, line_clock, self.sinks(dead_letters, FileSink::create)?, timeline)
    }

    /// The same into these sinks, as a history of this name.
    pub(super) fn run_into(
        &self,
        feed: &mut dyn Feed,
        line_clock: LineClock,
        sinks: Vec<Box<dyn Sink>>,
        timeline: Timeline,
    ) -> Result<(), SessionError> {
        let kept = Kept {
            log: Box::new(MemoryEpochLog::default()),
            store: Arc::new(MemoryStateStore::default()),
            history: History {
                // It begins again with every run, whatever the group or a file says.
                policy: Policy { start_over: true, ..Policy::default() },
                ..History::new(timeline)
            },
            pace: CommitPace::EACH,
            patient: false,
            checkpoints: None,
        };
        self.run_with(kept, feed, line_clock, (sinks, Vec::new()))
    }

    /// Runs the pipeline over a feed with its state on disk, then tells the accounting.
    #[cfg(all(feature = "rocksdb", feature = "kafka"))]
    pub fn run_durable(&self, feed: &mut dyn Feed, arguments: &crate::cli::StateArgs) -> Result<(), SessionError> {
        static CLOCK: SystemClock = SystemClock;
        let restoring = super::durable::Restoring {
            from: arguments.restore.as_deref(),
            allow_non_restored_state: arguments.allow_non_restored_state,
            start_over: arguments.start_over,
        };
        let settings = &self.settings.state;
        let super::durable::Durable { lock: _lock, log, store, keeper, drained } =
            super::durable::open(settings, restoring, self.settings.parallelism, &CLOCK)?;
        let kept = Kept {
            log: Box::new(log),
            store,
            history: History {
                policy: Policy { accept_lost_log: arguments.accept_lost_log, start_over: arguments.start_over },
                accept_lost_output: arguments.accept_lost_output || arguments.start_over,
                drained,
                ..History::new(Timeline(CLOCK.wall_ms() as u64))
            },
            pace: CommitPace::GROUPED,
            patient: true,
            checkpoints: Some(Checkpoints {
                keeper: Box::new(keeper),
                interval_ms: settings.checkpoint_interval_ms as i64,
            }),
        };
        let sinks = self.sinks(Some(&self.settings.sink.dead_letters), FileSink::open)?;
        self.run_with(kept, feed, LineClock::Epoch, (sinks, super::paced_sinks::open(self.settings, &self.stop)?))
    }

    fn run_with(
        &self,
        kept: Kept,
        feed: &mut dyn Feed,
        line_clock: LineClock,
        (sinks, paced): (Vec<Box<dyn Sink>>, Vec<PacedSink>),
    ) -> Result<(), SessionError> {
        let settings = self.settings;
        let parallelism = usize::from(settings.parallelism);
        let executor = Executor::new(pipeline(settings), &decode_settings(settings), line_clock, parallelism)
            .map_err(|error| SessionError::Start(error.to_string()))?;
        let Kept { log, store, history, pace, patient, checkpoints } = kept;
        let driver = Driver {
            executor,
            clock: &SystemClock,
            log,
            store,
            hot_symbols: settings.state.hot_symbols,
            sinks,
            paced,
            history,
            pace,
            patient,
            checkpoints,
            control: Arc::clone(&self.control),
            config_id: self.config_id,
            parallelism: settings.parallelism,
            stop: Arc::clone(&self.stop),
            progress: Arc::clone(&self.progress),
        };
        let summary = settings.summary.clone();
        let limit = StopLimit::watch(Arc::clone(&self.stop), Arc::clone(&self.progress), patient, summary)
            .map_err(|error| SessionError::Start(error.to_string()))?;
        let ran = driver.run(feed);
        drop(limit);
        match ran {
            Ok(()) | Err(DriverError::Sink(SinkError::Closed)) => self.summarise(),
            Err(error) => {
                self.summarise()?;
                Err(error.into())
            }
        }
    }

    fn sinks(
        &self,
        dead_letters: Option<&Path>,
        file: fn(&Path, Renderer) -> Result<FileSink, SinkError>,
    ) -> Result<Vec<Box<dyn Sink>>, SessionError> {
        let settings = &self.settings.sink;
        let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
        if let Some(path) = &settings.file {
            sinks.push(Box::new(file(path, self.renderer(false))?));
        }
        if let Some(path) = dead_letters {
            sinks.push(Box::new(DeadLettersSink::open(path)?));
        }
        if settings.stdout {
            let renderer = self.renderer(self.console.colour);
            sinks.push(Box::new(StdoutSink::new(renderer, std::io::stdout(), std::io::stderr())));
        }
        Ok(sinks)
    }

    fn renderer(&self, colour: bool) -> Renderer {
        let language = self.settings.language;
        match self.settings.format {
            Format::Text => Renderer::Text(TextRenderer { language, zone: self.settings.zone.clone().into(), colour }),
            Format::Json => Renderer::Json(JsonRenderer { language }),
        }
    }

    /// Prints the accounting on stderr, and writes it to the file that was asked for.
    fn summarise(&self) -> Result<(), SessionError> {
        let counts = self.progress.counts();
        let line = summary_line(&counts);
        // Who closed stderr does not want to know.
        let _closed = writeln!(std::io::stderr(), "{line}");
        match &self.settings.summary {
            None => Ok(()),
            Some(path) => std::fs::write(path, line + "\n")
                .map_err(|source| SessionError::Summary { path: path.display().to_string(), source }),
        }
    }
}

/// The accounting as it is printed.
pub(super) fn summary_line(counts: &Accounting) -> String {
    debug_assert!(counts.adds_up(), "I4: {counts:?}");
    // Numbers and our own words: serialising them cannot fail.
    serde_json::to_string(counts).unwrap_or_default()
}

/// The operators as the settings have them.
pub(super) fn pipeline(settings: &Settings) -> Pipeline {
    let rules = &settings.rules;
    let (large, high, spike, rapid) = (&rules.large_order, &rules.high_amount, &rules.price_spike, &rules.rapid_orders);
    let allowed_lateness_ms = match settings.time {
        TimeMode::Processing => 0,
        TimeMode::Event => settings.event_time.allowed_lateness_ms,
    };
    Pipeline {
        time: settings.time,
        watermarks: WatermarkSettings {
            out_of_orderness_ms: settings.event_time.out_of_orderness_ms,
            idle_after_ms: settings.event_time.idle_after_ms,
            max_ahead_ms: settings.event_time.max_ahead_ms,
        },
        windows: TumblingWindows { size_ms: settings.agg.window_ms, ops: settings.agg.ops, allowed_lateness_ms },
        rules: Rules {
            large_order: large.enabled.then_some(LargeOrder { threshold: large.threshold, ops: large.ops }),
            high_amount: high.enabled.then(|| HighAmount { threshold: high.threshold.clone(), ops: high.ops }),
            price_spike: spike.enabled.then(|| PriceSpike { threshold: spike.threshold.clone(), ops: spike.ops }),
            rapid_orders: rapid.enabled.then_some(RapidOrders {
                count: rapid.count,
                window_ms: rapid.window_ms,
                quiet_ms: rapid.quiet_ms,
                ops: rapid.ops,
            }),
        },
        raw: settings.raw.enabled,
        snapshot_rows_once: settings.source.snapshot_rows == SnapshotRowsMode::Once,
    }
}

/// What a record is, as the settings have it.
pub(super) fn decode_settings(settings: &Settings) -> DecodeSettings {
    let columns = settings.columns.clone();
    DecodeSettings {
        database: settings.source.database.clone(),
        table: settings.source.table.clone(),
        columns: Columns {
            id: columns.id,
            id_fallback: columns.order_id,
            symbol: columns.symbol,
            side: columns.side,
            quantity: columns.quantity,
            price: columns.price,
            status: columns.status,
        },
    }
}
