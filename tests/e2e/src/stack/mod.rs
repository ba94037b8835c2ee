//! A stack of our own: started by `opsctl` as people start it, under a project name and on ports of its own.

pub(crate) mod docker;
mod connect;
mod kafka;
mod mysql;
mod ports;
mod started;
mod volume;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

pub(crate) use self::docker::Container;
pub(crate) use self::kafka::Topic;
pub(crate) use self::volume::{STATE, Volume};
use crate::process::finish;
use crate::signals::{Interrupted, undisturbed};
use crate::stack::ports::Ports;

/// Where things are.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// The repository: `compose/`, `connectors/`.
    pub(crate) root: PathBuf,
    /// The `opsctl` under test.
    pub(crate) opsctl: PathBuf,
    /// `target/e2e`: logs, reports, secrets and configurations of the run.
    pub(crate) output: PathBuf,
    /// Whose images: `local`, `public`, `auto`.
    pub(crate) images: String,
}

/// Longer than a cold start on a slow machine.
pub(crate) const UP_LIMIT: Duration = Duration::from_mins(8);

/// How often `up` is tried where the machine has no time for it.
const BUSY_TRIES: usize = 4;
/// More than so many waiting for each core: limits in seconds say nothing any more.
const BUSY_LOAD: f64 = 4.0;

/// A stack: containers, network and volumes of one Compose project.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) project: String,
    pub(crate) places: Places,
    ports: Ports,
    /// Taken down when this is dropped, unless it shall be kept.
    pub(crate) keep: bool,
}

impl Stack {
    /// A stack of which nothing is there yet; what an earlier run left under its name is removed.
    pub(crate) fn new(places: &Places, project: &str) -> Result<Self> {
        docker::remove_project(project)?;
        let stack = Self { project: project.to_owned(), places: places.clone(), ports: Ports::free()?, keep: false };
        for directory in [stack.work(), stack.logs()] {
            fs::create_dir_all(&directory).with_context(|| format!("{} cannot be made", directory.display()))?;
        }
        Ok(stack)
    }

    /// Secrets and configurations of this stack.
    pub(crate) fn work(&self) -> PathBuf {
        self.places.output.join("work").join(&self.project)
    }

    /// What its containers wrote.
    pub(crate) fn logs(&self) -> PathBuf {
        self.places.output.join("logs").join(&self.project)
    }

    /// Passwords and tokens, made by `opsctl up`.
    pub(crate) fn secrets(&self) -> PathBuf {
        self.work().join("secrets")
    }

    /// `opsctl ARGUMENTS --json`: the object that it printed, whether it did what it should or not.
    pub(crate) fn opsctl_answer(&self, arguments: &[&str], limit: Duration) -> Result<Value> {
        self.opsctl_with(arguments, &[], limit)
    }

    /// The same with these variables besides.
    pub(crate) fn opsctl_with(&self, arguments: &[&str], variables: &[(&str, &str)], limit: Duration) -> Result<Value> {
        let mut command = Command::new(&self.places.opsctl);
        command.args(arguments).arg("--json").current_dir(&self.places.root);
        command.env("CDC_PROJECT", &self.project).env("CDC_STACK_DIR", &self.places.root);
        self.set_variables(&mut command);
        command.envs(variables.iter().copied());
        let finished = finish(&mut command, None, limit)?;
        let log = format!("$ opsctl {}\n{}{}\n", arguments.join(" "), finished.stderr, finished.stdout);
        self.append("opsctl.log", &log)?;
        serde_json::from_str(&finished.stdout)
            .with_context(|| format!("opsctl {} printed no JSON: {log}", arguments.join(" ")))
    }

