//! What a shard does with its part of an epoch. Pure: no clock but the one in the steps, no I/O.

use super::{Accounting, Output, OutputKind};
use crate::anomaly::Rules;
use crate::decode::{Change, Decoded};
use crate::state::{Shard, StoreError, Timer};
use crate::time::{TimeMode, WatermarkSettings};
use crate::window::{Added, TumblingWindows};

/// The operators and how time goes: what the configuration says of the pipeline.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// Processing or event time.
    pub time: TimeMode,
    /// How watermarks are made (event time only).
    pub watermarks: WatermarkSettings,
    /// The window operator.
    pub windows: TumblingWindows,
    /// The rules.
    pub rules: Rules,
    /// Whether the RAW stream is made at all.
    pub raw: bool,
    /// Whether rows that a snapshot has told count once only.
    pub snapshot_rows_once: bool,
}

/// What a shard does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Index of the record.
    pub record: u32,
    /// An event to take, or time that has passed.
    pub kind: StepKind,
    /// Where the windows' axis stands: the clock, or the watermark.
    pub axis_ms: i64,
}

/// An event to take, or time that has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// The record's event, whose time is this.
    Event(i64),
    /// The axis passed a window's border: what is due fires.
    Advance,
}

/// How many timers a timer epoch fires at most: a million windows that end together do not make one epoch (I7).
pub const TIMERS_PER_EPOCH: usize = 65_536;

/// A shard's part of an epoch, in the records' order.
pub type ShardWork = Vec<Step>;

/// Runs a shard's part, firing timers up to and including `last_timer` if one is given. Gives its outputs, in order, and
/// what it counted.
///
/// # Errors
/// The state of a symbol that is not in memory cannot be read. The shard has then executed part of the epoch: neither it
/// nor the other shards are to be used again.
pub fn run_shard(
    pipeline: &Pipeline,
    shard_index: u16,
    shard: &mut Shard,
    work: &[Step],
    last_timer: Option<&Timer>,
    decoded: &[Decoded],
) -> Result<(Vec<Output>, Accounting), StoreError> {
    let mut lines = Vec::new();
    if pipeline.raw {
        lines.reserve(work.len() + work.len() / 8);
    }
    let mut run = ShardRun { pipeline, shard_index, last_timer, lines, counts: Accounting::default() };
    for step in work {
        match step.kind {
            StepKind::Advance => run.advance(shard, step)?,
            StepKind::Event(at_ms) => run.event(shard, step, at_ms, decoded)?,
        }
    }
    Ok((run.lines, run.counts))
}

struct ShardRun<'a> {
    pipeline: &'a Pipeline,
    shard_index: u16,
    last_timer: Option<&'a Timer>,
    lines: Vec<Output>,
    counts: Accounting,
}

impl ShardRun<'_> {
    fn advance(&mut self, shard: &mut Shard, step: &Step) -> Result<(), StoreError> {
        let (lines, counts, shard_index) = (&mut self.lines, &mut self.counts, self.shard_index);
        shard.fire_due(&self.pipeline.windows, step.axis_ms, self.last_timer, |symbol, aggregate| {
            counts.windows += 1;
            let kind = OutputKind::Agg(Box::new((symbol, aggregate)));
            lines.push(Output { record: step.record, shard: shard_index, before_record: true, kind });
        })
    }

    fn event(&mut self, shard: &mut Shard, step: &Step, at_ms: i64, decoded: &[Decoded]) -> Result<(), StoreError> {
        let Some(Decoded::Change(Change { row: Ok(event), .. })) = decoded.get(step.record as usize) else {
            return Ok(());
        };
        let Self { pipeline, shard_index, lines, counts, .. } = self;
        let mut push = |kind| {
            lines.push(Output { record: step.record, shard: *shard_index, before_record: false, kind });
        };
        if pipeline.raw {
            push(OutputKind::Raw);
        }
        let state = shard.change(&event.symbol)?;
        pipeline.rules.on_event(&mut state.rules, event, at_ms, |alert| {
            counts.alert(alert.finding.rule());
            push(OutputKind::Alert(Box::new(alert)));
        });
        let lateness_ms = pipeline.windows.allowed_lateness_ms;
        match pipeline.windows.on_event(&mut state.windows, event, at_ms, step.axis_ms) {
            Added::NotLookedAt | Added::Counted => counts.applied += 1,
            Added::Opened(end_ms) => {
                counts.applied += 1;
                shard.set_timer(end_ms, &event.symbol);
                if lateness_ms > 0 {
                    shard.set_timer(end_ms + lateness_ms, &event.symbol);
                }
            }
            Added::Corrected(aggregate) => {
                counts.applied += 1;
                counts.windows += 1;
                shard.set_timer(aggregate.end_ms + lateness_ms, &event.symbol);
                push(OutputKind::Agg(Box::new((event.symbol.clone(), *aggregate))));
            }
            Added::Late => {
                counts.late += 1;
                push(OutputKind::Late);
            }
        }
        Ok(())
    }
}
