//! The market's messages into a file or a topic, at a pace or as fast as can be.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::market::{Generated, Market, MarketSettings};
use super::recording::RecordingWriter;
use crate::time::clock::Clock;

/// How many messages are written between two looks at the clock and the stop flag, at most.
const BURST: u64 = 1_000;
/// How long to sleep when it is too early for the next message.
const NAP: Duration = Duration::from_millis(1);

/// What to generate.
#[derive(Clone, Copy, Debug)]
pub struct GenerateSettings {
    /// The market, with its own time.
    pub market: MarketSettings,
    /// How many messages.
    pub count: u64,
    /// Messages a second of real time; `None`: as fast as can be.
    pub rate: Option<u32>,
}

/// Why generating ended early.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The file cannot be written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The broker does not take it.
    #[error("kafka: {0}")]
    Kafka(String),
}

/// What generating needs from outside.
pub struct Surroundings<'a> {
    /// For the pace.
    pub clock: &'a dyn Clock,
    /// Ends it early, without error.
    pub stop: &'a AtomicBool,
    /// Called now and then with the messages so far.
    pub progress: &'a mut dyn FnMut(u64),
}

/// Writes a recording of `settings.count` messages of `topic`; packed where the name ends in `.gz`, `-` is standard
/// output. Gives how many were written: fewer only when stopped.
///
/// # Errors
/// A file that cannot be written.
pub fn generate_to_file(
    path: &Path,
    topic: &str,
    settings: &GenerateSettings,
    surroundings: Surroundings<'_>,
) -> Result<u64, GenerateError> {
    let failed = |error| GenerateError::File { path: path.to_owned(), error };
    let mut writer = RecordingWriter::create(path, topic).map_err(failed)?;
    let count = generate(settings, surroundings, |event| match event {
        Event::Message(message) => writer.write(message).map_err(failed),
        // Who reads along sees what there is.
        Event::Pause => writer.flush().map_err(failed),
    })?;
    writer.finish().map_err(failed)?;
    Ok(count)
}

/// What the market does next, as its writer sees it.
pub(super) enum Event<'a> {
    /// A message.
    Message(&'a Generated),
    /// It is too early for the next.
    Pause,
}

