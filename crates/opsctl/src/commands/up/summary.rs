//! What to open and what to try, once everything is up.

use serde::Serialize;

use crate::commands::Answer;
use crate::commands::session::{CONNECT, CONNECT_PORT, bootstrap};
use crate::commands::up::Up;
use crate::commands::worker::PAGE_PORT;
use crate::failure::Result;

/// Where everything is, from this host.
#[derive(Clone, Debug, Serialize)]
struct Addresses {
    kafka: String,
    connect: Option<String>,
    mysql: Option<String>,
    kafka_ui: Option<String>,
    worker: Option<String>,
}

/// The closing answer.
pub(super) async fn answer(up: &Up<'_>) -> Result<Answer> {
    let containers = up.docker.containers().await?;
    let of = |service: &str| containers.iter().find(|container| container.service == service);
    let on = |service: &str, inside: u16| of(service).and_then(|container| container.published(inside));
    let page = |port: u16| format!("http://127.0.0.1:{port}");
    let addresses = Addresses {
        kafka: bootstrap(&containers).join(","),
        connect: on(CONNECT, CONNECT_PORT).map(page),
        mysql: on("mysql", 3306).map(|port| format!("127.0.0.1:{port}")),
        kafka_ui: on("kafka-ui", 8080).map(page),
        worker: on("worker", PAGE_PORT).map(page),
    };
    let mysql = of("mysql").map_or("", |container| container.name.as_str());
    let project = &up.session.stack.project;
    let again = if project == "cdc-pipeline" { "opsctl".to_owned() } else { format!("opsctl -p {project}") };
    let mut lines =
        vec![format!("The pipeline is up ({:.1} s).", up.session.steps.elapsed().as_secs_f64()), String::new()];
    let mut row = |name: &str, address: &Option<String>| {
        lines.extend(address.as_ref().map(|address| format!("  {name:<10} {address}")));
    };
    row("worker", &addresses.worker);
    row("Connect", &addresses.connect);
    row("Kafka", &Some(addresses.kafka.clone()));
    row("Kafka UI", &addresses.kafka_ui);
    row("MySQL", &addresses.mysql);
    lines.push(String::new());
    lines.push("Try:".to_owned());
    lines.push(format!("  {again} worker logs -f"));
    lines.push(format!("  {again} status"));
    lines.push(format!(
        "  docker exec {mysql} sh -c 'MYSQL_PWD=$(cat /run/secrets/mysql-root-password) mysql -uroot orders_db -e \"{INSERT}\"'"
    ));
    let text = if up.session.common.quiet { String::new() } else { lines.join("\n") };
    Ok(Answer::done(text).field("addresses", addresses))
}

/// An order that raises LARGE_ORDER.
const INSERT: &str =
    "INSERT INTO orders (symbol, side, quantity, price) VALUES (\\\"005930\\\", \\\"BUY\\\", 1000, 72000)";
