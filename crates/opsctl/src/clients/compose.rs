//! Docker Compose, by its command line: it alone knows what its files mean.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::checks::explain;
use crate::failure::{Failure, Result};
use crate::stack::{Stack, Variant};

/// The first that knows `!reset` with merged maps, which kraft.yaml uses.
const WANTED: [u32; 3] = [2, 24, 4];
/// What is kept of its output for an error.
const LAST_LINES: usize = 12;

/// Compose for one stack in one variant.
#[derive(Clone, Debug)]
pub(crate) struct Compose<'a> {
    stack: &'a Stack,
    variant: Variant,
}

/// Compose's files, read and laid over each other.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Config {
    #[serde(default)]
    pub(crate) services: BTreeMap<String, Service>,
}

/// A service, as far as `opsctl` looks at it.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Service {
    #[serde(default)]
    pub(crate) image: String,
    #[serde(default)]
    pub(crate) ports: Vec<Port>,
    /// Bytes, written as text.
    #[serde(default)]
    mem_limit: Value,
    #[serde(default)]
    healthcheck: Value,
    #[serde(default)]
    depends_on: Value,
    #[serde(default)]
    volumes: Value,
    #[serde(default)]
    environment: Value,
}

/// A published port.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Port {
    #[serde(default)]
    published: String,
}

impl Service {
    /// Its ports on the host.
    pub(crate) fn published(&self) -> impl Iterator<Item = u16> {
        self.ports.iter().filter_map(|port| port.published.parse().ok())
    }

    /// Its memory limit; 0 if it has none.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.mem_limit.as_u64().or_else(|| self.mem_limit.as_str()?.parse().ok()).unwrap_or(0)
    }

    /// Whether Docker looks after it.
    pub(crate) fn has_health_check(&self) -> bool {
        let disabled = self.healthcheck.get("disable").and_then(Value::as_bool).unwrap_or(false);
        self.healthcheck.get("test").is_some() && !disabled
    }

    /// What it waits for: service → condition.
    pub(crate) fn conditions(&self) -> BTreeMap<String, String> {
        let condition =
            |(service, how): (&String, &Value)| Some((service.clone(), how.get("condition")?.as_str()?.to_owned()));
        self.depends_on.as_object().into_iter().flatten().filter_map(condition).collect()
    }

    /// Directories inside that lie on volumes with a name.
    pub(crate) fn named_volumes(&self) -> Vec<String> {
        let volumes = self.volumes.as_array().into_iter().flatten();
        let is_named = |volume: &&Value| {
            volume.get("type").and_then(Value::as_str) == Some("volume")
                && volume.get("source").and_then(Value::as_str).is_some_and(|name| !name.is_empty())
        };
        volumes.filter(is_named).filter_map(|volume| Some(volume.get("target")?.as_str()?.to_owned())).collect()
    }

    /// Its variables.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (String, String)> {
        let variables = self.environment.as_object().into_iter().flatten();
        variables.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
    }
}

/// The variable of compose.yaml that lets Connect give its metrics.
const JMX_EXPORTER: &str = "CDC_JMX_EXPORTER";

impl<'a> Compose<'a> {
    pub(crate) fn of(stack: &'a Stack, variant: Variant) -> Self {
        Self { stack, variant }
    }

    /// Its version, if it is there and new enough.
    pub(crate) async fn version() -> Result<String> {
        let hint =
            "install Docker Compose 2.24.4 or newer as a plug-in of docker (scripts/test does, on Debian and Ubuntu)";
        let output = Command::new("docker").args(["compose", "version", "--short"]).kill_on_drop(true).output().await;
        let output = output
            .map_err(|error| Failure::could_not_run(format!("the docker command cannot be run: {error}")).hint(hint))?;
        if !output.status.success() {
            return Err(Failure::could_not_run("Docker Compose is not there").hint(hint));
        }
        let version = String::from_utf8_lossy(&output.stdout).trim().trim_start_matches('v').to_owned();
        if numbers(&version) < Some(WANTED) {
            let wanted = WANTED.map(|number| number.to_string()).join(".");
            return Err(
                Failure::could_not_run(format!("Docker Compose {version} is too old, {wanted} is needed")).hint(hint)
            );
        }
        Ok(version)
    }

