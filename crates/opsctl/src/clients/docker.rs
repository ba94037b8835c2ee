//! Docker Engine, through its API: a stack's containers, images, volumes, logs.

mod container;
mod launch;
mod logs;
mod look;
mod mend;
mod one_shot;

use std::collections::HashMap;
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::{ContainerUpdateBody, RestartPolicy, RestartPolicyNameEnum};
use bollard::query_parameters::{
    InspectContainerOptions, InspectNetworkOptions, ListContainersOptionsBuilder, ListVolumesOptionsBuilder,
    RemoveContainerOptionsBuilder, StatsOptionsBuilder, StopContainerOptionsBuilder,
};
use futures_util::future::join_all;
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::time::timeout;

pub(crate) use container::{Container, PROJECT_LABEL, ROLE_LABEL, SERVICE_LABEL, WORKER_ROLE};
pub(crate) use launch::{Bind, Launch};
pub(crate) use logs::LogLine;
pub(crate) use look::Answered;
pub(crate) use one_shot::OneShot;

use crate::failure::{Failure, Result};

/// An Engine that is there answers a ping at once; one that is not must not cost a second.
const TO_ANSWER: Duration = Duration::from_secs(2);

/// A connection to the Engine, and the project whose containers it sees.
#[derive(Clone, Debug)]
pub(crate) struct Docker {
    api: bollard::Docker,
    project: String,
}

impl Docker {
    /// Connects by `DOCKER_HOST`, else the usual socket, and sees that somebody answers.
    pub(crate) async fn connect(project: &str) -> Result<Self> {
        let host = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
        let place = host.unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned());
        let api = bollard::Docker::connect_with_defaults().map_err(|error| unreachable(&place, &error.to_string()))?;
        match timeout(TO_ANSWER, api.ping()).await {
            Ok(Ok(_)) => Ok(Self { api, project: project.to_owned() }),
            Ok(Err(error)) => Err(unreachable(&place, &deepest(&error))),
            Err(_) => Err(unreachable(&place, "no answer within 2 s")),
        }
    }

    /// The Engine's version.
    pub(crate) async fn version(&self) -> Result<String> {
        let version = self.api.version().await.map_err(|error| failed("its version", &error))?;
        Ok(version.version.unwrap_or_default())
    }

    /// The project's containers, running or not, by service.
    pub(crate) async fn containers(&self) -> Result<Vec<Container>> {
        let filters = HashMap::from([("label", vec![format!("{PROJECT_LABEL}={}", self.project)])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let listed = self.api.list_containers(Some(options)).await.map_err(|error| failed("the containers", &error))?;
        let ids = listed.into_iter().filter_map(|container| container.id);
        let inspected = join_all(ids.map(|id| async move { self.inspect(&id).await })).await;
        // One that was removed between the two questions is none.
        let mut containers = inspected.into_iter().filter_map(Result::transpose).collect::<Result<Vec<_>>>()?;
        // What runs once, inside a volume, is no part of the stack.
        containers.retain(|container| !container.service.is_empty());
        containers.sort_by(|a, b| a.service.cmp(&b.service).then_with(|| a.name.cmp(&b.name)));
        Ok(containers)
    }

    /// The container of this service, if there is one.
    pub(crate) async fn container(&self, service: &str) -> Result<Option<Container>> {
        Ok(self.containers().await?.into_iter().find(|container| container.service == service))
    }

    async fn inspect(&self, id: &str) -> Result<Option<Container>> {
        match self.api.inspect_container(id, None::<InspectContainerOptions>).await {
            Ok(response) => Ok(Some(Container::from(response))),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(failed("a container", &error)),
        }
    }

    /// Memory that a running container uses, as `docker stats` has it: without what the kernel can drop at once.
    pub(crate) async fn memory_bytes(&self, id: &str) -> Option<u64> {
        let options = StatsOptionsBuilder::default().stream(false).one_shot(true).build();
        let stats = self.api.stats(id, Some(options)).next().await?.ok()?.memory_stats?;
        let details = stats.stats.unwrap_or_default();
        // The first is cgroup v1's name, the second v2's.
        let droppable = details.get("total_inactive_file").or_else(|| details.get("inactive_file")).copied();
        Some(stats.usage?.saturating_sub(droppable.unwrap_or(0)))
    }

    /// An image's id, if it is here.
    pub(crate) async fn image_id(&self, name: &str) -> Result<Option<String>> {
        match self.api.inspect_image(name).await {
            Ok(image) => Ok(image.id),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(failed(&format!("the image {name}"), &error)),
        }
    }

    /// Names of the project's volumes, without the project's own.
    pub(crate) async fn volumes(&self) -> Result<Vec<String>> {
        let filters = HashMap::from([("label", vec![format!("{PROJECT_LABEL}={}", self.project)])]);
        let options = ListVolumesOptionsBuilder::default().filters(&filters).build();
        let listed = self.api.list_volumes(Some(options)).await.map_err(|error| failed("the volumes", &error))?;
        let prefix = format!("{}_", self.project);
        let names = listed.volumes.unwrap_or_default().into_iter().map(|volume| volume.name);
        let mut names: Vec<String> =
            names.map(|name| name.strip_prefix(&prefix).map_or(name.clone(), str::to_owned)).collect();
        names.sort();
        Ok(names)
    }

    /// Whether the project's network is there: what is started beside the stack joins it.
    pub(crate) async fn has_network(&self) -> Result<bool> {
        let name = format!("{}_default", self.project);
        match self.api.inspect_network(&name, None::<InspectNetworkOptions>).await {
            Ok(_) => Ok(true),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(failed(&format!("the network {name}"), &error)),
        }
    }

    /// Removes one of the project's volumes; one that is not there is fine.
    pub(crate) async fn remove_volume(&self, name: &str) -> Result<()> {
        let full = format!("{}_{name}", self.project);
        match self.api.remove_volume(&full, None::<bollard::query_parameters::RemoveVolumeOptions>).await {
            Err(error) if !is_missing(&error) => Err(failed(&format!("the volume {full}"), &error)),
            _ => Ok(()),
        }
    }

    /// Ports on this host that containers of others have, with their names.
    pub(crate) async fn published_by_others(&self) -> Result<Vec<(u16, String)>> {
        let options = ListContainersOptionsBuilder::default().build();
        let listed = self.api.list_containers(Some(options)).await.map_err(|error| failed("the containers", &error))?;
        let mut published = Vec::new();
        for container in listed {
            let ours = container.labels.as_ref().and_then(|labels| labels.get(PROJECT_LABEL)) == Some(&self.project);
            let name = container.names.unwrap_or_default().first().map(|name| name.trim_start_matches('/').to_owned());
            for port in container.ports.unwrap_or_default().iter().filter_map(|port| port.public_port) {
                if !ours {
                    published.push((port, name.clone().unwrap_or_default()));
                }
            }
        }
        Ok(published)
    }

    /// From now on a container that ends stays down, or is started again as workers are.
    pub(crate) async fn start_again(&self, container: &Container, again: bool) -> Result<()> {
        let name = if again { RestartPolicyNameEnum::UNLESS_STOPPED } else { RestartPolicyNameEnum::NO };
        let policy = RestartPolicy { name: Some(name), maximum_retry_count: None };
        let update = ContainerUpdateBody { restart_policy: Some(policy), ..ContainerUpdateBody::default() };
        let about = |error: Error| failed(&format!("the container {}", container.name), &error);
        self.api.update_container(&container.id, update).await.map_err(about)
    }

    /// Stops a container with SIGTERM, and SIGKILL after `limit`; one that does not run is fine.
    pub(crate) async fn stop(&self, container: &Container, limit: Duration) -> Result<()> {
        let options = StopContainerOptionsBuilder::default().t(i32::try_from(limit.as_secs()).unwrap_or(i32::MAX));
        // bollard's own deadline is shorter than what a container may take.
        let api = self.api.clone().with_timeout(limit + Duration::from_secs(30));
        match api.stop_container(&container.id, Some(options.build())).await {
            Err(error) if !is_missing(&error) && !is_unchanged(&error) => {
                Err(failed(&format!("the container {}", container.name), &error))
            }
            _ => Ok(()),
        }
    }

    /// Removes a stopped container and its nameless volumes.
    pub(crate) async fn remove(&self, container: &Container) -> Result<()> {
        let options = RemoveContainerOptionsBuilder::default().v(true).force(true).build();
        match self.api.remove_container(&container.id, Some(options)).await {
            Err(error) if !is_missing(&error) => Err(failed(&format!("the container {}", container.name), &error)),
            _ => Ok(()),
        }
    }

    /// The last lines that a container wrote, oldest first.
    pub(crate) async fn last_lines(&self, id: &str, count: u32) -> Vec<String> {
        let options = logs::options(false, count, false);
        let lines: std::result::Result<Vec<_>, Error> =
            self.api.logs(id, Some(options)).map_ok(bollard::container::LogOutput::into_bytes).try_collect().await;
        let bytes = lines.unwrap_or_default().concat();
        String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
    }
}

fn is_missing(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 404, .. })
}

