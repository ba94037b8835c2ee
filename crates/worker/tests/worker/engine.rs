//! The engine as a library, without the binary: scripted records, a clock that is moved by hand, state and log in memory.

mod contracts;
pub(crate) mod day;
mod driving;
#[cfg(feature = "rocksdb")]
mod golden;
#[cfg(feature = "rocksdb")]
mod million;
mod moved;
mod repeatable;
#[cfg(feature = "rocksdb")]
mod rocksdb_checkpoints;
#[cfg(feature = "rocksdb")]
mod rocksdb_store;
mod savepoints;
mod simulation;
mod stores;
mod sums;

use worker::anomaly::{HighAmount, LargeOrder, PriceSpike, RapidOrders, Rules};
use worker::decimal::Decimal;
use worker::decode::DecodeSettings;
use worker::epoch::{EPOCH_FORMAT, EpochKind, EpochRecord, Executed, Executor, LineClock, Pipeline, Timeline};
use worker::event::OpSet;
use worker::sink::{JsonRenderer, Language, Renderer, TextRenderer};
use worker::source::{Batch, PartitionId};
use worker::time::{TimeMode, WatermarkSettings, Zone};
use worker::window::TumblingWindows;

/// Windows of a minute and all four rules.
pub(crate) fn pipeline(time: TimeMode, allowed_lateness_ms: i64) -> Pipeline {
    let ops = OpSet::ALL;
    let decimal = |text| Decimal::parse(text).expect("a decimal");
    Pipeline {
        time,
        watermarks: WatermarkSettings { out_of_orderness_ms: 5_000, idle_after_ms: 30_000, max_ahead_ms: 3_600_000 },
        windows: TumblingWindows { size_ms: 60_000, ops, allowed_lateness_ms },
        rules: Rules {
            large_order: Some(LargeOrder { threshold: 500, ops }),
            high_amount: Some(HighAmount { threshold: decimal("100000000"), ops }),
            price_spike: Some(PriceSpike { threshold: decimal("5"), ops }),
            rapid_orders: Some(RapidOrders { count: 5, window_ms: 10_000, quiet_ms: 10_000, ops }),
        },
        raw: true,
        snapshot_rows_once: false,
    }
}

/// Processing time, event time, event time with corrections where rows of a snapshot count once.
fn pipelines() -> [Pipeline; 3] {
    let corrected = Pipeline { snapshot_rows_once: true, ..pipeline(TimeMode::Event, 90_000) };
    [pipeline(TimeMode::Processing, 0), pipeline(TimeMode::Event, 0), corrected]
}

fn executor(pipeline: &Pipeline, line_clock: LineClock, parallelism: usize) -> Executor {
    Executor::new(pipeline.clone(), &DecodeSettings::default(), line_clock, parallelism).expect("threads")
}

fn json() -> Renderer {
    Renderer::Json(JsonRenderer { language: Language::Korean })
}

/// The seed's text, with times in UTC.
fn text() -> Renderer {
    Renderer::Text(TextRenderer {
        language: Language::Korean,
        zone: Zone::from(jiff::tz::TimeZone::UTC),
        colour: false,
    })
}

/// An epoch's lines in JSON.
fn lines_of(executed: &Executed) -> Vec<u8> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    json().render(&executed.outputs, &mut out, &mut err);
    assert!(err.is_empty(), "JSON keeps nothing apart");
    out
}

fn epoch(id: u64, kind: EpochKind, clock_ms: i64) -> EpochRecord {
    let (timeline, ranges) = (Timeline(1), Vec::new());
    EpochRecord { format: EPOCH_FORMAT, timeline, id, clock_ms, kind, config_id: 0, parallelism: 1, ranges }
}

fn partitions() -> Vec<PartitionId> {
    (0..3).map(|partition| PartitionId { topic: "cdc.orders_db.orders".into(), partition }).collect()
}

/// A batch of one partition with these values, offsets and timestamps counting up.
pub(crate) fn batch_of<V: AsRef<[u8]>>(from: i64, timestamp_ms: i64, values: &[V]) -> Batch {
    let mut batch = Batch::of(partitions());
    for (offset, value) in (from..).zip(values) {
        batch.push(0, offset, timestamp_ms, Some(value.as_ref()));
    }
    batch
}
