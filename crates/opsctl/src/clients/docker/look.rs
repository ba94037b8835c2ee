//! Looking into containers without changing anything: all that Docker knows of them, files, owners, questions asked inside.

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::models::{ContainerInspectResponse, ContainerSummary, SystemInfo};
use bollard::query_parameters::{
    DownloadFromContainerOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder, LogsOptionsBuilder,
};
use futures_util::future::join_all;
use futures_util::{StreamExt as _, TryStreamExt as _};

use crate::clients::docker::{Docker, PROJECT_LABEL, failed, is_missing};
use crate::failure::{Failure, Result};

/// The header of a tar entry.
const TAR_HEADER: usize = 512;
/// Files that are read are a few lines long.
const LONGEST_FILE: usize = 64 * 1024;

/// What a question asked inside a container gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answered {
    pub(crate) code: i64,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// What a file in a container is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mode: u32,
    size: usize,
}

impl Docker {
    /// The Engine and its machine.
    pub(crate) async fn info(&self) -> Result<SystemInfo> {
        self.api.info().await.map_err(|error| failed("itself", &error))
    }

    /// All that Docker knows of the project's containers, running or not.
    pub(crate) async fn inspected(&self) -> Result<Vec<ContainerInspectResponse>> {
        let filters = std::collections::HashMap::from([("label", vec![format!("{PROJECT_LABEL}={}", self.project)])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let listed = self.api.list_containers(Some(options)).await.map_err(|error| failed("the containers", &error))?;
        let ids = listed.into_iter().filter_map(|container| container.id);
        let inspected = join_all(ids.map(|id| async move {
            match self.api.inspect_container(&id, None::<InspectContainerOptions>).await {
                Ok(container) => Ok(Some(container)),
                // Removed between the two questions.
                Err(error) if is_missing(&error) => Ok(None),
                Err(error) => Err(failed("a container", &error)),
            }
        }));
        inspected.await.into_iter().filter_map(Result::transpose).collect()
    }

    /// Every container of every project.
    pub(crate) async fn everybody(&self) -> Result<Vec<ContainerSummary>> {
        let options = ListContainersOptionsBuilder::default().all(true).build();
        self.api.list_containers(Some(options)).await.map_err(|error| failed("the containers", &error))
    }

    /// Asks inside a running container; standard input is empty.
    pub(crate) async fn ask_inside(&self, id: &str, command: &[&str]) -> Result<Answered> {
        let asked = CreateExecOptions {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.to_vec()),
            ..CreateExecOptions::default()
        };
        let what = format!("{} in a container", command.first().copied().unwrap_or_default());
        let exec = self.api.create_exec(id, asked).await.map_err(|error| failed(&what, &error))?;
        let mut answered = Answered::default();
        if let StartExecResults::Attached { mut output, .. } =
            self.api.start_exec(&exec.id, None).await.map_err(|error| failed(&what, &error))?
        {
            while let Some(piece) = output.next().await {
                match piece.map_err(|error| failed(&what, &error))? {
                    LogOutput::StdErr { message } => answered.stderr.push_str(&String::from_utf8_lossy(&message)),
                    other => answered.stdout.push_str(&String::from_utf8_lossy(&other.into_bytes())),
                }
            }
        }
        let ended = self.api.inspect_exec(&exec.id).await.map_err(|error| failed(&what, &error))?;
        answered.code = ended.exit_code.unwrap_or(-1);
        Ok(answered)
    }

    /// To whom a path in a container belongs, running or not; none if it is not there.
    pub(crate) async fn owner(&self, id: &str, path: &str) -> Result<Option<Entry>> {
        Ok(self.beginning(id, path, TAR_HEADER).await?.as_deref().and_then(entry))
    }

    /// The volume that is mounted there.
    pub(crate) async fn volume_at(&self, id: &str, inside: &str) -> Result<Option<String>> {
        let seen = self.api.inspect_container(id, None::<InspectContainerOptions>).await;
        let mounts = seen.map_err(|error| failed("a container", &error))?.mounts.unwrap_or_default();
        Ok(mounts.into_iter().find(|mount| mount.destination.as_deref() == Some(inside)).and_then(|mount| mount.name))
    }

    /// A small file in a container, running or not; none if it is not there.
    pub(crate) async fn file(&self, id: &str, path: &str) -> Result<Option<String>> {
        let Some(bytes) = self.beginning(id, path, TAR_HEADER + LONGEST_FILE).await? else { return Ok(None) };
        let Some(entry) = entry(&bytes) else { return Ok(None) };
        let content = bytes.get(TAR_HEADER..TAR_HEADER + entry.size.min(LONGEST_FILE)).unwrap_or_default();
        Ok(Some(String::from_utf8_lossy(content).into_owned()))
    }

    /// The first bytes of the archive that Docker makes of a path: a directory's may be long, its header is enough.
    async fn beginning(&self, id: &str, path: &str, most: usize) -> Result<Option<Vec<u8>>> {
        let options = DownloadFromContainerOptionsBuilder::default().path(path).build();
        let mut stream = Box::pin(self.api.download_from_container(id, Some(options)));
        let mut bytes = Vec::new();
        while bytes.len() < most {
            match stream.next().await {
                Some(Ok(more)) => bytes.extend_from_slice(&more),
                Some(Err(error)) if is_missing(&error) => return Ok(None),
                Some(Err(error)) => return Err(failed(path, &error)),
                None => break,
            }
        }
        Ok(Some(bytes))
    }

    /// The last lines of a container's log, each with its time.
    pub(crate) async fn dated_lines(&self, id: &str, count: u32) -> Vec<String> {
        let options =
            LogsOptionsBuilder::default().stdout(true).stderr(true).timestamps(true).tail(&count.to_string()).build();
        let lines: std::result::Result<Vec<_>, _> =
            self.api.logs(id, Some(options)).map_ok(LogOutput::into_bytes).try_collect().await;
        String::from_utf8_lossy(&lines.unwrap_or_default().concat()).lines().map(str::to_owned).collect()
    }
}

impl Answered {
    /// Its output, where it ended well; else what it said.
    pub(crate) fn well(self) -> Result<String> {
        if self.code == 0 {
            return Ok(self.stdout);
        }
        let said = if self.stderr.trim().is_empty() { self.stdout } else { self.stderr };
        Err(Failure::new(said.trim().to_owned()))
    }
}

/// Reads a tar header: mode, uid, gid and size as octal text, at 100, 108, 116 and 124.
fn entry(header: &[u8]) -> Option<Entry> {
    let number = |from: usize, to: usize| {
        let field = header.get(from..to)?;
        // Numbers that do not fit are binary, the first bit set.
        if field.first().is_some_and(|first| first & 0x80 != 0) {
            return Some(field.iter().skip(1).fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte)));
        }
        let text = String::from_utf8_lossy(field);
        u64::from_str_radix(text.trim_matches(|c: char| c == '\0' || c == ' '), 8).ok()
    };
    Some(Entry {
        mode: number(100, 108)? as u32,
        uid: number(108, 116)? as u32,
        gid: number(116, 124)? as u32,
        size: number(124, 136)? as usize,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tar_header_tells_owner_mode_and_size() {
        let mut header = [0_u8; TAR_HEADER];
        header[100..108].copy_from_slice(b"0000750\0");
        header[108..116].copy_from_slice(b"0023421\0");
        header[116..124].copy_from_slice(b"0000000\0");
        header[124..136].copy_from_slice(b"00000000044\0");
        // 023421 is 10001, 044 is 36.
        assert_eq!(entry(&header), Some(Entry { uid: 10_001, gid: 0, mode: 0o750, size: 36 }));
        header[108..116].copy_from_slice(&[0x80, 0, 0, 0, 0, 1, 0, 1]);
        assert_eq!(entry(&header).map(|entry| entry.uid), Some(65_537));
        assert_eq!(entry(b"short"), None);
    }
}
