//! The other sides of sinks at their own pace: a table that knows the tokens of what it took lately, as ClickHouse does, and a
//! topic with a marker of how far it is, as Kafka's transactions allow. Both are away now and then, lose answers, and take
//! late what nobody waits for any more.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use worker::epoch::{EpochRecord, Outputs, Timeline};
use worker::sink::{Outlet, PacedLimits, PacedSink, Pack, Parcel, Renderer, SinkBatch, SinkError};
use worker::state::SinkProgress;
use worker::time::clock::ManualClock;

use super::fates::{Fates, Shared, open};
use crate::engine::day::Dice;

/// A table remembers so many tokens.
const TOKENS: usize = 3;

/// Something to be written, and what is known of it by.
struct Insert {
    timeline: Timeline,
    first: u64,
    last: u64,
    rows: Vec<u8>,
}

impl Insert {
    fn of(batch: &SinkBatch<'_>) -> Self {
        let rows = batch.parcels.iter().flat_map(|parcel| parcel.bytes.iter().copied()).collect();
        Self { timeline: batch.timeline, first: batch.first, last: batch.last, rows }
    }
}

/// What outlives the worker.
#[derive(Default)]
pub(super) struct Remote {
    pub(super) rows: Vec<u8>,
    /// What tells a repetition: the tokens of a table, oldest first.
    tokens: VecDeque<(Timeline, u64, u64)>,
    /// How far a topic is.
    marker: Option<(Timeline, u64)>,
    /// On their way, with nobody waiting for them.
    strays: Vec<Insert>,
    pub(super) unknown: u64,
    pub(super) repeated: u64,
}

impl Remote {
    fn take(&mut self, kind: Kind, insert: &Insert) {
        match kind {
            Kind::Table => {
                let token = (insert.timeline, insert.first, insert.last);
                if self.tokens.contains(&token) {
                    self.repeated += 1;
                    return;
                }
                self.tokens.push_back(token);
                if self.tokens.len() > TOKENS {
                    self.tokens.pop_front();
                }
            }
            Kind::Topic => self.marker = Some((insert.timeline, insert.last)),
        }
        self.rows.extend(&insert.rows);
    }

    /// Something that was on its way arrives, perhaps.
    pub(super) fn time_passes(&mut self, kind: Kind, dice: &mut Dice) {
        if !self.strays.is_empty() && dice.below(3) == 0 {
            let stray = self.strays.remove(dice.below(self.strays.len() as u64) as usize);
            self.take(kind, &stray);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Table,
    Topic,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Topic => "topic",
        }
    }
}

/// One life's way to it.
struct Way {
    kind: Kind,
    remote: Shared<Remote>,
    fates: Shared<Fates>,
    dice: Dice,
    /// Something may be on its way of which nobody knows what became.
    doubtful: bool,
}

impl Way {
    /// After it nothing arrives that was sent before: strays are killed, the producer is fenced.
    fn begin(&mut self) {
        if std::mem::replace(&mut self.doubtful, false) {
            open(&self.remote).strays.clear();
        }
    }

    fn unknown(&mut self) -> SinkError {
        self.doubtful = true;
        open(&self.remote).unknown += 1;
        let (sink, target) = (self.kind.name(), "simulated".to_owned());
        SinkError::Write { sink, target, source: io::ErrorKind::TimedOut.into() }
    }
}

impl Outlet for Way {
    fn name(&self) -> &'static str {
        self.kind.name()
    }

    fn answer(&self) -> Option<SinkProgress> {
        // A table never has one.
        let (timeline, epoch) = open(&self.remote).marker?;
        Some(SinkProgress { sink: self.kind.name().to_owned(), timeline, epoch, file_length_bytes: None })
    }

    fn send(&mut self, batch: &SinkBatch<'_>) -> Result<(), SinkError> {
        let mut dice = Dice(self.dice.below(u64::MAX));
        open(&self.remote).time_passes(self.kind, &mut dice);
        self.begin();
        if self.kind == Kind::Topic && open(&self.remote).marker >= Some((batch.timeline, batch.last)) {
            open(&self.remote).repeated += 1;
            return Ok(());
        }
        let insert = Insert::of(batch);
        // Death comes before it, or with the answer.
        let dies = open(&self.fates).next().told().is_err();
        match dice.below(12) {
            0 => {}
            1 => open(&self.remote).strays.push(insert),
            2 => open(&self.remote).take(self.kind, &insert),
            _ if dies && dice.below(2) == 0 => {}
            _ => {
                open(&self.remote).take(self.kind, &insert);
                if !dies {
                    return Ok(());
                }
            }
        }
        Err(self.unknown())
    }
}

/// Packs what a file would be given.
struct Lines(Renderer);

impl Pack for Lines {
    fn pack(&self, _epoch: &EpochRecord, outputs: &Outputs) -> Parcel {
        let mut bytes = Vec::new();
        self.0.render(outputs, &mut bytes, &mut Vec::new());
        Parcel { rows: outputs.lines.len() as u32, bytes }
    }
}

/// Such a sink, for one life.
pub(super) fn sink(
    kind: Kind,
    remote: &Shared<Remote>,
    renderer: Renderer,
    clock: &Arc<ManualClock>,
    fates: &Shared<Fates>,
    dice: &mut Dice,
) -> PacedSink {
    let limits = PacedLimits {
        batch_rows: 1 + dice.below(40),
        batch_bytes: 200 + dice.below(20_000) as usize,
        batch_ms: dice.below(3) as i64 * 400,
        // Most of a long wait is in the state only.
        memory_bytes: 500 + dice.below(4_000) as usize,
        outbox_bytes: u64::MAX,
    };
    let mut way = Way {
        kind,
        remote: Arc::clone(remote),
        fates: Arc::clone(fates),
        dice: Dice(dice.below(u64::MAX)),
        doubtful: true,
    };
    let clock = Arc::clone(clock);
    // Opened: its predecessors can do nothing any more.
    if kind == Kind::Topic {
        way.begin();
    }
    PacedSink { pack: Box::new(Lines(renderer)), outlet: Box::new(way), limits, clock }
}
