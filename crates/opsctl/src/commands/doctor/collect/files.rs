//! What the files want: Compose's and the connectors'. And whether the ports that they want can be had.

use std::collections::BTreeMap;

use crate::checks::drift::{is_reference, is_secret};
use crate::checks::facts::{Described, Files, HIDDEN, Taken};
use crate::checks::variant::made_without_zookeeper;
use crate::clients::compose::{Compose, Service};
use crate::clients::connect::Settings;
use crate::clients::host;
use crate::commands::doctor::collect::{Look, machine};
use crate::commands::up::connectors;
use crate::failure::Result;
use crate::stack::{Stack, Variant};

/// As `opsctl up` publishes its page unless told otherwise.
const WORKER_PORT: u16 = 8081;

/// The connectors' files.
pub(super) fn wanted(stack: &Stack) -> Result<BTreeMap<String, Settings>> {
    let files = connectors::read(&stack.connectors_dir(), &[])?;
    Ok(files.into_iter().map(|file| (file.name, without_secrets(file.settings))).collect())
}

/// Settings that can be shown: a literal secret is hidden, a reference to one is none.
pub(super) fn without_secrets(settings: Settings) -> Settings {
    settings
        .into_iter()
        .map(|(name, value)| {
            let value =
                if is_secret(&name) && !is_reference(&value) && !value.is_empty() { HIDDEN.to_owned() } else { value };
            (name, value)
        })
        .collect()
}

/// Variables that can be shown.
pub(super) fn without_secret_variables(variables: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    variables
        .map(|(name, value)| {
            // A file's name is none, although it says where a secret is.
            let hidden = is_secret(&name.to_lowercase()) && !name.ends_with("_FILE") && !is_reference(&value);
            let value = if hidden { HIDDEN.to_owned() } else { value };
            (name, value)
        })
        .collect()
}

pub(super) async fn described(look: &Look) -> Result<(Files, Vec<Taken>)> {
    let volumes = look.docker.volumes().await?;
    let seen = crate::checks::variant::Seen {
        containers: &look.containers,
        volumes: &volumes,
        ..crate::checks::variant::Seen::default()
    };
    let local = std::fs::read_to_string(look.stack.local_images_file()).unwrap_or_default();
    let image = look
        .containers
        .iter()
        .find(|container| container.service == "kafka-1")
        .map(|container| container.image.as_str());
    let variant = Variant {
        kraft: made_without_zookeeper(&seen) == Some(true),
        local_images: image.is_some_and(|image| local.contains(image)),
        ..Variant::default()
    };
    let services = Compose::of(&look.stack, variant).config().await?.services;
    let taken = if machine::is_remote() { Vec::new() } else { taken(look, &services).await? };
    let services = services.into_iter().map(|(name, service)| (name, describe(service)));
    Ok((Files { services: services.collect() }, taken))
}

fn describe(service: Service) -> Described {
    Described {
        memory_limit_bytes: service.memory_bytes(),
        has_health_check: service.has_health_check(),
        depends_on: service.conditions(),
        volumes: service.named_volumes(),
        environment: without_secret_variables(service.variables()),
        image: service.image,
    }
}

/// Ports of services that do not run and that somebody else has.
async fn taken(look: &Look, services: &BTreeMap<String, Service>) -> Result<Vec<Taken>> {
    let mut wanted: Vec<(u16, &str)> = Vec::new();
    for (name, service) in services.iter().filter(|(name, _)| look.runs(name).is_none()) {
        wanted.extend(service.published().map(|port| (port, name.as_str())));
    }
    // The worker is no service of Compose's; its port is that of the flag's variable, else the usual one.
    if look.containers.iter().all(|container| !container.is_worker) {
        let port = std::env::var("CDC_WORKER_PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(WORKER_PORT);
        wanted.push((port, "worker"));
    }
    let wanted: Vec<_> = wanted.into_iter().filter(|(port, _)| host::port_is_taken(*port)).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let others = look.docker.published_by_others().await?;
    let by = |port: u16| {
        let container =
            others.iter().find(|(published, _)| *published == port).map(|(_, name)| format!("the container {name}"));
        container.unwrap_or_else(|| host::listener(port))
    };
    Ok(wanted.into_iter().map(|(port, service)| Taken { port, service: service.to_owned(), by: by(port) }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i10_no_secret_is_kept() {
        let settings = [
            ("database.password", "hunter2"),
            ("database.user", "debezium"),
            ("x.password", "${file:/run/secrets/a:b}"),
        ];
        let shown = without_secrets(settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        assert_eq!(
            (shown["database.password"].as_str(), shown["x.password"].as_str()),
            (HIDDEN, "${file:/run/secrets/a:b}")
        );
        assert_eq!(shown["database.user"], "debezium");
        let variables = [
            ("MYSQL_ROOT_PASSWORD", "hunter2"),
            ("MYSQL_ROOT_PASSWORD_FILE", "/run/secrets/a"),
            ("HEAP_OPTS", "-Xmx1g"),
        ];
        let shown =
            without_secret_variables(variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter());
        assert!(!format!("{shown:?}").contains("hunter2"), "{shown:?}");
        assert_eq!(shown["MYSQL_ROOT_PASSWORD_FILE"], "/run/secrets/a");
    }
}
