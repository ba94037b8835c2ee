//! `worker checkpoint` and `worker savepoint`: looking at what state was kept.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CommonArgs, help};

/// `worker checkpoint`
#[derive(Args, Debug)]
#[command(after_help = help::CHECKPOINT, arg_required_else_help = true)]
pub struct CheckpointArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: CheckpointAction,
}

/// What to do with checkpoints.
#[derive(Debug, Subcommand)]
pub enum CheckpointAction {
    /// Lists them, newest first
    List(PlaceArgs),
    /// Reads every file and compares it with the manifest; ends with 3 if one is refused
    Verify(CheckpointNameArgs),
    /// Prints a manifest: offsets, sinks, files
    Inspect(CheckpointNameArgs),
}

/// Where to look.
#[derive(Args, Clone, Debug, Default)]
pub struct PlaceArgs {
    /// Directory (keys: `state.checkpoints_dir`, `state.savepoints_dir`)
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Prints JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the comment for help text")]
    pub common: CommonArgs,
}

/// A checkpoint, or all of them.
#[derive(Args, Debug)]
pub struct CheckpointNameArgs {
    /// Name such as chk-00000000000000000042; without it `verify` takes all, `inspect` the newest
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the comment for help text")]
    pub place: PlaceArgs,
}

/// `worker savepoint`
#[derive(Args, Debug)]
#[command(after_help = help::SAVEPOINT, arg_required_else_help = true)]
pub struct SavepointArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: SavepointAction,
}

/// What to do with savepoints.
#[derive(Debug, Subcommand)]
pub enum SavepointAction {
    /// Lists them, newest first
    List(PlaceArgs),
    /// Reads a whole savepoint and says what it holds; ends with 3 if it is refused
    Inspect(SavepointFileArgs),
    /// Removes a savepoint
    Dispose(DisposeArgs),
}

/// A savepoint.
#[derive(Args, Debug)]
pub struct SavepointFileArgs {
    /// A file, or a name in the savepoints' directory
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the comment for help text")]
    pub place: PlaceArgs,
}

/// `worker savepoint dispose`
#[derive(Args, Debug)]
pub struct DisposeArgs {
    /// Removes it without asking
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would take the comment for help text")]
    pub savepoint: SavepointFileArgs,
}

impl CheckpointArgs {
    pub(super) fn common(&mut self) -> &mut CommonArgs {
        match &mut self.action {
            CheckpointAction::List(place) => &mut place.common,
            CheckpointAction::Verify(named) | CheckpointAction::Inspect(named) => &mut named.place.common,
        }
    }

    pub(super) fn place(&self) -> &PlaceArgs {
        match &self.action {
            CheckpointAction::List(place) => place,
            CheckpointAction::Verify(named) | CheckpointAction::Inspect(named) => &named.place,
        }
    }
}

impl SavepointArgs {
    pub(super) fn common(&mut self) -> &mut CommonArgs {
        match &mut self.action {
            SavepointAction::List(place) => &mut place.common,
            SavepointAction::Inspect(file) => &mut file.place.common,
            SavepointAction::Dispose(dispose) => &mut dispose.savepoint.place.common,
        }
    }

    pub(super) fn place(&self) -> &PlaceArgs {
        match &self.action {
            SavepointAction::List(place) => place,
            SavepointAction::Inspect(file) => &file.place,
            SavepointAction::Dispose(dispose) => &dispose.savepoint.place,
        }
    }
}
