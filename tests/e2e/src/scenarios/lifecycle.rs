//! Everything that can happen to a row and to the table, one after the other, and what each becomes.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::lines::settle;
use crate::output::Raw;
use crate::pipeline::Pipeline;
use crate::scenario::Stage;
use crate::wait::{Look, until};

const LIMIT: Duration = Duration::from_mins(1);

/// What happens, and the events that it must become: op, order, symbol, side, quantity@price, status. Those of different
/// symbols lie in different partitions, and only within a partition is there an order across transactions.
const STEPS: [(&str, &str, &[&str]); 11] = [
    (
        "insert",
        "INSERT INTO orders (id, symbol, side, quantity, price) VALUES (10, 'LIFE', 'BUY', 100, 50.25);",
        &["c 10 LIFE BUY 100@50.25 PENDING"],
    ),
    ("update", "UPDATE orders SET price = 51, status = 'FILLED' WHERE id = 10;", &["u 10 LIFE BUY 100@51 FILLED"]),
    ("an update that changes nothing", "UPDATE orders SET price = 51.00 WHERE id = 10;", &[]),
    (
        "several rows in one transaction",
        "BEGIN;
         INSERT INTO orders (id, symbol, side, quantity, price) VALUES (11, 'LIFE', 'SELL', 1, 52), (12, 'LIFE', 'BUY', 2, 52.5);
         UPDATE orders SET quantity = 3 WHERE id = 11;
         DELETE FROM orders WHERE id = 12;
         COMMIT;",
        &[
            "c 11 LIFE SELL 1@52 PENDING",
            "c 12 LIFE BUY 2@52.5 PENDING",
            "u 11 LIFE SELL 3@52 PENDING",
            "d 12 LIFE BUY 2@52.5 PENDING",
        ],
    ),
    (
        "a transaction that is rolled back",
        "BEGIN; INSERT INTO orders (id, symbol, side, quantity, price) VALUES (13, 'LIFE', 'BUY', 1, 1); ROLLBACK;",
        &[],
    ),
    ("delete", "DELETE FROM orders WHERE id = 11;", &["d 11 LIFE SELL 3@52 PENDING"]),
    (
        "another symbol: another message key",
        "UPDATE orders SET symbol = 'LIFE2' WHERE id = 10;",
        &["c 10 LIFE2 BUY 100@51 FILLED", "d 10 LIFE BUY 100@51 FILLED"],
    ),
    ("a column more", "ALTER TABLE orders ADD COLUMN note VARCHAR(40) NULL AFTER symbol;", &[]),
    (
        "insert with the new column",
        "INSERT INTO orders (id, symbol, note, side, quantity, price) VALUES (14, 'LIFE', 'new', 'BUY', 7, 53);",
        &["c 14 LIFE BUY 7@53 PENDING"],
    ),
    ("truncate", "TRUNCATE TABLE orders;", &[]),
    (
        "insert after it",
        "INSERT INTO orders (id, symbol, side, quantity, price) VALUES (15, 'LIFE', 'SELL', 8, 54);",
        &["c 15 LIFE SELL 8@54 PENDING"],
    ),
];

pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let pipeline = stage.pipeline("")?;
    let mut before = 0;
    for (what, sql, expected) in STEPS {
        stage.step(what);
        pipeline.sql(sql)?;
        let raws = pipeline.wait_for_raws(before + expected.len(), LIMIT)?;
        let mut found: Vec<String> = raws[before..].iter().map(described).collect();
        if found.iter().any(|event| event.contains("LIFE2")) {
            found.sort();
        }
        ensure!(found == expected, "{what}: expected {expected:#?}, but came {found:#?}");
        before += expected.len();
    }
    settle(&pipeline.lines, Duration::from_secs(2), LIMIT)?;
    let raws = pipeline.raws()?;
    ensure!(raws.len() == before, "more came later: {:?}", raws[before..].iter().map(described).collect::<Vec<_>>());
    accounted(&pipeline, before as u64)
}

fn described(raw: &Raw) -> String {
    let Raw { op, order_id, symbol, quantity, price, .. } = raw;
    let (side, status) = (raw.side.as_deref().unwrap_or("-"), raw.status.as_deref().unwrap_or("-"));
    format!("{op} {order_id} {symbol} {side} {quantity}@{price} {status}")
}

/// The snapshot's row and each event above are applied; three deletes wrote a tombstone each; the truncation is told, by
/// one record a partition or by one, and is ignored.
fn accounted(pipeline: &Pipeline<'_>, events: u64) -> Result<()> {
    until("the worker's accounting", LIMIT, || {
        let counts = pipeline.accounting()?;
        let count = |pointer: &str| counts.pointer(pointer).and_then(Value::as_u64).unwrap_or(u64::MAX);
        let well = count("/applied") == events + 1
            && count("/ignored/tombstone") == 3
            && (1..=3).contains(&count("/ignored/truncate"))
            && ["/duplicate", "/late", "/dead_letter"].iter().all(|kind| count(kind) == 0)
            && count("/consumed") == count("/applied") + count("/ignored/tombstone") + count("/ignored/truncate");
        Ok(if well { Look::Found(()) } else { Look::NotYet(format!("{counts}")) })
    })
}
