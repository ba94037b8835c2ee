//! A pipeline of a scenario's own on a stack that others use too: own database, connector, topic, worker, group.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::http;
use crate::lines::Lines;
use crate::output::{Output, Raw};
use crate::stack::{Container, Stack, docker};
use crate::wait::{Look, until};

/// The row that is there before the connector: when it has come out, the snapshot is done and changes are read.
pub(crate) const FIRST_ORDER: i64 = 1;
/// Its symbol; no scenario uses it for anything else.
pub(crate) const FIRST_SYMBOL: &str = "SNAPSHOT";
/// From the connector's registration to a first line.
const START_LIMIT: Duration = Duration::from_secs(150);
const PAGE: u16 = 8081;
/// Lines of a log that are told where something did not come.
const LAST_LINES: usize = 30;

/// Everything from the table to the worker's lines, all named after the scenario.
#[derive(Debug)]
pub(crate) struct Pipeline<'a> {
    pub(crate) stack: &'a Stack,
    /// Database, connector, topic prefix, group.
    pub(crate) name: String,
    /// The service that the worker's container is labelled with.
    pub(crate) worker: String,
    /// The worker's stdout.
    pub(crate) lines: Lines,
}

impl<'a> Pipeline<'a> {
    /// Makes all of it and waits until a change would be read. `settings` are keys of the worker's configuration that
    /// replace those of `compose/worker.toml`, one `section.key = value` a line.
    pub(crate) fn start(stack: &'a Stack, scenario: &str, settings: &str) -> Result<Self> {
        let name = format!("e2e_{}", scenario.replace('-', "_"));
        let worker = format!("worker-{scenario}");
        make_table(stack, &name)?;
        stack.put_connector(&name, &connector_config(stack, &name)?)?;
        let lines = Lines::follow(&stack.project, &worker, &stack.logs())?;
        let pipeline = Self { stack, name, worker, lines };
        pipeline.start_worker(settings)?;
        pipeline.lines.wait_for("the snapshot's row", START_LIMIT, |line| {
            Ok(matches!(Output::parse(&line.text)?, Output::Raw(raw) if raw.order_id == FIRST_ORDER).then_some(()))
        })?;
        Ok(pipeline)
    }

    /// Starts its worker, or replaces it if these settings are others than before.
    pub(crate) fn start_worker(&self, settings: &str) -> Result<Value> {
        let file = self.stack.work().join(format!("{}.toml", self.worker));
        fs::write(&file, self.worker_config(settings)?).with_context(|| format!("{}", file.display()))?;
        let file = file.display().to_string();
        let arguments = ["worker", "start", "--name", &self.worker, "--worker-port", "0", "--worker-config", &file];
        self.stack.opsctl(&arguments, Duration::from_mins(2))
    }

    fn worker_config(&self, settings: &str) -> Result<String> {
        let shipped = self.stack.places.root.join("compose/worker.toml");
        let text = fs::read_to_string(&shipped).with_context(|| format!("{} cannot be read", shipped.display()))?;
        let mut config: toml::Table = text.parse().context("compose/worker.toml")?;
        let name = &self.name;
        let own = format!(
            "format = \"json\"\nsource.table = \"{name}.orders\"\nkafka.topic = \"{}\"\nkafka.group = \"{name}\"\n{settings}",
            self.topic()
        );
        merge(&mut config, own.parse().with_context(|| format!("settings of the worker: {own}"))?);
        Ok(config.to_string())
    }

    /// Where Debezium writes the table's changes.
    pub(crate) fn topic(&self) -> String {
        format!("{0}.{0}.orders", self.name)
    }

    /// SQL in this pipeline's database.
    pub(crate) fn sql(&self, statements: &str) -> Result<Vec<Vec<String>>> {
        self.stack.sql(&format!("USE {};\n{statements}", self.name))
    }

    /// What the worker has counted.
    pub(crate) fn accounting(&self) -> Result<Value> {
        self.page("/api/v1/accounting")?.json()
    }

    /// Asks the worker's page; with the token that `opsctl` made for it.
    pub(crate) fn page(&self, path: &str) -> Result<http::Answer> {
        let port = self.stack.container(&self.worker)?.published(PAGE).context("the worker's page has no port")?;
        let token = fs::read_to_string(self.stack.secrets().join("worker-token")).unwrap_or_default();
        let token = Some(token.trim()).filter(|token| !token.is_empty());
        http::ask("GET", port, path, token, None, Duration::from_secs(10))
    }

