//! A market that never was: orders for benchmarks, trials and the demo, as Debezium would have written them.
//!
//! Everything follows from the seed and the settings; the same two give the same bytes. Prices walk, popular symbols
//! trade more, orders are filled, cancelled and deleted, and often enough something happens that a rule is there for:
//! a burst of orders, a jump of a price, a huge order.

mod dice;
mod envelope;
mod listing;
mod plan;

use std::collections::VecDeque;

use self::dice::Dice;
use self::envelope::{Form, KeyColumn, Row, Source};
use self::listing::Listing;
use self::plan::{Due, take};
use crate::route::murmur2::murmur2;

/// The topic that the market writes to unless told otherwise, and that recordings of it name.
pub const MARKET_TOPIC: &str = "cdc.orders_db.orders";

/// What a market is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketSettings {
    /// Everything that is left to chance follows from it.
    pub seed: u64,
    /// How many symbols are traded: at least 1, at most 900,020.
    pub symbols: usize,
    /// How many partitions the topic has: at least 1.
    pub partitions: i32,
    /// When it opens, in milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// Messages a second of the market's own time: at least 1.
    pub rate_per_second: u32,
    /// Whether keys and values carry their schemas (`schemas.enable=true`).
    pub wrapped: bool,
    /// Whether the topic is keyed by symbol, as the shipped connector does, or by the table's primary key.
    pub keyed_by_symbol: bool,
    /// Orders of a thousand that are of one symbol whatever else is popular: 0 to 1000.
    pub hot_permille: u32,
    /// Bytes of one more column, `memo`, that nobody here reads; 0: there is none. Schemas do not tell of it.
    pub memo_bytes: usize,
    /// Whether values have only what is read of them: short ones, as a transformation in Connect can leave them. Not for
    /// wrapped ones, and without a memo.
    pub lean: bool,
}

impl Default for MarketSettings {
    /// 50 symbols, 3 partitions, 200 messages a second from 2026-02-12T04:57:38Z, bare, keyed by symbol.
    fn default() -> Self {
        Self {
            seed: 1,
            symbols: 50,
            partitions: 3,
            start_ms: 1_770_872_258_000,
            rate_per_second: 200,
            wrapped: false,
            keyed_by_symbol: true,
            hot_permille: 0,
            memo_bytes: 0,
            lean: false,
        }
    }
}

/// A message of the market; its memory serves for the next one too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generated {
    /// The partition that Kafka's default partitioner would choose for the key.
    pub partition: i32,
    /// The record's timestamp, in milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// The key: JSON.
    pub key: Vec<u8>,
    value: Vec<u8>,
    tombstone: bool,
}

impl Generated {
    /// The value: JSON, or `None` for the tombstone after a delete.
    pub fn value(&self) -> Option<&[u8]> {
        (!self.tombstone).then_some(&self.value)
    }
}

/// How many open orders are remembered, and how many closed ones that may be deleted.
const REMEMBERED_ORDERS: usize = 512;
/// The order's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Pending,
    Filled,
    Cancelled,
}

impl Status {
    const fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Filled => "FILLED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// A row of the orders table.
#[derive(Clone, Copy, Debug)]
struct Order {
    id: i64,
    /// The symbol's rank in the listing.
    symbol: usize,
    buy: bool,
    quantity: u64,
    /// In won.
    price: u64,
    status: Status,
    created_ms: i64,
    updated_ms: i64,
}

/// A place in the binlog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    file: u64,
    pos: u64,
    row: u64,
    /// The GTID's number.
    transaction: u64,
}

/// One message to come.
#[derive(Clone, Copy, Debug)]
enum Step {
    Read(Order, &'static str),
    Insert(Order),
    Update(Order, Order),
    Delete(Order),
    Tombstone(Order),
    Heartbeat,
}

/// The market.
#[derive(Debug)]
pub struct Market {
    settings: MarketSettings,
    dice: Dice,
    listing: Listing,
    server_uuid: String,
    /// Orders that may still be filled or cancelled.
    open: Vec<Order>,
    /// Orders that may be deleted.
    closed: Vec<Order>,
    /// The last price of each symbol that went out, as the rules saw it.
    last_prices: Vec<Option<u64>>,
    steps: VecDeque<(Position, Step)>,
    due: Due,
    position: Position,
    next_order_id: i64,
    /// Messages so far.
    count: u64,
    now_us: i64,
    committed: (Position, i64),
    handled_us: i64,
    generated: Generated,
}

impl Market {
    /// A market that opens with a snapshot of a few orders. Settings below their minimum count as it.
    pub fn new(settings: &MarketSettings) -> Self {
        let settings = MarketSettings {
            partitions: settings.partitions.max(1),
            rate_per_second: settings.rate_per_second.max(1),
            ..*settings
        };
        let mut dice = Dice::seeded(settings.seed);
        let listing = Listing::of(settings.symbols, settings.hot_permille, &mut dice);
        let due = Due::first(&mut dice);
        let mut market = Self {
            server_uuid: format!("1347b42c-e73a-11f1-8b34-{:012x}", settings.seed & 0xFFFF_FFFF_FFFF),
            open: Vec::new(),
            closed: Vec::new(),
            last_prices: vec![None; listing.len()],
            steps: VecDeque::new(),
            due,
            position: Position { file: 3, pos: 53_508, row: 0, transaction: 135 },
            next_order_id: 1,
            count: 0,
            now_us: settings.start_ms * 1000,
            committed: (Position::default(), i64::MIN),
            handled_us: i64::MIN,
            generated: Generated::default(),
            settings,
            dice,
            listing,
        };
        market.plan_snapshot();
        market
    }

