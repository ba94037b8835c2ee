//! What a worker's container is made of.

use std::path::{Path, PathBuf};

use crate::cli::WorkerArgs;
use crate::clients::docker::{Bind, Container, Launch};
use crate::commands::session::{CLICKHOUSE, CLICKHOUSE_PORT};
use crate::commands::worker::TO_STOP;
use crate::failure::{Failure, Result};
use crate::stack::Stack;

/// The port of its page inside its container, as compose/worker.toml has it.
pub(in crate::commands) const PAGE_PORT: u16 = 8081;
/// The user of the image.
const USER: &str = "10001:10001";
const MEMORY_BYTES: u64 = 256 << 20;
/// Where the image expects its state.
const STATE_DIR: &str = "/var/lib/worker";
const CONFIG: &str = "/etc/worker/worker.toml";
const TOKEN: &str = "/run/secrets/worker-token";
const CLICKHOUSE_PASSWORD: &str = "/run/secrets/clickhouse-password";
/// The user that secrets/generate makes, and the stack's own database.
const CLICKHOUSE_USER: &str = "worker";
pub(in crate::commands) const CLICKHOUSE_DATABASE: &str = "cdc";

/// What a worker has besides its image and its files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::commands) struct Lasting {
    /// Chosen by `worker scale`.
    pub(in crate::commands) parallelism: Option<u16>,
    /// It writes to the stack's ClickHouse.
    pub(in crate::commands) clickhouse: bool,
}

impl Lasting {
    /// As the container that is there was made.
    pub(in crate::commands) fn of(container: &Container) -> Self {
        let clickhouse = container.binds.iter().any(|(_, inside)| inside == CLICKHOUSE_PASSWORD);
        Self { parallelism: container.parallelism, clickhouse }
    }
}

/// The settings of a worker that writes to the stack's ClickHouse. The password is a file: no argument shows it.
fn clickhouse(name: &str) -> Vec<String> {
    let mut settings = vec![
        format!("url=http://{CLICKHOUSE}:{CLICKHOUSE_PORT}"),
        format!("user={CLICKHOUSE_USER}"),
        format!("password_file={CLICKHOUSE_PASSWORD}"),
    ];
    if name == "worker" {
        settings.push(format!("database={CLICKHOUSE_DATABASE}"));
    } else {
        // Two workers share no tables, and neither ends the other's inserts.
        settings.push(format!("database={CLICKHOUSE_DATABASE}_{}", name.replace('-', "_")));
        settings.push(format!("pipeline=cdc-{name}"));
    }
    settings.into_iter().flat_map(|setting| ["--set".to_owned(), format!("sink.clickhouse.{setting}")]).collect()
}

/// The container of the worker with this name, as the flags and files say, and as `worker scale` said of the one that is there.
pub(in crate::commands) fn describe(
    stack: &Stack,
    name: &str,
    arguments: &WorkerArgs,
    image_id: String,
    kept: Lasting,
) -> Result<Launch> {
    check_name(name)?;
    let config = arguments.config.clone().unwrap_or_else(|| stack.worker_config());
    let mut command = vec!["run".to_owned(), "--config".to_owned(), CONFIG.to_owned()];
    let parallelism = kept.parallelism;
    if let Some(number) = parallelism {
        command.extend(["--set".to_owned(), format!("parallelism={number}")]);
    }
    if name != "worker" {
        // Groups only show positions: two workers in one group would overwrite each other's.
        command.extend(["--set".to_owned(), format!("kafka.group=cdc-{name}")]);
    }
    let mut binds = vec![Bind::of(absolute(&config)?, CONFIG)?, token(stack)?];
    if kept.clickhouse {
        command.extend(clickhouse(name));
        binds.push(secret(stack.clickhouse_password(), CLICKHOUSE_PASSWORD)?);
    }
    Ok(Launch {
        service: name.to_owned(),
        image: arguments.image.clone(),
        image_id,
        command,
        user: USER.to_owned(),
        memory_bytes: MEMORY_BYTES,
        binds,
        volume: (format!("{}_state", name.replace('-', "_")), STATE_DIR.to_owned()),
        port: (PAGE_PORT, arguments.port),
        parallelism,
        restore: None,
        health_check: ["worker", "health", "--config", CONFIG].map(str::to_owned).to_vec(),
        stop_seconds: u32::try_from(TO_STOP.as_secs()).unwrap_or(u32::MAX),
    })
}

/// What the worker that is there was started with.
pub(in crate::commands) fn as_started(container: &Container) -> WorkerArgs {
    let config = container.binds.iter().find(|(_, inside)| inside == CONFIG).map(|(host, _)| host.into());
    WorkerArgs { config, image: container.image.clone(), port: container.asked_port.unwrap_or(PAGE_PORT) }
}

/// The page's token: a page that is published from a container must ask for one.
fn token(stack: &Stack) -> Result<Bind> {
    secret(stack.worker_token(), TOKEN)
}

fn secret(path: PathBuf, inside: &str) -> Result<Bind> {
    Bind::of(path, inside).map_err(|failure| failure.hint("opsctl up makes it; by hand: compose/secrets/generate"))
}

/// Docker wants whole paths.
fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|error| {
        Failure::could_not_run(format!("the worker's configuration {}: {error}", path.display()))
            .hint("--worker-config (or CDC_WORKER_FILE) names it")
    })
}

