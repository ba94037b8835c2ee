//! The volume in which a worker's container has its state, looked into from outside.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::docker::{Container, PROJECT_LABEL, docker};

/// Where the image has its state.
pub(crate) const STATE: &str = "/var/lib/worker";

/// A volume, and the image whose programs are used to look into it.
#[derive(Debug, Clone)]
pub(crate) struct Volume {
    pub(crate) name: String,
    image: String,
}

impl Volume {
    /// That of a worker's container.
    pub(crate) fn of(container: &Container) -> Result<Self> {
        let mounts = container.inspected["Mounts"].as_array().context("no mounts")?;
        let volume = mounts.iter().find(|mount| mount["Destination"] == STATE).context("no volume for the state")?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let name = text(&volume["Name"]).context("the volume has no name")?;
        let image = text(&container.inspected["Config"]["Image"]).context("the container has no image")?;
        Ok(Self { name, image })
    }

    /// Runs a program of the image as root, with the volume where the worker has it.
    pub(crate) fn as_root(&self, command: &[&str]) -> Result<String> {
        self.with(&[], command)
    }

    /// Copies all that is in it into a new volume of the project.
    pub(crate) fn copy_to(&self, project: &str, name: &str) -> Result<()> {
        docker(&["volume", "create", "--label", &format!("{PROJECT_LABEL}={project}"), name])?;
        let (from, to) = (format!("{STATE}/."), "/copy");
        self.with(&["--volume", &format!("{name}:{to}")], &["cp", "-a", &from, to]).map(drop)
    }

    fn with(&self, more: &[&str], command: &[&str]) -> Result<String> {
        let mount = format!("{}:{STATE}", self.name);
        let head = ["run", "--rm", "--network", "none", "--user", "0:0", "--volume", &mount];
        docker(&[&head[..], more, &["--entrypoint", command[0], &self.image], &command[1..]].concat())
    }
}