/// Runs a market to its end, or until told to stop, and gives how many messages were written.
pub(super) fn generate(
    settings: &GenerateSettings,
    surroundings: Surroundings<'_>,
    mut write: impl FnMut(Event<'_>) -> Result<(), GenerateError>,
) -> Result<u64, GenerateError> {
    let Surroundings { clock, stop, progress } = surroundings;
    let mut market = Market::new(&settings.market);
    let mut pace = Pace::new(settings.rate, clock.boot_ms());
    let mut written = 0;
    while written < settings.count && !stop.load(Ordering::Relaxed) {
        let due = pace.due(clock.boot_ms()).min(settings.count - written).min(BURST);
        if due == 0 {
            write(Event::Pause)?;
            thread::sleep(NAP);
            continue;
        }
        for _ in 0..due {
            write(Event::Message(market.generate()))?;
        }
        pace.spend(due);
        written += due;
        progress(written);
    }
    Ok(written)
}

/// How many messages may go by now. What could not be used within a second is lost: a pause is not made up for by a
/// flood.
#[derive(Debug)]
pub(super) struct Pace {
    rate: Option<u32>,
    last_ms: i64,
    /// In thousandths of a message.
    saved: u64,
}

impl Pace {
    /// `rate` messages a second, the first one now; `None`: any number.
    pub(super) fn new(rate: Option<u32>, now_ms: i64) -> Self {
        Self { rate, last_ms: now_ms, saved: 1000 }
    }

    /// How many may go now.
    pub(super) fn due(&mut self, now_ms: i64) -> u64 {
        let Some(rate) = self.rate else { return u64::MAX };
        let passed_ms = now_ms.saturating_sub(self.last_ms).max(0) as u64;
        self.last_ms = self.last_ms.max(now_ms);
        let second = u64::from(rate.max(1)) * 1000;
        self.saved = self.saved.saturating_add(passed_ms.saturating_mul(u64::from(rate))).min(second);
        self.saved / 1000
    }

    /// So many went.
    pub(super) fn spend(&mut self, count: u64) {
        if self.rate.is_some() {
            self.saved = self.saved.saturating_sub(count.saturating_mul(1000));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::source::Batch;
    use crate::source::market::MARKET_TOPIC;
    use crate::source::recording::{ReadOutcome, RecordingSource};
    use crate::time::clock::{ManualClock, SystemClock};

    fn to_file(path: &Path, settings: &GenerateSettings) -> u64 {
        let mut progress = 0;
        let surroundings = Surroundings {
            clock: &SystemClock,
            stop: &AtomicBool::new(false),
            progress: &mut |written| progress = written,
        };
        let written = generate_to_file(path, MARKET_TOPIC, settings, surroundings).unwrap();
        assert_eq!(progress, written);
        written
    }

    const SETTINGS: MarketSettings = MarketSettings {
        seed: 7,
        symbols: 50,
        partitions: 3,
        start_ms: 1_770_872_258_000,
        rate_per_second: 200,
        wrapped: false,
        keyed_by_symbol: true,
        hot_permille: 0,
        memo_bytes: 0,
        lean: false,
    };

    #[test]
    fn a_generated_recording_is_read_back_as_the_market_made_it() {
        let directory = tempfile::tempdir().unwrap();
        for (name, wrapped, packed) in [("a.ndjson", false, false), ("b.ndjson.gz", true, true)] {
            let path = directory.path().join(name);
            let market = MarketSettings { wrapped, ..SETTINGS };
            assert_eq!(to_file(&path, &GenerateSettings { market, count: 3_000, rate: None }), 3_000);
            assert_eq!(fs::read(&path).unwrap().starts_with(&[0x1F, 0x8B]), packed);
            let mut source = RecordingSource::open(&[path], 1 << 20).unwrap();
            let mut batch = Batch::default();
            assert_eq!(source.read(&mut batch, usize::MAX, usize::MAX).unwrap(), ReadOutcome::End);
            assert_eq!(batch.records.len(), 3_000);
            let mut market = Market::new(&market);
            let mut next = [0; 3];
            for record in &batch.records {
                let message = market.generate();
                let id = &batch.partitions[record.partition as usize];
                assert_eq!((&*id.topic, id.partition), (MARKET_TOPIC, message.partition));
                assert_eq!(record.timestamp_ms, message.timestamp_ms);
                assert_eq!(batch.value(record), message.value());
                let next = &mut next[id.partition as usize];
                assert_eq!(record.offset, *next);
                *next += 1;
            }
        }
    }

    #[test]
    fn a_line_looks_as_recorded_ones_do() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        to_file(&path, &GenerateSettings { market: SETTINGS, count: 1, rate: None });
        let text = fs::read_to_string(&path).unwrap();
        let start = r#"{"topic":"cdc.orders_db.orders","partition":2,"offset":0,"timestamp":1770872258000,"key":"{\"symbol\":\"005930\"}","value":"{\"before\":null,\"after\":{\"id\":1,"#;
        assert!(text.starts_with(start) && text.ends_with("}\"}\n"), "{text}");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let fails = |path: &str| {
            let surroundings =
                Surroundings { clock: &SystemClock, stop: &AtomicBool::new(false), progress: &mut |_| {} };
            let settings = GenerateSettings { market: SETTINGS, count: 1, rate: None };
            generate_to_file(Path::new(path), MARKET_TOPIC, &settings, surroundings).unwrap_err().to_string()
        };
        assert_eq!(fails("/nowhere/x.ndjson"), "/nowhere/x.ndjson: No such file or directory (os error 2)");
        assert_eq!(fails("x.zst"), "x.zst: zstd is read, not written: name it .gz or .ndjson");
    }

    #[test]
    fn a_pace_neither_runs_ahead_nor_makes_up_for_a_pause() {
        let mut pace = Pace::new(Some(200), 0);
        let mut sent = 0;
        for now_ms in 0..10_000 {
            let due = pace.due(now_ms);
            pace.spend(due);
            sent += due;
        }
        assert_eq!(sent, 2_000, "the first at once, then one every 5 ms");
        assert_eq!(pace.due(60_000), 200, "a minute's pause gives a second's worth");
        pace.spend(200);
        assert_eq!(pace.due(60_000), 0);
        assert_eq!(pace.due(59_000), 0, "a clock that runs backwards gives nothing");
        assert_eq!(Pace::new(None, 0).due(0), u64::MAX);
    }

    #[test]
    fn stopping_ends_it_early_and_whole() {
        let clock = ManualClock::at(0);
        let stop = AtomicBool::new(false);
        let mut seen = 0;
        let settings = GenerateSettings { market: SETTINGS, count: 10, rate: Some(1) };
        let surroundings = Surroundings { clock: &clock, stop: &stop, progress: &mut |_| {} };
        let written = generate(&settings, surroundings, |event| {
            match event {
                Event::Message(_) => seen += 1,
                Event::Pause if seen < 4 => clock.advance(1_000),
                Event::Pause => stop.store(true, Ordering::Relaxed),
            }
            Ok(())
        });
        assert_eq!((written.unwrap(), seen), (4, 4));
    }
}
