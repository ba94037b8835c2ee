//! What the doctor may do to containers and volumes: start, restart, give away. Nothing is removed but what this makes.

use std::time::Duration;

use bollard::models::{ContainerCreateBody, HealthConfig, HostConfig, Mount, MountType};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder, RestartContainerOptionsBuilder,
    StartContainerOptions, WaitContainerOptions,
};
use futures_util::TryStreamExt as _;

use crate::clients::docker::{Container, Docker, PROJECT_LABEL, failed, is_missing, is_unchanged};
use crate::failure::Result;

/// Where the volume lies in the container that gives it away.
const INSIDE: &str = "/volume";

impl Docker {
    /// Starts a container that is there; one that runs is fine, one that is paused goes on.
    pub(crate) async fn start(&self, container: &Container) -> Result<()> {
        if container.state == "paused" {
            return self.api.unpause_container(&container.id).await.map_err(|error| failed(&container.name, &error));
        }
        match self.api.start_container(&container.id, None::<StartContainerOptions>).await {
            Err(error) if !is_unchanged(&error) => Err(failed(&format!("starting {}", container.name), &error)),
            _ => Ok(()),
        }
    }

    /// Stops and starts a container; its data stays.
    pub(crate) async fn restart(&self, container: &Container, limit: Duration) -> Result<()> {
        let seconds = i32::try_from(limit.as_secs()).unwrap_or(i32::MAX);
        let options = RestartContainerOptionsBuilder::default().t(seconds).build();
        let api = self.api.clone().with_timeout(limit + Duration::from_secs(30));
        api.restart_container(&container.id, Some(options)).await.map_err(|error| failed(&container.name, &error))
    }

    /// Gives all of a volume to a user. A container of a second does it, as root, without network.
    pub(crate) async fn give_volume(&self, volume: &str, image: &str, owner: (u32, u32)) -> Result<()> {
        let name = format!("{}-doctor-volume", self.project);
        let about = |error: &bollard::errors::Error| {
            failed(&format!("giving the volume {volume} to {}:{}", owner.0, owner.1), error)
        };
        let remove = async || {
            let options = RemoveContainerOptionsBuilder::default().force(true).build();
            self.api.remove_container(&name, Some(options)).await
        };
        // One that was left by a run that was cut off.
        match remove().await {
            Err(error) if !is_missing(&error) => return Err(about(&error)),
            _ => {}
        }
        let options = CreateContainerOptionsBuilder::default().name(&name).build();
        self.api
            .create_container(Some(options), self.giver(volume, image, owner))
            .await
            .map_err(|error| about(&error))?;
        let ended = match self.api.start_container(&name, None::<StartContainerOptions>).await {
            Ok(()) => {
                self.api.wait_container(&name, None::<WaitContainerOptions>).try_collect::<Vec<_>>().await.map(drop)
            }
            Err(error) => Err(error),
        };
        let _ = remove().await;
        ended.map_err(|error| about(&error))
    }

    fn giver(&self, volume: &str, image: &str, (uid, gid): (u32, u32)) -> ContainerCreateBody {
        let command = ["chown", "-R", &format!("{uid}:{gid}"), INSIDE].map(str::to_owned);
        let mount = Mount {
            typ: Some(MountType::VOLUME),
            source: Some(volume.to_owned()),
            target: Some(INSIDE.to_owned()),
            ..Mount::default()
        };
        ContainerCreateBody {
            image: Some(image.to_owned()),
            user: Some("0:0".to_owned()),
            entrypoint: Some(command.to_vec()),
            cmd: Some(Vec::new()),
            labels: Some([(PROJECT_LABEL.to_owned(), self.project.clone())].into()),
            healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }),
            host_config: Some(HostConfig {
                readonly_rootfs: Some(true),
                cap_drop: Some(vec!["ALL".to_owned()]),
                // To look into directories of others, and to give files away.
                cap_add: Some(vec!["CHOWN".to_owned(), "DAC_READ_SEARCH".to_owned()]),
                security_opt: Some(vec!["no-new-privileges:true".to_owned()]),
                mounts: Some(vec![mount]),
                network_mode: Some("none".to_owned()),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }
}
