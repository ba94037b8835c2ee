//! What the engine tells of itself: fed once an epoch, read by whoever watches. Nothing here is asked by the engine, and
//! nothing is done per record.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use super::board::{Board, SymbolWindows, with_open_windows};
use super::checkpoints::Checkpoints;
use super::happened::{SeenAlert, SeenDeadLetter, alert, dead_letter};
use super::histogram::{Histogram, HistogramCounts};
use super::partitions::{PartitionStatus, Partitions};
use super::recent::Recent;
use super::steps::Steps;
use crate::decode::{Change, Decoded};
use crate::epoch::{Executed, Moved, OutputKind, Outputs};
use crate::source::PartitionSeen;
use crate::state::{CacheUse, StateSize, StateStore};
use crate::time::clock::Clock;

/// How many alerts and dead letters are kept to look at, and how many of one epoch are looked at (I7).
const KEPT: usize = 500;
const PER_EPOCH: usize = 100;
const RESULTS_PER_EPOCH: usize = 512;
/// What dead letters are counted under that have none of the kinds told apart.
pub const OTHER_REASONS: &str = "other";
/// Kinds of reasons that are told apart.
const REASONS: usize = 32;
/// How many records of an epoch the latency is measured at.
const SAMPLES: usize = 16;
/// Upper bounds of latencies in milliseconds.
const LATENCY_MS: &[u64] =
    &[1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 3_600_000];
/// Upper bounds of an epoch's records.
const EPOCH_RECORDS: &[u64] = &[0, 1, 10, 100, 1_000, 10_000, 100_000];

/// How far a sink is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkStatus {
    /// The sink's name.
    pub name: &'static str,
    /// The last epoch that it took.
    pub epoch: u64,
    /// When, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Bytes of results that wait for it, where it goes at its own pace.
    pub waiting_bytes: u64,
    /// Values that do not fit it: their rows are dead letters of the sink.
    pub misfits: u64,
    /// Why it takes nothing now, if it does not.
    pub trouble: Option<String>,
}

/// What the engine holds in memory.
#[derive(Debug, Default)]
struct Sizes {
    symbols: AtomicU64,
    timers: AtomicU64,
    cache_hits: AtomicU64,
    cache_misses: AtomicU64,
}

/// Everything that a run tells of itself beside its counts.
#[derive(Debug)]
pub struct Telemetry {
    /// Where an epoch's time goes.
    pub steps: Steps,
    /// Checkpoints and savepoints.
    pub checkpoints: Checkpoints,
    /// From the change in the database to the output, in milliseconds, by samples.
    from_source_ms: Histogram,
    /// From the broker to the output.
    from_broker_ms: Histogram,
    epoch_records: Histogram,
    last_epoch: AtomicU64,
    lost_records: AtomicU64,
    recreated_topics: AtomicU64,
    sizes: Sizes,
    seen: Mutex<Seen>,
    store: OnceLock<Weak<dyn StateStore>>,
}

#[derive(Debug)]
struct Seen {
    partitions: Partitions,
    board: Board,
    alerts: Recent<SeenAlert>,
    dead_letters: Recent<SeenDeadLetter>,
    reasons: BTreeMap<String, u64>,
    sinks: Vec<SinkStatus>,
    /// The sink that is taking an epoch.
    delivering_to: Option<&'static str>,
    watermark_ms: Option<i64>,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            steps: Steps::default(),
            checkpoints: Checkpoints::default(),
            from_source_ms: Histogram::new(LATENCY_MS),
            from_broker_ms: Histogram::new(LATENCY_MS),
            epoch_records: Histogram::new(EPOCH_RECORDS),
            last_epoch: AtomicU64::new(0),
            lost_records: AtomicU64::new(0),
            recreated_topics: AtomicU64::new(0),
            sizes: Sizes::default(),
            seen: Mutex::new(Seen {
                partitions: Partitions::default(),
                board: Board::default(),
                alerts: Recent::new(KEPT),
                dead_letters: Recent::new(KEPT),
                reasons: BTreeMap::new(),
                sinks: Vec::new(),
                delivering_to: None,
                watermark_ms: None,
            }),
            store: OnceLock::new(),
        }
    }
}

/// Told by the engine.
impl Telemetry {
    /// Where the state is committed to; held weakly, so that watching keeps nothing open.
    pub fn attach(&self, store: &Arc<dyn StateStore>) {
        // A second run in one process, which only tests have, is watched by its own telemetry.
        let _first = self.store.set(Arc::downgrade(store));
    }

