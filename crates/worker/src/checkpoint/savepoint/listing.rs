//! The savepoints of a directory, newest first.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Header, Savepoint, SavepointError};

/// One savepoint of a directory.
#[derive(Debug)]
pub struct ListedSavepoint {
    /// Its file's name.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// The file's length.
    pub bytes: u64,
    /// What its first line says; whether the file is whole shows [`Savepoint::check`].
    pub header: Result<Header, SavepointError>,
}

/// All of them; those that cannot be read come last. A directory that is not there has none.
pub fn list(directory: &Path) -> Result<Vec<ListedSavepoint>, SavepointError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(SavepointError::disk("read", directory)(error)),
    };
    let mut savepoints = Vec::new();
    for entry in entries {
        let entry = entry.map_err(SavepointError::disk("read", directory))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("savepoint-") {
            let bytes = entry.metadata().map_err(SavepointError::disk("look at", &entry.path()))?.len();
            // Also those of a later version: they are listed, not restored.
            let header = Savepoint::open(&entry.path(), true).map(|savepoint| savepoint.header().clone());
            savepoints.push(ListedSavepoint { name, path: entry.path(), bytes, header });
        }
    }
    let made =
        |listed: &ListedSavepoint| listed.header.as_ref().map(|header| header.created_at.clone()).unwrap_or_default();
    savepoints.sort_by(|a, b| (made(b), &b.name).cmp(&(made(a), &a.name)));
    Ok(savepoints)
}
