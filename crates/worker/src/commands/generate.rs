//! `worker generate`: the demo's market into a topic or a file, for benchmarks and trials.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::SessionError;
use crate::cli::{GenerateArgs, Target};
use crate::config::Settings;
use crate::source::generate::{GenerateError, GenerateSettings, Surroundings, generate_to_file};
use crate::source::market::MarketSettings;
use crate::time::clock::{Clock, SystemClock};

/// How often progress is shown on a terminal.
const PROGRESS_EVERY_MS: i64 = 500;

/// Generates what `arguments` ask for; `stop` ends it early.
pub fn execute(arguments: &GenerateArgs, settings: &Settings, stop: &AtomicBool) -> Result<(), SessionError> {
    let default = MarketSettings::default();
    let market = MarketSettings {
        seed: arguments.seed,
        partitions: arguments.partitions,
        symbols: arguments.symbols as usize,
        start_ms: arguments.from_time.unwrap_or(default.start_ms),
        rate_per_second: arguments.rate.unwrap_or(default.rate_per_second),
        wrapped: arguments.wrapped,
        hot_permille: arguments.hot_permille,
        memo_bytes: arguments.memo_bytes as usize,
        lean: arguments.lean,
        ..default
    };
    let wanted = GenerateSettings { market, count: arguments.count, rate: arguments.rate };
    let (clock, mut progress) = (SystemClock, Counter::of(arguments.count));
    let mut show = |count| progress.show(count);
    let surroundings = Surroundings { clock: &clock, stop, progress: &mut show };
    let topic = &settings.kafka.topic;
    let written = match &arguments.to {
        Target::Brokers(bootstrap) => to_broker(bootstrap, topic, &wanted, settings, surroundings)?,
        Target::File(path) => generate_to_file(path, topic, &wanted, surroundings)?,
        Target::Stdout => match generate_to_file(Path::new("-"), topic, &wanted, surroundings) {
            // Whoever read has enough (`| head`).
            Err(GenerateError::File { error, .. }) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        },
    };
    // Who closed stderr does not want to know.
    let _closed = writeln!(std::io::stderr(), "generated {written} of {} events", arguments.count);
    Ok(())
}

#[cfg(feature = "kafka")]
fn to_broker(
    bootstrap: &str,
    topic: &str,
    wanted: &GenerateSettings,
    settings: &Settings,
    surroundings: Surroundings<'_>,
) -> Result<u64, SessionError> {
    let security = super::kafka_feed::kafka_settings(settings).extra;
    Ok(crate::source::kafka::generate_to_broker(bootstrap, topic, &security, wanted, surroundings)?)
}

#[cfg(not(feature = "kafka"))]
fn to_broker(
    _bootstrap: &str,
    _topic: &str,
    _wanted: &GenerateSettings,
    _settings: &Settings,
    _surroundings: Surroundings<'_>,
) -> Result<u64, SessionError> {
    Err(SessionError::NotBuilt { feature: "kafka" })
}

/// Progress on a terminal; nothing where there is none.
struct Counter {
    wanted: u64,
    terminal: bool,
    shown_ms: i64,
}

impl Counter {
    fn of(wanted: u64) -> Self {
        Self { wanted, terminal: std::io::stderr().is_terminal(), shown_ms: 0 }
    }

    fn show(&mut self, count: u64) {
        let now_ms = SystemClock.boot_ms();
        if self.terminal && now_ms - self.shown_ms >= PROGRESS_EVERY_MS {
            self.shown_ms = now_ms;
            // A terminal that has gone is no reason to stop.
            let _gone = write!(std::io::stderr(), "\x1b[2K{count} of {} events\r", self.wanted);
        }
    }
}
