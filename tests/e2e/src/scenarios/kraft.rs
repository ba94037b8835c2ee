//! The same stack without ZooKeeper: from nothing to an alert, and it stays what it is.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::lines::Lines;
use crate::scenario::Stage;
use crate::stopwatch::{Stopwatch, human};

const LIMIT: Duration = Duration::from_mins(2);
/// `CDC_CLUSTER_ID` in `compose/kraft.yaml`.
const CLUSTER: &str = "Y2RjLXBpcGVsaW5lLWNkYw";
const ALERT: &str = "ALERT[LARGE_ORDER] 005930 orderId=5: 대량 주문 감지: 501주 (임계값: 500) at ";

pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.own_stack()?;
    let watch = Stopwatch::start();
    stage.step("opsctl up --kraft");
    stack.up(&["--kraft"])?;
    stage.note("cold opsctl up --kraft", human(watch.elapsed()));
    let lines = Lines::follow(&stack.project, "worker", &stack.logs())?;
    for order in [1, 3, 4] {
        let is_it = format!("op=r, orderId={order},");
        lines.wait_for(&is_it, LIMIT, |line| Ok(line.text.contains(&is_it).then_some(())))?;
    }
    stack.sql("INSERT INTO orders_db.orders (symbol, side, quantity, price) VALUES ('005930', 'BUY', 501, 72000);")?;
    lines.wait_for("the alert", LIMIT, |line| Ok(line.text.contains(ALERT).then_some(())))?;

    // Asked for without the flag it must not become another cluster, with ZooKeeper and without the data.
    stack.up(&[])?;
    let services: Vec<String> = stack.containers()?.into_iter().map(|container| container.service).collect();
    ensure!(!services.iter().any(|service| service == "zookeeper"), "there is a ZooKeeper: {services:?}");
    for broker in ["kafka-1", "kafka-2", "kafka-3"] {
        ensure!(services.iter().any(|service| service == broker), "no {broker}: {services:?}");
    }
    ensure!(stack.cluster_id()? == CLUSTER, "another cluster: {}", stack.cluster_id()?);
    Ok(())
}
