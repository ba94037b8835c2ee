//! A container that `opsctl` itself makes: the worker's, beside those of Compose.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountType,
    NetworkingConfig, PortBinding, RestartPolicy, RestartPolicyNameEnum, VolumeCreateRequest,
};
use bollard::query_parameters::{CreateContainerOptionsBuilder, StartContainerOptions};
use sha2::{Digest as _, Sha256};

use crate::checks::explain;
use crate::clients::docker::container::{
    PARALLELISM_LABEL, PORT_LABEL, PROJECT_LABEL, ROLE_LABEL, SERVICE_LABEL, WORKER_ROLE,
};
use crate::clients::docker::{Docker, OneShot, failed};
use crate::failure::{Failure, Result};

const SECOND_NS: i64 = 1_000_000_000;

/// What a container is made of. Two that are equal in everything make the same container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Launch {
    /// The service that it stands for; also its name in the stack's network.
    pub(crate) service: String,
    /// The image's name.
    pub(crate) image: String,
    /// The image's id: a name may come to mean another one.
    pub(crate) image_id: String,
    pub(crate) command: Vec<String>,
    /// `uid:gid`.
    pub(crate) user: String,
    pub(crate) memory_bytes: u64,
    /// Files of the host, readable inside.
    pub(crate) binds: Vec<Bind>,
    /// The project's volume and where it is inside.
    pub(crate) volume: (String, String),
    /// The port inside, and that on 127.0.0.1; 0 for a free one.
    pub(crate) port: (u16, u16),
    /// Chosen by `worker scale`; part of the command, kept as a label for the next start.
    pub(crate) parallelism: Option<u16>,
    /// A savepoint inside that is restored first. The worker does so once, so it makes no other container of it.
    pub(crate) restore: Option<String>,
    /// What Docker runs every ten seconds to see whether it is well.
    pub(crate) health_check: Vec<String>,
    /// How long it may take to stop.
    pub(crate) stop_seconds: u32,
}

/// A file of the host inside a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bind {
    pub(crate) host: PathBuf,
    pub(crate) inside: String,
    /// What stands in it, as a hash: another content is another container.
    pub(crate) content: String,
}

impl Bind {
    /// This file as it is now.
    pub(crate) fn of(host: PathBuf, inside: &str) -> Result<Self> {
        let bytes = std::fs::read(&host)
            .map_err(|error| Failure::could_not_run(format!("{} cannot be read: {error}", host.display())))?;
        Ok(Self { content: hex(&Sha256::digest(bytes)), host, inside: inside.to_owned() })
    }
}

impl Launch {
    /// Stands for everything above but what is restored; kept as a label, compared at the next start.
    pub(crate) fn hash(&self) -> String {
        let lasting = Self { restore: None, ..self.clone() };
        hex(&Sha256::digest(format!("{lasting:?}")))
    }

    /// A program of the image, run once as this container would: its user, its files, its volume.
    pub(crate) fn once(&self, docker: &Docker, name: &str, arguments: &[&str]) -> OneShot {
        OneShot {
            name: format!("{}-{name}", self.service),
            image: self.image_id.clone(),
            program: None,
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
            user: self.user.clone(),
            may: Vec::new(),
            mounts: docker.mounts(self),
        }
    }
}

impl Docker {
    /// Makes the container and starts it.
    pub(crate) async fn launch(&self, launch: &Launch) -> Result<String> {
        let name = format!("{}-{}-1", self.project, launch.service);
        let options = CreateContainerOptionsBuilder::default().name(&name).build();
        let created = self
            .api
            .create_container(Some(options), self.body(launch))
            .await
            .map_err(|error| failed(&format!("making {name}"), &error))?;
        self.api
            .start_container(&created.id, None::<StartContainerOptions>)
            .await
            .map_err(|error| explained(failed(&format!("starting {name}"), &error)))?;
        Ok(created.id)
    }

    /// Makes the volume and gives it to the user that will write to it: one that was made by somebody else, or by an image
    /// without that user, belongs to root. A container of a second does it, as root; the worker itself never is.
    pub(crate) async fn prepare_volume(&self, launch: &Launch) -> Result<()> {
        self.make_volume(&launch.volume.0).await?;
        let chown = OneShot {
            program: Some("chown".to_owned()),
            arguments: ["-R", &launch.user, &launch.volume.1].map(str::to_owned).to_vec(),
            user: "0:0".to_owned(),
            // To look into directories of others, and to give files away.
            may: vec!["CHOWN", "DAC_READ_SEARCH"],
            mounts: vec![self.volume(launch)],
            ..launch.once(self, "volume", &[])
        };
        let what = format!("giving the volume {} to {}", launch.volume.0, launch.user);
        match self.run_once(&chown).await {
            // An image without `chown`: then the volume is as the image has its directory.
            Err(failure) if failure.message.contains("executable file not found") => Ok(()),
            ended => ended?.succeeded(&what).map(drop),
        }
    }

    /// The files of the host and the volume, where the container has them.
    fn mounts(&self, launch: &Launch) -> Vec<Mount> {
        let bind = |bind: &Bind| Mount {
            typ: Some(MountType::BIND),
            source: Some(bind.host.display().to_string()),
            target: Some(bind.inside.clone()),
            read_only: Some(true),
            ..Mount::default()
        };
        launch.binds.iter().map(bind).chain([self.volume(launch)]).collect()
    }

    fn volume(&self, launch: &Launch) -> Mount {
        Mount {
            typ: Some(MountType::VOLUME),
            source: Some(format!("{}_{}", self.project, launch.volume.0)),
            target: Some(launch.volume.1.clone()),
            ..Mount::default()
        }
    }

