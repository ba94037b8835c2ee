//! A day of a topic, made from a seed: three partitions, twelve symbols, what connectors write and what they should not,
//! repeats, times out of order, pauses. And a feed that plays it under a clock moved by hand.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use worker::epoch::{Feed, FeedError, PartitionFacts, Read, ranges_of};
use worker::source::{Batch, PartitionId};
use worker::time::clock::ManualClock;

use super::partitions;

/// Where the day begins: 2026-02-12T04:57:02Z.
pub(super) const MORNING_MS: i64 = 1_770_872_222_000;

/// A small generator of random numbers (SplitMix64): the same everywhere, for ever.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }
}

/// One record of the day.
#[derive(Clone)]
pub(super) struct Record {
    pub(super) partition: u32,
    pub(super) offset: i64,
    pub(super) timestamp_ms: i64,
    pub(super) value: Option<Vec<u8>>,
}

/// What one reading of the source meets.
#[derive(Clone, Default)]
pub(super) struct Turn {
    /// How much time passes before it.
    pub(super) pause_ms: i64,
    /// What has come.
    pub(super) records: Vec<Record>,
    /// What the source knows of each partition.
    pub(super) caught_up: [bool; 3],
}

impl Turn {
    /// The records as the source hands them over.
    pub(super) fn batch(&self) -> Batch {
        let mut batch = Batch::of(partitions());
        for record in &self.records {
            batch.push(record.partition, record.offset, record.timestamp_ms, record.value.as_deref());
        }
        batch
    }

    /// One order in partition 0, whose database time is `time_ms`.
    pub(super) fn order(pause_ms: i64, offset: i64, symbol: &str, time_ms: i64) -> Self {
        let value = change(b'c', symbol, 1, "100", time_ms, 1_000 + offset);
        let record = Record { partition: 0, offset, timestamp_ms: time_ms, value: Some(value.into_bytes()) };
        Self { pause_ms, records: vec![record], caught_up: [false; 3] }
    }

    /// Nothing but time.
    pub(super) fn pause(pause_ms: i64) -> Self {
        Self { pause_ms, ..Self::default() }
    }
}

fn change(op: u8, symbol: &str, quantity: i64, price: &str, time_ms: i64, pos: i64) -> String {
    let row = format!(
        r#"{{"id":{pos},"symbol":"{symbol}","side":"SELL","quantity":{quantity},"price":"{price}","status":"NEW"}}"#
    );
    let (before, after) = if op == b'd' { (row.as_str(), "null") } else { ("null", row.as_str()) };
    let (op, later) = (char::from(op), time_ms + 7);
    format!(
        concat!(
            r#"{{"before":{},"after":{},"source":{{"ts_ms":{},"db":"orders_db","table":"orders","file":"bin.000003","#,
            r#""pos":{},"row":0}},"op":"{}","ts_ms":{}}}"#
        ),
        before, after, time_ms, pos, op, later
    )
}

const SYMBOLS: [&str; 12] =
    ["005930", "000660", "035420", "035720", "AAPL", "MSFT", "TSLA", "", " padded ", "삼성전자", "🚀", "a\\u0000b"];
const NO_ORDERS: [&str; 5] = [
    "no JSON",
    r#"{"ts_ms":1}"#,
    "null",
    r#"{"op":"t","source":{"db":"orders_db","table":"orders"}}"#,
    r#"{"op":"x"}"#,
];

struct Market {
    dice: Dice,
    clock_ms: i64,
    offsets: [i64; 3],
    positions: [i64; 3],
    /// Whether partition 2 is quiet for a while.
    quiet: bool,
    /// What each partition had last, to be repeated.
    earlier: [Vec<Vec<u8>>; 3],
    /// The second half of a change of key, which comes next in its partition.
    second_halves: [Option<Vec<u8>>; 3],
}

impl Market {
    /// The value of a partition's next record.
    fn value(&mut self, partition: usize) -> Option<Vec<u8>> {
        if let Some(value) = self.second_halves[partition].take() {
            self.earlier[partition].push(value.clone());
            return Some(value);
        }
        let kind = self.dice.below(100);
        if kind < 4 {
            return Some(self.dice.pick(&NO_ORDERS).as_bytes().to_vec());
        }
        if kind < 6 {
            return None;
        }
        if kind < 16 && !self.earlier[partition].is_empty() {
            return Some(self.dice.pick(&self.earlier[partition]).clone());
        }
        let op = *self.dice.pick(b"cccccuudr");
        let quantity = *self.dice.pick(&[1, 3, 10, 100, 500, 501, 0, -7, i64::MAX]);
        let price = format!("{}.{:02}", 90 + self.dice.below(12), self.dice.below(100));
        let symbol = *self.dice.pick(&SYMBOLS);
        // The database's clock runs behind, now and then by more than a window.
        let most_ms = *self.dice.pick(&[8_000, 8_000, 8_000, 8_000, 8_000, 8_000, 8_000, 8_000, 150_000]);
        let behind_ms = self.dice.below(most_ms);
        self.positions[partition] += 1 + self.dice.below(400) as i64;
        let (time_ms, pos) = (self.clock_ms - behind_ms as i64, self.positions[partition]);
        let value = change(op, symbol, quantity, &price, time_ms, pos).into_bytes();
        if op == b'd' {
            // The row goes under one key and comes under another, at one position.
            let symbol = *self.dice.pick(&SYMBOLS);
            self.second_halves[partition] = Some(change(b'c', symbol, quantity, &price, time_ms, pos).into_bytes());
        }
        self.earlier[partition].push(value.clone());
        if self.earlier[partition].len() > 50 {
            self.earlier[partition].remove(0);
        }
        Some(value)
    }

