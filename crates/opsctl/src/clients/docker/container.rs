//! A container as the commands see it.

use bollard::models::{ContainerInspectResponse, ContainerState, HealthStatusEnum, PortMap, RestartPolicyNameEnum};
use jiff::Timestamp;

/// Compose's label for the stack.
pub(crate) const PROJECT_LABEL: &str = "com.docker.compose.project";
/// Compose's label for the service.
pub(crate) const SERVICE_LABEL: &str = "com.docker.compose.service";
/// Compose's label for what the container was made from.
const HASH_LABEL: &str = "com.docker.compose.config-hash";
/// Tells workers from Compose's services.
pub(crate) const ROLE_LABEL: &str = "cdc-pipeline.role";
/// The role of a worker's container.
pub(crate) const WORKER_ROLE: &str = "worker";
/// The port on the host that a worker was asked for; 0 for a free one.
pub(crate) const PORT_LABEL: &str = "cdc-pipeline.port";
/// A worker's parallelism, where `worker scale` chose it.
pub(crate) const PARALLELISM_LABEL: &str = "cdc-pipeline.parallelism";
const FILES_LABEL: &str = "com.docker.compose.project.config_files";

/// A container of the stack.
#[derive(Clone, Debug, Default)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The service that it stands for.
    pub(crate) service: String,
    /// Made by `opsctl` itself, not by Compose.
    pub(crate) is_worker: bool,
    /// The image's name as given.
    pub(crate) image: String,
    /// The image's id when the container was made: the name may mean another one by now.
    pub(crate) image_id: String,
    /// `created`, `running`, `restarting`, `exited`, …
    pub(crate) state: String,
    /// `starting`, `healthy`, `unhealthy`; none without a health check.
    pub(crate) health: Option<String>,
    pub(crate) exit_code: i64,
    pub(crate) oom_killed: bool,
    /// Docker starts it again when it ends.
    pub(crate) starts_again: bool,
    /// How often Docker restarted it.
    pub(crate) restarts: i64,
    pub(crate) memory_limit_bytes: u64,
    pub(crate) started_at: Option<Timestamp>,
    /// What Compose, or `opsctl` for the worker, made it from.
    pub(crate) config_hash: Option<String>,
    /// Compose's files, as they were named.
    pub(crate) config_files: String,
    /// Inside → on the host.
    pub(crate) ports: Vec<(u16, u16)>,
    /// Its addresses in its networks.
    pub(crate) addresses: Vec<String>,
    /// Files of the host and where they are inside.
    pub(crate) binds: Vec<(String, String)>,
    /// The port on the host that a worker was asked for.
    pub(crate) asked_port: Option<u16>,
    /// The parallelism that `worker scale` chose for a worker.
    pub(crate) parallelism: Option<u16>,
}

impl Container {
    /// Runs, and is well as far as anybody can tell.
    pub(crate) fn is_well(&self) -> bool {
        self.state == "running" && self.health.as_deref().is_none_or(|health| health == "healthy")
    }

    /// Ended, or is about to be started again after it ended.
    pub(crate) fn is_down(&self) -> bool {
        matches!(self.state.as_str(), "exited" | "dead" | "restarting")
    }

    /// The port on the host that leads to this one inside.
    pub(crate) fn published(&self, inside: u16) -> Option<u16> {
        self.ports.iter().find(|(port, _)| *port == inside).map(|(_, host)| *host)
    }
}