fn is_unchanged(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 304, .. })
}

/// What the Engine answered to a question about `what`.
fn failed(what: &str, error: &Error) -> Failure {
    Failure::new(format!("Docker Engine, asked about {what}: {}", chain(error)))
}

/// An error and what lies under it, without saying anything twice.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let deeper = error.to_string();
        if !text.contains(&deeper) {
            text = format!("{text}: {deeper}");
        }
        next = error.source();
    }
    text
}

/// What lies at the bottom: above it stand the names of libraries.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(next) = deepest.source() {
        deepest = next;
    }
    deepest.to_string()
}

fn unreachable(place: &str, why: &str) -> Failure {
    let lower = why.to_lowercase();
    let failure = Failure::could_not_run(format!("Docker Engine does not answer at {place}: {why}"));
    let socket = place.strip_prefix("unix://");
    if lower.contains("permission denied") {
        return failure.hint("this user may not use Docker: sudo usermod -aG docker $USER, then log in again");
    }
    match socket {
        Some(path) if !std::path::Path::new(path).exists() => failure.hint(
            "install Docker Engine (scripts/test does, on Debian and Ubuntu), or start it: sudo systemctl start docker",
        ),
        Some(_) => failure.hint("start it: sudo systemctl start docker"),
        None => failure.hint("DOCKER_HOST names it: is that right, and does it run there?"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_depends_on_why_docker_does_not_answer() {
        for (place, why, remedy) in [
            ("unix:///var/run/docker.sock", "Permission denied (os error 13)", "usermod"),
            ("unix:///nowhere/docker.sock", "No such file or directory", "install Docker Engine"),
            ("tcp://10.0.0.1:2375", "connection refused", "DOCKER_HOST"),
        ] {
            let failure = unreachable(place, why);
            assert!(failure.hint.as_ref().is_some_and(|hint| hint.contains(remedy)), "{failure}");
            assert!(failure.message.contains(place), "{failure}");
        }
    }
}
