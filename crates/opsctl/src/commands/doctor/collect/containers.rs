//! Containers, as far as checks look at them: state, limits, mounts with their owners, telling lines of the log, disks.

use bollard::models::{ContainerInspectResponse, HealthStatusEnum, MountPoint};
use futures_util::future::{join, join_all};
use jiff::Timestamp;

use crate::checks::facts::{Container, Disk, LogLine, Mount, Other, Owner, Published};
use crate::clients::docker::{PROJECT_LABEL, ROLE_LABEL, SERVICE_LABEL, WORKER_ROLE};
use crate::commands::doctor::collect::Look;
use crate::commands::doctor::collect::files::without_secret_variables;
use crate::failure::Result;

/// Looked through for telling lines.
const LINES: u32 = 1500;
/// Of these so many are kept.
const KEPT: usize = 40;
/// Directories in a worker's volume that it writes to.
const WORKER_DIRECTORIES: [&str; 3] = ["state", "checkpoints", "savepoints"];
const DEPENDS_LABEL: &str = "com.docker.compose.depends_on";
const SOCKET: &str = "docker.sock";

pub(super) async fn ours(look: &Look) -> Result<Vec<Container>> {
    let inspected = look.docker.inspected().await?;
    let mut containers = join_all(inspected.into_iter().map(|container| one(look, container))).await;
    // Compose's one-off containers and ours that prepare a volume have no service.
    containers.retain(|container| !container.service.is_empty());
    containers.sort_by(|a, b| a.service.cmp(&b.service));
    Ok(containers)
}

async fn one(look: &Look, inspected: ContainerInspectResponse) -> Container {
    let id = inspected.id.clone().unwrap_or_default();
    let user = inspected.config.as_ref().and_then(|config| config.user.clone()).unwrap_or_default();
    let mut container = plain(inspected);
    let (log, ()) = join(log(look, &id), owners(look, &id, &user, &mut container)).await;
    container.log = log;
    if container.runs() {
        container.disks = disks(look, &id, &container.mounts).await;
    }
    if let Some(data) = container.mounts.iter().find(|mount| mount.inside == "/var/lib/kafka/data") {
        let path = format!("{}/meta.properties", data.inside);
        let text = look.docker.file(&id, &path).await.ok().flatten().unwrap_or_default();
        container.stored_cluster_id =
            text.lines().find_map(|line| line.strip_prefix("cluster.id=")).map(|id| id.trim().to_owned());
    }
    container
}

/// What the inspection alone tells.
fn plain(inspected: ContainerInspectResponse) -> Container {
    let config = inspected.config.unwrap_or_default();
    let labels = config.labels.unwrap_or_default();
    let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
    let state = inspected.state.unwrap_or_default();
    let health = state.health.unwrap_or_default();
    let host = inspected.host_config.unwrap_or_default();
    let variables = config
        .env
        .unwrap_or_default()
        .into_iter()
        .filter_map(|line| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())));
    let test = config.healthcheck.and_then(|check| check.test).unwrap_or_default();
    let ports = inspected.network_settings.and_then(|network| network.ports).unwrap_or_default();
    let published = ports.into_iter().flat_map(|(inside, bindings)| {
        let inside = inside.split('/').next().and_then(|port| port.parse().ok()).unwrap_or(0);
        bindings.unwrap_or_default().into_iter().filter_map(move |binding| {
            Some(Published {
                inside,
                address: binding.host_ip.unwrap_or_default(),
                port: binding.host_port?.parse().ok()?,
            })
        })
    });
    let mut published: Vec<Published> = published.collect();
    published.sort_by_key(|port| (port.inside, port.port));
    Container {
        service: label(SERVICE_LABEL),
        name: inspected.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        is_worker: label(ROLE_LABEL) == WORKER_ROLE,
        image: config.image.unwrap_or_default(),
        state: state.status.map(|status| status.to_string()).unwrap_or_default(),
        health: match health.status {
            None | Some(HealthStatusEnum::EMPTY | HealthStatusEnum::NONE) => None,
            Some(status) => Some(status.to_string()),
        },
        health_output: health.log.unwrap_or_default().last().and_then(|last| last.output.clone()).unwrap_or_default(),
        has_health_check: !test.is_empty() && test.first().is_none_or(|first| first != "NONE"),
        exit_code: state.exit_code.unwrap_or_default(),
        error: state.error.unwrap_or_default(),
        oom_killed: state.oom_killed.unwrap_or_default(),
        restarts: inspected.restart_count.unwrap_or_default(),
        started_ms: state.started_at.and_then(|time| time.parse::<Timestamp>().ok()).map(Timestamp::as_millisecond),
        memory_limit_bytes: host.memory.unwrap_or_default().unsigned_abs(),
        environment: without_secret_variables(variables),
        mounts: inspected.mounts.unwrap_or_default().into_iter().map(mount).collect(),
        published,
        depends_on: depends_on(&label(DEPENDS_LABEL)),
        ..Container::default()
    }
}

