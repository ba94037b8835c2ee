//! The flags of `opsctl worker …` and `opsctl savepoint …`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::LogFlags;

/// The worker's container.
#[derive(Args, Clone, Debug)]
pub(crate) struct WorkerArgs {
    /// The worker's configuration, TOML; else compose/worker.toml
    #[arg(long = "worker-config", env = "CDC_WORKER_FILE", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The worker's image
    #[arg(
        long = "worker-image",
        env = "CDC_WORKER_IMAGE",
        value_name = "IMAGE",
        default_value = "cdc-local/worker:latest"
    )]
    pub(crate) image: String,
    /// Port of the worker's page on 127.0.0.1; 0 for a free one
    #[arg(long = "worker-port", env = "CDC_WORKER_PORT", value_name = "PORT", default_value_t = 8081)]
    pub(crate) port: u16,
}

impl WorkerArgs {
    /// As the environment and the defaults have it, for commands that do not take these flags.
    pub(crate) fn of_environment() -> Result<Self, clap::Error> {
        #[derive(Debug, Parser)]
        struct Alone {
            #[command(flatten)]
            worker: WorkerArgs,
        }
        Alone::try_parse_from(["opsctl"]).map(|alone| alone.worker)
    }
}

/// `opsctl worker …`
#[derive(Debug, Subcommand)]
pub(crate) enum WorkerCommand {
    /// Start it, or replace it if image or configuration differ
    Start {
        /// Its name: a second worker beside the first, with a state of its own
        #[arg(long, value_name = "NAME", default_value = "worker")]
        name: String,
        #[command(flatten)]
        worker: WorkerArgs,
    },
    /// Take a savepoint and stop it; its state stays
    Stop {
        /// Which one
        #[arg(long, value_name = "NAME", default_value = "worker")]
        name: String,
        /// Without a savepoint
        #[arg(long)]
        no_savepoint: bool,
    },
    /// Savepoint, another image, restore; back to the old one if the new one does not get ready
    #[command(after_help = "\
Examples:
  opsctl worker upgrade                                     the image of this name as it is now
  opsctl worker upgrade --worker-image cdc-local/worker:2   another one")]
    Upgrade {
        /// Which one
        #[arg(long, value_name = "NAME", default_value = "worker")]
        name: String,
        /// The new image; else what the running one's name means now
        #[arg(long = "worker-image", env = "CDC_WORKER_IMAGE", value_name = "IMAGE")]
        image: Option<String>,
        /// Another configuration; else the running one's file
        #[arg(long = "worker-config", env = "CDC_WORKER_FILE", value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Savepoint, another parallelism, restore; until it is stopped, for good by `parallelism` in its configuration
    Scale {
        /// Threads that share the symbols
        #[arg(value_name = "PARALLELISM", value_parser = clap::value_parser!(u16).range(1..=128))]
        parallelism: u16,
        /// Which one
        #[arg(long, value_name = "NAME", default_value = "worker")]
        name: String,
    },
    /// What it found (stdout) and said (stderr)
    Logs {
        /// Which one
        #[arg(long, value_name = "NAME", default_value = "worker")]
        name: String,
        #[command(flatten)]
        logs: LogFlags,
    },
}

/// `opsctl savepoint …`
#[derive(Debug, Subcommand)]
pub(crate) enum SavepointCommand {
    /// Take one; the worker goes on meanwhile
    Trigger {
        /// Whose
        #[arg(long, value_name = "NAME", default_value = "worker")]
        name: String,
    },
    /// Those that are kept, oldest first; also of a worker that does not run
    List {
        /// Whose
        #[arg(long, value_name = "NAME", default_value = "worker")]
        name: String,
    },
    /// Read a whole one and say what it holds
    Inspect {
        /// Its name, as `list` shows it
        savepoint: String,
        /// Whose
        #[arg(long, value_name = "NAME", default_value = "worker")]
        name: String,
    },
    /// Remove one
    Dispose {
        /// Its name, as `list` shows it
        savepoint: String,
        /// Whose
        #[arg(long, value_name = "NAME", default_value = "worker")]
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}
