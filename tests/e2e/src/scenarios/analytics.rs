//! ClickHouse beside the pipeline: what SQL says there is what it says in MySQL, also when the server was killed under load;
//! a later `up` leaves it as it is; the doctor finds a table that forgot how to tell a repeated batch. What the dashboard asks
//! is asked by `cargo xtask analytics`.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::cents::cents;
use crate::clickhouse::{self, SERVICE};
use crate::pipeline::merge;
use crate::scenario::Stage;
use crate::stack::Stack;
use crate::stopwatch::{Stopwatch, human};
use crate::wait::{Look, until_slowly};

const LIMIT: Duration = Duration::from_mins(2);
/// Short windows: their sums are waited for.
const SETTINGS: &str = "agg.window_ms = 2000";
const BATCHES: i64 = 20;
/// A hundred orders of seven symbols, whose amounts have cents.
const ORDERS: &str = "INSERT INTO orders_db.orders (symbol, side, quantity, price)
    WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 99)
    SELECT CONCAT('SYM', i % 7), IF(i % 3, 'BUY', 'SELL'), 1 + i, 100.25 + i FROM n;";
/// Every third order changed, every tenth removed, some under another symbol.
const CHANGES: &str = "UPDATE orders_db.orders SET price = price + 0.5, status = 'FILLED' WHERE id % 3 = 0;
    UPDATE orders_db.orders SET symbol = 'MOVED' WHERE id % 13 = 0;
    DELETE FROM orders_db.orders WHERE id % 10 = 0;";

/// Symbol, orders, amount in cents.
type Sums = Vec<(String, i64, i128)>;

pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.own_stack()?;
    let config = configuration(&stack)?;
    let watch = Stopwatch::start();
    stack.up(&["--with", "analytics", "--worker-config", &config])?;
    stage.note("cold opsctl up --with analytics", human(watch.elapsed()));
    same(&stack, "the snapshot", CURRENT)?;

    stage.step("ClickHouse is killed under load");
    for batch in 0..BATCHES {
        stack.sql(ORDERS)?;
        match batch {
            5 => stack.act("kill", SERVICE)?,
            15 => stack.act("start", SERVICE)?,
            _ => {}
        }
    }
    let watch = Stopwatch::start();
    same(&stack, "orders as they stand", CURRENT)?;
    stage.note("the last of 2,000 orders in ClickHouse after", human(watch.elapsed()));
    // So far nothing was changed or removed: every order is one event, and in one window.
    same(&stack, "the windows' sums", WINDOWS)?;
    once(&stack)?;

    stack.sql(CHANGES)?;
    same(&stack, "orders as they stand after changes", CURRENT)?;
    once(&stack)?;

    stage.step("a later up leaves it as it is");
    let before = stack.container(SERVICE)?;
    let answer = stack.up(&["--worker-config", &config])?;
    ensure!(answer["changed"] == false, "opsctl says that it changed something: {answer}");
    let after = stack.container(SERVICE)?;
    ensure!((&before.id, &before.started_at) == (&after.id, &after.started_at), "ClickHouse was not left alone");
    no_secrets(&stack)?;
    examined(&stack)
}

fn configuration(stack: &Stack) -> Result<String> {
    let shipped = stack.places.root.join("compose/worker.toml");
    let text = fs::read_to_string(&shipped).with_context(|| format!("{} cannot be read", shipped.display()))?;
    let mut config: toml::Table = text.parse().context("compose/worker.toml")?;
    merge(&mut config, SETTINGS.parse()?);
    let file = stack.work().join("analytics.toml");
    fs::write(&file, config.to_string())?;
    Ok(file.display().to_string())
}

/// Orders as they stand, and the windows' last words.
const CURRENT: &str =
    "SELECT symbol, count(), toString(sum(amount)) FROM orders_current GROUP BY symbol ORDER BY symbol";
const WINDOWS: &str =
    "SELECT symbol, sum(orders), toString(sum(total)) FROM order_agg_latest GROUP BY symbol ORDER BY symbol";

