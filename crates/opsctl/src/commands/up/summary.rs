//! What to open and what to try, once everything is up.

use serde::Serialize;

use crate::commands::Answer;
use crate::commands::session::{CLICKHOUSE, CLICKHOUSE_PORT, CONNECT, CONNECT_PORT, bootstrap};
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
    prometheus: Option<String>,
    grafana: Option<String>,
    clickhouse: Option<String>,
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
        prometheus: on("prometheus", 9090).map(page),
        grafana: on("grafana", 3000).map(page),
        clickhouse: on(CLICKHOUSE, CLICKHOUSE_PORT).map(page),
        worker: on("worker", PAGE_PORT).map(page),
    };
    let mysql = of("mysql").map_or("", |container| container.name.as_str());
    let seconds = up.session.steps.elapsed().as_secs_f64();
    let text = if up.session.common.quiet {
        String::new()
    } else {
        text(&addresses, &up.session.stack.project, mysql, seconds)
    };
    Ok(Answer::done(text).field("addresses", addresses))
}

fn text(addresses: &Addresses, project: &str, mysql: &str, seconds: f64) -> String {
    let again = if project == "cdc-pipeline" { "opsctl".to_owned() } else { format!("opsctl -p {project}") };
    let mut lines = vec![format!("The pipeline is up ({seconds:.1} s)."), String::new()];
    let mut row = |name: &str, address: &Option<String>| {
        lines.extend(address.as_ref().map(|address| format!("  {name:<10} {address}")));
    };
    row("worker", &addresses.worker);
    row("Connect", &addresses.connect);
    row("Kafka", &Some(addresses.kafka.clone()));
    row("Kafka UI", &addresses.kafka_ui);
    row("MySQL", &addresses.mysql);
    row("Prometheus", &addresses.prometheus);
    row("Grafana", &addresses.grafana);
    row("ClickHouse", &addresses.clickhouse);
    lines.push(String::new());
    lines.push("Try:".to_owned());
    lines.push(format!("  {again} worker logs -f"));
    lines.push(format!("  {again} status"));
    lines.push(format!(
        "  docker exec {mysql} sh -c 'MYSQL_PWD=$(cat /run/secrets/mysql-root-password) mysql -uroot orders_db -e \"{INSERT}\"'"
    ));
    lines.join("\n")
}

/// An order that raises LARGE_ORDER.
const INSERT: &str =
    "INSERT INTO orders (symbol, side, quantity, price) VALUES (\\\"005930\\\", \\\"BUY\\\", 1000, 72000)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_up_says_where_it_is_and_what_to_try() {
        let page = |port: u16| Some(format!("http://127.0.0.1:{port}"));
        let addresses = Addresses {
            kafka: "127.0.0.1:9092,127.0.0.1:9093,127.0.0.1:9094".to_owned(),
            connect: page(8083),
            mysql: Some("127.0.0.1:3306".to_owned()),
            kafka_ui: None,
            prometheus: None,
            grafana: None,
            clickhouse: page(8123),
            worker: page(8081),
        };
        let agreed = "\
The pipeline is up (41.3 s).

  worker     http://127.0.0.1:8081
  Connect    http://127.0.0.1:8083
  Kafka      127.0.0.1:9092,127.0.0.1:9093,127.0.0.1:9094
  MySQL      127.0.0.1:3306
  ClickHouse http://127.0.0.1:8123

Try:
  opsctl worker logs -f
  opsctl status
  docker exec cdc-pipeline-mysql-1 sh -c 'MYSQL_PWD=$(cat /run/secrets/mysql-root-password) mysql -uroot orders_db -e \"INSERT INTO orders (symbol, side, quantity, price) VALUES (\\\"005930\\\", \\\"BUY\\\", 1000, 72000)\"'";
        assert_eq!(text(&addresses, "cdc-pipeline", "cdc-pipeline-mysql-1", 41.27), agreed);
        let other = text(&addresses, "second", "second-mysql-1", 5.0);
        assert!(other.contains("\n  opsctl -p second worker logs -f\n"), "{other}");
    }
}
