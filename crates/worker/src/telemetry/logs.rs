//! Logs, on stderr: lines for people on a terminal, JSON elsewhere. Never a line a record, never a secret.

use tracing_subscriber::filter::LevelFilter;

use crate::config::{LogFormat, LogLevel, LogSettings};

/// Starts logging for the whole process. A second call changes nothing.
pub fn start(settings: &LogSettings, colour: bool, terminal: bool) {
    let level = match settings.level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let builder = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false);
    let json = settings.format == LogFormat::Json || (settings.format == LogFormat::Auto && !terminal);
    // Fails only where a test has started it before.
    let _started =
        if json { builder.json().flatten_event(true).try_init() } else { builder.with_ansi(colour).try_init() };
}
