//! SQL's own record of what changed: triggers write every real change of a pipeline's table into a table beside it, in the
//! same transaction. What the worker should say is then a question to SQL.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use crate::cents::cents;
use crate::pipeline::Pipeline;

/// What a pipeline should make of one symbol's changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Events by operation: `c`, `u`, `d`.
    pub(crate) ops: BTreeMap<String, i64>,
    pub(crate) buys: i64,
    pub(crate) sells: i64,
    /// Σ price × quantity, in cents.
    pub(crate) total: i128,
    /// Lowest and highest price, in cents.
    pub(crate) range: Option<(i128, i128)>,
    /// Alerts by rule.
    pub(crate) alerts: BTreeMap<String, i64>,
}

impl Sums {
    /// Events of any operation.
    pub(crate) fn orders(&self) -> i64 {
        self.ops.values().sum()
    }
}

/// An update that changes nothing writes no event. One that changes the message key, the symbol, is two: `d` of the old
/// row and `c` of the new one. Compared byte by byte, as the binlog and the key are; `LIKE` the collation, 'a' would be 'A'.
const TRIGGERS: &str = r"
CREATE TABLE audit (
  seq BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, op CHAR(1) NOT NULL, id BIGINT NOT NULL, symbol VARBINARY(80) NOT NULL,
  side VARCHAR(4) NOT NULL, quantity INT NOT NULL, price DECIMAL(15, 2) NOT NULL
) ENGINE = InnoDB;
DELIMITER //
CREATE TRIGGER orders_inserted AFTER INSERT ON orders FOR EACH ROW
  INSERT INTO audit (op, id, symbol, side, quantity, price)
  VALUES ('c', NEW.id, NEW.symbol, NEW.side, NEW.quantity, NEW.price)//
CREATE TRIGGER orders_deleted AFTER DELETE ON orders FOR EACH ROW
  INSERT INTO audit (op, id, symbol, side, quantity, price)
  VALUES ('d', OLD.id, OLD.symbol, OLD.side, OLD.quantity, OLD.price)//
CREATE TRIGGER orders_updated AFTER UPDATE ON orders FOR EACH ROW
BEGIN
  IF CAST(OLD.symbol AS BINARY) <> CAST(NEW.symbol AS BINARY) THEN
    INSERT INTO audit (op, id, symbol, side, quantity, price)
    VALUES ('d', OLD.id, OLD.symbol, OLD.side, OLD.quantity, OLD.price),
           ('c', NEW.id, NEW.symbol, NEW.side, NEW.quantity, NEW.price);
  ELSEIF OLD.id <> NEW.id OR OLD.side <> NEW.side OR OLD.quantity <> NEW.quantity OR OLD.price <> NEW.price
      OR CAST(OLD.status AS BINARY) <> CAST(NEW.status AS BINARY)
      OR OLD.created_at <> NEW.created_at OR OLD.updated_at <> NEW.updated_at THEN
    INSERT INTO audit (op, id, symbol, side, quantity, price)
    VALUES ('u', NEW.id, NEW.symbol, NEW.side, NEW.quantity, NEW.price);
  END IF;
END//
DELIMITER ;
";

/// Starts keeping the record. The row of the snapshot was there before and is in no sum.
pub(crate) fn start(pipeline: &Pipeline<'_>) -> Result<()> {
    pipeline.sql(TRIGGERS).map(drop)
}

/// Changes so far: events that should come out.
pub(crate) fn changes(pipeline: &Pipeline<'_>) -> Result<usize> {
    Ok(usize::try_from(pipeline.stack.number(&format!("SELECT COUNT(*) FROM {}.audit", pipeline.name))?)?)
}

/// The rules by their definitions: a symbol's events in the order of their commits, which is that of `seq` where one
/// connection writes. A price of zero neither fires nor is remembered. `RAPID_ORDERS` goes by the worker's clock: not here.
const QUESTION: &str = "
WITH priced AS (
  SELECT seq, price, LAG(price) OVER (PARTITION BY symbol ORDER BY seq) AS previous FROM audit WHERE price > 0
)
SELECT HEX(symbol), op, COUNT(*), SUM(side = 'BUY'), SUM(side = 'SELL'), SUM(audit.price * quantity),
  MIN(audit.price), MAX(audit.price), SUM(quantity > 500), SUM(audit.price * quantity > 100000000),
  SUM(COALESCE(ABS(priced.price - previous) * 100 >= 5 * previous, FALSE))
FROM audit LEFT JOIN priced USING (seq) GROUP BY symbol, op;";

/// SQL's own answer, by symbol.
pub(crate) fn sums(pipeline: &Pipeline<'_>) -> Result<BTreeMap<String, Sums>> {
    let mut sums = BTreeMap::<String, Sums>::new();
    for row in pipeline.sql(QUESTION)? {
        add(&mut sums, &row).with_context(|| format!("SQL's answer: {row:?}"))?;
    }
    Ok(sums)
}

/// Adds a row of the answer.
pub(crate) fn add(sums: &mut BTreeMap<String, Sums>, row: &[String]) -> Result<()> {
    let [symbol, op, count, buys, sells, total, lowest, highest, large, high, spikes] = row else {
        anyhow::bail!("{} columns", row.len());
    };
    let sums = sums.entry(from_hex(symbol)?).or_default();
    sums.ops.insert(op.clone(), count.parse()?);
    sums.buys += buys.parse::<i64>()?;
    sums.sells += sells.parse::<i64>()?;
    sums.total += cents(total)?;
    sums.range = Some(joined(sums.range, (cents(lowest)?, cents(highest)?)));
    for (rule, count) in [("LARGE_ORDER", large), ("HIGH_AMOUNT", high), ("PRICE_SPIKE", spikes)] {
        *sums.alerts.entry(rule.to_owned()).or_default() += count.parse::<i64>()?;
    }
    Ok(())
}

/// The range of both.
pub(crate) fn joined(range: Option<(i128, i128)>, other: (i128, i128)) -> (i128, i128) {
    range.map_or(other, |(lowest, highest)| (lowest.min(other.0), highest.max(other.1)))
}

/// Text that comes as hexadecimal, so that no client changes it.
pub(crate) fn from_hex(text: &str) -> Result<String> {
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2).unwrap_or_default(), 16);
    let bytes: Vec<u8> = (0..text.len()).step_by(2).map(byte).collect::<Result<_, _>>()?;
    Ok(String::from_utf8(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_symbol_are_added_up() {
        let mut sums = BTreeMap::new();
        for row in ["C3A4 c 3 2 1 100.50 1.00 9.00 1 0 2", "C3A4 d 1 0 1 -0.50 0.50 2.00 0 1 0"] {
            add(&mut sums, &row.split(' ').map(str::to_owned).collect::<Vec<_>>()).expect("a row");
        }
        let sums = &sums["ä"];
        assert_eq!((sums.orders(), sums.buys, sums.sells, sums.total, sums.range), (4, 2, 2, 10_000, Some((50, 900))));
        assert_eq!(sums.alerts.values().copied().collect::<Vec<_>>(), [1, 1, 2], "{:?}", sums.alerts);
        assert!(from_hex("C3A").is_err() && from_hex("FF").is_err());
    }
}