    /// Whether Compose can read this file.
    pub(crate) async fn reads(file: &Path) -> Result<()> {
        let mut command = Command::new("docker");
        command
            .args(["compose", "--file"])
            .arg(file)
            .args(["config", "--quiet"])
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = command.output().await.map_err(|error| cannot_start(&error))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect();
        Err(explain::compose_failed("config", said))
    }

    /// What the files say.
    pub(crate) async fn config(&self) -> Result<Config> {
        let text = self.described().await?;
        serde_json::from_str(&text)
            .map_err(|error| Failure::could_not_run(format!("docker compose config wrote something else: {error}")))
    }

    /// What the files say, as Compose writes it.
    pub(crate) async fn described(&self) -> Result<String> {
        self.ask(&["config", "--format", "json"]).await
    }

    /// What each service would be made from, as Compose writes it on the containers it makes.
    pub(crate) async fn hashes(&self) -> Result<BTreeMap<String, String>> {
        let text = self.ask(&["config", "--hash", "*"]).await?;
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        Ok(lines.map(|(service, hash)| (service.to_owned(), hash.trim().to_owned())).collect())
    }

    /// Starts these services and what they depend on; all if none is named. Hands on what Compose says.
    pub(crate) async fn up(&self, services: &[&str], say: impl FnMut(&str)) -> Result<()> {
        self.run(&[&["up", "--detach", "--quiet-pull"], services].concat(), say).await
    }

    /// Fetches the images that are not here.
    pub(crate) async fn pull(&self, say: impl FnMut(&str)) -> Result<()> {
        self.run(&["pull", "--policy", "missing", "--ignore-buildable"], say).await
    }

    /// Stops and removes the containers and the network; data stays.
    pub(crate) async fn down(&self, say: impl FnMut(&str)) -> Result<()> {
        self.run(&["down", "--remove-orphans"], say).await
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.args(["compose", "--progress", "plain", "--project-name", &self.stack.project]);
        for file in self.stack.compose_files(self.variant) {
            command.arg("--file").arg(file);
        }
        if let Some(file) = self.stack.env_file(self.variant) {
            command.arg("--env-file").arg(file);
        }
        for profile in self.variant.extras.profiles() {
            command.args(["--profile", profile]);
        }
        if self.variant.extras.observability && self.variant.local_images {
            // Prometheus asks Connect, too: where its image has the exporter, which debezium/connect knows how to start
            // and does not contain.
            command.env(JMX_EXPORTER, "true");
        }
        // The worker is no service of Compose's files, and no orphan either.
        command.args(arguments).env("COMPOSE_IGNORE_ORPHANS", "true").env_remove("COMPOSE_PROFILES");
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    async fn ask(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command(arguments).output().await.map_err(|error| cannot_start(&error))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect();
        Err(explain::compose_failed(arguments[0], said))
    }

    async fn run(&self, arguments: &[&str], mut say: impl FnMut(&str)) -> Result<()> {
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| cannot_start(&error))?;
        let mut last = Vec::new();
        if let Some(stderr) = child.stderr.take() {
            let mut lines = BufReader::new(stderr).split(b'\n');
            while let Ok(Some(line)) = lines.next_segment().await {
                let line = String::from_utf8_lossy(&line).trim().to_owned();
                if is_news(&line) {
                    say(&line);
                    last.push(line);
                    if last.len() > LAST_LINES {
                        last.remove(0);
                    }
                }
            }
        }
        let status = child.wait().await.map_err(|error| cannot_start(&error))?;
        if status.success() { Ok(()) } else { Err(explain::compose_failed(arguments[0], last)) }
    }
}

/// Compose tells every container's every step; what came about is enough.
fn is_news(line: &str) -> bool {
    const UNDER_WAY: [&str; 8] =
        ["Creating", "Created", "Starting", "Waiting", "Stopping", "Removing", "Recreate", "Pulling"];
    !line.is_empty() && !line.contains(" Skipped - ") && !UNDER_WAY.iter().any(|word| line.ends_with(word))
}

