//! Prometheus beside the pipeline: every panel's query has an answer, the rules are quiet while all is well, and speak when
//! a connector's task has failed and the worker is gone. Grafana itself needs an image that is made nowhere here; what its panels ask is what is asked.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::http;
use crate::scenario::Stage;
use crate::stack::Stack;
use crate::stopwatch::{Stopwatch, human};
use crate::wait::{Look, until_slowly};

/// Rates are over a minute, a checkpoint is made once a minute.
const LIMIT: Duration = Duration::from_mins(4);
const PROFILE: [&str; 2] = ["--profile", "observability"];
/// The connector that `opsctl up` registers.
const CONNECTOR: &str = "orders";
/// What fires once the connector's task has failed and the worker is gone.
const EXPECTED: [&str; 2] = ["ConnectorTaskFailed", "WorkerDown"];

pub(crate) fn run(stage: &mut Stage<'_>) -> Result<()> {
    let stack = stage.stack()?;
    let queries = queries(&stack.places.root.join("compose/observability/grafana/dashboards"))?;
    ensure!(queries.len() > 25, "the dashboards ask for {} things only", queries.len());
    with_prometheus(stack, || {
        every_panel(stage, stack, &queries)?;
        rules_are_quiet(stage, stack)?;
        let watch = Stopwatch::start();
        let seen = broken(stack, || {
            until_slowly("alerts on a task that has failed and on a worker that is gone", LIMIT, || {
                let firing = alerts(stack, "firing")?;
                let all = EXPECTED.iter().all(|name| firing.iter().any(|other| other == name));
                Ok(if all { Look::Found(()) } else { Look::NotYet(firing.join(", ")) })
            })
        });
        seen?;
        stage.note(&format!("{} fire after", EXPECTED.join(" and ")), human(watch.elapsed()));
        until_slowly("an end of the alerts", LIMIT, || {
            let firing = alerts(stack, "firing")?;
            Ok(if firing.is_empty() { Look::Found(()) } else { Look::NotYet(firing.join(", ")) })
        })
    })
}

/// While the worker is stopped and MySQL refuses Debezium.
fn broken(stack: &Stack, run: impl FnOnce() -> Result<()>) -> Result<()> {
    let restart = || stack.connect("POST", &format!("/connectors/{CONNECTOR}/restart?includeTasks=true"), None);
    stack.act("stop", "worker")?;
    stack.sql("ALTER USER 'debezium'@'%' ACCOUNT LOCK")?;
    let ran = restart().and_then(|_| run());
    stack.sql("ALTER USER 'debezium'@'%' ACCOUNT UNLOCK")?;
    stack.act("start", "worker")?;
    restart()?;
    ran.and(stack.wait_for_connector(CONNECTOR))
}

/// Its container is there for this only, and Connect's exporter: the stack is left as it was.
fn with_prometheus(stack: &Stack, run: impl FnOnce() -> Result<()>) -> Result<()> {
    let limit = Duration::from_mins(2);
    let up = [&PROFILE[..], &["up", "--detach", "--no-deps", "prometheus", "kafka-connect"]].concat();
    stack.compose_with(&[("CDC_JMX_EXPORTER", "true")], &up, limit)?;
    let ran =
        stack.wait_for_connector(CONNECTOR).and_then(|()| run()).map_err(|error| error.context(last_lines(stack)));
    let removed = stack.compose(&[&PROFILE[..], &["rm", "--stop", "--force", "prometheus"]].concat(), limit);
    let connect = stack.compose(&["up", "--detach", "--no-deps", "kafka-connect"], limit);
    ran.and(removed).and(connect)?;
    stack.wait_for_connector(CONNECTOR)
}

fn last_lines(stack: &Stack) -> String {
    let log = stack.compose(&[&PROFILE[..], &["logs", "--tail", "20", "prometheus"]].concat(), LIMIT);
    log.unwrap_or_else(|error| format!("{error:#}"))
}

/// Orders come in all the while, so that there is something to see; each query is asked until it has a number.
fn every_panel(stage: &mut Stage<'_>, stack: &Stack, queries: &[(String, String)]) -> Result<()> {
    let watch = Stopwatch::start();
    let mut open: Vec<&(String, String)> = queries.iter().collect();
    until_slowly("a number for every panel", LIMIT, || {
        stack.sql(ORDER)?;
        let mut still = Vec::new();
        for query in open.drain(..) {
            if !has_number(&ask(stack, "query", &query.1).unwrap_or_default()) {
                still.push(query);
            }
        }
        open = still;
        let missing: Vec<_> = open.iter().map(|(panel, query)| format!("{panel}: {query}")).collect();
        Ok(if missing.is_empty() { Look::Found(()) } else { Look::NotYet(missing.join("\n")) })
    })?;
    stage.note("panels' queries answered", format_args!("{} in {}", queries.len(), human(watch.elapsed())));
    Ok(())
}

