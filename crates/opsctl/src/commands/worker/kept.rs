//! A worker's savepoints, where it keeps them: in its volume. Its own program looks at them, run once beside it, so that
//! also those of a worker that does not run can be seen.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clients::docker::{Docker, Launch};
use crate::commands::Session;
use crate::commands::worker::description::{Lasting, as_started, describe};
use crate::commands::worker::start::no_image;
use crate::failure::{Failure, Result};

/// One savepoint, as `worker savepoint list --json` tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::commands) struct Kept {
    pub(in crate::commands) name: String,
    /// In the worker's container.
    pub(in crate::commands) path: String,
    pub(in crate::commands) bytes: u64,
    /// Everything was delivered and nothing came after it: it restores anywhere.
    pub(in crate::commands) drained: bool,
    pub(in crate::commands) created_at: Option<String>,
    pub(in crate::commands) epoch: Option<u64>,
    pub(in crate::commands) parallelism: Option<u64>,
    /// Why it is none that could be restored.
    pub(in crate::commands) refused: Option<String>,
}

impl Kept {
    /// Whether it was made then or later; both times are this machine's.
    pub(in crate::commands) fn is_since(&self, time: Timestamp) -> bool {
        let made = self.created_at.as_deref().and_then(|made| made.parse::<Timestamp>().ok());
        // It is written with milliseconds only.
        made.is_some_and(|made| made.as_millisecond() >= time.as_millisecond())
    }
}

#[derive(Deserialize)]
struct Line {
    name: String,
    path: String,
    bytes: u64,
    header: Option<Value>,
    refused: Option<String>,
}

/// The last part of a path.
pub(in crate::commands) fn short(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// All of them, oldest first.
pub(in crate::commands) async fn list(session: &Session, docker: &Docker, name: &str) -> Result<Vec<Kept>> {
    parse(&ask(session, docker, name, &["list", "--json"]).await?)
}

/// `worker savepoint ARGUMENTS` in the worker's volume; what it printed.
pub(in crate::commands) async fn ask(
    session: &Session,
    docker: &Docker,
    name: &str,
    arguments: &[&str],
) -> Result<String> {
    let launch = launch(session, docker, name).await?;
    let (volume, known) = (&launch.volume.0, docker.volumes().await?);
    if !known.contains(volume) {
        return Err(Failure::could_not_run(format!("{name} has no volume {volume}: it never ran, and keeps nothing"))
            .hint("opsctl worker start; another one: --name"));
    }
    let (verb, rest) = arguments.split_first().unwrap_or((&"list", &[]));
    let config = launch.command[1..3].iter().map(String::as_str);
    let all: Vec<&str> = ["savepoint", verb].into_iter().chain(config).chain(rest.iter().copied()).collect();
    docker.run_once(&launch.once(docker, "savepoint", &all)).await?.succeeded(&format!("worker savepoint {verb}"))
}

/// As the container that is there, or as one that would be started.
async fn launch(session: &Session, docker: &Docker, name: &str) -> Result<Launch> {
    if let Some(container) = docker.container(name).await?.filter(|container| container.is_worker) {
        return describe(&session.stack, name, &as_started(&container), container.image_id.clone(), Lasting::default());
    }
    let arguments = Session::worker_args()?;
    let image_id = docker.image_id(&arguments.image).await?.ok_or_else(|| no_image(&arguments.image))?;
    describe(&session.stack, name, &arguments, image_id, Lasting::default())
}

fn parse(text: &str) -> Result<Vec<Kept>> {
    let lines: Vec<Line> = serde_json::from_str(text)
        .map_err(|error| Failure::new(format!("worker savepoint list wrote something else: {error}")))?;
    let kept = |line: Line| {
        let header = line.header.unwrap_or_default();
        let number = |name: &str| header.get(name).and_then(Value::as_u64);
        Kept {
            drained: header.get("drained").and_then(Value::as_bool).unwrap_or(false),
            created_at: header.get("created_at").and_then(Value::as_str).map(str::to_owned),
            epoch: number("epoch"),
            parallelism: number("parallelism"),
            name: line.name,
            path: line.path,
            bytes: line.bytes,
            refused: line.refused,
        }
    };
    let mut all: Vec<Kept> = lines.into_iter().map(kept).collect();
    // By time; those that cannot be read come first.
    all.sort_by(|a, b| (&a.created_at, &a.name).cmp(&(&b.created_at, &b.name)));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_worker_lists_is_read_oldest_first() {
        let text = r#"[
          {"name":"savepoint-9-b","path":"savepoints/savepoint-9-b","bytes":70,"header":{"epoch":9,"created_at":"2026-11-27T03:00:00Z","drained":true,"parallelism":2},"refused":null},
          {"name":"savepoint-10-a","path":"savepoints/savepoint-10-a","bytes":80,"header":{"epoch":10,"created_at":"2026-11-27T02:00:00Z","drained":false,"parallelism":1},"refused":null},
          {"name":"x","path":"savepoints/x","bytes":3,"header":null,"refused":"it is no savepoint"}]"#;
        let kept = parse(text).expect("as the worker writes it");
        let names: Vec<&str> = kept.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["x", "savepoint-10-a", "savepoint-9-b"]);
        assert_eq!((kept[2].drained, kept[2].epoch, kept[2].parallelism), (true, Some(9), Some(2)));
        assert_eq!(kept[0].refused.as_deref(), Some("it is no savepoint"));
        let at = |time: &str| time.parse::<Timestamp>().expect("a time");
        assert!(kept[2].is_since(at("2026-11-27T03:00:00.0004Z")) && !kept[2].is_since(at("2026-11-27T03:00:01Z")));
        assert!(!kept[0].is_since(Timestamp::UNIX_EPOCH), "nobody knows when");
        assert_eq!(short("savepoints/savepoint-9-b"), "savepoint-9-b");
        assert!(parse("no savepoints").is_err());
    }
}
