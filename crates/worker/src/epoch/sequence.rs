//! The one sequential step of an epoch: records in order, duplicates judged, clocks and watermarks moved, events dealt
//! to shards. Everything that depends on the order of records *across* shards is decided here, so that nothing that
//! follows can depend on how many shards there are (I3). Pure.

use super::{Accounting, EpochKind, EpochRecord, Output, OutputKind, Pipeline, ShardWork, Step, StepKind};
use crate::decode::{Change, Decoded, DedupMark, SnapshotRows, Verdict};
use crate::route::KeyGroup;
use crate::source::{Batch, SourceRecord};
use crate::state::Commit;
use crate::time::{NO_WATERMARK, TimeMode, Watermarks};

/// Whose clock a record has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineClock {
    /// The epoch's; records are taken in the order that their timestamps and partitions give.
    Epoch,
    /// The epoch's, but a recording's lines stay in their order.
    EpochInLineOrder,
    /// A recording's: the largest record timestamp read so far, so that a replay does not depend on where epochs are cut.
    Records,
}

/// What is kept from record to record, for all symbols together.
#[derive(Clone, Debug)]
pub struct Sequencer {
    line_clock: LineClock,
    shards: usize,
    /// Per partition of the source's table.
    marks: Vec<DedupMark>,
    snapshots: Vec<SnapshotRows>,
    next_offsets: Vec<i64>,
    watermarks: Watermarks,
    clock_ms: i64,
    /// The window border that the axis passed last.
    border_ms: i64,
}

/// What the sequential step gives.
#[derive(Debug)]
pub struct Sequenced {
    /// Each shard's part.
    pub work: Vec<ShardWork>,
    /// Dead letters, in order.
    pub dead_letters: Vec<Output>,
    /// What was counted so far; the shards count the rest.
    pub counts: Accounting,
}

impl Sequencer {
    /// One that has seen nothing.
    pub fn new(line_clock: LineClock, shards: usize) -> Self {
        Self {
            line_clock,
            shards,
            marks: Vec::new(),
            snapshots: Vec::new(),
            next_offsets: Vec::new(),
            watermarks: Watermarks::default(),
            clock_ms: 0,
            border_ms: i64::MIN,
        }
    }

    /// Goes on where a commit left off.
    pub fn restore(&mut self, commit: &Commit) {
        let partitions = &commit.partitions;
        self.marks = partitions.iter().map(|partition| partition.mark.clone()).collect();
        self.snapshots = partitions.iter().map(|partition| partition.snapshot.clone()).collect();
        self.next_offsets = partitions.iter().map(|partition| partition.next_offset).collect();
        let times = partitions.iter().map(|partition| partition.time).collect();
        self.watermarks = Watermarks::restored(times, commit.watermark_ms);
        self.clock_ms = commit.clock_ms;
    }

    /// Takes an epoch's records, which stand in the order in which they are to be taken.
    pub fn sequence(
        &mut self,
        pipeline: &Pipeline,
        epoch: &EpochRecord,
        batch: &Batch,
        decoded: &[Decoded],
    ) -> Sequenced {
        let per_shard = batch.records.len() / self.shards;
        let mut out = Sequenced {
            work: (0..self.shards).map(|_| Vec::with_capacity(per_shard + per_shard / 8 + 1)).collect(),
            dead_letters: Vec::new(),
            counts: Accounting { consumed: batch.records.len() as u64, ..Accounting::default() },
        };
        // Never shorter: an epoch without records may come without the source's table too.
        let known = batch.partitions.len().max(self.marks.len());
        self.marks.resize_with(known, DedupMark::default);
        self.snapshots.resize_with(known, SnapshotRows::default);
        self.begin_partitions(epoch, batch);
        self.begin(pipeline, epoch, batch, &mut out);
        for (index, (record, decoded)) in batch.records.iter().zip(decoded).enumerate() {
            self.record(pipeline, index as u32, record, decoded, &mut out);
        }
        if epoch.kind == EpochKind::Flush {
            Self::advance(batch.records.len() as u32, i64::MAX, &mut out);
        }
        out
    }