fn mount(seen: MountPoint) -> Mount {
    let kind = seen.typ.map(|kind| kind.to_lowercase()).unwrap_or_default();
    let name = seen.name.unwrap_or_default();
    Mount {
        // 64 hexadecimal digits are Docker's own name for a volume that nobody named.
        nameless: kind == "volume" && name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit()),
        source: if kind == "volume" { name } else { seen.source.unwrap_or_default() },
        kind,
        inside: seen.destination.unwrap_or_default(),
        writable: seen.rw.unwrap_or_default(),
        owners: Vec::new(),
    }
}

/// `kafka-1:service_healthy:false,kafka-2:service_started:false`
fn depends_on(label: &str) -> std::collections::BTreeMap<String, String> {
    let parts = label.split(',').filter_map(|part| {
        let mut words = part.split(':');
        Some((words.next().filter(|name| !name.is_empty())?.to_owned(), words.next()?.to_owned()))
    });
    parts.collect()
}

/// Lines that complain, with their times.
async fn log(look: &Look, id: &str) -> Vec<LogLine> {
    let lines = look.docker.dated_lines(id, LINES).await;
    let dated = lines.iter().filter_map(|line| {
        let (at, text) = line.split_once(' ')?;
        Some(LogLine {
            at_ms: at.parse::<Timestamp>().ok()?.as_millisecond(),
            text: text.trim_end().chars().take(500).collect(),
        })
    });
    let telling = dated.filter(|line| complains(&line.text));
    let mut telling: Vec<LogLine> = telling.collect();
    telling.split_off(telling.len().saturating_sub(KEPT))
}

/// Not everything that a healthy service writes.
fn complains(text: &str) -> bool {
    const WORDS: [&str; 13] = [
        "WARN",
        "ERROR",
        "FATAL",
        "Exception",
        "error",
        "denied",
        "cannot",
        "Cannot",
        "refused",
        "failed",
        "DLQ>",
        "No space left",
        "larger value",
    ];
    // Stack frames, and the settings that Connect lists at every start of a task: they would crowd out the rest.
    !text.starts_with(['\t', ' ']) && WORDS.iter().any(|word| text.contains(word))
}

/// Numbers of the user that the container runs as, and owners of what it writes to.
async fn owners(look: &Look, id: &str, user: &str, container: &mut Container) {
    if !container.mounts.iter().any(|mount| mount.kind == "volume" && mount.writable) {
        return;
    }
    container.user = numbers(look, id, user).await;
    let is_worker = container.is_worker;
    for mount in container.mounts.iter_mut().filter(|mount| mount.kind == "volume" && mount.writable) {
        let inside = is_worker.then(|| WORKER_DIRECTORIES.map(|name| format!("{}/{name}", mount.inside)));
        let paths = [mount.inside.clone()].into_iter().chain(inside.into_iter().flatten());
        let asked = paths.map(|path| async move {
            let entry = look.docker.owner(id, &path).await.ok().flatten()?;
            Some(Owner { path, uid: entry.uid, gid: entry.gid, mode: entry.mode })
        });
        mount.owners = join_all(asked).await.into_iter().flatten().collect();
    }
}

/// `10001:10001`, `999`, or a name that the container's own /etc/passwd knows.
async fn numbers(look: &Look, id: &str, user: &str) -> Option<(u32, u32)> {
    let (name, group) = user.split_once(':').unwrap_or((user, ""));
    if name.is_empty() {
        return Some((0, 0));
    }
    if let Ok(uid) = name.parse() {
        if let Ok(gid) = group.parse() {
            return Some((uid, gid));
        }
        let passwd = look.docker.file(id, "/etc/passwd").await.ok().flatten().unwrap_or_default();
        return Some((uid, find(&passwd, |fields| fields.get(2) == Some(&name)).map_or(0, |(_, gid)| gid)));
    }
    let passwd = look.docker.file(id, "/etc/passwd").await.ok().flatten()?;
    find(&passwd, |fields| fields.first() == Some(&name))
}

