//! `opsctl down`, then `opsctl up`: the same cluster with the same data, and nothing that was written meanwhile is lost.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::lines::settle;
use crate::output::Raw;
use crate::scenario::Stage;
use crate::stack::Container;
use crate::stopwatch::{Stopwatch, human};

const LIMIT: Duration = Duration::from_mins(3);
/// Written just before `down`, and again after `up`.
const ROWS: i64 = 300;

pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    let pipeline = stage.pipeline("")?;
    let (cluster, order_rows) = (stack.cluster_id()?, stack.number("SELECT COUNT(*) FROM orders_db.orders")?);
    ensure!(!cluster.is_empty(), "Connect does not say which cluster it works with");
    pipeline.sql(&inserts(100))?;
    // Some of it is still on its way.
    pipeline.wait_for_raw("a first line", LIMIT, |raw| raw.order_id >= 100)?;

    let watch = Stopwatch::start();
    let savepoint = savepoint_of(&stack.down()?, &pipeline.worker)?;
    stage.note("opsctl down", human(watch.elapsed()));
    let left: Vec<_> = stack.containers()?.into_iter().filter(Container::runs).collect();
    ensure!(left.is_empty(), "still runs after opsctl down: {:?}", left.iter().map(|c| &c.name).collect::<Vec<_>>());

    let watch = Stopwatch::start();
    stack.up(&[])?;
    stage.note("opsctl up on the data of before", human(watch.elapsed()));
    ensure!(stack.cluster_id()? == cluster, "another cluster: {}, before {cluster}", stack.cluster_id()?);
    let rows = stack.number("SELECT COUNT(*) FROM orders_db.orders")?;
    ensure!(rows == order_rows, "MySQL has {rows} orders, before {order_rows}");

    // The connector is Connect's, kept in its topic; the worker beside the stack's own is ours to start again.
    stack.wait_for_connector(&pipeline.name)?;
    pipeline.start_worker("")?;
    let kept = stack.opsctl(&["savepoint", "list", "--name", &pipeline.worker], LIMIT)?;
    ensure!(
        kept["savepoints"].to_string().contains(&savepoint),
        "opsctl down's savepoint {savepoint} is not there: {kept}"
    );
    pipeline.sql(&inserts(100_000))?;
    let count = 2 * usize::try_from(ROWS)?;
    pipeline.wait_for_raws(count, LIMIT)?;
    settle(&pipeline.lines, Duration::from_secs(2), LIMIT)?;
    each_once(&pipeline.raws()?, &(100..100 + ROWS).chain(100_000..100_000 + ROWS).collect())
}

/// What `opsctl down` says to have kept of a worker.
fn savepoint_of(answer: &Value, worker: &str) -> Result<String> {
    let steps = answer["steps"].as_array().cloned().unwrap_or_default();
    let stopped = steps.iter().find(|step| step["title"] == format!("{worker} is stopped"));
    let detail = stopped.and_then(|step| step["detail"].as_str());
    let name = detail.and_then(|detail| detail.strip_prefix("savepoint "));
    Ok(name.with_context(|| format!("no savepoint of {worker}: {answer}"))?.to_owned())
}

/// One statement a row: each a transaction of its own, so that `down` comes between two of them.
fn inserts(first: i64) -> String {
    let insert = |id| {
        format!(
            "INSERT INTO orders (id, symbol, side, quantity, price) VALUES ({id}, 'S{}', 'BUY', 1, 10.5);\n",
            id % 7
        )
    };
    (first..first + ROWS).map(insert).collect()
}

/// Every order came out, as one event. (A line that is written again has the id that it had, and counts once.)
fn each_once(raws: &[Raw], expected: &BTreeSet<i64>) -> Result<()> {
    let found: BTreeSet<i64> = raws.iter().map(|raw| raw.order_id).collect();
    let lost: Vec<_> = expected.difference(&found).collect();
    ensure!(lost.is_empty(), "lost: orders {lost:?}");
    ensure!(raws.len() == expected.len(), "{} events of {} orders", raws.len(), expected.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raws(orders: &[i64]) -> Vec<Raw> {
        let raw = |(index, order_id): (usize, &i64)| Raw {
            id: index.to_string(),
            op: "c".into(),
            order_id: *order_id,
            symbol: "S".into(),
            side: None,
            quantity: 1,
            price: "1".into(),
            amount: "1".into(),
            status: None,
            event_time: String::new(),
        };
        orders.iter().enumerate().map(raw).collect()
    }

    #[test]
    fn lost_and_doubled_orders_are_found() {
        let expected = BTreeSet::from([1, 2, 3]);
        assert!(each_once(&raws(&[3, 1, 2]), &expected).is_ok());
        assert_eq!(each_once(&raws(&[1, 3]), &expected).expect_err("lost").to_string(), "lost: orders [2]");
        assert!(each_once(&raws(&[1, 2, 2, 3]), &expected).is_err());
    }
}
