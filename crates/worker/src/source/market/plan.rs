//! What happens next in the market: who trades, what is filled, cancelled, deleted, and when something rare is due.

use super::dice::Dice;
use super::{Market, Order, Position, Status, Step};

/// Where a binlog file ends and the next begins, in bytes.
const BINLOG_BYTES: u64 = 4 << 20;
/// How many rows the snapshot at the start reads at most.
const SNAPSHOT_ROWS: usize = 20;

/// How many steps from now something happens that a rule is there for: spaced, so that the shortest demo shows it.
#[derive(Debug)]
pub(super) struct Due {
    huge: u64,
    jump: u64,
    burst: u64,
    renamed: u64,
    heartbeat: u64,
}

impl Due {
    /// The first of each: soon.
    pub(super) fn first(dice: &mut Dice) -> Self {
        Self {
            huge: dice.between(20, 60),
            jump: dice.between(20, 60),
            burst: dice.between(20, 60),
            renamed: dice.between(60, 160),
            heartbeat: dice.between(60, 160),
        }
    }
}

impl Market {
    pub(super) fn plan_snapshot(&mut self) {
        let count = self.listing.len().min(SNAPSHOT_ROWS);
        for rank in 0..count {
            let order = self.order(rank);
            let marker = match rank {
                _ if rank + 1 == count => "last",
                0 => "first",
                _ => "true",
            };
            self.steps.push_back((self.position, Step::Read(order, marker)));
        }
    }

    /// Decides what happens next: one transaction or several.
    pub(super) fn plan(&mut self) {
        let due = &mut self.due;
        for wait in [&mut due.huge, &mut due.jump, &mut due.burst, &mut due.renamed, &mut due.heartbeat] {
            *wait = wait.saturating_sub(1);
        }
        if self.due.huge == 0 {
            self.due.huge = self.dice.between(150, 450);
            self.plan_huge_order();
        } else if self.due.jump == 0 {
            self.due.jump = self.dice.between(150, 450);
            self.plan_jump();
        } else if self.due.burst == 0 {
            self.due.burst = self.dice.between(200, 600);
            self.plan_burst();
        } else if self.due.renamed == 0 {
            self.due.renamed = self.dice.between(400, 1200);
            self.plan_new_symbol();
        } else if self.due.heartbeat == 0 {
            self.due.heartbeat = self.dice.between(500, 1500);
            self.steps.push_back((self.position, Step::Heartbeat));
        } else {
            self.plan_ordinary();
        }
    }

    fn plan_ordinary(&mut self) {
        let choice = self.dice.below(100);
        if choice < 38
            && let Some(before) = take(&mut self.open, &mut self.dice)
        {
            let status = if self.dice.permille(750) { Status::Filled } else { Status::Cancelled };
            self.transaction(1);
            self.steps.push_back((self.position, Step::Update(before, Order { status, ..before })));
        } else if choice < 43
            && let Some(order) = take(&mut self.closed, &mut self.dice)
        {
            self.transaction(1);
            self.steps.push_back((self.position, Step::Delete(order)));
            self.steps.push_back((self.position, Step::Tombstone(order)));
        } else {
            let symbol = self.listing.draw(&mut self.dice);
            let order = self.order(symbol);
            self.transaction(1);
            self.steps.push_back((self.position, Step::Insert(order)));
        }
    }

    /// More than 500 shares and more than 100,000,000 won.
    fn plan_huge_order(&mut self) {
        let symbol = self.listing.draw(&mut self.dice);
        let mut order = self.order(symbol);
        order.quantity = self.dice.between(10, 50) * 100;
        order.quantity = order.quantity.max(100_000_000 / order.price + 1);
        self.transaction(1);
        self.steps.push_back((self.position, Step::Insert(order)));
    }

    fn plan_jump(&mut self) {
        let drawn = self.listing.draw(&mut self.dice);
        // Only from a price that has been seen can a rule see a jump.
        let seen = |rank: usize| self.last_prices.get(rank).copied().flatten().map(|last| (rank, last));
        let Some((symbol, last)) = seen(drawn).or_else(|| seen(0)) else { return };
        let price = self.listing.jump(symbol, last, &mut self.dice);
        let order = Order { price, ..self.order(symbol) };
        // Orders from before stay as they are: filled later at their old price, each would look like a jump back.
        self.open.retain(|order| order.symbol != symbol);
        self.closed.retain(|order| order.symbol != symbol);
        self.transaction(1);
        self.steps.push_back((self.position, Step::Insert(order)));
    }

    /// Five to eight orders of one symbol on each other's heels, in one transaction or in one each.
    fn plan_burst(&mut self) {
        let symbol = self.listing.draw(&mut self.dice);
        let count = self.dice.between(5, 9);
        let together = self.dice.below(2) == 0;
        if together {
            self.transaction(count);
        }
        for row in 0..count {
            let order = self.order(symbol);
            if together {
                self.steps.push_back((Position { row, ..self.position }, Step::Insert(order)));
            } else {
                self.transaction(1);
                self.steps.push_back((self.position, Step::Insert(order)));
            }
        }
    }

    /// An order is moved to another symbol: where the topic is keyed by symbol a delete, a tombstone and an insert at one
    /// position, else an ordinary update.
    fn plan_new_symbol(&mut self) {
        let Some(before) = take(&mut self.open, &mut self.dice) else { return };
        let mut symbol = self.listing.draw(&mut self.dice);
        if symbol == before.symbol {
            symbol = (symbol + 1) % self.listing.len();
        }
        let price = self.listing.walk(symbol, &mut self.dice);
        let after = Order { symbol, price, quantity: before.quantity.min(quantity_max(price)), ..before };
        self.transaction(1);
        if self.settings.keyed_by_symbol && symbol != before.symbol {
            self.steps.push_back((self.position, Step::Delete(before)));
            self.steps.push_back((self.position, Step::Tombstone(before)));
            self.steps.push_back((self.position, Step::Insert(after)));
        } else {
            self.steps.push_back((self.position, Step::Update(before, after)));
        }
    }

    /// A new order at the symbol's price of now.
    fn order(&mut self, symbol: usize) -> Order {
        let price = self.listing.walk(symbol, &mut self.dice);
        let lots = [1, 1, 1, 5, 10].get(self.dice.below(5) as usize).copied().unwrap_or(1);
        let quantity = (self.dice.between(1, 21) * lots).min(quantity_max(price));
        let buy = self.dice.below(2) == 0;
        let id = self.next_order_id;
        self.next_order_id += 1;
        Order { id, symbol, buy, quantity, price, status: Status::Pending, created_ms: 0, updated_ms: 0 }
    }

    /// Begins the next transaction, of `rows` rows.
    fn transaction(&mut self, rows: u64) {
        self.position.transaction += 1;
        self.position.row = 0;
        self.position.pos += 330 + 95 * rows + self.dice.below(40);
        if self.position.pos >= BINLOG_BYTES {
            self.position.file += 1;
            self.position.pos = 237;
        }
    }
}

/// The most shares of an ordinary order, so that only huge ones reach 100,000,000 won.
fn quantity_max(price: u64) -> u64 {
    (50_000_000 / price.max(1)).clamp(1, 200)
}

/// Takes one order out.
pub(super) fn take(orders: &mut Vec<Order>, dice: &mut Dice) -> Option<Order> {
    let chosen = dice.below(orders.len() as u64) as usize;
    (chosen < orders.len()).then(|| orders.swap_remove(chosen))
}
