//! Where the parts of a state stand in its directory. The epoch log is no part of the database: a restore replaces the
//! database, and the log is what repairs it (`design.md`, rule 1).

use std::path::{Path, PathBuf};

/// The parts of a state directory.
#[derive(Clone, Copy, Debug)]
pub struct StateLayout<'a> {
    directory: &'a Path,
}

impl<'a> StateLayout<'a> {
    /// Of this directory.
    pub fn of(directory: &'a Path) -> Self {
        Self { directory }
    }

    /// The database: what a checkpoint holds and a restore replaces.
    pub fn database(self) -> PathBuf {
        self.directory.join("db")
    }

    /// The epoch log.
    pub fn log(self) -> PathBuf {
        self.directory.join("log")
    }
}