fn cannot_start(error: &std::io::Error) -> Failure {
    Failure::could_not_run(format!("docker compose cannot be run: {error}"))
}

/// `2.26.1-4` → `[2, 26, 1]`.
fn numbers(version: &str) -> Option<[u32; 3]> {
    let mut parts = version.split(['-', '+']).next()?.split('.').map(str::parse::<u32>);
    let mut next = || parts.next().and_then(std::result::Result::ok);
    Some([next()?, next()?, next().unwrap_or(0)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::Extras;

    // With the public image the variable would keep Connect from starting.
    #[test]
    fn connect_is_asked_for_metrics_where_its_image_can_give_some() {
        let stack = Stack { project: "p".into(), dir: "/s".into(), secrets: "/s/compose/secrets".into() };
        for (observability, local_images, asked) in [(true, true, true), (true, false, false), (false, true, false)] {
            let extras = Extras { observability, ..Extras::default() };
            let variant = Variant { local_images, extras, ..Variant::default() };
            let command = Compose::of(&stack, variant).command(&["up"]);
            let given = command.as_std().get_envs().any(|(name, value)| name == JMX_EXPORTER && value.is_some());
            let profile = command.as_std().get_args().any(|argument| argument == "observability");
            assert_eq!((given, profile), (asked, observability), "{variant:?}");
        }
    }

    #[test]
    fn versions_compare_as_numbers() {
        for (version, well) in [
            ("2.24.4", true),
            ("2.26.1-4", true),
            ("5.0.0+ds", true),
            ("2.9.0", false),
            ("1.29.2", false),
            ("x", false),
        ] {
            assert_eq!(numbers(version) >= Some(WANTED), well, "{version}");
        }
    }

    #[test]
    fn what_a_service_waits_for_and_keeps_is_read() {
        let text = r#"{"image":"k","healthcheck":{"test":["CMD","x"]},
            "depends_on":{"zookeeper":{"condition":"service_healthy","required":true}},
            "volumes":[{"type":"volume","source":"kafka1_data","target":"/var/lib/kafka/data"},{"type":"bind","source":"/s","target":"/opt"}],
            "environment":{"A":"1","B":null}}"#;
        let service: Service = serde_json::from_str(text).expect("as Compose writes it");
        assert!(service.has_health_check());
        assert_eq!(service.conditions()["zookeeper"], "service_healthy");
        assert_eq!(service.named_volumes(), ["/var/lib/kafka/data"]);
        assert_eq!(service.variables().collect::<Vec<_>>(), [("A".to_owned(), "1".to_owned())]);
        assert!(
            !serde_json::from_str::<Service>(r#"{"healthcheck":{"test":["CMD"],"disable":true}}"#)
                .expect("read")
                .has_health_check()
        );
    }

    #[test]
    fn what_is_only_under_way_is_no_news() {
        for (line, news) in [
            ("Container p-kafka-1-1  Starting", false),
            ("Container p-kafka-1-1  Started", true),
            ("kafka-ui Pulling", false),
            ("mysql Skipped - Image is already present locally", false),
            ("kafka-ui Error manifest unknown", true),
            ("", false),
        ] {
            assert_eq!(is_news(line), news, "{line:?}");
        }
    }

    #[test]
    fn services_are_read() {
        let text = r#"{"name":"p","services":{"kafka-1":{"image":"k:1","mem_limit":"805306368",
            "ports":[{"mode":"ingress","target":9092,"published":"19092","protocol":"tcp","host_ip":"127.0.0.1"}]}}}"#;
        let config: Config = serde_json::from_str(text).expect("as Compose writes it");
        let kafka = &config.services["kafka-1"];
        assert_eq!((kafka.image.as_str(), kafka.published().collect::<Vec<_>>()), ("k:1", vec![19092]));
        assert_eq!(kafka.memory_bytes(), 805_306_368);
    }
}