    /// Where it stands, for what did not come: what Kafka holds tells whether Connect or the worker stands still.
    pub(crate) fn whereabouts(&self) -> String {
        let told = |result: Result<String>| result.unwrap_or_else(|error| format!("{error:#}"));
        let status = self.stack.connect("GET", &format!("/connectors/{}/status", self.name), None);
        let last = |service: &str, wanted: fn(&str) -> bool| {
            let log = || -> Result<String> {
                let id = self.stack.container(service)?.id;
                let log = docker::run(&["logs", "--tail", "2000", &id], None, Duration::from_mins(1))?;
                // A worker's results are its stdout.
                let said = if service == self.worker { log.stderr } else { log.stdout + &log.stderr };
                let mut last: Vec<&str> = said.lines().filter(|line| wanted(line)).rev().take(LAST_LINES).collect();
                last.reverse();
                Ok(last.join("\n  "))
            };
            told(log())
        };
        format!(
            "lines read: {}, RAW among them: {}\nthe topic's records: {}\nthe connector: {}\nthe worker: {}\n\
             the worker's last lines:\n  {}\nConnect's last complaints:\n  {}\nConnect's last lines:\n  {}",
            self.lines.mark(),
            told(self.raws().map(|raws| raws.len().to_string())),
            told(self.stack.records(&self.topic()).map(|records| records.to_string())),
            told(status.map(|answer| answer.body)),
            told(self.accounting().map(|count| count.to_string())),
            last(&self.worker, |_| true),
            last("kafka-connect", |line| line.contains(" WARN ") || line.contains(" ERROR ")),
            last("kafka-connect", |_| true),
        )
    }

    /// `kill -9` to the worker's process: `docker kill` would be a stop that Docker does not mend. Gives the container as it
    /// was.
    pub(crate) fn kill_worker(&self) -> Result<Container> {
        let container = self.stack.container(&self.worker)?;
        let pid = container.inspected.pointer("/State/Pid").and_then(Value::as_i64).unwrap_or_default();
        ensure!(pid > 1, "{} has no process to kill", container.name);
        let killed = Command::new("kill").args(["-9", &pid.to_string()]).status().context("kill")?;
        ensure!(killed.success(), "process {pid} of {} could not be killed", container.name);
        Ok(container)
    }

    /// The process dies, and runs again: Docker's growing pause before it starts a container again is not waited for.
    pub(crate) fn kill_and_start_worker(&self, limit: Duration) -> Result<()> {
        let killed = self.kill_worker()?;
        until("the worker is gone", limit, || {
            let now = self.stack.container(&self.worker)?;
            let gone = !now.runs() || now.started_at != killed.started_at;
            Ok(if gone { Look::Found(()) } else { Look::NotYet(now.state) })
        })?;
        self.stack.act("restart", &self.worker)?;
        self.worker_runs_again(&killed, limit)
    }

    /// Waits until the worker runs, started later than it was then.
    pub(crate) fn worker_runs_again(&self, then: &Container, limit: Duration) -> Result<()> {
        until("the worker runs again", limit, || {
            let now = self.stack.container(&self.worker)?;
            let again = now.runs() && now.started_at != then.started_at;
            Ok(if again { Look::Found(()) } else { Look::NotYet(now.state) })
        })
    }

    /// Waits for the RAW line of the first event that this holds for.
    pub(crate) fn wait_for_raw(&self, what: &str, limit: Duration, is_it: impl Fn(&Raw) -> bool) -> Result<(i64, Raw)> {
        self.lines.wait_for(what, limit, |line| {
            Ok(match Output::parse(&line.text)? {
                Output::Raw(raw) if is_it(&raw) => Some((line.at_ms, raw)),
                _ => None,
            })
        })
    }

    /// The RAW lines so far without the snapshot's; a repeated line (its id was there before) is left out.
    pub(crate) fn raws(&self) -> Result<Vec<Raw>> {
        let mut raws: Vec<Raw> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for (_, output) in self.lines.outputs()? {
            match output {
                Output::Raw(raw) if raw.symbol != FIRST_SYMBOL && seen.insert(raw.id.clone()) => raws.push(raw),
                Output::DeadLetter { reason } => bail!("a dead letter: {reason}"),
                _ => {}
            }
        }
        Ok(raws)
    }

