//! Docker by its command line: the containers of a project, and what is done to them from outside.

use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::process::{Finished, finish};

/// Longer than a stop with its grace period takes.
const LIMIT: Duration = Duration::from_mins(2);
pub(crate) const PROJECT_LABEL: &str = "com.docker.compose.project";
const SERVICE_LABEL: &str = "com.docker.compose.service";

/// A container as `docker inspect` sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) name: String,
    /// What Compose calls it; the worker's containers are labelled likewise.
    pub(crate) service: String,
    /// `running`, `exited`, …
    pub(crate) state: String,
    /// When it was started last; another value means that it was restarted.
    pub(crate) started_at: String,
    /// All of it, for what only one scenario looks at.
    pub(crate) inspected: Value,
}

impl Container {
    fn of(inspected: Value) -> Option<Self> {
        let text = |pointer: &str| inspected.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let service = inspected.get("Config")?.get("Labels")?.get(SERVICE_LABEL)?.as_str()?.to_owned();
        let name = text("/Name")?.trim_start_matches('/').to_owned();
        let (id, state, started_at) = (text("/Id")?, text("/State/Status")?, text("/State/StartedAt")?);
        Some(Self { id, name, service, state, started_at, inspected })
    }

    /// Whether it runs.
    pub(crate) fn runs(&self) -> bool {
        self.state == "running"
    }

    /// The port on 127.0.0.1 that leads to this one inside.
    pub(crate) fn published(&self, inside: u16) -> Option<u16> {
        let bindings = self.inspected.pointer("/NetworkSettings/Ports")?.get(format!("{inside}/tcp"))?;
        bindings.get(0)?.get("HostPort")?.as_str()?.parse().ok()
    }

    /// The address that this machine has in the container's network.
    pub(crate) fn gateway(&self) -> Option<IpAddr> {
        let networks = self.inspected.pointer("/NetworkSettings/Networks")?.as_object()?;
        networks.values().next()?.get("Gateway")?.as_str()?.parse().ok()
    }
}

/// Runs `docker` with these arguments; its standard output.
pub(crate) fn docker(arguments: &[&str]) -> Result<String> {
    run(arguments, None, LIMIT)?.succeeded()
}

/// The same with standard input, an own deadline and whatever exit status.
pub(crate) fn run(arguments: &[&str], input: Option<String>, limit: Duration) -> Result<Finished> {
    finish(Command::new("docker").args(arguments), input, limit)
}

/// Why Docker cannot be used here; none if it can.
pub(crate) fn absent() -> Option<String> {
    let answer = run(&["version", "--format", "{{.Server.Version}}"], None, Duration::from_secs(30));
    match answer.and_then(Finished::succeeded) {
        Ok(_) => None,
        Err(error) => Some(format!("Docker Engine does not answer: {error:#}")),
    }
}

/// The containers of a project, those that do not run too, by service.
pub(crate) fn containers(project: &str) -> Result<Vec<Container>> {
    let label = format!("label={PROJECT_LABEL}={project}");
    let ids = docker(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &label])?;
    let mut containers = inspect(&ids.lines().collect::<Vec<_>>())?;
    containers.sort_by(|a, b| (&a.service, &a.name).cmp(&(&b.service, &b.name)));
    Ok(containers)
}

fn inspect(ids: &[&str]) -> Result<Vec<Container>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    // One that went meanwhile makes the exit status bad and is left out of the answer: that is what we want to know.
    let answer = run(&[&["container", "inspect"], ids].concat(), None, LIMIT)?;
    if !answer.status.success() && !answer.stderr.contains("No such container") {
        answer.succeeded()?;
        bail!("docker container inspect failed");
    }
    let inspected: Vec<Value> =
        serde_json::from_str(&answer.stdout).context("docker container inspect printed no JSON")?;
    Ok(inspected.into_iter().filter_map(Container::of).collect())
}

/// Removes every container, network and volume of a project; how many there were.
pub(crate) fn remove_project(project: &str) -> Result<usize> {
    let label = format!("label={PROJECT_LABEL}={project}");
    let mut removed = 0;
    for (list, remove) in [
        (&["ps", "--all", "--quiet", "--filter", &label][..], &["rm", "--force", "--volumes"][..]),
        (&["network", "ls", "--quiet", "--filter", &label], &["network", "rm"]),
        (&["volume", "ls", "--quiet", "--filter", &label], &["volume", "rm", "--force"]),
    ] {
        let found = docker(list)?;
        let found: Vec<&str> = found.lines().collect();
        if !found.is_empty() {
            docker(&[remove, &found].concat())?;
            removed += found.len();
        }
    }
    Ok(removed)
}

/// All projects of which anything is there.
pub(crate) fn projects() -> Result<Vec<String>> {
    let filter = format!("label={PROJECT_LABEL}");
    let format = format!("{{{{.Label \"{PROJECT_LABEL}\"}}}}");
    let mut projects = Vec::new();
    for list in [&["ps", "--all"][..], &["network", "ls"], &["volume", "ls"]] {
        let found = docker(&[list, &["--filter", &filter, "--format", &format]].concat())?;
        projects.extend(found.lines().map(str::to_owned));
    }
    projects.sort();
    projects.dedup();
    Ok(projects)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_inspect_says_is_read() {
        let inspected = json!({
            "Id": "abc", "Name": "/p-kafka-1-1",
            "State": {"Status": "running", "StartedAt": "2026-11-27T01:00:00Z"},
            "Config": {"Labels": {SERVICE_LABEL: "kafka-1"}},
            "NetworkSettings": {
                "Ports": {"9092/tcp": [{"HostIp": "127.0.0.1", "HostPort": "21000"}], "29092/tcp": null},
                "Networks": {"p_default": {"Gateway": "172.18.0.1", "IPAddress": "172.18.0.5"}},
            },
        });
        let container = Container::of(inspected).expect("a container");
        assert_eq!((container.name.as_str(), container.service.as_str()), ("p-kafka-1-1", "kafka-1"));
        assert!(container.runs());
        assert_eq!((container.published(9092), container.published(29092)), (Some(21000), None));
        assert_eq!(container.gateway(), Some([172, 18, 0, 1].into()));
        assert_eq!(Container::of(json!({"Id": "abc", "Config": {"Labels": {}}})), None);
    }
}
