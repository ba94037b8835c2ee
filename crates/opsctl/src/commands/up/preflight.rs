//! What would stop the start later, looked at before: ports and memory.

use crate::checks::memory;
use crate::cli::Preflight;
use crate::clients::host;
use crate::commands::doctor;
use crate::commands::up::Up;
use crate::failure::{Failure, Result};
use crate::ui::Outcome;

/// Looks at what is about to be started; what runs already has its port and its memory.
pub(super) async fn look(up: &Up<'_>) -> Result<()> {
    let step = up.session.steps.begin("preflight", "ports and memory are free");
    let running = up.docker.containers().await?;
    let runs =
        |service: &str| running.iter().any(|container| container.service == service && container.state == "running");
    let services = up.compose().config().await?.services;
    let skipped = |check| up.arguments.skip_check.contains(&check);
    let worker_port = (!up.arguments.no_worker && !runs("worker")).then_some(up.arguments.worker.port);
    let mut ports: Vec<(u16, &str)> =
        worker_port.filter(|port| *port != 0).map(|port| (port, "worker")).into_iter().collect();
    let mut to_start: Vec<&str> = worker_port.map(|_| "worker").into_iter().collect();
    for (name, service) in services.iter().filter(|(name, _)| !runs(name)) {
        to_start.push(name);
        ports.extend(service.published().map(|port| (port, name.as_str())));
    }
    if to_start.is_empty() {
        step.end(Outcome::Skipped, "everything runs");
        return Ok(());
    }
    if !skipped(Preflight::Ports) {
        ports_are_free(up, &ports).await?;
    }
    if !skipped(Preflight::Memory)
        && let Some(available) = host::memory_available_bytes()
    {
        memory::enough(available, &to_start)?;
    }
    if !skipped(Preflight::Doctor) {
        doctor::guard(up.session).await?;
    }
    step.end(Outcome::Done, format!("for {}", to_start.join(", ")));
    Ok(())
}

async fn ports_are_free(up: &Up<'_>, ports: &[(u16, &str)]) -> Result<()> {
    let taken: Vec<_> = ports.iter().filter(|(port, _)| host::port_is_taken(*port)).collect();
    if taken.is_empty() {
        return Ok(());
    }
    let others = up.docker.published_by_others().await?;
    let holder = |port: u16| {
        let container = others.iter().find(|(published, _)| *published == port).map(|(_, name)| name);
        container.map_or_else(|| host::listener(port), |name| format!("the container {name}"))
    };
    let list: Vec<String> =
        taken.iter().map(|(port, service)| format!("{port} (for {service}) by {}", holder(*port))).collect();
    let variables: Vec<String> = taken.iter().map(|(_, service)| variable(service)).collect();
    Err(Failure::could_not_run(format!("taken on 127.0.0.1: {}", list.join(", ")))
        .hint(format!("stop it, or choose another port: {}", variables.join(" "))))
}

/// `kafka-1` → `CDC_KAFKA_1_PORT=…`
fn variable(service: &str) -> String {
    let name = if service == "kafka-connect" { "connect" } else { service };
    format!("CDC_{}_PORT=…", name.to_uppercase().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_those_of_compose() {
        for (service, name) in [
            ("kafka-1", "CDC_KAFKA_1_PORT=…"),
            ("kafka-connect", "CDC_CONNECT_PORT=…"),
            ("worker", "CDC_WORKER_PORT=…"),
        ] {
            assert_eq!(variable(service), name);
        }
    }
}
