//! Executes epochs: `(state, epoch record, records) → (outputs, delta)`, the pure steps put together and spread over the
//! cores. Which thread does what changes nothing in the result.

use std::sync::Arc;

use rayon::ThreadPool;
use rayon::prelude::*;

use super::execute::{TIMERS_PER_EPOCH, run_shard};
use super::sequence::Sequenced;
use super::{
    Accounting, EpochKind, EpochRecord, LineClock, Output, Outputs, Pipeline, Sequencer, ShardWork, merge::merge,
};
use crate::decode::{DecodeSettings, Decoded, Decoder, Ignored};
use crate::route::{KeyGroup, take_order};
use crate::source::{Batch, PartitionId};
use crate::state::{CacheUse, Commit, PartitionProgress, Shard, ShardDelta, StateStore, StoreError, Timer};
use crate::time::TimeMode;

/// Epochs below this many records are executed on the calling thread: handing them over costs more than it saves.
const INLINE_RECORDS: usize = 128;

/// A shard's outputs, counts and delta.
type ShardResult = Result<(Vec<Output>, Accounting, ShardDelta), StoreError>;

/// One epoch, executed.
#[derive(Debug)]
pub struct Executed {
    /// The record that it was executed under.
    pub epoch: EpochRecord,
    /// Its outputs, with the records and events behind them.
    pub outputs: Outputs,
    /// What it changes.
    pub commit: Commit,
    /// What it counted.
    pub counts: Accounting,
}

/// An epoch that could not be executed: the state of a symbol that is not in memory cannot be read.
#[derive(Debug)]
pub struct Unexecuted {
    /// Why not.
    pub error: StoreError,
    /// The record that it was to be executed under.
    pub epoch: EpochRecord,
    /// Its records.
    pub batch: Batch,
}

/// Which topic and leader a partition's last records came from, where the source knows.
#[derive(Clone, Copy, Debug)]
struct Origin {
    topic_id: Option<[u8; 16]>,
    leader_epoch: i32,
}

/// The engine's working parts: state in shards, a decoder a thread, and the threads.
pub struct Executor {
    pipeline: Pipeline,
    decode: DecodeSettings,
    sequencer: Sequencer,
    shards: Vec<Shard>,
    decoders: Vec<Decoder>,
    pool: ThreadPool,
    /// The source's partitions, as far as known; an epoch of timers may come without them.
    partitions: Vec<PartitionId>,
    /// What the source said last of each of them.
    origins: Vec<Origin>,
    /// What was decoded in the last epoch whose outputs came back: memory to use again.
    spare: Vec<Vec<Decoded>>,
}

