//! Logs, on stderr: lines for people on a terminal, JSON elsewhere. Never a line a record, never a secret. The level can
//! be changed while the worker runs; the last warnings and errors are kept to be shown.
//!
//! There is one log a process, so what belongs to it stands here once.

use std::fmt::Write as _;
use std::sync::{Mutex, Once, OnceLock, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry, reload};

use super::recent::Recent;
use crate::config::{LogFormat, LogLevel, LogSettings};
use crate::time::clock::{Clock, SystemClock};

/// How many warnings and errors are kept (I7).
const KEPT: usize = 100;

static LEVEL: OnceLock<reload::Handle<LevelFilter, Registry>> = OnceLock::new();
static TROUBLES: Mutex<Option<Recent<Trouble>>> = Mutex::new(None);

/// A warning or an error that was logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// When, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// An error: somebody must act. Otherwise a warning: nothing is lost.
    pub error: bool,
    /// The message, with its fields.
    pub message: String,
    /// The room that logged it.
    pub room: &'static str,
}

/// The level cannot be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this process has no log of its own: its level cannot be changed")]
pub struct NotStarted;

/// Starts logging for the whole process. A second call changes nothing.
pub fn start(settings: &LogSettings, colour: bool, terminal: bool) {
    static STARTED: Once = Once::new();
    // Whoever calls it second goes on once there is a log.
    STARTED.call_once(|| start_once(*settings, colour, terminal));
}

fn start_once(settings: LogSettings, colour: bool, terminal: bool) {
    let json = settings.format == LogFormat::Json || (settings.format == LogFormat::Auto && !terminal);
    let (level, handle) = reload::Layer::new(filter_of(settings.level));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let lines = if json { lines.json().flatten_event(true).boxed() } else { lines.with_ansi(colour).boxed() };
    let kept = KeepTroubles.with_filter(LevelFilter::WARN);
    // Fails only where somebody else in the process has a log.
    if tracing_subscriber::registry().with(lines.with_filter(level)).with(kept).try_init().is_ok() {
        let _first = LEVEL.set(handle);
    }
}

/// Changes the least important level that is written, until the end of the process.
pub fn set_level(level: LogLevel) -> Result<(), NotStarted> {
    LEVEL.get().and_then(|handle| handle.reload(filter_of(level)).ok()).ok_or(NotStarted)
}

/// The least important level that is written; `None` where logging was not started.
pub fn level() -> Option<LogLevel> {
    let filter = LEVEL.get()?.clone_current()?;
    [LogLevel::Off, LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace]
        .into_iter()
        .find(|&level| filter_of(level) == filter)
}

/// The newest warnings and errors, newest first.
pub fn troubles(most: usize) -> Vec<Trouble> {
    let troubles = TROUBLES.lock().unwrap_or_else(PoisonError::into_inner);
    troubles.as_ref().map(|troubles| troubles.newest(most, |_| true)).unwrap_or_default()
}

const fn filter_of(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

/// Keeps warnings and errors, whatever level is written.
struct KeepTroubles;

impl<S: Subscriber> Layer<S> for KeepTroubles {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let meta = event.metadata();
        let trouble = Trouble {
            at_ms: SystemClock.wall_ms(),
            error: *meta.level() == Level::ERROR,
            message: text.message + &text.fields,
            room: meta.module_path().unwrap_or_default(),
        };
        let mut troubles = TROUBLES.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.get_or_insert_with(|| Recent::new(KEPT)).push(trouble);
    }
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // A string takes everything.
        let _taken = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_kept_whatever_is_written_and_the_level_changes_at_once() {
        start(&LogSettings { level: LogLevel::Off, format: LogFormat::Json }, false, false);
        tracing::info!("nothing to see");
        tracing::warn!(partition = 3, "a broker is slow");
        tracing::error!("no checkpoint was made");
        // Other tests log too.
        let kept = troubles(KEPT);
        let found = |message: &str| kept.iter().find(|trouble| trouble.message == message).map(|trouble| trouble.error);
        assert_eq!(found("no checkpoint was made"), Some(true));
        assert_eq!(found("a broker is slow partition=3"), Some(false));
        assert_eq!(found("nothing to see"), None);
        assert!(kept.iter().any(|trouble| trouble.room.ends_with("telemetry::logs::tests")));
        assert_eq!(level(), Some(LogLevel::Off));
        set_level(LogLevel::Debug).unwrap();
        assert_eq!(level(), Some(LogLevel::Debug));
        assert!(tracing::enabled!(Level::DEBUG) && !tracing::enabled!(Level::TRACE));
        set_level(LogLevel::Off).unwrap();
    }
}
