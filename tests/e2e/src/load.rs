//! A random load of SQL from a seed: every kind of statement that changes rows, in transactions, some of them rolled back.

use std::fmt::Write as _;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// Few symbols, so that each has many changes; some that only bytes tell apart, and some that must be escaped.
const SYMBOLS: [&str; 24] = [
    "005930",
    "000660",
    "035420",
    "035720",
    "051910",
    "207940",
    "AAPL",
    "aapl",
    "Aapl",
    "삼성전자",
    "주식회사 ☕",
    "é",
    "e\u{301}",
    " padded ",
    "q\"uote",
    "it''s",
    "back\\\\slash",
    "<b>&amp;",
    "x",
    "X",
    "0",
    "null",
    "A-1",
    "😀",
];

/// Makes statements; the same seed makes the same ones.
#[derive(Debug)]
pub(crate) struct Load {
    dice: ChaCha8Rng,
    next_id: u64,
}

impl Load {
    /// The load of a seed. Order 1 is the snapshot's and is left alone.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self { dice: ChaCha8Rng::seed_from_u64(seed), next_id: 3 }
    }

    fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.dice.next_u64()) * u128::from(limit)) >> 64) as u64
    }

    /// So many transactions, each of some statements.
    pub(crate) fn transactions(&mut self, count: usize) -> String {
        let mut sql = String::from("SET autocommit = 0;\n");
        for _ in 0..count {
            let statements = 1 + self.below(24);
            for number in 0..statements {
                if number == 3 && self.below(4) == 0 {
                    self.rolled_back_part(&mut sql);
                }
                self.statement(&mut sql);
            }
            sql += if self.below(12) == 0 { "ROLLBACK;\n" } else { "COMMIT;\n" };
        }
        sql
    }

    fn rolled_back_part(&mut self, sql: &mut String) {
        *sql += "SAVEPOINT part;\n";
        for _ in 0..=self.below(3) {
            self.statement(sql);
        }
        *sql += "ROLLBACK TO SAVEPOINT part;\n";
    }

    fn statement(&mut self, sql: &mut String) {
        let (id, symbol, price, quantity) = (self.some_id(), self.symbol(), self.price(), self.quantity());
        // Writing to a String cannot fail.
        let _ = match self.below(100) {
            0..45 => {
                let row = self.new_row();
                writeln!(sql, "INSERT INTO orders (id, symbol, side, quantity, price) VALUES {row};")
            }
            45..55 => {
                let rows: Vec<_> = (0..2 + self.below(4)).map(|_| self.new_row()).collect();
                writeln!(sql, "INSERT INTO orders (id, symbol, side, quantity, price) VALUES {};", rows.join(", "))
            }
            55..65 => writeln!(sql, "UPDATE orders SET price = {price} WHERE id = {id};"),
            65..72 => writeln!(sql, "UPDATE orders SET quantity = {quantity}, status = 'FILLED' WHERE id = {id};"),
            // Mostly changes nothing.
            72..76 => writeln!(sql, "UPDATE orders SET status = 'FILLED', symbol = symbol WHERE id = {id};"),
            76..82 => writeln!(sql, "UPDATE orders SET symbol = '{symbol}', price = {price} WHERE id = {id};"),
            82..85 => writeln!(
                sql,
                "UPDATE orders SET quantity = quantity + 1 WHERE symbol = '{symbol}' AND id > 1 ORDER BY id DESC LIMIT 4;"
            ),
            // Another primary key under the same message key.
            85..86 => {
                self.next_id += 1;
                writeln!(sql, "UPDATE orders SET id = {} WHERE id = {id};", self.next_id - 1)
            }
            86..95 => writeln!(sql, "DELETE FROM orders WHERE id = {id};"),
            95..97 => writeln!(
                sql,
                "REPLACE INTO orders (id, symbol, side, quantity, price) VALUES ({id}, '{symbol}', 'SELL', {quantity}, {price});"
            ),
            97..99 => writeln!(
                sql,
                "INSERT INTO orders (id, symbol, side, quantity, price) VALUES ({id}, '{symbol}', 'BUY', {quantity}, {price}) \
                 ON DUPLICATE KEY UPDATE price = {price}, symbol = '{symbol}';"
            ),
            _ => writeln!(sql, "DELETE FROM orders WHERE symbol = '{symbol}' AND id > 1 ORDER BY id DESC LIMIT 3;"),
        };
    }

    fn new_row(&mut self) -> String {
        let id = self.next_id;
        self.next_id += 1;
        let side = if self.below(2) == 0 { "BUY" } else { "SELL" };
        format!("({id}, '{}', '{side}', {}, {})", self.symbol(), self.quantity(), self.price())
    }

    /// One that was there, or 2; it may be gone. Never one that is still to come: its INSERT would fail.
    fn some_id(&mut self) -> u64 {
        2 + self.below(self.next_id - 2)
    }

    /// Skewed: the first ones are hot.
    fn symbol(&mut self) -> &'static str {
        let (a, b) = (self.below(SYMBOLS.len() as u64), self.below(SYMBOLS.len() as u64));
        SYMBOLS[a.min(b) as usize]
    }

    /// Around the rules' thresholds, and far away from them.
    fn quantity(&mut self) -> i64 {
        match self.below(10) {
            0 => 499 + self.below(4) as i64,
            1 => self.below(2_000_000_000) as i64,
            2 => -(self.below(50) as i64),
            _ => 1 + self.below(400) as i64,
        }
    }

    fn price(&mut self) -> String {
        let cents = match self.below(12) {
            0 => 0,
            1 => self.below(1_000_000_000_000_000),
            // Steps of exactly five percent and next to it.
            2 => 10_000,
            3 => 10_500,
            4 => 10_499,
            _ => 9_000 + self.below(2_000),
        };
        format!("{}.{:02}", cents / 100, cents % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_load_and_every_kind_of_statement() {
        let sql = Load::seeded(7).transactions(300);
        assert_eq!(sql, Load::seeded(7).transactions(300));
        assert_ne!(sql, Load::seeded(8).transactions(300));
        for kind in ["INSERT", "REPLACE", "UPDATE", "DELETE", "ON DUPLICATE", "COMMIT", "ROLLBACK;", "ROLLBACK TO"] {
            assert!(sql.contains(kind), "{kind}");
        }
    }
}