    /// What the engine holds in memory after an epoch, and how often it found there what it asked for.
    pub fn holds(&self, symbols: usize, timers: usize, cache: CacheUse) {
        self.sizes.cache_hits.store(cache.hits, Ordering::Relaxed);
        self.sizes.cache_misses.store(cache.misses, Ordering::Relaxed);
        self.sizes.symbols.store(symbols as u64, Ordering::Relaxed);
        self.sizes.timers.store(timers as u64, Ordering::Relaxed);
    }

    /// The source goes on elsewhere than where it had come to.
    pub fn moved(&self, Moved { recreated, lost_records }: Moved) {
        self.lost_records.fetch_add(lost_records, Ordering::Relaxed);
        self.recreated_topics.fetch_add(u64::from(recreated), Ordering::Relaxed);
    }

    /// A sink is given an epoch, or has been.
    pub fn delivers_to(&self, name: Option<&'static str>) {
        self.seen().delivering_to = name;
    }

    /// A sink took an epoch.
    pub fn delivered(&self, name: &'static str, epoch: u64, clock: &dyn Clock) {
        self.sink(name, |sink| (sink.epoch, sink.at_ms) = (epoch, clock.wall_ms()));
    }

    /// So much waits for a sink at its own pace, of which everything up to this epoch has left.
    pub fn waits_for(&self, name: &'static str, epoch: u64, waiting_bytes: u64, clock: &dyn Clock) {
        self.sink(name, |sink| {
            if sink.epoch < epoch {
                (sink.epoch, sink.at_ms) = (epoch, clock.wall_ms());
            }
            sink.waiting_bytes = waiting_bytes;
        });
    }

    /// So many values did not fit a sink.
    pub fn sink_misfits(&self, name: &'static str, misfits: u64) {
        self.sink(name, |sink| sink.misfits = misfits);
    }

    /// A sink takes nothing now, or does again.
    pub fn sink_trouble(&self, name: &'static str, trouble: Option<String>) {
        self.sink(name, |sink| sink.trouble = trouble);
    }

    fn sink(&self, name: &'static str, change: impl FnOnce(&mut SinkStatus)) {
        let mut seen = self.seen();
        if let Some(sink) = seen.sinks.iter_mut().find(|sink| sink.name == name) {
            change(sink);
        } else {
            let mut sink = SinkStatus { name, epoch: 0, at_ms: 0, waiting_bytes: 0, misfits: 0, trouble: None };
            change(&mut sink);
            seen.sinks.push(sink);
        }
    }

    /// Brokers said where partitions end, and how many copies of them there are.
    pub fn partitions_seen(&self, partitions: &[PartitionSeen], clock: &dyn Clock) {
        let now_ms = clock.boot_ms();
        let mut seen = self.seen();
        for partition in partitions {
            seen.partitions.seen(partition, now_ms);
        }
    }

    /// An epoch was delivered; its commit follows, with those of its neighbours.
    pub fn left(&self, executed: &Executed, clock: &dyn Clock) {
        let Executed { epoch, outputs, commit, counts } = executed;
        let (wall_ms, boot_ms) = (clock.wall_ms(), clock.boot_ms());
        self.last_epoch.store(epoch.id, Ordering::Relaxed);
        self.epoch_records.record(counts.consumed);
        self.sample_latency(outputs, wall_ms);
        let mut seen = self.seen();
        let seen = &mut *seen;
        seen.watermark_ms = commit.watermark_ms;
        for (id, next_offset) in commit.next_offsets() {
            let is_of =
                |range: &&crate::epoch::RecordRange| range.partition == id.partition && *range.topic == *id.topic;
            let records = epoch.ranges.iter().find(is_of).map_or(0, |range| range.records);
            seen.partitions.committed(&id, next_offset, records, boot_ms);
        }
        seen.board.changed(commit.symbols.iter().map(|(key, _)| key), boot_ms);
        // Most epochs have none of them, and then their lines need no second look.
        let (alerts, windows) = (counts.alerts.iter().sum::<u64>(), counts.windows);
        if alerts + windows + counts.dead_letter > 0 {
            seen.look_at(outputs, boot_ms);
        }
    }

