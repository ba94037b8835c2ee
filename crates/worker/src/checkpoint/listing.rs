//! The checkpoints of a directory, newest first, as their manifests tell. Changes nothing, also beside a running worker.

use std::cmp::Reverse;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::layout::{self, MANIFEST};
use super::{CheckpointError, Manifest, ManifestError};

/// One checkpoint of a directory.
#[derive(Debug)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its directory.
    pub path: PathBuf,
    /// What its manifest says; that the files are as it says shows [`super::verify()`].
    pub manifest: Result<Manifest, ManifestError>,
}

impl Listed {
    /// The checkpoint in a directory.
    pub fn read(path: PathBuf) -> Self {
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let manifest = Manifest::read(&path.join(MANIFEST)).and_then(|manifest| {
            let named = layout::epoch_of(&name) == Some(manifest.epoch);
            if named { Ok(manifest) } else { Err(ManifestError::OtherEpoch { found: manifest.epoch }) }
        });
        Self { name, path, manifest }
    }

    fn epoch(&self) -> u64 {
        layout::epoch_of(&self.name).unwrap_or(0)
    }

    pub(super) fn sequence(&self) -> Option<u64> {
        self.manifest.as_ref().ok().map(|manifest| manifest.sequence)
    }
}

/// All of them, newest first. One whose manifest cannot be read stands where the epoch in its name puts it, before those
/// of lower epochs. A directory that is not there has none.
pub fn list(directory: &Path) -> Result<Vec<Listed>, CheckpointError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(CheckpointError::disk("read", directory)(error)),
    };
    let (mut readable, mut others) = (Vec::new(), Vec::new());
    for entry in entries {
        let entry = entry.map_err(CheckpointError::disk("read", directory))?;
        if layout::epoch_of(&entry.file_name().to_string_lossy()).is_some() {
            let listed = Listed::read(entry.path());
            if listed.manifest.is_ok() { readable.push(listed) } else { others.push(listed) }
        }
    }
    readable.sort_by_key(|listed| Reverse(listed.sequence()));
    others.sort_by_key(Listed::epoch);
    for other in others {
        let at = readable.iter().position(|listed| listed.epoch() <= other.epoch()).unwrap_or(readable.len());
        readable.insert(at, other);
    }
    Ok(readable)
}
