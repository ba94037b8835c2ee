//! A container that runs one program to its end, says something, and is gone: what must be done inside the stack's volumes.

use std::collections::HashMap;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, HealthConfig, HostConfig, Mount};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder, StartContainerOptions,
    WaitContainerOptions,
};
use futures_util::TryStreamExt as _;

use crate::clients::docker::{Docker, PROJECT_LABEL, failed, is_missing};
use crate::failure::{Failure, Result};

/// What is run.
#[derive(Clone, Debug)]
pub(crate) struct OneShot {
    /// Of the container, behind the project's: one of these at a time.
    pub(crate) name: String,
    pub(crate) image: String,
    /// The program instead of the image's own.
    pub(crate) program: Option<String>,
    pub(crate) arguments: Vec<String>,
    /// `uid:gid`.
    pub(crate) user: String,
    /// What that user may do besides: capabilities.
    pub(crate) may: Vec<&'static str>,
    pub(crate) mounts: Vec<Mount>,
}

/// How it ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) exit_code: i64,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// What it printed, or an error about `what` with what it said.
    pub(crate) fn succeeded(self, what: &str) -> Result<String> {
        if self.exit_code == 0 {
            return Ok(self.stdout);
        }
        let said = self.stderr.lines().map(str::to_owned).collect();
        Err(Failure::new(format!("{what} failed with code {}", self.exit_code)).log(said))
    }
}

impl Docker {
    /// Runs it to its end. The container is removed, however it ends; one that a run before left is removed first.
    pub(crate) async fn run_once(&self, what: &OneShot) -> Result<Ended> {
        let name = format!("{}-{}", self.project, what.name);
        let about = |error: &Error| failed(&format!("running {} once", what.name), error);
        match self.remove_by_name(&name).await {
            Err(error) if !is_missing(&error) => return Err(about(&error)),
            _ => {}
        }
        let options = CreateContainerOptionsBuilder::default().name(&name).build();
        self.api.create_container(Some(options), self.body_of(what)).await.map_err(|error| about(&error))?;
        let ended = self.to_its_end(&name).await;
        // What stays is removed before the next one; what it did counts.
        let _stays = self.remove_by_name(&name).await;
        ended.map_err(|error| about(&error))
    }

    async fn to_its_end(&self, name: &str) -> std::result::Result<Ended, Error> {
        self.api.start_container(name, None::<StartContainerOptions>).await?;
        let waited = self.api.wait_container(name, None::<WaitContainerOptions>).try_collect::<Vec<_>>().await;
        let exit_code = match waited {
            Ok(answers) => answers.first().map_or(0, |answer| answer.status_code),
            Err(Error::DockerContainerWaitError { code, .. }) => code,
            Err(error) => return Err(error),
        };
        let options = LogsOptionsBuilder::default().stdout(true).stderr(true).tail("all").build();
        let pieces: Vec<LogOutput> = self.api.logs(name, Some(options)).try_collect().await?;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        for piece in pieces {
            match piece {
                LogOutput::StdErr { message } => stderr.extend_from_slice(&message),
                other => stdout.extend_from_slice(&other.into_bytes()),
            }
        }
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Ended { exit_code, stdout: text(stdout), stderr: text(stderr) })
    }

    async fn remove_by_name(&self, name: &str) -> std::result::Result<(), Error> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        self.api.remove_container(name, Some(options)).await
    }

    fn body_of(&self, what: &OneShot) -> ContainerCreateBody {
        ContainerCreateBody {
            image: Some(what.image.clone()),
            user: Some(what.user.clone()),
            entrypoint: what.program.as_ref().map(|program| vec![program.clone()]),
            cmd: Some(what.arguments.clone()),
            labels: Some(HashMap::from([(PROJECT_LABEL.to_owned(), self.project.clone())])),
            healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }),
            host_config: Some(HostConfig {
                readonly_rootfs: Some(true),
                cap_drop: Some(vec!["ALL".to_owned()]),
                cap_add: Some(what.may.iter().map(|word| (*word).to_owned()).collect()),
                security_opt: Some(vec!["no-new-privileges:true".to_owned()]),
                mounts: Some(what.mounts.clone()),
                network_mode: Some("none".to_owned()),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }
}