    /// The same; what it could not do is an error, in its words.
    pub(crate) fn opsctl(&self, arguments: &[&str], limit: Duration) -> Result<Value> {
        let answer = self.opsctl_answer(arguments, limit)?;
        if answer["ok"] == true {
            return Ok(answer);
        }
        let words = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).unwrap_or("-").to_owned();
        let log = answer.pointer("/error/log").and_then(Value::as_array).cloned().unwrap_or_default();
        let log: Vec<&str> = log.iter().filter_map(Value::as_str).collect();
        let log = log.join("\n  ");
        bail!("opsctl {}: {}\n  hint: {}\n  {log}", arguments.join(" "), words("/error/message"), words("/error/hint"))
    }

    /// `opsctl up` with these further flags. Its own limits are those of a machine that has time for it: where this one has
    /// not, it is run again, as a person would.
    pub(crate) fn up(&self, flags: &[&str]) -> Result<Value> {
        let arguments = [&["up", "--images", &self.places.images], flags].concat();
        let mut tries = 1;
        loop {
            match self.opsctl(&arguments, UP_LIMIT) {
                Err(error) if !error.is::<Interrupted>() && tries < BUSY_TRIES => {
                    let Some(load) = overload() else { return Err(error) };
                    crate::say(&format!("the machine is busy ({load}): opsctl up once more, after: {error:#}"));
                    tries += 1;
                }
                answer => return answer,
            }
        }
    }

    /// `opsctl down`: data stays. The containers' logs are kept first.
    pub(crate) fn down(&self) -> Result<Value> {
        self.save_logs()?;
        self.opsctl(&["down"], UP_LIMIT)
    }

    /// Docker Compose on this stack, for what is done behind `opsctl`'s back.
    pub(crate) fn compose(&self, arguments: &[&str], limit: Duration) -> Result<String> {
        self.compose_with(&[], arguments, limit)
    }

    /// The same with these variables besides.
    pub(crate) fn compose_with(
        &self,
        variables: &[(&str, &str)],
        arguments: &[&str],
        limit: Duration,
    ) -> Result<String> {
        let folder = self.places.root.join("compose");
        let mut command = Command::new("docker");
        command.args(["compose", "--project-name", &self.project]);
        if self.places.images != "public" {
            command.arg("--env-file").arg(folder.join("local.env"));
        }
        command.arg("--file").arg(folder.join("compose.yaml")).args(arguments);
        self.set_variables(&mut command);
        command.envs(variables.iter().copied());
        finish(&mut command, None, limit)?.succeeded()
    }

    /// The same with another file laid over compose.yaml, and with these variables besides.
    pub(crate) fn compose_laid_over(
        &self,
        over: &str,
        variables: &[(&str, &str)],
        arguments: &[&str],
    ) -> Result<String> {
        let file = self.work().join("laid-over.yaml");
        fs::write(&file, over).with_context(|| format!("{} cannot be written", file.display()))?;
        let folder = self.places.root.join("compose");
        let mut command = Command::new("docker");
        command.args(["compose", "--project-name", &self.project]);
        if self.places.images != "public" {
            command.arg("--env-file").arg(folder.join("local.env"));
        }
        command.arg("--file").arg(folder.join("compose.yaml")).arg("--file").arg(&file).args(arguments);
        self.set_variables(&mut command);
        command.envs(variables.iter().copied());
        finish(&mut command, None, UP_LIMIT)?.succeeded()
    }

    /// The same stack, described by a copy of its files that may be changed. It is taken down with this one.
    pub(crate) fn copied_checkout(&self) -> Result<Self> {
        let root = self.work().join("checkout");
        remove_directory(&root)?;
        fs::create_dir_all(&root).with_context(|| format!("{} cannot be made", root.display()))?;
        for folder in ["compose", "connectors"] {
            let mut command = Command::new("cp");
            command.arg("-R").arg(self.places.root.join(folder)).arg(&root);
            finish(&mut command, None, UP_LIMIT)?.succeeded()?;
        }
        let places = Places { root, ..self.places.clone() };
        Ok(Self { project: self.project.clone(), places, ports: self.ports, keep: true })
    }

    fn set_variables(&self, command: &mut Command) {
        command.envs(self.ports.variables()).env("CDC_SECRETS_DIR", self.secrets());
    }

    /// Its containers, those that do not run too.
    pub(crate) fn containers(&self) -> Result<Vec<Container>> {
        docker::containers(&self.project)
    }

    /// The container of a service.
    pub(crate) fn container(&self, service: &str) -> Result<Container> {
        let found = self.containers()?.into_iter().find(|container| container.service == service);
        found.with_context(|| format!("{service} of {} has no container", self.project))
    }

    /// `docker ACTION` on the container of a service: `kill`, `stop`, `start`, `restart`, `pause`, `unpause`.
    pub(crate) fn act(&self, action: &str, service: &str) -> Result<()> {
        docker::docker(&[action, &self.container(service)?.id]).map(drop)
    }

    /// Prometheus, where it was started.
    pub(crate) fn prometheus(&self) -> u16 {
        self.ports.prometheus()
    }

    /// ClickHouse, where it was started.
    pub(crate) fn clickhouse(&self) -> u16 {
        self.ports.clickhouse()
    }

    /// Keeps what every container wrote so far, one file a container.
    pub(crate) fn save_logs(&self) -> Result<()> {
        for container in self.containers()? {
            let log = docker::run(&["logs", "--timestamps", &container.id], None, Duration::from_mins(1))?;
            let file = format!("{}-{:.8}.log", container.service, container.id);
            // Both streams have timestamps; one after the other is enough to find what happened.
            fs::write(self.logs().join(file), log.stdout + &log.stderr)?;
        }
        Ok(())
    }

    /// Removes all of it: containers, network, volumes, secrets. Also after Ctrl-C.
    pub(crate) fn remove(&self) -> Result<()> {
        undisturbed(|| {
            // Without its logs a failure cannot be understood, but it must be taken down all the same.
            let saved = self.save_logs();
            docker::remove_project(&self.project)?;
            remove_directory(&self.secrets())?;
            saved
        })
    }

    fn append(&self, file: &str, text: &str) -> Result<()> {
        use std::io::Write as _;
        let path = self.logs().join(file);
        let file = fs::OpenOptions::new().create(true).append(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.with_context(|| format!("{} cannot be written", path.display()))
    }
}

/// `load 45.3 on 2 cores`, where that is too much.
fn overload() -> Option<String> {
    let load = fs::read_to_string("/proc/loadavg").ok()?;
    let load: f64 = load.split(' ').next()?.parse().ok()?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (load > BUSY_LOAD * cores as f64).then(|| format!("load {load:.1} on {cores} cores"))
}

fn remove_directory(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}

impl Drop for Stack {
    /// However the scenario ended: well, with an error, with a panic, with Ctrl-C.
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        if let Err(error) = self.remove() {
            crate::say(&format!("{} could not be taken down: {error:#}", self.project));
        }
    }
}
