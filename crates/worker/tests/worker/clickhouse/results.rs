//! Results to send: a recording through the engine, packed epoch by epoch, and the JSON lines of the same.

use std::path::PathBuf;
use std::sync::Arc;

use worker::decimal::FixedPoint;
use worker::decode::DecodeSettings;
use worker::epoch::{EPOCH_FORMAT, EpochKind, EpochRecord, Executor, LineClock, Pipeline, Timeline};
use worker::sink::{ClickHousePack, JsonRenderer, Language, Pack, Parcel, Renderer, SinkBatch};
use worker::source::Batch;
use worker::source::recording::{ReadOutcome, RecordingSource};
use worker::time::clock::{Clock, SystemClock};

use super::server::Database;

pub(crate) const TIMELINE: Timeline = Timeline(1_770_872_222_000);

/// What a recording gives.
pub(crate) struct Results {
    /// Of every epoch, from 1.
    pub(crate) parcels: Vec<Arc<Parcel>>,
    /// Its lines in JSON.
    pub(crate) lines: Vec<serde_json::Value>,
    /// Rows that did not fit.
    pub(crate) misfits: u64,
    /// What packing took.
    pub(crate) packing_ms: i64,
}

impl Results {
    /// Executes batches, one an epoch, then fires what is open; rows are for that database.
    pub(crate) fn of(pipeline: &Pipeline, database: &Database, batches: impl IntoIterator<Item = Batch>) -> Self {
        Self::packed(pipeline, database.settings().amounts, batches)
    }

    /// The same with amounts of this form.
    pub(super) fn packed(pipeline: &Pipeline, amounts: FixedPoint, batches: impl IntoIterator<Item = Batch>) -> Self {
        let renderer = JsonRenderer { language: Language::Korean };
        let [pack, again] = [(); 2].map(|()| ClickHousePack::new(renderer.clone(), amounts));
        let mut executor =
            Executor::new(pipeline.clone(), &DecodeSettings::default(), LineClock::Records, 2).expect("threads");
        let mut results = Self { parcels: Vec::new(), lines: Vec::new(), misfits: 0, packing_ms: 0 };
        let (mut clock_ms, mut partitions) = (0, Vec::new());
        let batches = batches.into_iter().map(|batch| (EpochKind::Data, batch));
        for (kind, batch) in batches.chain([(EpochKind::Flush, Batch::default())]) {
            let batch = if kind == EpochKind::Flush { Batch::of(std::mem::take(&mut partitions)) } else { batch };
            partitions.clone_from(&batch.partitions);
            clock_ms = batch.records.iter().map(|record| record.timestamp_ms).fold(clock_ms, i64::max);
            let id = results.parcels.len() as u64 + 1;
            let epoch = EpochRecord {
                format: EPOCH_FORMAT,
                timeline: TIMELINE,
                id,
                clock_ms,
                kind,
                config_id: 0,
                parallelism: 2,
                ranges: Vec::new(),
            };
            let executed = executor.execute(epoch, batch).unwrap_or_else(|failed| panic!("{}", failed.error));
            let began_ms = SystemClock.boot_ms();
            let parcel = pack.pack(&executed.epoch, &executed.outputs);
            results.packing_ms += SystemClock.boot_ms() - began_ms;
            assert_eq!(parcel, again.pack(&executed.epoch, &executed.outputs), "the same epoch, the same bytes");
            results.parcels.push(Arc::new(parcel));
            let (mut out, mut err) = (Vec::new(), Vec::new());
            Renderer::Json(renderer.clone()).render(&executed.outputs, &mut out, &mut err);
            let lines = out.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
            results.lines.extend(lines.map(|line| serde_json::from_slice::<serde_json::Value>(line).unwrap()));
            executor.committed(id);
        }
        results.misfits = pack.misfits();
        results
    }

    /// A recording, so many records an epoch.
    pub(crate) fn of_recording(pipeline: &Pipeline, database: &Database, path: PathBuf, records: usize) -> Self {
        let mut source = RecordingSource::open(&[path], 1 << 26).unwrap();
        let mut batches = Vec::new();
        loop {
            let mut batch = Batch::default();
            let outcome = source.read(&mut batch, records, 1 << 26).unwrap();
            batches.push(batch);
            if outcome == ReadOutcome::End {
                return Self::of(pipeline, database, batches);
            }
        }
    }

    /// What a replay or a dry run has printed in JSON.
    pub(crate) fn of_lines(text: &str) -> Self {
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        Self { parcels: Vec::new(), lines, misfits: 0, packing_ms: 0 }
    }

    /// Several epochs as a batch.
    pub(crate) fn batch(&self, first: usize, last: usize) -> SinkBatch<'_> {
        SinkBatch {
            timeline: TIMELINE,
            first: first as u64,
            last: last as u64,
            parcels: &self.parcels[first - 1..last],
        }
    }

    /// All of them.
    pub(crate) fn whole(&self) -> SinkBatch<'_> {
        self.batch(1, self.parcels.len())
    }

    /// Lines of a stream.
    pub(crate) fn count(&self, stream: &str) -> u64 {
        self.lines.iter().filter(|line| line["stream"] == stream).count() as u64
    }
}