    /// New partitions of the table are read from where the epoch's record says.
    fn begin_partitions(&mut self, epoch: &EpochRecord, batch: &Batch) {
        for id in batch.partitions.iter().skip(self.next_offsets.len()) {
            let range = epoch.ranges.iter().find(|range| range.is_of(id));
            self.next_offsets.push(range.map_or(0, |range| range.from));
        }
    }

    /// A partition goes on at this offset, wherever it stood: its topic was created anew, or records were lost before they
    /// were read. Its marks and its watermark stay.
    pub fn goes_on_at(&mut self, slot: usize, offset: i64) {
        if let Some(next_offset) = self.next_offsets.get_mut(slot) {
            *next_offset = offset;
        }
    }

    /// The epoch's clock and what it says of idle partitions.
    fn begin(&mut self, pipeline: &Pipeline, epoch: &EpochRecord, batch: &Batch, out: &mut Sequenced) {
        if self.line_clock == LineClock::Records {
            return;
        }
        self.clock_ms = self.clock_ms.max(epoch.clock_ms);
        if pipeline.time == TimeMode::Event {
            for (slot, partition) in batch.partitions.iter().enumerate() {
                let range = epoch.ranges.iter().find(|range| range.is_of(partition));
                // A recording's partitions are counted from their first order event, and nobody knows whether they are
                // caught up: without lines they are idle. Another topic in it would hold the watermark to the end.
                let recorded = self.line_clock == LineClock::EpochInLineOrder;
                if !recorded {
                    self.watermarks.take_part(slot, self.clock_ms);
                }
                if range.map_or(!recorded, |range| range.records > 0 || !range.caught_up) {
                    self.watermarks.busy(slot, self.clock_ms);
                }
            }
            self.watermarks.on_clock(self.clock_ms, &pipeline.watermarks);
        }
        self.pass_border(pipeline, 0, out);
    }

    fn record(
        &mut self,
        pipeline: &Pipeline,
        index: u32,
        record: &SourceRecord,
        decoded: &Decoded,
        out: &mut Sequenced,
    ) {
        let slot = record.partition as usize;
        self.next_offsets[slot] = record.offset + 1;
        if self.line_clock == LineClock::Records {
            self.line(pipeline, index, record, out);
        }
        let change = match decoded {
            Decoded::Change(change) => change,
            Decoded::Ignored(ignored) => return out.counts.ignore(*ignored),
            Decoded::DeadLetter(_) => return dead_letter(index, out),
        };
        match self.marks[slot].judge(change) {
            Verdict::New => {}
            Verdict::Duplicate => return out.counts.duplicate += 1,
            Verdict::Generation => out.counts.generation += 1,
        }
        match &change.row {
            Ok(event) => {
                if pipeline.snapshot_rows_once && self.snapshots[slot].is_repeat(change, event) {
                    return out.counts.duplicate += 1;
                }
                let shard = KeyGroup::of(&event.symbol).shard(self.shards);
                let at_ms = self.event_time(pipeline, index, record, change, out);
                let axis_ms = self.axis_ms(pipeline);
                out.work[shard].push(Step { record: index, kind: StepKind::Event(at_ms), axis_ms });
            }
            Err(_) => dead_letter(index, out),
        }
    }

    /// A recording's line moves the clock, whatever is on it.
    fn line(&mut self, pipeline: &Pipeline, index: u32, record: &SourceRecord, out: &mut Sequenced) {
        self.clock_ms = self.clock_ms.max(record.timestamp_ms);
        if pipeline.time == TimeMode::Event {
            self.watermarks.on_clock(self.clock_ms, &pipeline.watermarks);
            self.watermarks.busy(record.partition as usize, self.clock_ms);
        }
        self.pass_border(pipeline, index, out);
    }