    fn sample_latency(&self, outputs: &Outputs, wall_ms: i64) {
        let records = &outputs.batch.records;
        for index in (0..records.len()).step_by(records.len().div_ceil(SAMPLES).max(1)) {
            let since = |then_ms: i64| (wall_ms - then_ms).max(0) as u64;
            if let Some(Decoded::Change(Change { source_time_ms: Some(time_ms), row: Ok(_), .. })) =
                outputs.decoded.get(index)
            {
                self.from_source_ms.record(since(*time_ms));
            }
            if records[index].timestamp_ms >= 0 {
                self.from_broker_ms.record(since(records[index].timestamp_ms));
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // What a panic elsewhere left half-told is only shown.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn look_at(&mut self, outputs: &Outputs, boot_ms: i64) {
        let (mut alerts, mut dead_letters, mut results) = (Vec::new(), Vec::new(), 0);
        for line in outputs.lines.iter().rev() {
            match &line.kind {
                OutputKind::Alert(_) if alerts.len() < PER_EPOCH => alerts.extend(alert(outputs, line)),
                OutputKind::Agg(result) if results < RESULTS_PER_EPOCH => {
                    results += 1;
                    self.board.fired(&result.0, &result.1, boot_ms);
                }
                OutputKind::DeadLetter => {
                    if let Some(reason) = outputs.reason(line) {
                        self.count_reason(reason.kind());
                    }
                    if dead_letters.len() < PER_EPOCH {
                        dead_letters.extend(dead_letter(outputs, line));
                    }
                }
                _ => {}
            }
        }
        alerts.into_iter().rev().for_each(|alert| self.alerts.push(alert));
        dead_letters.into_iter().rev().for_each(|dead_letter| self.dead_letters.push(dead_letter));
    }

    fn count_reason(&mut self, kind: &str) {
        let known = self.reasons.contains_key(kind) || self.reasons.len() < REASONS;
        *self.reasons.entry(if known { kind } else { OTHER_REASONS }.to_owned()).or_default() += 1;
    }
}

/// Read by whoever watches.
impl Telemetry {
    /// The last epoch delivered; 0 before the first.
    pub fn last_epoch(&self) -> u64 {
        self.last_epoch.load(Ordering::Relaxed)
    }

    /// Records that were deleted before they were read, at most, and how often the topic was created anew.
    pub fn losses(&self) -> (u64, u64) {
        (self.lost_records.load(Ordering::Relaxed), self.recreated_topics.load(Ordering::Relaxed))
    }

    /// Symbols and timers held in memory.
    pub fn held(&self) -> (u64, u64) {
        (self.sizes.symbols.load(Ordering::Relaxed), self.sizes.timers.load(Ordering::Relaxed))
    }

    /// How often a symbol was in memory when an event of it came.
    pub fn cache_use(&self) -> CacheUse {
        let (hits, misses) = (&self.sizes.cache_hits, &self.sizes.cache_misses);
        CacheUse { hits: hits.load(Ordering::Relaxed), misses: misses.load(Ordering::Relaxed) }
    }

    /// What is stored, by the store's own estimate; `None` without a store that counts.
    pub fn stored(&self) -> Option<StateSize> {
        self.store.get().and_then(Weak::upgrade)?.size()
    }

    /// Latency in milliseconds from the change in the database, and from the broker, to the output; by samples.
    pub fn latency_ms(&self) -> [HistogramCounts; 2] {
        [self.from_source_ms.counts(), self.from_broker_ms.counts()]
    }

    /// How many records epochs have.
    pub fn epoch_records(&self) -> HistogramCounts {
        self.epoch_records.counts()
    }

    /// The overall watermark; `None` in processing time, and before the first.
    pub fn watermark_ms(&self) -> Option<i64> {
        self.seen().watermark_ms
    }

    /// The partitions, `now_ms` being the clock since boot.
    pub fn partitions(&self, now_ms: i64) -> Vec<PartitionStatus> {
        self.seen().partitions.status(now_ms)
    }

    /// The sink that is taking an epoch at the moment.
    pub fn delivering_to(&self) -> Option<&'static str> {
        self.seen().delivering_to
    }

    /// How far the sinks are, in the order in which they are served.
    pub fn sinks(&self) -> Vec<SinkStatus> {
        self.seen().sinks.clone()
    }

    /// Dead letters by the kind of their reason.
    pub fn reasons(&self) -> BTreeMap<String, u64> {
        self.seen().reasons.clone()
    }

    /// The newest alerts, newest first, of one rule or symbol if given.
    pub fn alerts(&self, most: usize, rule: Option<&str>, symbol: Option<&str>) -> Vec<SeenAlert> {
        let is_wanted = |alert: &SeenAlert| {
            rule.is_none_or(|rule| alert.rule.name() == rule) && symbol.is_none_or(|symbol| alert.symbol == symbol)
        };
        self.seen().alerts.newest(most, is_wanted)
    }

    /// The newest dead letters, newest first.
    pub fn dead_letters(&self, most: usize) -> Vec<SeenDeadLetter> {
        self.seen().dead_letters.newest(most, |_| true)
    }

    /// The symbols with the fullest open windows.
    pub fn windows(&self, window_ms: i64, most: usize) -> Vec<SymbolWindows> {
        let symbols = self.seen().board.symbols();
        match self.store.get().and_then(Weak::upgrade) {
            // Not under the lock: a store on disk takes its time.
            Some(store) => with_open_windows(symbols, store.as_ref(), window_ms, most),
            None => Vec::new(),
        }
    }
}
