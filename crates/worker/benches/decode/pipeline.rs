//! The whole pipeline over records in memory, driven as `worker replay` drives it: reading ahead on a thread of its own,
//! executing, delivering.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use worker::anomaly::{HighAmount, LargeOrder, PriceSpike, RapidOrders, Rules};
use worker::decimal::Decimal;
use worker::decode::DecodeSettings;
use worker::epoch::{
    CommitPace, Driver, EpochRecord, Executor, History, LineClock, MemoryEpochLog, Outputs, Pipeline, Progress,
    ReadAhead, Timeline,
};
use worker::event::OpSet;
use worker::sink::{JsonRenderer, Language, Renderer, Sink, SinkError, TextRenderer};
use worker::source::{Batch, PartitionId};
use worker::state::MemoryStateStore;
use worker::time::clock::ManualClock;
use worker::time::{TimeMode, WatermarkSettings, Zone};
use worker::window::TumblingWindows;

use crate::corpus::Corpus;
use crate::stopwatch::{Cost, Stopwatch};
use crate::yardsticks::fill;

/// What becomes of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sinking {
    /// RAW is not made; windows and alerts are rendered as text.
    Nothing,
    /// All three streams as text.
    Text,
    /// All three streams as JSON.
    Json,
}

/// How often the corpus goes through in one pass: what is needed at the start, memory above all, is paid once.
const TURNS: usize = 3;

/// A pass over the corpus, from empty state to the last window. Gives what one turn cost.
pub(crate) fn run(corpus: &Arc<Corpus>, parallelism: u16, time: TimeMode, sinking: Sinking) -> Cost {
    let clock = ManualClock::at(0);
    let progress = Arc::new(Progress::default());
    let pipeline = pipeline(time, sinking != Sinking::Nothing);
    let executor = Executor::new(pipeline, &DecodeSettings::default(), LineClock::Records, usize::from(parallelism))
        .expect("threads");
    let driver = Driver {
        executor,
        clock: &clock,
        log: Box::new(MemoryEpochLog::default()),
        store: Arc::new(MemoryStateStore::default()),
        sinks: vec![Box::new(Buffer { renderer: renderer(sinking), out: Vec::new(), err: Vec::new() })],
        paced: Vec::new(),
        history: History::new(Timeline(1)),
        pace: CommitPace::EACH,
        patient: false,
        checkpoints: None,
        control: Arc::default(),
        hot_symbols: 100_000,
        config_id: 0,
        parallelism,
        stop: Arc::new(AtomicBool::new(false)),
        progress: Arc::clone(&progress),
    };
    let watch = Stopwatch::start();
    let (source, partitions) = (Arc::clone(corpus), partitions(corpus));
    let (mut turn, mut next) = (0, 0);
    let read = move |batch: &mut Batch| {
        batch.partitions.clone_from(&partitions);
        let first_slot = turn * source.batch.partitions.len();
        next = fill(&source, next, first_slot as u32, batch);
        if next == source.records() {
            (turn, next) = (turn + 1, 0);
        }
        Ok(turn < TURNS)
    };
    driver.run(&mut ReadAhead::start(read).expect("a thread")).expect("a run");
    let cost = watch.lap();
    let counts = progress.counts();
    assert!(counts.adds_up(), "{counts:?}");
    assert_eq!(counts.applied, (TURNS * corpus.orders) as u64, "a fast wrong answer is no answer: {counts:?}");
    Cost { wall: cost.wall / TURNS as u32, cpu: cost.cpu / TURNS as u32, ..cost }
}

/// Each turn has partitions of its own: in the first turn's its records would be duplicates.
fn partitions(corpus: &Corpus) -> Vec<PartitionId> {
    let known = &corpus.batch.partitions;
    let in_turn =
        |turn| known.iter().map(move |id| PartitionId { partition: id.partition + 1_000 * turn, ..id.clone() });
    (0..TURNS as i32).flat_map(in_turn).collect()
}

/// The configuration's defaults, but for an out-of-orderness by which the second turn's events are not late.
fn pipeline(time: TimeMode, raw: bool) -> Pipeline {
    let ops = OpSet::ALL;
    Pipeline {
        time,
        watermarks: WatermarkSettings {
            out_of_orderness_ms: 86_400_000,
            idle_after_ms: 30_000,
            max_ahead_ms: 3_600_000,
        },
        windows: TumblingWindows { size_ms: 300_000, ops, allowed_lateness_ms: 0 },
        rules: Rules {
            large_order: Some(LargeOrder { threshold: 500, ops }),
            high_amount: Some(HighAmount { threshold: Decimal::from_i64(100_000_000), ops }),
            price_spike: Some(PriceSpike { threshold: Decimal::from_i64(5), ops }),
            rapid_orders: Some(RapidOrders { count: 5, window_ms: 10_000, quiet_ms: 10_000, ops }),
        },
        raw,
        snapshot_rows_once: false,
    }
}

fn renderer(sinking: Sinking) -> Renderer {
    let language = Language::Korean;
    match sinking {
        Sinking::Nothing | Sinking::Text => {
            Renderer::Text(TextRenderer { language, zone: Zone::named("Asia/Seoul").expect("a zone"), colour: false })
        }
        Sinking::Json => Renderer::Json(JsonRenderer { language }),
    }
}

/// Renders as stdout's sink does, and writes nowhere.
struct Buffer {
    renderer: Renderer,
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Sink for Buffer {
    fn name(&self) -> &'static str {
        "buffer"
    }

    fn deliver(&mut self, _epoch: &EpochRecord, outputs: &Outputs) -> Result<(), SinkError> {
        self.out.clear();
        self.err.clear();
        self.renderer.render(outputs, &mut self.out, &mut self.err);
        std::hint::black_box(&self.out);
        Ok(())
    }
}
