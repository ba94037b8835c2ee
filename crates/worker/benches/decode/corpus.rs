//! The messages: the bulk recording, and the same wrapped in the schema that a connector writes.

use std::path::{Path, PathBuf};

use worker::decode::{DecodeSettings, Decoded, Decoder};
use worker::source::Batch;
use worker::source::recording::{ReadOutcome, RecordingSource};

/// Records of an epoch at most: the default of `epoch.max_records`.
pub(crate) const EPOCH_RECORDS: usize = 4_096;
/// Bytes of an epoch at most: the default of `epoch.max_bytes`.
pub(crate) const EPOCH_BYTES: usize = 4 << 20;
/// Longest line of a recording.
pub(crate) const LINE_BYTES: usize = 16 << 20;

/// Records in memory.
pub(crate) struct Corpus {
    /// All of them in one batch.
    pub(crate) batch: Batch,
    /// How many of them are order events.
    pub(crate) orders: usize,
    /// Whether each value carries its schema.
    pub(crate) is_wrapped: bool,
}

impl Corpus {
    fn of(batch: Batch, is_wrapped: bool) -> Self {
        let mut decoder = Decoder::new(DecodeSettings::default());
        let is_order = |decoded| matches!(decoded, Decoded::Change(change) if change.row.is_ok());
        let orders = batch.records.iter().filter(|record| is_order(decoder.decode(batch.value(record)))).count();
        Self { batch, orders, is_wrapped }
    }

    /// How many records there are.
    pub(crate) fn records(&self) -> usize {
        self.batch.records.len()
    }

    /// Bytes of all values.
    pub(crate) fn bytes(&self) -> usize {
        self.batch.bytes()
    }
}

/// A recorded file of the repository.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(name)
}

/// The bulk recording: 200,000 orders from a real connector, bare; or the first of them.
pub(crate) fn bulk(records: usize) -> Corpus {
    Corpus::of(read(&fixture("bulk_200k.ndjson.gz"), records), false)
}

/// The first of `bare`'s records, each in the wrapping of a recorded message of the same table.
pub(crate) fn wrapped(bare: &Corpus, records: usize) -> Corpus {
    let recorded = read(&fixture("recorded_schemas_true.ndjson"), 1);
    let first = recorded.records.iter().find_map(|record| recorded.value(record)).expect("a recorded value");
    let payload = b",\"payload\":";
    let at = first.windows(payload.len()).position(|bytes| bytes == payload).expect("a wrapped value");
    let before = &first[..at + payload.len()];
    let mut batch = Batch::of(bare.batch.partitions.clone());
    let mut value = Vec::new();
    for record in bare.batch.records.iter().take(records) {
        value.clear();
        value.extend_from_slice(before);
        value.extend_from_slice(bare.batch.value(record).unwrap_or(b"null"));
        value.push(b'}');
        batch.push(record.partition, record.offset, record.timestamp_ms, Some(&value));
    }
    Corpus::of(batch, true)
}

fn read(path: &Path, records: usize) -> Batch {
    let mut source = RecordingSource::open(&[path.to_owned()], LINE_BYTES).expect("a fixture");
    let mut batch = Batch::default();
    while batch.records.len() < records
        && source.read(&mut batch, records, usize::MAX).expect("a whole recording") == ReadOutcome::More
    {}
    batch
}
