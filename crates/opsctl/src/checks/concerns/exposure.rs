//! What can be reached by whom should not reach it, and images with known holes.

use crate::checks::concerns::docker::{command, up};
use crate::checks::facts::{Container, Facts};
use crate::checks::finding::{About, Check, Found, Group, Judged};

const SOCKETS: [&str; 2] = ["/var/run/docker.sock", "/run/docker.sock"];

pub(crate) const CHECKS: &[Check] = &[
    Check { about: &PORT, judge: ports },
    Check { about: &SOCKET, judge: sockets },
    Check { about: &IMAGE, judge: images },
];

const PORT: About = About {
    id: "DOC-EXPOSED-PORT",
    group: Group::Security,
    title: "ports are published on loopback only",
    symptom: "ss -ltn shows 0.0.0.0:8083 or [::]:8083",
    cause: "a port is published without an address, as in \"8083:8083\"",
    remedy: "\"127.0.0.1:8083:8083\" in compose/compose.yaml, then opsctl up; from elsewhere: ssh -L",
    why: "who reaches Connect's REST can run code; brokers and MySQL ask little more",
    source: "Apache Kafka's security model (Connect's REST is unauthenticated); CVE-2023-25194",
};

const SOCKET: About = About {
    id: "DOC-DOCKER-SOCKET",
    group: Group::Security,
    title: "no container has Docker's socket",
    symptom: "a container mounts /var/run/docker.sock",
    cause: "a tool in a container wants to look at other containers",
    remedy: "run the tool on the host, or give it a proxy that only answers what it needs; :ro is no protection",
    why: "who has the socket is root on this machine",
    source: "Docker's documentation on protecting the daemon socket",
};

const IMAGE: About = About {
    id: "DOC-IMAGE",
    group: Group::Security,
    title: "no image with known holes",
    symptom: "a scanner complains; in the worst case somebody else runs code",
    cause: "provectuslabs/kafka-ui is not maintained (CVE-2023-52251: code from outside without a password); Kafka Connect before 3.4 loads code by JNDI (CVE-2023-25194)",
    remedy: "kafbat/kafka-ui in its place, or none; a newer debezium/connect",
    why: "these holes need no password",
    source: "CVE-2023-52251, CVE-2023-25194",
};

fn ports(facts: &Facts) -> Option<Judged> {
    let ours =
        facts.containers.iter().flat_map(|container| container.published.iter().map(move |port| (container, port)));
    let all: Vec<_> = ours.collect();
    if all.is_empty() {
        return None;
    }
    let open = all.iter().filter(|(_, port)| !is_loopback(&port.address)).map(|(container, port)| {
        let what = format!("{} is published on {}:{}", container.service, port.address, port.port);
        let found = if container.service == "kafka-connect" {
            Found::fail(&container.service, format!("{what}: who reaches it may run code"))
        } else {
            Found::warn(&container.service, what)
        };
        found.evidence(format!("{}:{} → {} of {}", port.address, port.port, port.inside, container.name)).remedy(
            format!(
                "\"127.0.0.1:{}:{}\" for {} in compose/compose.yaml, then {}",
                port.port,
                port.inside,
                container.service,
                up(facts)
            ),
        )
    });
    let open = open.collect::<Vec<_>>();
    Some(Judged::of(format!("addresses of {} published ports", all.len())).with(open))
}

fn is_loopback(address: &str) -> bool {
    address.starts_with("127.") || address == "::1"
}

fn sockets(facts: &Facts) -> Option<Judged> {
    if facts.containers.is_empty() {
        return None;
    }
    let has = |container: &&Container| container.mounts.iter().any(|mount| SOCKETS.contains(&mount.source.as_str()));
    let ours = facts.containers.iter().filter(has).map(|container| {
        Found::fail(&container.service, format!("{} has Docker's socket", container.service))
            .evidence(format!("{} mounts {}", container.name, SOCKETS[0]))
            .remedy(format!("take the mount out of compose/compose.yaml, then {}", up(facts)))
    });
    let theirs = facts.others.iter().filter(|other| other.has_docker_socket).map(|other| {
        Found::warn(&other.name, format!("the container {} has Docker's socket", other.name))
            .evidence(format!("{} of image {}, project {:?}", other.name, other.image, other.project))
            .remedy(SOCKET.remedy)
    });
    Some(
        Judged::of(format!("mounts of {} containers", facts.containers.len() + facts.others.len()))
            .with(ours.chain(theirs).collect::<Vec<_>>()),
    )
}

fn images(facts: &Facts) -> Option<Judged> {
    if facts.containers.is_empty() {
        return None;
    }
    let unmaintained = facts
        .containers
        .iter()
        .filter(|container| container.image.contains("provectuslabs/kafka-ui"))
        .map(|container| {
            Found::fail(
                &container.service,
                format!("{} is not maintained and lets others run code (CVE-2023-52251)", container.image),
            )
            .evidence(format!("{}: image {}", container.service, container.image))
            .remedy("docker rm --force the container; CDC_KAFKA_UI_IMAGE=kafbat/kafka-ui:v1.3.0 opsctl up --with ui")
        });
    let connect = facts.answering_connect().map(|connect| connect.version.as_str());
    let old = connect.filter(|version| older(version, (3, 4))).map(|version| {
        Found::fail("kafka-connect", format!("Kafka Connect {version} loads code that its REST names (CVE-2023-25194)"))
            .evidence(format!("GET / says version {version}"))
            .remedy(format!("a newer image in CDC_CONNECT_IMAGE, then {}", command(facts, "up")))
    });
    Some(Judged::of("images of all containers, Connect's version").with(unmaintained.chain(old).collect::<Vec<_>>()))
}

/// `3.6.2` against major and minor.
pub(crate) fn older(version: &str, than: (u32, u32)) -> bool {
    let mut numbers = version.split(['.', '-']).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) < than,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        for (version, old) in
            [("3.3.2", true), ("3.4.0", false), ("3.10.1", false), ("2.8.0", true), ("x", false), ("", false)]
        {
            assert_eq!(older(version, (3, 4)), old, "{version}");
        }
        assert!(is_loopback("127.0.0.1") && is_loopback("::1") && !is_loopback("0.0.0.0") && !is_loopback("::"));
    }
}
