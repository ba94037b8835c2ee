//! Names that containers need, looked up inside them.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::sleep;

use crate::checks::facts::Name;
use crate::clients::connect::Settings;
use crate::commands::doctor::collect::Look;
use crate::commands::session::CONNECT;
use crate::failure::Result;

/// A name that is unknown for a moment is known after this.
const AGAIN: Duration = Duration::from_millis(500);
/// The worker's own configuration names these; see compose/worker.toml.
const BROKERS: [&str; 3] = ["kafka-1", "kafka-2", "kafka-3"];

pub(super) async fn seen(look: &Look, wanted: &BTreeMap<String, Settings>) -> Result<Vec<Name>> {
    let mut names = Vec::new();
    if look.runs(CONNECT).is_some() {
        names.extend(in_connect(look, wanted).await?);
    }
    for worker in look.containers.iter().filter(|container| container.is_worker && container.state == "running") {
        names.extend(look_up(look, &worker.id, &worker.service, BROKERS.map(str::to_owned).to_vec()).await?);
    }
    Ok(names)
}

async fn in_connect(look: &Look, wanted: &BTreeMap<String, Settings>) -> Result<Vec<Name>> {
    let Some(container) = look.runs(CONNECT) else { return Ok(Vec::new()) };
    let environment = look.docker.ask_inside(&container.id, &["env"]).await?.stdout;
    let bootstrap = environment.lines().find_map(|line| line.strip_prefix("BOOTSTRAP_SERVERS=")).unwrap_or_default();
    let hosts = wanted.values().filter_map(|settings| settings.get("database.hostname").cloned());
    let mut names: Vec<String> = bootstrap
        .split(',')
        .filter_map(|server| server.trim().split(':').next())
        .map(str::to_owned)
        .chain(hosts)
        .collect();
    names.retain(|name| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    });
    names.sort();
    names.dedup();
    look_up(look, &container.id, CONNECT, names).await
}

/// Twice, a moment apart, for those that are not known at once.
async fn look_up(look: &Look, id: &str, needed_by: &str, names: Vec<String>) -> Result<Vec<Name>> {
    let unknown = ask(look, id, &names).await?;
    let unknown = if unknown.is_empty() {
        unknown
    } else {
        sleep(AGAIN).await;
        ask(look, id, &unknown).await?
    };
    let resolves = |name: &String| !unknown.contains(name);
    Ok(names
        .iter()
        .map(|name| Name { wanted: name.clone(), needed_by: needed_by.to_owned(), resolves: resolves(name) })
        .collect())
}

/// Those that cannot be resolved.
async fn ask(look: &Look, id: &str, names: &[String]) -> Result<Vec<String>> {
    let script = "for name; do getent hosts \"$name\" >/dev/null || echo \"$name\"; done";
    let arguments: Vec<&str> = ["sh", "-c", script, "sh"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let answered = look.docker.ask_inside(id, &arguments).await?;
    // Without `getent` every name would seem unknown.
    if answered.stderr.contains("not found") {
        return Err(crate::failure::Failure::new("the image has no getent"));
    }
    Ok(answered.stdout.lines().map(str::to_owned).collect())
}
