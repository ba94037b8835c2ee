//! The few questions and orders that building images has for Docker, through its command line.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::process::{self, ask};
use crate::workspace;

/// Installing packages in a build, on a slow machine with a slow mirror.
const BUILD_LIMIT: Duration = Duration::from_mins(30);
const LOG_LINES_SHOWN: usize = 25;

/// What is known of an image that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Built {
    /// Changes with the content.
    pub(crate) id: String,
    /// On disk, with everything that it stands on.
    pub(crate) bytes: u64,
}

/// An Engine answers; the error says what to do.
pub(crate) fn ready() -> Result<()> {
    let docker = workspace::program("docker")
        .context("Docker is not installed: scripts/test installs it, or apt-get install docker.io")?;
    let answer = ask(Command::new(docker).args(["version", "--format", "{{.Server.Version}}"]))?;
    if answer.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&answer.stderr);
    let said = said.lines().last().unwrap_or_default().trim();
    let hint = if said.contains("permission denied") {
        "this user may not use it: sudo usermod -aG docker $USER, then log in again"
    } else {
        "start it: systemctl start docker, or dockerd as root"
    };
    bail!("Docker Engine does not answer ({said}); {hint}");
}

/// The image of this tag, if it is there.
pub(crate) fn built(tag: &str) -> Result<Option<Built>> {
    let answer = ask(Command::new("docker").args(["image", "inspect", "--format", "{{.Id}} {{.Size}}", tag]))?;
    if answer.status.success() { parse(&String::from_utf8_lossy(&answer.stdout)).map(Some) } else { Ok(None) }
}

fn parse(line: &str) -> Result<Built> {
    let (id, bytes) = line.trim().split_once(' ').with_context(|| format!("docker image inspect says {line:?}"))?;
    let bytes = bytes.parse().with_context(|| format!("docker image inspect says {line:?}"))?;
    Ok(Built { id: id.to_owned(), bytes })
}

/// What is to be built from a Dockerfile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Build<'a> {
    /// The folder that Docker sees.
    pub(crate) context: &'a Path,
    /// The Dockerfile's name in it.
    pub(crate) file: &'a str,
    /// What the image is called.
    pub(crate) tag: &'a str,
    /// The image that it stands on: the Dockerfile's argument `BASE`.
    pub(crate) base: &'a str,
    /// Nothing cached is used.
    pub(crate) fresh: bool,
}

/// Builds it; what Docker says goes to `log`.
pub(crate) fn build(build: &Build<'_>, log: &Path) -> Result<()> {
    let mut command = Command::new("docker");
    command.env("DOCKER_BUILDKIT", "1").args(["build", "--progress", "plain", "--tag", build.tag]);
    command.arg("--file").arg(build.context.join(build.file));
    command.args(["--build-arg", &format!("BASE={}", build.base)]);
    command.args(build.fresh.then_some("--no-cache"));
    command.arg(build.context);
    logged(&mut command, log).with_context(|| format!("{} could not be built", build.tag))
}

/// Runs it with its output in `log`; the error shows the last lines.
pub(crate) fn logged(command: &mut Command, log: &Path) -> Result<()> {
    let file = File::create(log).with_context(|| format!("{} cannot be written", log.display()))?;
    command.stdout(file.try_clone()?).stderr(file);
    let status = process::run(command, BUILD_LIMIT)?;
    if status.success() {
        return Ok(());
    }
    bail!("{status}\n{}\nAll of it: {}", last_lines(&std::fs::read(log).unwrap_or_default()), log.display());
}

fn last_lines(log: &[u8]) -> String {
    let log = String::from_utf8_lossy(log);
    let lines: Vec<_> = log.lines().collect();
    lines.get(lines.len().saturating_sub(LOG_LINES_SHOWN)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_inspect_says_is_understood_or_shown() {
        assert_eq!(parse("sha256:ab 474123\n").expect("both"), Built { id: "sha256:ab".to_owned(), bytes: 474_123 });
        for text in ["", "sha256:ab", "sha256:ab many"] {
            assert!(
                parse(text).is_err_and(|error| error.to_string().contains("docker image inspect says")),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_failed_command_shows_the_end_of_its_log() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = directory.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "seq 100; echo broken >&2; exit 3"]);
        let error = logged(&mut command, &log).expect_err("failed").to_string();
        let lines: Vec<_> = error.lines().collect();
        assert_eq!(lines.len(), 1 + LOG_LINES_SHOWN + 1);
        assert_eq!((lines[0], lines[1], lines[25]), ("exit status: 3", "77", "broken"));
        assert!(lines[26].ends_with("/log"));
    }
}