impl Executor {
    /// An engine with empty state, `parallelism` shards, and as many threads.
    pub fn new(
        pipeline: Pipeline,
        decode: &DecodeSettings,
        line_clock: LineClock,
        parallelism: usize,
    ) -> Result<Self, rayon::ThreadPoolBuildError> {
        let threads = parallelism.min(std::thread::available_parallelism().map_or(1, usize::from));
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("shard-{index}"))
            .build()?;
        Ok(Self {
            pipeline,
            decode: decode.clone(),
            sequencer: Sequencer::new(line_clock, parallelism),
            shards: (0..parallelism).map(|_| Shard::default()).collect(),
            decoders: (0..threads).map(|_| Decoder::new(decode.clone())).collect(),
            pool,
            partitions: Vec::new(),
            origins: Vec::new(),
            spare: Vec::new(),
        })
    }

    /// The same engine with other shards, and empty.
    pub fn sibling(&self, parallelism: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        Self::new(self.pipeline.clone(), &self.decode, self.sequencer.line_clock(), parallelism)
    }

    /// How many shards there are.
    pub fn parallelism(&self) -> usize {
        self.shards.len()
    }

    /// The source's table of partitions, as far as epochs have named it.
    pub fn partitions(&self) -> &[PartitionId] {
        &self.partitions
    }

    /// Goes on where a store stands, which may be at its beginning. Symbols are read from it when they are asked for, and
    /// about `hot_symbols` of them stay in memory. Gives the partitions in the order in which the source must name them.
    pub fn restore(&mut self, store: &Arc<dyn StateStore>, hot_symbols: usize) -> Result<Vec<PartitionId>, StoreError> {
        let parallelism = self.shards.len();
        for shard in &mut self.shards {
            shard.put_over(Arc::clone(store), hot_symbols.div_ceil(parallelism));
        }
        let Some(commit) = store.last_commit()? else { return Ok(Vec::new()) };
        let mut timers: Vec<Vec<Timer>> = self.shards.iter().map(|_| Vec::new()).collect();
        store.for_each_timer(&mut |key| {
            let (due_ms, symbol) = key.due_and_symbol().ok_or_else(|| StoreError::Key(key.as_bytes().to_vec()))?;
            timers[KeyGroup::of(symbol).shard(parallelism)].push((due_ms, symbol.into()));
            Ok(())
        })?;
        for (shard, timers) in self.shards.iter_mut().zip(timers) {
            shard.restore_timers(timers);
        }
        self.sequencer.restore(&commit);
        let next_timer_ms = self.shards.iter().filter_map(Shard::next_timer_ms).min();
        self.sequencer.restore_border(&self.pipeline, next_timer_ms);
        let origin =
            |progress: &PartitionProgress| Origin { topic_id: progress.topic_id, leader_epoch: progress.leader_epoch };
        self.origins = commit.partitions.iter().map(origin).collect();
        self.partitions = commit
            .partitions
            .into_iter()
            .map(|progress| PartitionId { topic: progress.topic.into(), partition: progress.partition })
            .collect();
        Ok(self.partitions.clone())
    }

    /// Executes an epoch over its records. After an error the engine is not to be used again: part of the epoch may have
    /// been executed.
    pub fn execute(&mut self, epoch: EpochRecord, mut batch: Batch) -> Result<Executed, Box<Unexecuted>> {
        let inline = batch.records.len() < INLINE_RECORDS;
        if self.sequencer.line_clock() == LineClock::Epoch {
            take_order(&mut batch.records, &batch.partitions);
        }
        if self.partitions.len() < batch.partitions.len() {
            self.partitions.clone_from(&batch.partitions);
        } else if batch.partitions.len() < self.partitions.len() {
            // An epoch of timers may come without the source's table; idleness looks at all of it.
            batch.partitions.clone_from(&self.partitions);
        }
        self.note_origins(&epoch);
        let decoded = self.decode(&batch, inline);
        let Sequenced { work, dead_letters, mut counts } =
            self.sequencer.sequence(&self.pipeline, &epoch, &batch, &decoded);
        let last_timer = (epoch.kind == EpochKind::Timer).then(|| self.last_of_slice()).flatten();
        if last_timer.is_some() {
            self.sequencer.leave_border_open();
        }
        let ran = self.run_shards(epoch.id, &work, last_timer.as_ref(), &decoded, inline);
        let mut streams = vec![dead_letters];
        let mut commit = self.commit_of(&epoch);
        for ran in ran {
            let (lines, shard_counts, delta) = match ran {
                Ok(ran) => ran,
                Err(error) => return Err(Box::new(Unexecuted { error, epoch, batch })),
            };
            counts.add(&shard_counts);
            streams.push(lines);
            commit.symbols.extend(delta.symbols);
            commit.timers.extend(delta.timers);
        }
        let mut outputs = Outputs { lines: Vec::new(), batch, decoded };
        merge(streams, &mut outputs.lines);
        Ok(Executed { epoch, outputs, commit, counts })
    }

    /// Remembers where the epoch's records came from, and where partitions that it only names go on.
    fn note_origins(&mut self, epoch: &EpochRecord) {
        self.origins.resize(self.partitions.len(), Origin { topic_id: None, leader_epoch: -1 });
        for range in &epoch.ranges {
            let Some(slot) = self.partitions.iter().position(|id| range.is_of(id)) else { continue };
            let origin = &mut self.origins[slot];
            if range.records > 0 || (epoch.kind == EpochKind::Start && range.topic_id.is_some()) {
                *origin = Origin { topic_id: range.topic_id, leader_epoch: range.leader_epoch };
            }
            if range.records == 0 && epoch.kind == EpochKind::Start {
                self.sequencer.goes_on_at(slot, range.from);
            }
        }
    }

    /// Takes back what an epoch's outputs stood in, to use its memory again.
    pub fn recycle(&mut self, decoded: Vec<Decoded>) {
        if self.spare.len() < 4 {
            self.spare.push(decoded);
        }
    }

    /// Every record by itself, so on any thread.
    fn decode(&mut self, batch: &Batch, inline: bool) -> Vec<Decoded> {
        let records = &batch.records;
        let mut decoded = self.spare.pop().unwrap_or_default();
        decoded.resize_with(records.len(), || Decoded::Ignored(Ignored::Tombstone));
        if inline {
            if let Some(decoder) = self.decoders.first_mut() {
                for (record, decoded) in records.iter().zip(&mut decoded) {
                    *decoded = decoder.decode(batch.value(record));
                }
            }
            return decoded;
        }
        let share = records.len().div_ceil(self.decoders.len());
        let decoders = &mut self.decoders;
        self.pool.install(|| {
            let parts = records.par_chunks(share).zip(decoded.par_chunks_mut(share)).zip(decoders.par_iter_mut());
            parts.for_each(|((records, decoded), decoder)| {
                for (record, decoded) in records.iter().zip(decoded) {
                    *decoded = decoder.decode(batch.value(record));
                }
            });
        });
        decoded
    }

    fn run_shards(
        &mut self,
        epoch: u64,
        work: &[ShardWork],
        last_timer: Option<&Timer>,
        decoded: &[Decoded],
        inline: bool,
    ) -> Vec<ShardResult> {
        let pipeline = &self.pipeline;
        let run = |(index, (shard, work)): (usize, (&mut Shard, &ShardWork))| {
            let (lines, counts) = run_shard(pipeline, index as u16, shard, work, last_timer, decoded)?;
            Ok((lines, counts, shard.take_delta(epoch)?))
        };
        if inline {
            self.shards.iter_mut().zip(work).enumerate().map(run).collect()
        } else {
            let shards = &mut self.shards;
            self.pool.install(|| shards.par_iter_mut().zip(work.par_iter()).enumerate().map(run).collect())
        }
    }

    fn commit_of(&self, epoch: &EpochRecord) -> Commit {
        let partitions = self
            .partitions
            .iter()
            .enumerate()
            .map(|(slot, id)| PartitionProgress {
                topic: id.topic.to_string(),
                topic_id: self.origins.get(slot).and_then(|origin| origin.topic_id),
                partition: id.partition,
                next_offset: self.sequencer.next_offset(slot),
                leader_epoch: self.origins.get(slot).map_or(-1, |origin| origin.leader_epoch),
                mark: self.sequencer.mark(slot),
                snapshot: self.sequencer.snapshot(slot),
                time: self.sequencer.watermarks().partition(slot),
            })
            .collect();
        Commit {
            timeline: epoch.timeline,
            epoch: epoch.id,
            config_id: epoch.config_id,
            clock_ms: self.sequencer.clock_ms(),
            watermark_ms: self.sequencer.watermarks().current(),
            partitions,
            symbols: Vec::new(),
            timers: Vec::new(),
            outbox: Vec::new(),
            sinks: Vec::new(),
        }
    }

    /// When, on the clock, time alone has something to do; `None` when nothing is waiting, and where the clock is the
    /// recording's: it stands still until the next line, whatever the machine's shows.
    pub fn next_due_ms(&self) -> Option<i64> {
        if self.sequencer.line_clock() == LineClock::Records {
            return None;
        }
        let next_timer_ms = self.shards.iter().filter_map(Shard::next_timer_ms).min();
        match self.pipeline.time {
            TimeMode::Processing => next_timer_ms,
            TimeMode::Event if next_timer_ms.is_some_and(|due_ms| due_ms <= self.axis_ms()) => {
                Some(self.sequencer.clock_ms())
            }
            TimeMode::Event => self.sequencer.next_idle_ms(&self.pipeline),
        }
    }

    /// Whether more is due at `clock_ms` than one epoch may fire: timer epochs go first then.
    pub fn is_behind(&self, clock_ms: i64) -> bool {
        let axis_ms = match self.pipeline.time {
            TimeMode::Processing => clock_ms,
            TimeMode::Event => self.axis_ms(),
        };
        self.shards.iter().flat_map(|shard| shard.due(axis_ms)).nth(TIMERS_PER_EPOCH).is_some()
    }

    /// The last timer that a timer epoch fires, if more than its share are due.
    fn last_of_slice(&self) -> Option<Timer> {
        let axis_ms = self.axis_ms();
        let mut due: Vec<&Timer> =
            self.shards.iter().flat_map(|shard| shard.due(axis_ms).take(TIMERS_PER_EPOCH + 1)).collect();
        if due.len() <= TIMERS_PER_EPOCH {
            return None;
        }
        let (_, last, _) = due.select_nth_unstable(TIMERS_PER_EPOCH - 1);
        Some(last.clone())
    }

    fn axis_ms(&self) -> i64 {
        self.sequencer.axis_ms(&self.pipeline)
    }

    /// The store holds everything up to this epoch: symbols that it did not hold yet may leave memory from now on.
    pub fn committed(&mut self, epoch: u64) {
        for shard in &mut self.shards {
            shard.committed(epoch);
        }
    }

    /// How many windows, and times at which one is over, are waited for.
    pub fn timers(&self) -> usize {
        self.shards.iter().map(Shard::timers).sum()
    }

    /// How often symbols were asked for, in memory and not.
    pub fn cache_use(&self) -> CacheUse {
        self.shards.iter().map(Shard::cache_use).sum()
    }

    /// How many symbols are held in memory.
    pub fn symbols(&self) -> usize {
        self.shards.iter().map(Shard::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch::{EPOCH_FORMAT, OutputKind, Timeline};
    use crate::event::OpSet;
    use crate::time::WatermarkSettings;
    use crate::window::TumblingWindows;

    fn executor(parallelism: usize) -> Executor {
        let pipeline = Pipeline {
            time: TimeMode::Processing,
            watermarks: WatermarkSettings { out_of_orderness_ms: 0, idle_after_ms: 30_000, max_ahead_ms: 3_600_000 },
            windows: TumblingWindows { size_ms: 1_000, ops: OpSet::ALL, allowed_lateness_ms: 0 },
            rules: crate::anomaly::Rules::default(),
            raw: false,
            snapshot_rows_once: false,
        };
        Executor::new(pipeline, &DecodeSettings::default(), LineClock::Epoch, parallelism).unwrap()
    }

    fn epoch(id: u64, clock_ms: i64, kind: EpochKind) -> EpochRecord {
        let (timeline, ranges) = (Timeline(1), Vec::new());
        EpochRecord { format: EPOCH_FORMAT, timeline, id, clock_ms, kind, config_id: 0, parallelism: 1, ranges }
    }

    /// An epoch's orders: one of each symbol.
    fn orders(symbols: std::ops::Range<usize>) -> Batch {
        let mut batch = Batch::of(vec![PartitionId { topic: "t".into(), partition: 0 }]);
        for symbol in symbols {
            let value = format!(
                r#"{{"after":{{"id":1,"symbol":"{symbol:06}","quantity":1,"price":"1"}},"source":{{"db":"orders_db","table":"orders"}},"op":"r"}}"#
            );
            batch.push(0, symbol as i64, 0, Some(value.as_bytes()));
        }
        batch
    }

    // What a slice left is due before the next record, also where records keep coming; and a restored engine, which does
    // not know of slices, does the same (I3).
    #[test]
    fn what_a_slice_left_fires_in_the_next_epoch_whatever_its_kind() {
        let symbols = TIMERS_PER_EPOCH + 10;
        let store: Arc<dyn StateStore> = Arc::new(crate::state::MemoryStateStore::default());
        let mut first = executor(3);
        for (id, clock_ms, kind, batch) in
            [(1, 500, EpochKind::Data, orders(0..symbols)), (2, 1_000, EpochKind::Timer, Batch::default())]
        {
            store.commit(&first.execute(epoch(id, clock_ms, kind), batch).unwrap().commit).unwrap();
        }
        let mut second = executor(2);
        second.restore(&store, 1_000).unwrap();
        for executor in [&mut first, &mut second] {
            let executed = executor.execute(epoch(3, 1_001, EpochKind::Data), orders(0..1)).unwrap();
            assert_eq!((executed.counts.windows, executed.counts.applied), (10, 1));
            let next = executor.execute(epoch(4, 1_002, EpochKind::Data), orders(1..2)).unwrap();
            assert_eq!(next.counts.windows, 0);
        }
    }

    // I7: more windows end at once than one epoch may fire. They come in slices, in the same order as in one go.
    #[test]
    fn a_crowd_of_windows_fires_in_slices() {
        let symbols = TIMERS_PER_EPOCH + 10;
        let mut executor = executor(3);
        assert_eq!(
            executor.execute(epoch(1, 500, EpochKind::Data), orders(0..symbols)).unwrap().counts.applied,
            symbols as u64
        );
        assert!(!executor.is_behind(999), "nothing is due yet");
        assert!(executor.is_behind(1_000));
        let mut fired = Vec::new();
        for (id, expected) in [(2, TIMERS_PER_EPOCH), (3, 10), (4, 0)] {
            let executed = executor.execute(epoch(id, 1_000, EpochKind::Timer), Batch::default()).unwrap();
            assert_eq!(executed.outputs.lines.len(), expected);
            assert!(!executor.is_behind(1_000));
            assert_eq!(executor.next_due_ms(), (id == 2).then_some(1_000));
            for line in executed.outputs.lines {
                let OutputKind::Agg(result) = line.kind else { panic!("only windows fire") };
                fired.push(result.0);
            }
        }
        assert!(fired.is_sorted(), "by symbol, across slices and shards");
        assert_eq!(fired.len(), symbols);
    }
}
