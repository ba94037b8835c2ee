//! A recording's results, epoch by epoch, as the engine gives them; and the encoder alone over them.

use std::hint::black_box;
use std::path::Path;

use worker::anomaly::{HighAmount, LargeOrder, PriceSpike, RapidOrders, Rules};
use worker::decimal::{Decimal, FixedPoint};
use worker::decode::DecodeSettings;
use worker::epoch::{EPOCH_FORMAT, EpochKind, EpochRecord, Executor, LineClock, Outputs, Pipeline, Timeline};
use worker::event::OpSet;
use worker::sink::{ClickHousePack, JsonRenderer, Language, Pack as _, Parcel};
use worker::source::Batch;
use worker::source::recording::{ReadOutcome, RecordingSource};
use worker::time::{TimeMode, WatermarkSettings};
use worker::window::TumblingWindows;

use crate::Turn;
use crate::stopwatch::Stopwatch;

/// The defaults of `epoch.max_records` and `epoch.max_bytes`.
const EPOCH_RECORDS: usize = 4_096;
const EPOCH_BYTES: usize = 4 << 20;
const LINE_BYTES: usize = 16 << 20;
const PARALLELISM: u16 = 2;
/// Any history will do.
pub(crate) const TIMELINE: Timeline = Timeline(1);

/// Of every epoch its record and its outputs.
pub(crate) struct Results(pub(crate) Vec<(EpochRecord, Outputs)>);

impl Results {
    /// Reads and executes all of it, then fires the open windows.
    pub(crate) fn of(recording: &Path) -> Self {
        let mut source = RecordingSource::open(&[recording.to_owned()], LINE_BYTES).expect("a recording");
        let mut executor =
            Executor::new(pipeline(), &DecodeSettings::default(), LineClock::Records, usize::from(PARALLELISM))
                .expect("threads");
        let (mut all, mut clock_ms, mut more) = (Vec::new(), 0, true);
        while more {
            let mut batch = Batch::default();
            more = source.read(&mut batch, EPOCH_RECORDS, EPOCH_BYTES).expect("a whole recording") == ReadOutcome::More;
            clock_ms = batch.records.iter().map(|record| record.timestamp_ms).fold(clock_ms, i64::max);
            execute(&mut executor, EpochKind::Data, clock_ms, batch, &mut all);
        }
        let nothing = Batch::of(executor.partitions().to_vec());
        execute(&mut executor, EpochKind::Flush, clock_ms, nothing, &mut all);
        Self(all)
    }

    /// All of it as the sink packs it.
    pub(crate) fn packed(&self) -> Vec<Parcel> {
        let pack = pack();
        self.0.iter().map(|(epoch, outputs)| pack.pack(epoch, outputs)).collect()
    }

    /// The encoder alone.
    pub(crate) fn encode(&self) -> Turn {
        let (pack, mut rows, mut bytes) = (pack(), 0, 0);
        let watch = Stopwatch::start();
        for (epoch, outputs) in &self.0 {
            let parcel = black_box(pack.pack(epoch, outputs));
            rows += u64::from(parcel.rows);
            bytes += parcel.bytes.len();
        }
        Turn { cost: watch.lap(), rows, bytes, memory: None }
    }
}

/// The sink's own packing, in the default form of amounts.
pub(crate) fn pack() -> ClickHousePack {
    ClickHousePack::new(JsonRenderer { language: Language::Korean }, amounts())
}

/// `sink.clickhouse.decimal_digits` and `decimal_scale` by default.
pub(crate) fn amounts() -> FixedPoint {
    FixedPoint::new(76, 30).expect("a form of decimals")
}

fn execute(
    executor: &mut Executor,
    kind: EpochKind,
    clock_ms: i64,
    batch: Batch,
    all: &mut Vec<(EpochRecord, Outputs)>,
) {
    let epoch = EpochRecord {
        format: EPOCH_FORMAT,
        timeline: TIMELINE,
        id: all.len() as u64 + 1,
        clock_ms,
        kind,
        config_id: 0,
        parallelism: PARALLELISM,
        ranges: Vec::new(),
    };
    let executed = executor.execute(epoch, batch).map_err(|unexecuted| unexecuted.error).expect("executed");
    executor.committed(executed.epoch.id);
    all.push((executed.epoch, executed.outputs));
}

/// The configuration's defaults.
fn pipeline() -> Pipeline {
    let ops = OpSet::ALL;
    Pipeline {
        time: TimeMode::Processing,
        watermarks: WatermarkSettings { out_of_orderness_ms: 5_000, idle_after_ms: 30_000, max_ahead_ms: 3_600_000 },
        windows: TumblingWindows { size_ms: 300_000, ops, allowed_lateness_ms: 0 },
        rules: Rules {
            large_order: Some(LargeOrder { threshold: 500, ops }),
            high_amount: Some(HighAmount { threshold: Decimal::from_i64(100_000_000), ops }),
            price_spike: Some(PriceSpike { threshold: Decimal::from_i64(5), ops }),
            rapid_orders: Some(RapidOrders { count: 5, window_ms: 10_000, quiet_ms: 10_000, ops }),
        },
        raw: true,
        snapshot_rows_once: false,
    }
}