const ORDER: &str = "INSERT INTO orders_db.orders (symbol, side, quantity, price) VALUES ('PANEL', 'BUY', 1, 1);
                     DELETE FROM orders_db.orders WHERE symbol = 'PANEL';";

fn rules_are_quiet(stage: &mut Stage<'_>, stack: &Stack) -> Result<()> {
    let answer = get(stack, "/api/v1/rules")?;
    let groups = answer.pointer("/data/groups").and_then(Value::as_array).context("no groups of rules")?;
    let rules: Vec<&Value> = groups.iter().filter_map(|group| group["rules"].as_array()).flatten().collect();
    ensure!(!rules.is_empty(), "Prometheus has read no rules");
    for rule in &rules {
        ensure!(rule["health"] == "ok", "a rule that cannot be worked out: {rule}");
        ensure!(rule["state"] != "firing", "an alert although all is well: {rule}");
    }
    stage.note("rules, none of them firing", rules.len());
    Ok(())
}

/// The names of the alerts in this state.
fn alerts(stack: &Stack, state: &str) -> Result<Vec<String>> {
    let answer = get(stack, "/api/v1/alerts")?;
    let alerts = answer.pointer("/data/alerts").and_then(Value::as_array).context("no list of alerts")?;
    let name = |alert: &Value| alert.pointer("/labels/alertname").and_then(Value::as_str).map(str::to_owned);
    Ok(alerts.iter().filter(|alert| alert["state"] == state).filter_map(name).collect())
}

fn ask(stack: &Stack, what: &str, query: &str) -> Result<Value> {
    get(stack, &format!("/api/v1/{what}?query={}", utf8_percent_encode(query, NON_ALPHANUMERIC)))
}

fn get(stack: &Stack, path: &str) -> Result<Value> {
    http::ask("GET", stack.prometheus(), path, None, None, Duration::from_secs(10))?.json()
}

/// Whether an instant query's answer (Prometheus, "HTTP API") has at least one sample that is a number.
fn has_number(answer: &Value) -> bool {
    let samples = answer.pointer("/data/result").and_then(Value::as_array);
    let number = |sample: &Value| {
        let text = sample.pointer("/value/1").and_then(Value::as_str);
        text.and_then(|text| text.parse::<f64>().ok()).is_some_and(f64::is_finite)
    };
    samples.is_some_and(|samples| samples.iter().any(number))
}

/// Panel and query of every dashboard.
fn queries(folder: &Path) -> Result<Vec<(String, String)>> {
    let mut queries = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{}", folder.display()))? {
        let path = entry?.path();
        let text = fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
        let dashboard: Value = serde_json::from_str(&text).with_context(|| format!("{}", path.display()))?;
        for panel in dashboard["panels"].as_array().context("a dashboard without panels")? {
            let title = panel["title"].as_str().unwrap_or("-");
            let targets = panel["targets"].as_array().cloned().unwrap_or_default();
            ensure!(!targets.is_empty(), "{}: panel {title} asks for nothing", path.display());
            for target in targets {
                let query = target["expr"].as_str().with_context(|| format!("panel {title} has no query"))?;
                queries.push((title.to_owned(), query.to_owned()));
            }
        }
    }
    Ok(queries)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_query_without_a_number_is_told_from_one_that_has_one() {
        let of = |values: &[&str]| {
            let result: Vec<_> = values.iter().map(|value| json!({"metric": {}, "value": [1, value]})).collect();
            json!({"status": "success", "data": {"resultType": "vector", "result": result}})
        };
        assert!(has_number(&of(&["NaN", "0"])) && has_number(&of(&["1.5e3"])));
        assert!(!has_number(&of(&[])) && !has_number(&of(&["NaN", "+Inf"])) && !has_number(&Value::Null));
    }

    #[test]
    fn every_panel_of_the_dashboards_is_found() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let queries = queries(&root.join("compose/observability/grafana/dashboards")).expect("dashboards");
        assert!(queries.iter().any(|(title, query)| title == "Lag" && query.contains("cdc_worker_partition_lag")));
    }
}
