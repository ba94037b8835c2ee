//! What the same epochs give where nothing ever crashes: one executor, one shard, one life.

use std::collections::HashSet;

use worker::epoch::{Accounting, EpochRecord, Executed, LineClock, OutputKind, Pipeline};
use worker::route::KeyGroup;
use worker::sink::Renderer;
use worker::source::Batch;
use worker::state::{MemoryStateStore, StateStore};

use super::source::Topic;
use crate::engine::executor;

/// What the oracle says.
pub(super) struct Expected {
    pub(super) lines: Vec<u8>,
    pub(super) counts: Accounting,
    pub(super) store: MemoryStateStore,
}

impl Expected {
    /// Executes the history.
    pub(super) fn of(pipeline: &Pipeline, topic: &Topic, history: &[EpochRecord], renderer: &Renderer) -> Self {
        let mut executor = executor(pipeline, LineClock::Epoch, 1);
        let (store, mut lines, mut counts) = (MemoryStateStore::default(), Vec::new(), Accounting::default());
        let mut table = Vec::new();
        for record in history {
            for range in &record.ranges {
                let known = topic.partition_ids().into_iter().find(|id| id.partition == range.partition).unwrap();
                if !table.contains(&known) {
                    table.push(known);
                }
            }
            let read = topic.batch(&record.ranges);
            let mut batch = Batch::of(table.clone());
            for one in &read.records {
                batch.push(one.partition, one.offset, one.timestamp_ms, read.value(one));
            }
            let mut executed = executor.execute(record.clone(), batch).unwrap();
            number_subtasks(&mut executed);
            renderer.render(&executed.outputs, &mut lines, &mut Vec::new());
            counts.add(&executed.counts);
            store.commit(&executed.commit).unwrap();
        }
        Self { lines, counts, store }
    }
}

/// The subtask that each line names is that of its symbol, among as many as the epoch had.
fn number_subtasks(executed: &mut Executed) {
    let parallelism = usize::from(executed.epoch.parallelism);
    let shard_of = |symbol: &str| KeyGroup::of(symbol).shard(parallelism) as u16;
    for index in 0..executed.outputs.lines.len() {
        let line = &executed.outputs.lines[index];
        let shard = match (&line.kind, executed.outputs.event(line)) {
            (OutputKind::Agg(result), _) => shard_of(&result.0),
            (_, Some(event)) => shard_of(&event.symbol),
            (_, None) => 0,
        };
        executed.outputs.lines[index].shard = shard;
    }
}

/// Epochs without a gap, each partition's ranges one behind the other, clocks that never go back.
pub(super) fn history_is_whole(topic: &Topic, history: &[EpochRecord]) {
    let mut next = [0; 3];
    let mut clock_ms = 0;
    for (id, record) in (1..).zip(history) {
        assert_eq!(record.id, id, "epochs have no gap");
        assert!(record.clock_ms >= clock_ms, "epoch {id}: its clock goes back");
        clock_ms = record.clock_ms;
        for range in record.ranges.iter().filter(|range| range.records > 0) {
            let next = &mut next[range.partition as usize];
            assert!(range.from >= *next, "epoch {id}: partition {} is read twice", range.partition);
            *next = range.to;
        }
    }
    let read: u64 = history.iter().flat_map(|record| &record.ranges).map(|range| range.records).sum();
    assert_eq!(read as usize, topic.len(), "every record is in one epoch");
}

/// Lines that came may repeat, must all be right ones, and none may be missing.
pub(super) fn stdout_is_right(seen: &[u8], expected: &[u8]) {
    let lines = |bytes: &[u8]| -> HashSet<Vec<u8>> { bytes.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect() };
    let (seen, expected) = (lines(seen), lines(expected));
    let phantom = seen.difference(&expected).next().map(|line| String::from_utf8_lossy(line).into_owned());
    assert_eq!(phantom, None, "a line that never happened");
    let missing = expected.difference(&seen).next().map(|line| String::from_utf8_lossy(line).into_owned());
    assert_eq!(missing, None, "a line that never came");
}
