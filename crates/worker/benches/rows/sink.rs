//! The sink as the worker has it: packing on one thread, sending on another, what waits between them in bounded memory.
//! There is no state beside it, so what does not fit waits at the source instead of in the outbox.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use worker::epoch::{EpochLog as _, LogSummary, MemoryEpochLog, Progress};
use worker::sink::{PacedLimits, PacedSink, Sink as _, SinkError, Standing};
use worker::state::{MemoryStateStore, StateStore};
use worker::time::clock::SystemClock;

use crate::engine::{BATCH_BYTES, BATCH_ROWS, Engine};
use crate::memory;
use crate::results::{Results, TIMELINE, pack};
use crate::stopwatch::Stopwatch;
use crate::{Turn, engine};

/// The default of `sink.clickhouse.batch_ms`.
const BATCH_MS: i64 = 500;
/// What waits in memory at most (`commands/paced_sinks.rs`).
const MEMORY_BYTES: usize = 32 << 20;
const PAUSE: Duration = Duration::from_millis(5);

/// Hands over every epoch, and waits until all has left.
pub(crate) fn run(engine: &Engine, results: &Results) -> Turn {
    let progress = Arc::new(Progress::default());
    let store: Arc<dyn StateStore> = Arc::new(MemoryStateStore::default());
    let limits = PacedLimits {
        batch_rows: BATCH_ROWS,
        batch_bytes: BATCH_BYTES,
        batch_ms: BATCH_MS,
        memory_bytes: MEMORY_BYTES,
        outbox_bytes: MEMORY_BYTES as u64,
    };
    let clock = Arc::new(SystemClock);
    let sink = PacedSink { pack: Box::new(pack()), outlet: Box::new(engine.outlet()), limits, clock };
    let standing = Standing {
        timeline: TIMELINE,
        state: 0,
        last: 0,
        state_timeline: None,
        accept_lost_output: false,
        logged: &LogSummary::default(),
        store: &store,
        log: MemoryEpochLog::default().syncer(),
        progress: Arc::clone(&progress),
    };
    let (mut intake, sender, _) = sink.begin(&standing).expect("a beginning");
    let (over, most) = (AtomicBool::new(false), AtomicU64::new(0));
    let resident_bytes = memory::forget_peak();
    let watch = Stopwatch::start();
    let cost = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let waiting = progress.telemetry.sinks().iter().map(|sink| sink.waiting_bytes).max().unwrap_or(0);
                most.fetch_max(waiting, Ordering::Relaxed);
                std::thread::sleep(PAUSE);
            }
        });
        let sending = scope.spawn(|| sender.run());
        for (epoch, outputs) in &results.0 {
            while let Err(error) = intake.deliver(epoch, outputs) {
                assert!(matches!(error, SinkError::OutboxFull { .. }), "{error}");
                std::thread::sleep(PAUSE);
            }
        }
        intake.finish().expect("the sink goes on");
        sending.join().expect("the sender");
        let cost = watch.lap();
        over.store(true, Ordering::Relaxed);
        cost
    });
    let trouble = progress.telemetry.sinks().into_iter().find_map(|sink| sink.trouble);
    assert_eq!(trouble, None, "a turn without trouble is what is measured");
    let growth = memory::peak().saturating_sub(resident_bytes);
    // Only now: what it leaves to be used again would hide what the sink takes.
    let (rows, bytes) = engine::sizes(&results.packed());
    Turn { cost, rows, bytes, memory: Some((growth, most.into_inner())) }
}