fn find(passwd: &str, is_it: impl Fn(&[&str]) -> bool) -> Option<(u32, u32)> {
    let line = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| is_it(fields))?;
    Some((line.get(2)?.parse().ok()?, line.get(3)?.parse().ok()?))
}

/// Room where it writes, as `df` inside tells: volumes may lie on other disks than Docker's own.
async fn disks(look: &Look, id: &str, mounts: &[Mount]) -> Vec<Disk> {
    let paths: Vec<&str> = mounts
        .iter()
        .filter(|mount| mount.writable && mount.kind != "tmpfs")
        .map(|mount| mount.inside.as_str())
        .collect();
    if paths.is_empty() {
        return Vec::new();
    }
    let command = [&["df", "-P", "-k"][..], &paths].concat();
    // An image without `df` tells nothing; Docker's own disk is looked at from outside.
    let answered = look.docker.ask_inside(id, &command).await.unwrap_or_default();
    room(&answered.stdout)
}

/// Lines of `df -P -k`: device, 1024-blocks, used, available, capacity, mounted on.
fn room(text: &str) -> Vec<Disk> {
    let lines = text.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let kib = |at: usize| fields.get(at)?.parse::<u64>().ok().map(|kib| kib * 1024);
        Some(Disk { path: (*fields.last()?).to_owned(), size_bytes: kib(1)?, free_bytes: kib(3)? })
    });
    lines.collect()
}

/// Containers of others, as far as they could be in the way.
pub(super) async fn others(look: &Look) -> Result<Vec<Other>> {
    let everybody = look.docker.everybody().await?;
    let mut others: Vec<Other> = everybody
        .into_iter()
        .filter_map(|container| {
            let project =
                container.labels.as_ref().and_then(|labels| labels.get(PROJECT_LABEL)).cloned().unwrap_or_default();
            let is_ours = project == look.stack.project;
            (!is_ours).then(|| Other {
                name: container
                    .names
                    .unwrap_or_default()
                    .first()
                    .map(|name| name.trim_start_matches('/').to_owned())
                    .unwrap_or_default(),
                project,
                image: container.image.unwrap_or_default(),
                has_docker_socket: container
                    .mounts
                    .unwrap_or_default()
                    .iter()
                    .any(|mount| mount.source.as_ref().is_some_and(|source| source.ends_with(SOCKET))),
            })
        })
        .collect();
    others.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compose_s_label_tells_who_waits_for_whom() {
        let conditions = depends_on("kafka-1:service_healthy:false,mysql:service_started:false");
        assert_eq!(conditions["kafka-1"], "service_healthy");
        assert_eq!(conditions["mysql"], "service_started");
        assert!(depends_on("").is_empty());
    }

    #[test]
    fn a_log_s_telling_lines_are_kept() {
        for (text, kept) in [
            ("2026-11-27 06:46:45,051 WARN   ||  WorkerSourceTask{id=orders-0} failed to poll records", true),
            ("Caused by: io.debezium.DebeziumException: Cannot replicate because the source purged", true),
            ("mkdir: cannot create directory '/ckpt/chk-1': Permission denied", true),
            ("\terrors.retry.timeout = 0", false),
            ("\tat io.debezium.pipeline.ErrorHandler.setProducerThrowable(ErrorHandler.java:67) Exception", false),
            ("INFO started", false),
        ] {
            assert_eq!(complains(text), kept, "{text}");
        }
    }

    #[test]
    fn room_is_read_from_df() {
        let text =
            "Filesystem 1024-blocks Used Available Capacity Mounted on\ntmpfs 65536 60000 5536 92% /var/lib/worker\n";
        let disks = room(text);
        assert_eq!(
            (disks[0].path.as_str(), disks[0].size_bytes, disks[0].free_bytes),
            ("/var/lib/worker", 65536 * 1024, 5536 * 1024)
        );
    }

    #[test]
    fn a_user_s_numbers_come_from_the_container_s_own_list() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nappuser:x:1000:1000::/home/appuser:/bin/bash\n";
        assert_eq!(find(passwd, |fields| fields.first() == Some(&"appuser")), Some((1000, 1000)));
        assert_eq!(find(passwd, |fields| fields.first() == Some(&"nobody")), None);
    }
}
