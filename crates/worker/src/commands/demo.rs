//! `worker demo`: broker, invented market, worker and page in one process, with windows short enough to see them close.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::kafka_feed::{KafkaFeed, kafka_settings};
use super::{Console, Session, SessionError};
use crate::cli::DemoArgs;
use crate::config::{Settings, Values};
use crate::epoch::{LineClock, Progress};
use crate::source::embedded::{EmbeddedBroker, FeedSettings, MarketFeeder};
use crate::source::market::MarketSettings;
use crate::telemetry::StatusLine;
use crate::time::clock::{Clock, SystemClock};

/// How long the demo runs where nobody could stop it.
const WITHOUT_TERMINAL: Duration = Duration::from_secs(30);
/// How often the market learns how far the worker is.
const LOOK: Duration = Duration::from_millis(5);
/// How often the status line is written.
const STATUS_EVERY_MS: i64 = 500;

/// Shows the pipeline at work.
pub fn execute(
    arguments: &DemoArgs,
    settings: &Settings,
    values: &Values,
    console: Console,
) -> Result<(), SessionError> {
    let mut settings = settings.clone();
    settings.agg.window_ms = settings.demo.window_ms;
    let session = Session::new(&settings, values, console)?;
    let _web = session.serve(None)?;
    let broker = EmbeddedBroker::start(&settings.kafka.topic, settings.demo.partitions)?;
    announce(&settings, &broker.bootstrap());
    if let Some(after) = arguments.run_for.or((!console.terminal).then_some(WITHOUT_TERMINAL)) {
        session.stop_after(after);
    }
    let consumed = Arc::new(AtomicU64::new(0));
    let feeder = feeder(&settings, &broker, &session, &consumed)?;
    let mut kafka = kafka_settings(&settings);
    kafka.bootstrap = broker.bootstrap();
    kafka.extra = EmbeddedBroker::consumer_settings();
    let mut feed = KafkaFeed::start(kafka, session.stop_flag())?;
    let (progress, ended) = (session.progress(), AtomicBool::new(false));
    let ran = std::thread::scope(|scope| {
        scope.spawn(|| watch(&progress, &consumed, &ended, console));
        let ran = session.run(&mut feed, LineClock::Epoch, None);
        ended.store(true, Ordering::Relaxed);
        ran
    });
    drop(feed);
    // Why the market closed is the cause of whatever followed.
    feeder.finish()?;
    ran
}

fn feeder(
    settings: &Settings,
    broker: &EmbeddedBroker,
    session: &Session<'_>,
    consumed: &Arc<AtomicU64>,
) -> Result<MarketFeeder, SessionError> {
    let market = MarketSettings {
        seed: settings.demo.seed,
        partitions: settings.demo.partitions,
        rate_per_second: settings.demo.rate,
        ..MarketSettings::default()
    };
    let feed = FeedSettings { market, rate: Some(settings.demo.rate), count: None };
    let (topic, clock) = (&settings.kafka.topic, Arc::new(SystemClock));
    Ok(MarketFeeder::start(&broker.bootstrap(), topic, feed, clock, Arc::clone(consumed), session.stop_flag())?)
}

/// Tells the market how far the worker is, and people what it does.
fn watch(progress: &Progress, consumed: &AtomicU64, ended: &AtomicBool, console: Console) {
    // Without colours the results do not wipe the line away behind them.
    let mut status = if console.colour { StatusLine::on_terminal() } else { None };
    let (mut shown_ms, mut seen) = (0, 0);
    while !ended.load(Ordering::Relaxed) {
        let counts = progress.counts();
        consumed.store(counts.consumed, Ordering::Relaxed);
        let now_ms = SystemClock.boot_ms();
        if let Some(status) = status.as_mut() {
            if now_ms - shown_ms >= STATUS_EVERY_MS {
                status.show(&counts, now_ms);
                shown_ms = now_ms;
            } else if counts.consumed != seen {
                status.again();
            }
            seen = counts.consumed;
        }
        std::thread::sleep(LOOK);
    }
    if status.is_some() {
        StatusLine::clear();
    }
}

fn announce(settings: &Settings, bootstrap: &str) {
    let page = if cfg!(feature = "web") && settings.web.enabled {
        format!(", page on http://{}", settings.web.listen)
    } else {
        String::new()
    };
    let (rate, seconds) = (settings.demo.rate, settings.demo.window_ms / 1_000);
    // Who closed stderr does not want to know.
    let _closed = writeln!(
        std::io::stderr(),
        "demo: {rate} events a second, windows of {seconds} s, broker on {bootstrap}{page}; Ctrl-C ends it"
    );
}