    async fn make_volume(&self, name: &str) -> Result<()> {
        let labels = [
            (PROJECT_LABEL.to_owned(), self.project.clone()),
            ("com.docker.compose.volume".to_owned(), name.to_owned()),
        ];
        let name = format!("{}_{name}", self.project);
        let request = VolumeCreateRequest {
            name: Some(name.clone()),
            labels: Some(labels.into()),
            ..VolumeCreateRequest::default()
        };
        self.api.create_volume(request).await.map_err(|error| failed(&format!("the volume {name}"), &error))?;
        Ok(())
    }

    fn body(&self, launch: &Launch) -> ContainerCreateBody {
        let labels = [
            (PROJECT_LABEL, self.project.clone()),
            (SERVICE_LABEL, launch.service.clone()),
            ("com.docker.compose.container-number", "1".to_owned()),
            ("com.docker.compose.oneoff", "False".to_owned()),
            ("com.docker.compose.config-hash", launch.hash()),
            (ROLE_LABEL, WORKER_ROLE.to_owned()),
            (PORT_LABEL, launch.port.1.to_string()),
        ];
        let chosen = launch.parallelism.map(|number| (PARALLELISM_LABEL, number.to_string()));
        let labels = labels.into_iter().chain(chosen);
        let restore = launch.restore.iter().flat_map(|path| ["--restore".to_owned(), path.clone()]);
        let endpoint = EndpointSettings { aliases: Some(vec![launch.service.clone()]), ..EndpointSettings::default() };
        let health = HealthConfig {
            test: Some(["CMD".to_owned()].into_iter().chain(launch.health_check.iter().cloned()).collect()),
            interval: Some(10 * SECOND_NS),
            timeout: Some(5 * SECOND_NS),
            retries: Some(5),
            start_period: Some(30 * SECOND_NS),
            ..HealthConfig::default()
        };
        ContainerCreateBody {
            image: Some(launch.image.clone()),
            user: Some(launch.user.clone()),
            cmd: Some(launch.command.iter().cloned().chain(restore).collect()),
            labels: Some(labels.map(|(name, value)| (name.to_owned(), value)).collect()),
            exposed_ports: Some(vec![format!("{}/tcp", launch.port.0)]),
            healthcheck: Some(health),
            stop_timeout: Some(i64::from(launch.stop_seconds)),
            host_config: Some(self.host_config(launch)),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some(HashMap::from([(format!("{}_default", self.project), endpoint)])),
            }),
            ..ContainerCreateBody::default()
        }
    }

    fn host_config(&self, launch: &Launch) -> HostConfig {
        let host_port = (launch.port.1 != 0).then(|| launch.port.1.to_string());
        let port = PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port };
        let memory = i64::try_from(launch.memory_bytes).unwrap_or(i64::MAX);
        let logs = [("max-size".to_owned(), "20m".to_owned()), ("max-file".to_owned(), "3".to_owned())];
        HostConfig {
            memory: Some(memory),
            // Swapping would only hide that the limit is too small.
            memory_swap: Some(memory),
            pids_limit: Some(256),
            readonly_rootfs: Some(true),
            cap_drop: Some(vec!["ALL".to_owned()]),
            security_opt: Some(vec!["no-new-privileges:true".to_owned()]),
            tmpfs: Some(HashMap::from([("/tmp".to_owned(), "size=64m".to_owned())])),
            mounts: Some(self.mounts(launch)),
            port_bindings: Some(HashMap::from([(format!("{}/tcp", launch.port.0), Some(vec![port]))])),
            restart_policy: Some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::UNLESS_STOPPED),
                maximum_retry_count: None,
            }),
            log_config: Some(HostConfigLogConfig { typ: Some("json-file".to_owned()), config: Some(logs.into()) }),
            network_mode: Some(format!("{}_default", self.project)),
            ..HostConfig::default()
        }
    }
}

/// The Engine's words with their meaning and what to do, where they are known.
fn explained(failure: Failure) -> Failure {
    match explain::by_docker(&failure.message) {
        Some(meaning) => {
            let message = format!("{} ({})", failure.message, meaning.what);
            Failure { message, ..failure }.hint(meaning.remedy)
        }
        None => failure,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch() -> Launch {
        Launch {
            service: "worker".into(),
            image: "worker:1".into(),
            image_id: "sha256:1".into(),
            command: vec!["run".into()],
            user: "10001:10001".into(),
            memory_bytes: 1 << 28,
            binds: Vec::new(),
            volume: ("worker_state".into(), "/var/lib/worker".into()),
            port: (8081, 8081),
            parallelism: None,
            restore: None,
            health_check: vec!["worker".into(), "health".into()],
            stop_seconds: 30,
        }
    }

    #[test]
    fn another_image_or_another_content_is_another_container() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("worker.toml");
        let with = |text: &str| {
            std::fs::write(&file, text).expect("written");
            let bind = Bind::of(file.clone(), "/etc/worker/worker.toml").expect("read");
            Launch { binds: vec![bind], ..launch() }.hash()
        };
        assert_eq!(with("a = 1"), with("a = 1"));
        assert_ne!(with("a = 1"), with("a = 2"));
        assert_ne!(launch().hash(), Launch { image_id: "sha256:2".into(), ..launch() }.hash());
        let missing = Bind::of(directory.path().join("none"), "/x").expect_err("not there");
        assert!(missing.message.contains("none"), "{missing}");
    }

    #[test]
    fn what_is_restored_makes_no_other_container_but_a_parallelism_does() {
        let restored = Launch { restore: Some("savepoints/a".into()), ..launch() };
        assert_eq!(launch().hash(), restored.hash());
        assert_ne!(launch().hash(), Launch { parallelism: Some(2), ..launch() }.hash());
    }

    #[test]
    fn hashes_are_written_as_hex() {
        assert_eq!(hex(&[0, 10, 255]), "000aff");
    }
}
