//! The whole pipeline over records in memory, driven as `worker replay` drives it: reading ahead on a thread of its own,
//! executing, delivering.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use worker::anomaly::{HighAmount, LargeOrder, PriceSpike, RapidOrders, Rules};
use worker::decimal::Decimal;
use worker::decode::DecodeSettings;
use worker::epoch::{
    Driver, EpochRecord, Executor, LineClock, MemoryEpochLog, Outputs, Pipeline, Progress, ReadAhead, Timeline,
};
use worker::event::OpSet;
use worker::sink::{JsonRenderer, Language, Renderer, Sink, SinkError, TextRenderer};
use worker::source::Batch;
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

/// One pass over the corpus, from empty state to the last window.
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
        timeline: Timeline(1),
        config_id: 0,
        parallelism,
        stop: Arc::new(AtomicBool::new(false)),
        progress: Arc::clone(&progress),
    };
    let watch = Stopwatch::start();
    let (source, mut next) = (Arc::clone(corpus), 0);
    let read = move |batch: &mut Batch| {
        batch.partitions.clone_from(&source.batch.partitions);
        next = fill(&source, next, batch);
        Ok(next < source.records())
    };
    driver.run(&mut ReadAhead::start(read).expect("a thread")).expect("a run");
    let cost = watch.lap();
    let counts = progress.counts();
    assert!(counts.adds_up(), "{counts:?}");
    assert_eq!(
        counts.applied + counts.late + counts.duplicate,
        corpus.orders as u64,
        "a fast wrong answer is no answer"
    );
    cost
}

/// The configuration's defaults.
fn pipeline(time: TimeMode, raw: bool) -> Pipeline {
    let ops = OpSet::ALL;
    Pipeline {
        time,
        watermarks: WatermarkSettings { out_of_orderness_ms: 5_000, idle_after_ms: 30_000, max_ahead_ms: 3_600_000 },
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
