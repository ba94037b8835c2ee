//! Where data lies, and whether whoever writes it may.

use crate::checks::concerns::docker::up;
use crate::checks::facts::{Container, Facts, Mount, Owner};
use crate::checks::finding::{About, Check, Found, Group, Judged};
use crate::checks::fix::{ComposeBlock, Fix};

/// Directories that must outlive their container.
const DATA: [(&str, &[&str]); 6] = [
    ("zookeeper", &["/var/lib/zookeeper/data", "/var/lib/zookeeper/log"]),
    ("kafka-1", &["/var/lib/kafka/data"]),
    ("kafka-2", &["/var/lib/kafka/data"]),
    ("kafka-3", &["/var/lib/kafka/data"]),
    ("mysql", &["/var/lib/mysql"]),
    ("clickhouse", &["/var/lib/clickhouse"]),
];
const DENIED: [&str; 3] = ["Permission denied", "AccessDeniedException", "cannot be written"];

pub(crate) const CHECKS: &[Check] = &[Check { about: &VOLUMES, judge: volumes }, Check { about: &OWNER, judge: owner }];

const VOLUMES: About = About {
    id: "DOC-VOLUMES",
    group: Group::Containers,
    title: "data lies on named volumes",
    symptom: "after docker compose down and up the brokers refuse their data (InconsistentClusterIdException), or MySQL is empty",
    cause: "a service has no volume for its data, so that down takes it away; the original pipeline's ZooKeeper had none",
    remedy: "opsctl doctor --fix puts the volumes into compose/compose.yaml. Copy the data out before the container goes: docker cp CONTAINER:DIRECTORY .",
    why: "what is not on a named volume is lost with its container",
    source: "the original pipeline's notes, 7.3",
};

const OWNER: About = About {
    id: "DOC-VOLUME-OWNER",
    group: Group::Containers,
    title: "volumes belong to those who write to them",
    symptom: "mkdir: cannot create directory …: Permission denied; Failed to create directory for shared state; Java's File.mkdirs() fails without a word",
    cause: "a volume belongs to whoever made it first, mostly root; the container's user is another",
    remedy: "docker run --rm --user 0 --volume VOLUME:/v --entrypoint chown IMAGE -R UID:GID /v; running the service as root is no remedy",
    why: "the service cannot keep its state, and ends or forgets",
    source: "the original pipeline's notes, 7.2; a root-owned volume under uid 9999 provoked here",
};

fn volumes(facts: &Facts) -> Option<Judged> {
    let mut looked = Vec::new();
    let mut found = Vec::new();
    for (service, directories) in DATA {
        let lies = |directory: &str| {
            if let Some(container) = facts.container(service) {
                return Some(lies_well(container, directory));
            }
            let described = facts.files.as_ref()?.services.get(service)?;
            Some(described.volumes.iter().any(|volume| volume == directory))
        };
        let lost: Vec<&str> = directories.iter().copied().filter(|directory| lies(directory) == Some(false)).collect();
        if directories.iter().any(|directory| lies(directory).is_some()) {
            looked.push(service);
        }
        if !lost.is_empty() {
            let files_lack =
                facts.files.as_ref().and_then(|files| files.services.get(service)).is_some_and(|described| {
                    lost.iter().any(|directory| !described.volumes.iter().any(|volume| volume == directory))
                });
            let one = Found::fail(service, format!("{service} keeps {} in its container", lost.join(" and ")))
                .evidence(format!("no named volume at {}", lost.join(", ")));
            found.push(if files_lack {
                one.remedy(format!("opsctl doctor --fix --only DOC-VOLUMES; then {}", up(facts)))
                    .fix(Fix::ComposeLines { service: service.to_owned(), block: ComposeBlock::Volumes })
            } else {
                one.remedy(format!("copy the data out (docker cp), then {}", up(facts)))
            });
        }
    }
    if looked.is_empty() {
        return None;
    }
    Some(Judged::of(format!("mounts of {}", looked.join(", "))).with(found))
}

fn lies_well(container: &Container, directory: &str) -> bool {
    container.mounts.iter().any(|mount| {
        let holds = directory == mount.inside || directory.starts_with(&format!("{}/", mount.inside));
        holds && !mount.nameless && mount.kind != "tmpfs"
    })
}

fn owner(facts: &Facts) -> Option<Judged> {
    let mut looked = 0;
    let mut found = Vec::new();
    for container in &facts.containers {
        let Some(user) = container.user else { continue };
        for mount in container.mounts.iter().filter(|mount| mount.writable && mount.kind == "volume") {
            looked += mount.owners.len();
            if let Some(owner) = mount.owners.iter().find(|owner| !may_write(user, owner)) {
                found.push(denied(container, mount, user, owner));
            }
        }
    }
    if looked == 0 {
        return None;
    }
    Some(Judged::of(format!("owners of {looked} directories, and the users that write there")).with(found))
}

fn may_write((uid, gid): (u32, u32), owner: &Owner) -> bool {
    let needed = 0o3;
    uid == 0
        || (uid == owner.uid && owner.mode >> 6 & needed == needed)
        || (uid != owner.uid && gid == owner.gid && owner.mode >> 3 & needed == needed)
        || (uid != owner.uid && gid != owner.gid && owner.mode & needed == needed)
}

fn denied(container: &Container, mount: &Mount, (uid, gid): (u32, u32), owner: &Owner) -> Found {
    let Container { service, image, .. } = container;
    let said = container.last_line(|text| DENIED.iter().any(|mark| text.contains(mark)));
    Found::fail(
        service,
        format!(
            "{service} may not write to {}: it is {uid}:{gid}, the directory is {}:{}",
            owner.path, owner.uid, owner.gid
        ),
    )
    .evidence(format!(
        "{}: owner {}:{}, mode {:03o}; {service} runs as {uid}:{gid}; volume {}",
        owner.path,
        owner.uid,
        owner.gid,
        owner.mode & 0o777,
        mount.source
    ))
    .evidence(said.map_or_else(String::new, |line| format!("log: {}", line.text)))
    .remedy(format!(
        "docker run --rm --user 0 --volume {}:/v --entrypoint chown {image} -R {uid}:{gid} /v && docker restart {}",
        mount.source, container.name
    ))
    .fix(Fix::GiveVolume { service: service.clone(), path: mount.inside.clone(), uid, gid })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_write_is_the_kernel_s_rule() {
        let owner = |uid, gid, mode| Owner { path: "/d".into(), uid, gid, mode };
        for (user, owner, may) in [
            ((10001, 10001), owner(10001, 10001, 0o750), true),
            ((10001, 10001), owner(0, 0, 0o755), false),
            ((10001, 10001), owner(0, 0, 0o777), true),
            ((10001, 10001), owner(0, 10001, 0o775), true),
            ((10001, 10001), owner(0, 10001, 0o755), false),
            ((10001, 10001), owner(10001, 10001, 0o555), false),
            ((0, 0), owner(5, 5, 0o700), true),
        ] {
            assert_eq!(may_write(user, &owner), may, "{user:?} {owner:?}");
        }
    }
}
