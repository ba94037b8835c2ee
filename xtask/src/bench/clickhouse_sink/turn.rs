//! One turn, as `benches/rows` tells it, and whether the tables hold what they must.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::bench::hundredths;

/// What a turn came to.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    /// Of all tables.
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) seconds: f64,
    pub(super) cpu_seconds: f64,
    /// By how much the process grew, where that was looked at.
    pub(super) growth_bytes: Option<u64>,
    /// What waited for the sink at most.
    pub(super) waiting_bytes: Option<u64>,
    /// What the engine said of its tables; null where there was none.
    tables: Value,
}

impl Turn {
    /// Reads the program's answer.
    pub(super) fn read(text: &str) -> Result<Self> {
        let mut answer: Value = serde_json::from_str(text).context("no JSON")?;
        let number = |name: &str| answer[name].as_f64().with_context(|| format!("no {name}"));
        Ok(Self {
            rows: number("rows")? as u64,
            bytes: number("bytes")? as u64,
            seconds: number("seconds")?,
            cpu_seconds: number("cpu_seconds")?,
            growth_bytes: answer["memory_growth_bytes"].as_u64(),
            waiting_bytes: answer["waiting_bytes"].as_u64(),
            tables: answer["tables"].take(),
        })
    }

    /// An error unless every row is in the tables once, a row in `orders_raw` for each order event, and their amounts add
    /// up. `amount` is in hundredths.
    pub(super) fn must_be_right(&self, events: u64, amount: i128) -> Result<()> {
        let Some(tables) = self.tables.as_object() else { return Ok(()) };
        let mut all = 0;
        for (table, answer) in tables.iter().filter(|(name, _)| *name != "amount") {
            let (rows, ids) = counts(answer).with_context(|| format!("{table}: {answer}"))?;
            ensure!(rows == ids, "{table} has {rows} rows and {ids} ids");
            all += rows;
        }
        let raw = tables.get("orders_raw").and_then(counts).map(|(rows, _)| rows);
        if raw != Some(events) || all != self.rows {
            bail!("{events} order events and {} rows were written; the tables hold {tables:?}", self.rows);
        }
        let found = tables.get("amount").and_then(|text| hundredths(text.as_str()?));
        ensure!(
            found == Some(amount),
            "amounts add up to {amount} hundredths; the table says {:?}",
            tables.get("amount")
        );
        Ok(())
    }
}

/// Rows and different ids.
fn counts(answer: &Value) -> Option<(u64, u64)> {
    let (rows, ids) = answer.as_str()?.split_once('\t')?;
    Some((rows.parse().ok()?, ids.parse().ok()?))
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub(in crate::bench::clickhouse_sink) fn turn(seconds: f64, growth_bytes: Option<u64>, tables: &Value) -> Turn {
        let answer = json!({"rows": 1_000, "bytes": 250_000, "seconds": seconds, "cpu_seconds": 0.001,
            "memory_growth_bytes": growth_bytes, "waiting_bytes": growth_bytes, "tables": tables});
        Turn::read(&answer.to_string()).expect("an answer")
    }

    fn tables(raw: &str, agg: &str, amount: &str) -> Value {
        json!({"orders_raw": raw, "order_agg_5m": agg, "amount": amount})
    }

    // 900 events and 100 windows; 12.50 won.
    #[test]
    fn a_row_too_few_or_twice_or_another_amount_is_told() {
        let check = |tables: Value| turn(1.0, None, &tables).must_be_right(900, 1_250);
        check(tables("900\t900", "100\t100", "12.5")).expect("right");
        check(Value::Null).expect("no engine took part");
        for (tables, words) in [
            (tables("900\t900", "100\t99", "12.5"), "order_agg_5m has 100 rows and 99 ids"),
            (tables("899\t899", "101\t101", "12.5"), "900 order events and 1000 rows were written"),
            (tables("900\t900", "99\t99", "12.5"), "900 order events and 1000 rows were written"),
            (tables("900\t900", "100\t100", "12.51"), "amounts add up to 1250 hundredths"),
            (tables("", "100\t100", "12.5"), "orders_raw: \"\""),
        ] {
            let error = format!("{:#}", check(tables).expect_err("wrong"));
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn an_answer_that_is_none_is_refused() {
        assert!(Turn::read("thread 'main' panicked").is_err());
        assert!(Turn::read("{\"rows\": 1}").is_err());
    }
}