/// Waits until both databases say the same.
fn same(stack: &Stack, what: &str, question: &str) -> Result<()> {
    // By bytes, as ClickHouse sorts.
    let theirs =
        "SELECT symbol, COUNT(*), SUM(price * quantity) FROM orders_db.orders GROUP BY symbol ORDER BY BINARY symbol";
    let theirs = sums(&stack.sql(theirs)?)?;
    until_slowly(&format!("{what}: SQL says in ClickHouse what it says in MySQL"), LIMIT, || {
        // Until the worker has made its tables, and while the server is away, there is no answer.
        let ours = match ask(stack, "GET", question) {
            Ok(rows) => sums(&rows)?,
            Err(error) => return Ok(Look::NotYet(format!("{error:#}"))),
        };
        Ok(if ours == theirs { Look::Found(()) } else { Look::NotYet(format!("{ours:?}, not {theirs:?}")) })
    })
}

fn sums(rows: &[Vec<String>]) -> Result<Sums> {
    rows.iter()
        .map(|row| {
            let [symbol, orders, amount] = &row[..] else { bail!("{} columns: {row:?}", row.len()) };
            Ok((symbol.clone(), orders.parse()?, cents(amount)?))
        })
        .collect()
}

/// Nothing is there twice, whether parts were merged or not.
fn once(stack: &Stack) -> Result<()> {
    for table in ["orders_raw", "order_agg_5m", "anomaly_alerts"] {
        let count = |last: &str| ask(stack, "GET", &format!("SELECT count() FROM {table}{last}"));
        let (all, replaced) = (count("")?, count(" FINAL")?);
        ensure!(all == replaced, "{table} has {all:?} rows, {replaced:?} of them different");
    }
    Ok(())
}

/// The database of the stack's own worker.
fn ask(stack: &Stack, method: &str, question: &str) -> Result<Vec<Vec<String>>> {
    clickhouse::ask(stack, "cdc", method, question)
}

/// In no container's environment, labels or arguments.
fn no_secrets(stack: &Stack) -> Result<()> {
    for file in ["clickhouse-password", "clickhouse-reader-password"] {
        let secret = fs::read_to_string(stack.secrets().join(file)).with_context(|| file.to_owned())?;
        for container in stack.containers()? {
            ensure!(!container.inspected.to_string().contains(secret.trim()), "{} tells {file}", container.name);
        }
    }
    Ok(())
}

/// The doctor finds nothing, then what was done to a table, and nothing again once its remedy was carried out.
fn examined(stack: &Stack) -> Result<()> {
    let remedy = "ALTER TABLE cdc.orders_raw MODIFY SETTING non_replicated_deduplication_window = 1000";
    ensure!(wrong(stack)?.is_empty(), "the doctor finds {:?}", wrong(stack)?);
    ask(stack, "POST", &remedy.replace("1000", "0"))?;
    let found = wrong(stack)?;
    ensure!(found == [("DOC-CLICKHOUSE-DEDUP".to_owned(), remedy.to_owned())], "the doctor finds {found:?}");
    ask(stack, "POST", remedy)?;
    ensure!(wrong(stack)?.is_empty(), "the doctor still finds {:?}", wrong(stack)?);
    Ok(())
}

/// Ids and remedies of what is wrong.
fn wrong(stack: &Stack) -> Result<Vec<(String, String)>> {
    let answer = stack.opsctl_answer(&["doctor", "--only", "analytics"], LIMIT)?;
    let findings = answer["findings"].as_array().with_context(|| format!("no findings: {answer}"))?;
    ensure!(!findings.is_empty(), "the doctor has not looked at ClickHouse: {answer}");
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
    let wrong = findings.iter().filter(|finding| finding["level"] != "ok");
    Ok(wrong.map(|finding| (text(finding, "id"), text(finding, "remedy"))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_write_the_same_amount() {
        let rows = |cells: [&str; 3]| vec![cells.map(str::to_owned).to_vec()];
        let (ours, theirs) = (sums(&rows(["A", "2", "144000000.5"])), sums(&rows(["A", "2", "144000000.50"])));
        assert_eq!(ours.expect("ClickHouse's"), theirs.expect("MySQL's"));
        assert!(sums(&[vec!["A".to_owned()]]).is_err());
    }
}