    fn record(&mut self) -> Record {
        let partition = *self.dice.pick(if self.quiet { &[0, 0, 1] } else { &[0, 0, 0, 1, 1, 1, 2] });
        // Offsets have gaps: aborted transactions, control records.
        self.offsets[partition] += 1 + (self.dice.below(20) / 19) as i64;
        let timestamp_ms = self.clock_ms - self.dice.below(3_000) as i64;
        let value = self.value(partition);
        Record { partition: partition as u32, offset: self.offsets[partition], timestamp_ms, value }
    }

    fn turn(&mut self) -> Turn {
        let pause_ms = match self.dice.below(20) {
            0 => 20_000 + self.dice.below(60_000),
            1..=6 => 0,
            _ => self.dice.below(4_000),
        } as i64;
        self.clock_ms += pause_ms;
        if self.dice.below(12) == 0 {
            self.quiet = !self.quiet;
        }
        let count = match self.dice.below(10) {
            _ if pause_ms > 30_000 => 0,
            0 | 1 => 0,
            // Above the number below which an epoch is executed on one thread.
            2 | 3 => 100 + self.dice.below(200),
            _ => 1 + self.dice.below(9),
        };
        let records = (0..count).map(|_| self.record()).collect();
        let caught_up = [4, 4, 9].map(|chance| self.dice.below(10) < chance);
        Turn { pause_ms, records, caught_up }
    }
}

/// The turns of a day.
pub(super) fn day(seed: u64, turns: usize) -> Vec<Turn> {
    let dice = Dice(seed);
    let mut market = Market {
        dice,
        clock_ms: MORNING_MS,
        offsets: [-1; 3],
        positions: [4; 3],
        quiet: false,
        earlier: [const { Vec::new() }; 3],
        second_halves: [None, None, None],
    };
    (0..turns).map(|_| market.turn()).collect()
}

/// Plays turns to the driver, moving the clock; at the end it ends as it is told to.
pub(super) struct Scripted<'a> {
    turns: VecDeque<Turn>,
    clock: &'a ManualClock,
    end: End,
    caught_up: [bool; 3],
    /// What the driver said of committed offsets.
    pub(super) told: Vec<(PartitionId, i64)>,
}

/// How a scripted feed ends.
pub(super) enum End {
    /// As a recording: open windows fire.
    Flush,
    /// By the stop flag: open windows stay open.
    Stop(Arc<AtomicBool>),
    /// Not at all: nothing more comes.
    Never,
}

impl<'a> Scripted<'a> {
    pub(super) fn new(turns: &[Turn], clock: &'a ManualClock, end: End) -> Self {
        Self { turns: turns.iter().cloned().collect(), clock, end, caught_up: [false; 3], told: Vec::new() }
    }
}

impl Feed for Scripted<'_> {
    fn read(&mut self, wait: Duration) -> Result<Read, FeedError> {
        let Some(turn) = self.turns.pop_front() else {
            match &self.end {
                End::Flush => return Ok(Read::End),
                End::Stop(flag) => flag.store(true, Ordering::Relaxed),
                End::Never => std::thread::sleep(wait.min(Duration::from_millis(1))),
            }
            return Ok(Read::Nothing);
        };
        self.clock.advance(turn.pause_ms);
        self.caught_up = turn.caught_up;
        if turn.records.is_empty() {
            return Ok(Read::Nothing);
        }
        let batch = turn.batch();
        let ranges = ranges_of(&batch, |slot| self.facts(slot));
        Ok(Read::Records(batch, ranges))
    }

    fn partitions(&self) -> Vec<PartitionId> {
        partitions()
    }

    fn facts(&self, slot: usize) -> PartitionFacts {
        PartitionFacts { caught_up: self.caught_up[slot], ..PartitionFacts::default() }
    }

    fn committed(&mut self, next_offsets: &[(PartitionId, i64)]) {
        self.told = next_offsets.to_vec();
    }
}
