//! The project's own sinks over simulated files, and a look at what the engine hands to them.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use worker::epoch::{EpochRecord, Outputs};
use worker::sink::{FileSink, Known, PacedSink, Renderer, Sink, SinkError, StdoutSink};
use worker::time::clock::ManualClock;

use super::disk::{Content, SimulatedFile};
use super::fates::{Fate, Fates, Shared, open};
use super::outlets::{self, Kind, Remote};
use crate::engine::day::Dice;

/// What the engine has handed to one sink, over all lives.
#[derive(Default)]
pub(super) struct Delivered {
    /// Every epoch's record: what the oracle executes.
    pub(super) history: BTreeMap<u64, EpochRecord>,
    /// The last epoch that was delivered whole.
    last: u64,
    /// How often an epoch was delivered again that had been delivered whole.
    pub(super) again: u64,
}

/// A sink that is watched, and now and then slow.
struct Watched<S> {
    sink: S,
    delivered: Shared<Delivered>,
    clock: Arc<ManualClock>,
    dice: Dice,
}

impl<S: Sink> Sink for Watched<S> {
    fn name(&self) -> &'static str {
        self.sink.name()
    }

    fn resume(&mut self, known: Known<'_>) -> Result<u64, SinkError> {
        self.sink.resume(known)
    }

    fn takes_notes(&self) -> bool {
        self.sink.takes_notes()
    }

    fn deliver(&mut self, epoch: &EpochRecord, outputs: &Outputs) -> Result<(), SinkError> {
        {
            let mut delivered = open(&self.delivered);
            let known = delivered.history.entry(epoch.id).or_insert_with(|| epoch.clone());
            assert_eq!(known, epoch, "epoch {} has left under another record", epoch.id);
        }
        if self.dice.below(10) == 0 {
            self.clock.advance(self.dice.below(3_000) as i64);
        }
        self.sink.deliver(epoch, outputs)?;
        // Not before: a worker that has died tries for a while what nobody sees any more.
        let mut delivered = open(&self.delivered);
        delivered.again += u64::from(epoch.id <= delivered.last);
        delivered.last = delivered.last.max(epoch.id);
        Ok(())
    }

    fn settle(&mut self) -> Result<Option<u64>, SinkError> {
        self.sink.settle()
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.sink.finish()
    }
}

/// Stdout's other end: what was written is out. Readers see lines.
struct Pipe {
    seen: Shared<Vec<u8>>,
    fates: Shared<Fates>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut fates = open(&self.fates);
        let fate = fates.next();
        let count = match fate {
            Fate::Well => bytes.len(),
            _ if fate.is_begun() => fates.part(bytes.len()),
            _ => 0,
        };
        let whole = bytes[..count].iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        open(&self.seen).extend(&bytes[..whole]);
        fate.told().map(|()| count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the sinks hold over all lives.
#[derive(Default)]
pub(super) struct Outside {
    pub(super) file: Shared<Content>,
    pub(super) to_file: Shared<Delivered>,
    pub(super) stdout: Shared<Vec<u8>>,
    pub(super) to_stdout: Shared<Delivered>,
    pub(super) table: Shared<Remote>,
    pub(super) topic: Shared<Remote>,
}

impl Outside {
    /// The sinks of one life.
    pub(super) fn sinks(
        &self,
        renderer: &dyn Fn() -> Renderer,
        clock: &Arc<ManualClock>,
        fates: &Shared<Fates>,
        dice: &mut Dice,
    ) -> Vec<Box<dyn Sink>> {
        let length = open(&self.file).bytes.len() as u64;
        let file = SimulatedFile { content: Arc::clone(&self.file), fates: Arc::clone(fates) };
        let pipe = Pipe { seen: Arc::clone(&self.stdout), fates: Arc::clone(fates) };
        let file = FileSink::over(Box::new(file), length, renderer());
        let stdout = StdoutSink::new(renderer(), pipe, io::sink());
        vec![watched(file, &self.to_file, clock, dice), watched(stdout, &self.to_stdout, clock, dice)]
    }

    pub(super) fn time_passes(&self, dice: &mut Dice) {
        open(&self.table).time_passes(Kind::Table, dice);
        open(&self.topic).time_passes(Kind::Topic, dice);
    }

    /// And those at their own pace.
    pub(super) fn paced(
        &self,
        renderer: &dyn Fn() -> Renderer,
        clock: &Arc<ManualClock>,
        fates: &Shared<Fates>,
        dice: &mut Dice,
    ) -> Vec<PacedSink> {
        let mut sink = |kind, remote| outlets::sink(kind, remote, renderer(), clock, fates, dice);
        vec![sink(Kind::Table, &self.table), sink(Kind::Topic, &self.topic)]
    }
}

fn watched(
    sink: impl Sink + 'static,
    delivered: &Shared<Delivered>,
    clock: &Arc<ManualClock>,
    dice: &mut Dice,
) -> Box<dyn Sink> {
    let dice = Dice(dice.below(u64::MAX));
    Box::new(Watched { sink, delivered: Arc::clone(delivered), clock: Arc::clone(clock), dice })
}
