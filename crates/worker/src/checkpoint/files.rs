//! The files below a directory.

use std::fs;
use std::path::{Path, PathBuf};

use super::CheckpointError;

/// What is below a directory: files and directories, by their paths from there, sorted.
#[derive(Debug, Default)]
pub(super) struct Below {
    /// Files, `/` between the parts of a path.
    pub(super) files: Vec<String>,
    /// Directories, each after the one that it is in.
    pub(super) directories: Vec<PathBuf>,
}

/// Looks through a directory. Anything but files and directories is refused.
pub(super) fn below(root: &Path) -> Result<Below, CheckpointError> {
    let mut below = Below::default();
    let mut waiting = vec![PathBuf::new()];
    while let Some(directory) = waiting.pop() {
        let path = root.join(&directory);
        for entry in fs::read_dir(&path).map_err(CheckpointError::disk("read", &path))? {
            let entry = entry.map_err(CheckpointError::disk("read", &path))?;
            let inner = directory.join(entry.file_name());
            let kind = entry.file_type().map_err(CheckpointError::disk("look at", &entry.path()))?;
            match inner.to_str() {
                Some(name) if kind.is_file() => below.files.push(name.to_owned()),
                Some(_) if kind.is_dir() => {
                    below.directories.push(inner.clone());
                    waiting.push(inner);
                }
                _ => return Err(CheckpointError::NotAFile { path: entry.path().display().to_string() }),
            }
        }
    }
    below.files.sort();
    below.directories.sort();
    Ok(below)
}
