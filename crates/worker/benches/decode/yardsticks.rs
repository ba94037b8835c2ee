//! What the numbers stand beside: reading the same messages without a look, and serde_json's two ways.

use std::hint::black_box;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use worker::source::Batch;

use crate::corpus::{Corpus, EPOCH_BYTES, EPOCH_RECORDS};
use crate::stopwatch::{Cost, Stopwatch};

/// Fills `batch` from the record `next` of the corpus on, up to an epoch's bounds; the corpus's first partition is the
/// batch's `first_slot`. Gives the record after.
pub(crate) fn fill(corpus: &Corpus, mut next: usize, first_slot: u32, batch: &mut Batch) -> usize {
    while batch.records.len() < EPOCH_RECORDS && batch.bytes() < EPOCH_BYTES {
        let Some(record) = corpus.batch.records.get(next) else { break };
        batch.push(first_slot + record.partition, record.offset, record.timestamp_ms, corpus.batch.value(record));
        next += 1;
    }
    next
}

/// Copies the values into an epoch's batch, again and again: what every source does at least.
pub(crate) fn copy(corpus: &Corpus) -> Cost {
    let mut batch = Batch::of(corpus.batch.partitions.clone());
    let mut next = 0;
    let watch = Stopwatch::start();
    while next < corpus.records() {
        batch.clear();
        next = fill(corpus, next, 0, &mut batch);
        black_box(&batch);
    }
    watch.lap()
}

/// `serde_json` into a tree.
pub(crate) fn into_value(corpus: &Corpus) -> Cost {
    let watch = Stopwatch::start();
    for record in &corpus.batch.records {
        let value = corpus.batch.value(record).unwrap_or(b"null");
        black_box(serde_json::from_slice::<Value>(value).expect("a recorded value"));
    }
    watch.lap()
}

/// `serde_json` into what is needed, borrowed; the rest is skipped.
pub(crate) fn into_struct(corpus: &Corpus) -> Cost {
    let watch = Stopwatch::start();
    for record in &corpus.batch.records {
        let value = corpus.batch.value(record).unwrap_or(b"null");
        if corpus.is_wrapped {
            black_box(serde_json::from_slice::<Option<Wrapped<'_>>>(value).expect("a recorded value"));
        } else {
            black_box(serde_json::from_slice::<Option<Envelope<'_>>>(value).expect("a recorded value"));
        }
    }
    watch.lap()
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "filled, then thrown away")]
struct Wrapped<'a> {
    schema: IgnoredAny,
    #[serde(borrow)]
    payload: Option<Envelope<'a>>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "filled, then thrown away")]
struct Envelope<'a> {
    op: &'a str,
    ts_ms: Option<i64>,
    #[serde(borrow)]
    before: Option<Row<'a>>,
    #[serde(borrow)]
    after: Option<Row<'a>>,
    #[serde(borrow)]
    source: Source<'a>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "filled, then thrown away")]
struct Row<'a> {
    id: i64,
    symbol: &'a str,
    side: Option<&'a str>,
    quantity: i64,
    price: Option<&'a str>,
    status: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "filled, then thrown away")]
struct Source<'a> {
    db: &'a str,
    table: &'a str,
    ts_ms: Option<i64>,
    file: Option<&'a str>,
    pos: Option<u64>,
    row: Option<u64>,
}