    /// Waits until there are so many RAW lines (without the snapshot's), and hands them back.
    pub(crate) fn wait_for_raws(&self, count: usize, limit: Duration) -> Result<Vec<Raw>> {
        until(&format!("{count} RAW lines from {}", self.worker), limit, || {
            let raws = self.raws()?;
            Ok(if raws.len() >= count { Look::Found(raws) } else { Look::NotYet(format!("{} so far", raws.len())) })
        })
    }
}

impl Drop for Pipeline<'_> {
    /// Makes room for the next scenario. What cannot be removed goes with the stack.
    fn drop(&mut self) {
        if self.stack.keep {
            return;
        }
        crate::signals::undisturbed(|| {
            let _ = self.stack.save_logs();
            let _ = self
                .stack
                .opsctl(&["worker", "stop", "--name", &self.worker, "--no-savepoint"], Duration::from_mins(1));
            let _ = self.stack.delete_connector(&self.name);
        });
    }
}

fn make_table(stack: &Stack, name: &str) -> Result<()> {
    let user = stack.sql("SELECT user FROM mysql.user WHERE user = 'debezium'")?;
    if user.is_empty() {
        bail!("MySQL has no user debezium: compose/mysql/initdb.d should have made it");
    }
    stack.sql(&format!(
        "CREATE DATABASE {name}; GRANT SELECT ON {name}.* TO debezium@'%';
         CREATE TABLE {name}.orders LIKE orders_db.orders;
         INSERT INTO {name}.orders (id, symbol, side, quantity, price) VALUES ({FIRST_ORDER}, '{FIRST_SYMBOL}', 'BUY', 1, 1);"
    ))?;
    Ok(())
}

/// The shipped connector for another database: the same settings, so that these are what is tested.
fn connector_config(stack: &Stack, name: &str) -> Result<Value> {
    let path = stack.places.root.join("connectors/orders.json");
    let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let shipped = serde_json::from_str::<Value>(&text).context("connectors/orders.json")?["config"].take();
    for_database(shipped, name).context("connectors/orders.json")
}

fn for_database(mut config: Value, name: &str) -> Result<Value> {
    let settings = config.as_object_mut().context("config is no object")?;
    for value in settings.values_mut() {
        if let Some(text) = value.as_str() {
            *value = json!(text.replace("cdc\\.orders_db", &format!("{name}\\.orders_db")).replace("orders_db", name));
        }
    }
    let server_id = 190_000 + name.bytes().fold(0, |sum: u32, byte| (sum * 31 + u32::from(byte)) % 100_000);
    for (key, value) in [("topic.prefix", name.to_owned()), ("database.server.id", server_id.to_string())] {
        // A key that is not there would be a setting that nobody ships.
        *settings.get_mut(key).with_context(|| format!("{key} is missing"))? = json!(value);
    }
    Ok(config)
}

/// Lays one table over another, section by section.
pub(crate) fn merge(under: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(toml::Value::Table(under)), toml::Value::Table(over)) => merge(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connector_is_the_shipped_one_for_another_database() {
        let shipped = json!({
            "topic.prefix": "cdc", "database.server.id": "1", "message.key.columns": "orders_db.orders:symbol",
            "topic.creation.orders.include": "cdc\\.orders_db\\.orders",
        });
        let config = for_database(shipped, "e2e_a").expect("a configuration");
        assert_eq!(config["topic.prefix"], "e2e_a");
        assert_eq!(config["message.key.columns"], "e2e_a.orders:symbol");
        assert_eq!(config["topic.creation.orders.include"], "e2e_a\\.e2e_a\\.orders");
        assert!(for_database(json!({"topic.prefix": "cdc"}), "a").is_err(), "no server id");
    }

    #[test]
    fn settings_are_laid_over_what_is_shipped() {
        let mut config: toml::Table =
            "format = \"text\"\n[agg]\nwindow_ms = 300000\nops = [\"c\"]".parse().expect("TOML");
        merge(&mut config, "format = \"json\"\nagg.window_ms = 2000\nkafka.group = \"g\"".parse().expect("TOML"));
        let expected: toml::Table =
            "format = \"json\"\nagg = { window_ms = 2000, ops = [\"c\"] }\nkafka = { group = \"g\" }"
                .parse()
                .expect("TOML");
        assert_eq!(config, expected);
    }
}