impl From<ContainerInspectResponse> for Container {
    fn from(seen: ContainerInspectResponse) -> Self {
        let config = seen.config.unwrap_or_default();
        let labels = config.labels.unwrap_or_default();
        let label = |name: &str| labels.get(name).cloned();
        let state = seen.state.unwrap_or_default();
        let host = seen.host_config.unwrap_or_default();
        let policy = host.restart_policy.and_then(|policy| policy.name);
        let network = seen.network_settings.unwrap_or_default();
        let addresses = network.networks.unwrap_or_default().into_values().filter_map(|endpoint| endpoint.ip_address);
        Self {
            id: seen.id.unwrap_or_default(),
            name: seen.name.unwrap_or_default().trim_start_matches('/').to_owned(),
            service: label(SERVICE_LABEL).unwrap_or_default(),
            is_worker: label(ROLE_LABEL).is_some_and(|role| role == WORKER_ROLE),
            image: config.image.unwrap_or_default(),
            image_id: seen.image.unwrap_or_default(),
            health: health(&state),
            exit_code: state.exit_code.unwrap_or_default(),
            oom_killed: state.oom_killed.unwrap_or_default(),
            started_at: state.started_at.as_deref().and_then(|time| time.parse().ok()),
            state: state.status.map(|status| status.to_string()).unwrap_or_default(),
            starts_again: policy
                .is_some_and(|policy| !matches!(policy, RestartPolicyNameEnum::EMPTY | RestartPolicyNameEnum::NO)),
            restarts: seen.restart_count.unwrap_or_default(),
            memory_limit_bytes: host.memory.unwrap_or_default().unsigned_abs(),
            config_hash: label(HASH_LABEL),
            config_files: label(FILES_LABEL).unwrap_or_default(),
            ports: ports(network.ports.unwrap_or_default()),
            addresses: addresses.filter(|address| !address.is_empty()).collect(),
            binds: seen
                .mounts
                .unwrap_or_default()
                .into_iter()
                .filter_map(|mount| Some((mount.source?, mount.destination?)))
                .collect(),
            asked_port: label(PORT_LABEL).and_then(|port| port.parse().ok()),
            parallelism: label(PARALLELISM_LABEL).and_then(|number| number.parse().ok()),
        }
    }
}

fn health(state: &ContainerState) -> Option<String> {
    match state.health.as_ref()?.status? {
        HealthStatusEnum::EMPTY | HealthStatusEnum::NONE => None,
        status => Some(status.to_string()),
    }
}

fn ports(map: PortMap) -> Vec<(u16, u16)> {
    let mut ports = Vec::new();
    for (inside, bindings) in map {
        let inside = inside.split('/').next().and_then(|port| port.parse().ok());
        let host = bindings.unwrap_or_default().into_iter().find_map(|binding| binding.host_port?.parse().ok());
        ports.extend(inside.zip(host));
    }
    ports.sort_unstable();
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_docker_says_is_read() {
        let said = r#"{"Id":"c1","Name":"/p-kafka-1-1","Image":"sha256:1","RestartCount":2,
            "State":{"Status":"running","OOMKilled":false,"ExitCode":0,"StartedAt":"2026-02-12T04:57:38.123456789Z",
                     "Health":{"Status":"unhealthy"}},
            "Mounts":[{"Type":"bind","Source":"/s/worker.toml","Destination":"/etc/worker/worker.toml"}],
            "Config":{"Image":"kafka:1","Labels":{"com.docker.compose.service":"kafka-1","com.docker.compose.config-hash":"h",
                      "cdc-pipeline.port":"0","cdc-pipeline.parallelism":"4"}},
            "HostConfig":{"Memory":1024,"RestartPolicy":{"Name":"unless-stopped"}},
            "NetworkSettings":{"Ports":{"9092/tcp":[{"HostIp":"127.0.0.1","HostPort":"19092"}],"29092/tcp":null},
                               "Networks":{"p_default":{"IPAddress":"172.18.0.3"}}}}"#;
        let seen: ContainerInspectResponse = serde_json::from_str(said).expect("as Docker writes it");
        let container = Container::from(seen);
        assert_eq!((container.name.as_str(), container.service.as_str()), ("p-kafka-1-1", "kafka-1"));
        assert_eq!((container.published(9092), container.published(29092)), (Some(19092), None));
        assert_eq!((container.health.as_deref(), container.is_well()), (Some("unhealthy"), false));
        assert_eq!((container.memory_limit_bytes, container.restarts), (1024, 2));
        assert_eq!(
            (container.addresses.as_slice(), container.starts_again),
            (["172.18.0.3".to_owned()].as_slice(), true)
        );
        assert_eq!((container.image.as_str(), container.image_id.as_str()), ("kafka:1", "sha256:1"));
        assert_eq!(container.binds, [("/s/worker.toml".to_owned(), "/etc/worker/worker.toml".to_owned())]);
        assert_eq!((container.asked_port, container.parallelism), (Some(0), Some(4)));
        assert!(container.started_at.is_some() && container.config_hash.as_deref() == Some("h"));
    }
}
