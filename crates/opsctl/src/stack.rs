//! Which stack: its name, its files, where its secrets are.

use std::env;
use std::path::{Path, PathBuf};

use crate::cli::CommonArgs;
use crate::failure::{Failure, Result};

/// What marks the directory that holds a stack's description.
const MARK: &str = "compose/compose.yaml";
/// Names the images that `cargo xtask images` builds.
const LOCAL_IMAGES: &str = "compose/local.env";

/// A stack's name and files. What it runs on (ZooKeeper or not, whose images) is a [`Variant`].
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    /// Compose's project: every container, volume and network of the stack carries it as a label.
    pub(crate) project: String,
    /// Holds `compose/` and `connectors/`.
    pub(crate) dir: PathBuf,
    /// Where the secrets' files are.
    pub(crate) secrets: PathBuf,
}

/// How a stack is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Variant {
    /// Without ZooKeeper.
    pub(crate) kraft: bool,
    /// The images of `cargo xtask images`.
    pub(crate) local_images: bool,
    /// What runs beside the pipeline.
    pub(crate) extras: Extras,
}

/// What may run beside the pipeline: profiles of compose.yaml.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extras {
    /// Kafka UI.
    pub(crate) ui: bool,
    /// Prometheus and Grafana.
    pub(crate) observability: bool,
    /// ClickHouse, and with it a worker that writes to it.
    pub(crate) analytics: bool,
}

impl Variant {
    /// With everything that may run beside the pipeline: it is no orphan, and is not asked for a second time.
    pub(crate) const fn with_all(self) -> Self {
        Self { extras: Extras { ui: true, observability: true, analytics: true }, ..self }
    }
}

impl Extras {
    /// The profiles that this takes.
    pub(crate) fn profiles(self) -> impl Iterator<Item = &'static str> {
        [("ui", self.ui), ("observability", self.observability), ("analytics", self.analytics)]
            .into_iter()
            .filter_map(|(profile, wanted)| wanted.then_some(profile))
    }
}

impl Stack {
    /// The stack that the flags name; without `--dir` the nearest directory above here that has one.
    pub(crate) fn find(common: &CommonArgs) -> Result<Self> {
        check_project(&common.project)?;
        let dir = match &common.dir {
            Some(dir) if dir.join(MARK).is_file() => dir.clone(),
            Some(dir) => {
                return Err(Failure::could_not_run(format!("{} has no {MARK}", dir.display()))
                    .hint("--dir (or CDC_STACK_DIR) names the directory that holds compose/ and connectors/"));
            }
            None => nearest()?,
        };
        let dir = dir
            .canonicalize()
            .map_err(|error| Failure::could_not_run(format!("{} cannot be read: {error}", dir.display())))?;
        // `CDC_SECRETS_DIR`, as Compose reads it, else beside the Compose file.
        let named = env::var_os("CDC_SECRETS_DIR").filter(|name| !name.is_empty());
        let secrets = dir.join("compose").join(named.map_or_else(|| PathBuf::from("secrets"), PathBuf::from));
        Ok(Self { project: common.project.clone(), dir, secrets })
    }

    /// Compose's files, in the order in which they are laid over each other.
    pub(crate) fn compose_files(&self, variant: Variant) -> Vec<PathBuf> {
        let kraft = variant.kraft.then(|| self.dir.join("compose/kraft.yaml"));
        // What Grafana needs to show ClickHouse; without Grafana it says nothing.
        let analytics = variant.extras.analytics.then(|| self.dir.join("compose/analytics.yaml"));
        [self.dir.join(MARK)].into_iter().chain(kraft).chain(analytics).collect()
    }

    /// The file of variables, where the variant has one.
    pub(crate) fn env_file(&self, variant: Variant) -> Option<PathBuf> {
        variant.local_images.then(|| self.dir.join(LOCAL_IMAGES))
    }

    /// The variables of that file.
    pub(crate) fn local_images_file(&self) -> PathBuf {
        self.dir.join(LOCAL_IMAGES)
    }

    /// The token of the worker's page.
    pub(crate) fn worker_token(&self) -> PathBuf {
        self.secrets.join("worker-token")
    }

    /// What stands in it, for asking the page; none if it cannot be read.
    pub(crate) fn worker_token_text(&self) -> Option<String> {
        std::fs::read_to_string(self.worker_token()).ok().map(|text| text.trim().to_owned())
    }

    /// The password of ClickHouse's user `worker`.
    pub(crate) fn clickhouse_password(&self) -> PathBuf {
        self.secrets.join("clickhouse-password")
    }

    /// One file a connector.
    pub(crate) fn connectors_dir(&self) -> PathBuf {
        self.dir.join("connectors")
    }

    /// The worker's configuration where none is named.
    pub(crate) fn worker_config(&self) -> PathBuf {
        self.dir.join("compose/worker.toml")
    }
}

/// Compose's own rule; it also becomes part of file names and labels.
fn check_project(name: &str) -> Result<()> {
    let well = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
    if well {
        return Ok(());
    }
    Err(Failure::could_not_run(format!("{name:?} is no project name"))
        .hint("lower-case letters, digits, - and _, a letter or digit first"))
}

fn nearest() -> Result<PathBuf> {
    let here = env::current_dir()
        .map_err(|error| Failure::could_not_run(format!("the current directory cannot be read: {error}")))?;
    here.ancestors().find(|dir| dir.join(MARK).is_file()).map(Path::to_path_buf).ok_or_else(|| {
        Failure::could_not_run(format!("neither {} nor a directory above it has {MARK}", here.display()))
            .hint("go into the project's directory, or name it with --dir or CDC_STACK_DIR")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn project_names_are_compose_s() {
        for (name, well) in
            [("cdc-pipeline", true), ("1_a", true), ("", false), ("-a", false), ("A", false), ("a b", false)]
        {
            assert_eq!(check_project(name).is_ok(), well, "{name:?}");
        }
    }

    #[test]
    fn variants_choose_files() {
        let stack = Stack { project: "p".into(), dir: "/s".into(), secrets: "/s/compose/secrets".into() };
        let kraft = Variant { kraft: true, local_images: true, ..Variant::default() };
        assert_eq!(stack.compose_files(Variant::default()), [PathBuf::from("/s/compose/compose.yaml")]);
        assert_eq!(stack.compose_files(kraft)[1], PathBuf::from("/s/compose/kraft.yaml"));
        let analytics = Variant { extras: Extras { analytics: true, ..Extras::default() }, ..kraft };
        assert_eq!(stack.compose_files(analytics)[2], PathBuf::from("/s/compose/analytics.yaml"));
        assert_eq!(stack.env_file(kraft), Some("/s/compose/local.env".into()));
        assert_eq!(stack.env_file(Variant::default()), None);
    }
}