    /// The event's time on the windows' axis; in event time it moves the watermark first.
    fn event_time(
        &mut self,
        pipeline: &Pipeline,
        index: u32,
        record: &SourceRecord,
        change: &Change,
        out: &mut Sequenced,
    ) -> i64 {
        if pipeline.time == TimeMode::Processing {
            return self.clock_ms;
        }
        let time_ms = change.source_time_ms.unwrap_or_else(|| {
            out.counts.without_source_time += 1;
            if record.timestamp_ms >= 0 { record.timestamp_ms } else { self.clock_ms }
        });
        self.watermarks.on_event(record.partition as usize, time_ms, self.clock_ms, &pipeline.watermarks);
        self.pass_border(pipeline, index, out);
        time_ms
    }

    /// Goes on behind the border that was passed last, as if there had been no restart: what is due after it waits for the
    /// next one. Only what a slice of timers left is due before it, and fires with the next epoch.
    pub fn restore_border(&mut self, pipeline: &Pipeline, next_timer_ms: Option<i64>) {
        let axis_ms = self.axis_ms(pipeline);
        let border_ms = if axis_ms == NO_WATERMARK { i64::MIN } else { pipeline.windows.start_of(axis_ms) };
        let left = next_timer_ms.is_some_and(|due_ms| due_ms <= border_ms);
        self.border_ms = if left { i64::MIN } else { border_ms };
    }

    /// An epoch left timers that are due: the next one, of whatever kind, looks at them before its records.
    pub fn leave_border_open(&mut self) {
        self.border_ms = i64::MIN;
    }

    /// Where the windows' axis stands: the clock, or the watermark.
    pub fn axis_ms(&self, pipeline: &Pipeline) -> i64 {
        match pipeline.time {
            TimeMode::Processing => self.clock_ms,
            TimeMode::Event => self.watermarks.current_ms(),
        }
    }

    /// Windows end at multiples of their width: only when the axis passes one (or an allowed lateness after it) can
    /// anything be due.
    fn pass_border(&mut self, pipeline: &Pipeline, index: u32, out: &mut Sequenced) {
        let axis_ms = self.axis_ms(pipeline);
        // Within a window no division is needed to know that no border was passed.
        if axis_ms == NO_WATERMARK || axis_ms < self.border_ms.saturating_add(pipeline.windows.size_ms) {
            return;
        }
        let border_ms = pipeline.windows.start_of(axis_ms);
        if border_ms > self.border_ms {
            self.border_ms = border_ms;
            Self::advance(index, axis_ms, out);
        }
    }

    fn advance(record: u32, axis_ms: i64, out: &mut Sequenced) {
        for work in &mut out.work {
            work.push(Step { record, kind: StepKind::Advance, axis_ms });
        }
    }

    /// Whose clock records have.
    pub fn line_clock(&self) -> LineClock {
        self.line_clock
    }

    /// The clock as it stands.
    pub fn clock_ms(&self) -> i64 {
        self.clock_ms
    }

    /// When time alone will have something to do at the earliest, on the clock: a window's end in processing time, a
    /// partition that becomes idle in event time.
    pub fn next_idle_ms(&self, pipeline: &Pipeline) -> Option<i64> {
        self.watermarks.next_idle_ms(self.clock_ms, &pipeline.watermarks)
    }

    /// The dedup mark of a partition.
    pub fn mark(&self, slot: usize) -> DedupMark {
        self.marks.get(slot).cloned().unwrap_or_default()
    }

    /// The rows that a partition's snapshot read.
    pub fn snapshot(&self, slot: usize) -> SnapshotRows {
        self.snapshots.get(slot).cloned().unwrap_or_default()
    }

    /// The offset to read next from a partition.
    pub fn next_offset(&self, slot: usize) -> i64 {
        self.next_offsets.get(slot).copied().unwrap_or_default()
    }

    /// The watermarks as they stand.
    pub fn watermarks(&self) -> &Watermarks {
        &self.watermarks
    }
}

fn dead_letter(index: u32, out: &mut Sequenced) {
    out.counts.dead_letter += 1;
    out.dead_letters.push(Output { record: index, shard: 0, before_record: false, kind: OutputKind::DeadLetter });
}