/// It becomes a name in the stack's network and of a volume.
fn check_name(name: &str) -> Result<()> {
    let taken = [
        "zookeeper",
        "kafka-1",
        "kafka-2",
        "kafka-3",
        "kafka-connect",
        "kafka-ui",
        "mysql",
        "prometheus",
        "grafana",
        "clickhouse",
    ];
    let well = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= 40
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    match (well, taken.contains(&name)) {
        (true, false) => Ok(()),
        (_, true) => Err(Failure::could_not_run(format!("{name} is a service of the stack, no worker's name"))),
        (false, _) => Err(Failure::could_not_run(format!("{name:?} is no worker's name"))
            .hint("a lower-case letter, then lower-case letters, digits and -, 40 at most")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments() -> WorkerArgs {
        WorkerArgs { config: None, image: "worker:1".to_owned(), port: 18081 }
    }

    fn stack() -> (tempfile::TempDir, Stack) {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::create_dir_all(directory.path().join("compose/secrets")).expect("made");
        std::fs::write(directory.path().join("compose/worker.toml"), "parallelism = 2").expect("written");
        std::fs::write(directory.path().join("compose/secrets/worker-token"), "geheim").expect("written");
        let dir = directory.path().to_path_buf();
        // Never those of the environment: these tests remove one.
        let stack = Stack { project: "p".into(), secrets: dir.join("compose/secrets"), dir };
        (directory, stack)
    }

    #[test]
    fn no_secret_is_part_of_a_description() {
        let (_directory, stack) = stack();
        let launch =
            describe(&stack, "worker", &arguments(), "sha256:1".into(), Lasting::default()).expect("described");
        assert!(!format!("{launch:?}").contains("geheim"), "{launch:?}");
        assert_eq!(launch.command, ["run", "--config", "/etc/worker/worker.toml"]);
        assert_eq!((launch.user.as_str(), launch.volume.0.as_str()), ("10001:10001", "worker_state"));
    }

    #[test]
    fn a_second_worker_shares_nothing_with_the_first() {
        let (_directory, stack) = stack();
        let second =
            describe(&stack, "worker-2", &arguments(), "sha256:1".into(), Lasting::default()).expect("described");
        assert_eq!(second.volume.0, "worker_2_state");
        assert!(second.command.contains(&"kafka.group=cdc-worker-2".to_owned()), "{second:?}");
    }

    #[test]
    fn a_chosen_parallelism_is_part_of_the_command() {
        let (_directory, stack) = stack();
        let kept = Lasting { parallelism: Some(4), ..Lasting::default() };
        let launch = describe(&stack, "worker", &arguments(), "sha256:1".into(), kept).expect("described");
        assert_eq!(launch.command[3..], ["--set", "parallelism=4"]);
        assert_eq!(launch.parallelism, Some(4));
    }

    #[test]
    fn i10_a_worker_beside_clickhouse_is_told_where_it_is_and_not_the_password() {
        let (_directory, stack) = stack();
        let kept = Lasting { clickhouse: true, ..Lasting::default() };
        let without = describe(&stack, "worker", &arguments(), "i".into(), kept).expect_err("no password");
        assert!(without.to_string().contains("clickhouse-password") && without.to_string().contains("opsctl up"));
        std::fs::write(stack.clickhouse_password(), "geheim").expect("written");
        let first = describe(&stack, "worker", &arguments(), "i".into(), kept).expect("described");
        let second = describe(&stack, "worker-2", &arguments(), "i".into(), kept).expect("described");
        let told = |launch: &Launch, setting: &str| launch.command.iter().any(|word| word == setting);
        assert!(
            told(&first, "sink.clickhouse.url=http://clickhouse:8123") && told(&first, "sink.clickhouse.user=worker")
        );
        assert!(told(&first, "sink.clickhouse.password_file=/run/secrets/clickhouse-password"));
        assert!(told(&first, "sink.clickhouse.database=cdc") && told(&second, "sink.clickhouse.database=cdc_worker_2"));
        assert!(told(&second, "sink.clickhouse.pipeline=cdc-worker-2"), "{second:?}");
        assert!(!format!("{first:?}").contains("geheim"), "{first:?}");
        let inside = first.binds.iter().map(|bind| ("/s/file".to_owned(), bind.inside.clone())).collect();
        let container = Container { binds: inside, parallelism: Some(3), ..Container::default() };
        assert_eq!(Lasting::of(&container), Lasting { parallelism: Some(3), clickhouse: true });
        assert_eq!(Lasting::of(&Container::default()), Lasting::default());
    }

    #[test]
    fn a_worker_is_described_again_as_it_was_started() {
        let container = Container {
            image: "worker:2".to_owned(),
            binds: vec![("/s/token".into(), TOKEN.into()), ("/s/other.toml".into(), CONFIG.into())],
            asked_port: Some(0),
            ..Container::default()
        };
        let arguments = as_started(&container);
        assert_eq!((arguments.image.as_str(), arguments.port), ("worker:2", 0));
        assert_eq!(arguments.config, Some("/s/other.toml".into()));
    }

    #[test]
    fn what_is_missing_is_named() {
        let (_directory, stack) = stack();
        let config = Some("/nowhere/worker.toml".into());
        let refused = describe(&stack, "worker", &WorkerArgs { config, ..arguments() }, "i".into(), Lasting::default())
            .expect_err("no");
        assert!(
            refused.to_string().contains("/nowhere/worker.toml") && refused.to_string().contains("CDC_WORKER_FILE")
        );
        std::fs::remove_file(stack.worker_token()).expect("removed");
        let refused = describe(&stack, "worker", &arguments(), "i".into(), Lasting::default()).expect_err("no token");
        assert!(refused.to_string().contains("worker-token") && refused.to_string().contains("opsctl up"), "{refused}");
    }

    #[test]
    fn names_fit_a_network_and_are_nobody_else_s() {
        for (name, well) in
            [("worker", true), ("w-2", true), ("Worker", false), ("", false), ("mysql", false), ("a_b", false)]
        {
            assert_eq!(check_name(name).is_ok(), well, "{name:?}");
        }
    }
}