    /// The next message, at the market's own time: `start_ms` and from there `rate_per_second`.
    pub fn generate(&mut self) -> &Generated {
        let passed_us = i128::from(self.count) * 1_000_000 / i128::from(self.settings.rate_per_second);
        let now_us = i128::from(self.settings.start_ms) * 1000 + passed_us;
        self.generate_us(now_us as i64)
    }

    /// The next message, at a time given in milliseconds since the Unix epoch; time that runs backwards stands still.
    pub fn generate_at(&mut self, now_ms: i64) -> &Generated {
        self.generate_us(now_ms.saturating_mul(1000))
    }

    fn generate_us(&mut self, now_us: i64) -> &Generated {
        self.now_us = self.now_us.max(now_us);
        self.count += 1;
        loop {
            if let Some((position, step)) = self.steps.pop_front() {
                self.write(position, step);
                return &self.generated;
            }
            self.plan();
        }
    }

    fn write(&mut self, position: Position, step: Step) {
        let committed_us = self.tell_times(position, &step);
        let updated_ms = committed_us.div_euclid(1000);
        match step {
            Step::Read(order, marker) => {
                let after = Order { created_ms: updated_ms, updated_ms, ..order };
                self.write_change("r", (None, Some(after)), position, marker);
            }
            Step::Insert(order) => {
                let created_ms = if order.created_ms == 0 { updated_ms } else { order.created_ms };
                self.write_change("c", (None, Some(Order { created_ms, updated_ms, ..order })), position, "false");
            }
            Step::Update(before, after) => {
                let rows = (Some(before), Some(Order { updated_ms, ..after }));
                self.write_change("u", rows, position, "false");
            }
            Step::Delete(before) => self.write_change("d", (Some(before), None), position, "false"),
            Step::Tombstone(order) => {
                self.begin(true);
                self.write_key(&order);
            }
            Step::Heartbeat => {
                self.begin(false);
                envelope::write_heartbeat_key(&mut self.generated.key, self.settings.wrapped);
                let time_ms = self.handled_us.div_euclid(1000);
                envelope::write_heartbeat(&mut self.generated.value, self.settings.wrapped, time_ms);
            }
        }
        let hash = murmur2(&self.generated.key) & 0x7FFF_FFFF;
        self.generated.partition = (hash % self.settings.partitions as u32) as i32;
    }

    /// When the transaction was committed, in microseconds, and when the connector handled this change of it. Neither
    /// runs backwards.
    fn tell_times(&mut self, position: Position, step: &Step) -> i64 {
        self.handled_us = self.handled_us.max(self.now_us - self.dice.below(2_000) as i64);
        if self.committed.0 != position {
            let slow = self.dice.permille(20);
            let latency_us = if slow { self.dice.between(20_000, 200_000) } else { self.dice.between(1_000, 9_000) };
            let mut committed_us = self.handled_us - latency_us as i64;
            if matches!(step, Step::Read(..)) {
                // A snapshot knows whole seconds.
                committed_us -= committed_us.rem_euclid(1_000_000);
            }
            self.committed = (position, self.committed.1.max(committed_us));
        }
        self.committed.1
    }

    fn begin(&mut self, tombstone: bool) {
        self.generated.timestamp_ms = self.now_us.div_euclid(1000);
        self.generated.tombstone = tombstone;
        self.generated.key.clear();
        self.generated.value.clear();
    }

    fn write_key(&mut self, order: &Order) {
        let column = if self.settings.keyed_by_symbol {
            KeyColumn::Symbol(self.listing.code(order.symbol))
        } else {
            KeyColumn::Id(order.id)
        };
        envelope::write_key(&mut self.generated.key, self.settings.wrapped, column);
    }

    fn write_change(
        &mut self,
        op: &str,
        (before, after): (Option<Order>, Option<Order>),
        position: Position,
        snapshot: &'static str,
    ) {
        let Some(subject) = after.or(before) else { return };
        if let Some(last) = self.last_prices.get_mut(subject.symbol) {
            *last = Some(subject.price);
        }
        if after.is_some() {
            self.remember(subject);
        }
        self.begin(false);
        self.write_key(&subject);
        let source = Source {
            position,
            server_uuid: &self.server_uuid,
            snapshot,
            committed_us: self.committed.1,
            handled_us: self.handled_us,
        };
        let memo_bytes = self.settings.memo_bytes;
        let row = |order: Order| Row { symbol: self.listing.code(order.symbol), order, memo_bytes };
        let rows = (before.map(row), after.map(row));
        let form = match (self.settings.wrapped, self.settings.lean) {
            (true, _) => Form::Wrapped,
            (false, true) => Form::Lean,
            (false, false) => Form::Bare,
        };
        envelope::write_change(&mut self.generated.value, form, op, rows, &source);
    }

    fn remember(&mut self, order: Order) {
        let orders = if order.status == Status::Pending { &mut self.open } else { &mut self.closed };
        if orders.len() >= REMEMBERED_ORDERS {
            // Forgotten orders stay as they are for ever.
            take(orders, &mut self.dice);
        }
        orders.push(order);
    }
}

#[cfg(test)]
mod tests;
