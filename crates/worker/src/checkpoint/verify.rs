//! Whether a checkpoint's files are what its manifest says; if not, the first wrong file and how.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::layout::{DATABASE, MANIFEST};
use super::listing::{self, Listed};
use super::manifest::FileEntry;
use super::{CheckpointError, Checksum, Manifest, ManifestError, files};

/// A checkpoint whose files were just found to be as its manifest says.
#[derive(Clone, Debug)]
pub struct Verified {
    name: String,
    path: PathBuf,
    manifest: Manifest,
}

impl Verified {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The directory of its database's files.
    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// What it holds.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}

/// A checkpoint that must not be used.
#[derive(Debug, thiserror::Error)]
#[error("checkpoint {name} is refused: {file}: {fault}")]
pub struct Refused {
    /// Its name.
    pub name: String,
    /// The first wrong file, by its path in the checkpoint.
    pub file: String,
    /// What is wrong with it.
    pub fault: FileFault,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// The manifest is not to be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// It is not there.
    #[error("missing")]
    Missing,
    /// It has another length.
    #[error("{found} bytes, {expected} were written")]
    Size {
        /// What the manifest says.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// It has another content.
    #[error("checksum {found}, {expected} was written")]
    Checksum {
        /// What the manifest says.
        expected: Checksum,
        /// What is there.
        found: Checksum,
    },
    /// It has the content of another file of the checkpoint.
    #[error("holds what belongs into {other}")]
    Swapped {
        /// The file whose content it has.
        other: String,
    },
    /// The manifest does not know it.
    #[error("not in the manifest")]
    Unexpected,
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
}

/// What a look for the newest checkpoint finds.
#[derive(Debug, Default)]
pub struct Newest {
    /// The newest that verifies.
    pub verified: Option<Verified>,
    /// Newer ones that do not, newest first.
    pub refused: Vec<Refused>,
}

/// The newest checkpoint of a directory that verifies, and those that were refused on the way to it.
pub fn newest_that_verifies(directory: &Path) -> Result<Newest, CheckpointError> {
    let mut newest = Newest::default();
    for listed in listing::list(directory)? {
        match verify(listed) {
            Ok(verified) => {
                newest.verified = Some(verified);
                break;
            }
            Err(refused) => newest.refused.push(refused),
        }
    }
    Ok(newest)
}

/// Reads every file of a checkpoint.
pub fn verify(listed: Listed) -> Result<Verified, Refused> {
    let Listed { name, path, manifest } = listed;
    let refused = |file: String, fault| Refused { name: name.clone(), file, fault };
    let manifest = manifest.map_err(|error| refused(MANIFEST.to_owned(), error.into()))?;
    let database = path.join(DATABASE);
    for entry in &manifest.files {
        check(&database, entry, &manifest.files)
            .map_err(|fault| refused(format!("{DATABASE}/{}", entry.path), fault))?;
    }
    if let Some((file, fault)) = surplus(&path, &manifest) {
        return Err(refused(file, fault));
    }
    Ok(Verified { name, path, manifest })
}

fn check(database: &Path, entry: &FileEntry, all: &[FileEntry]) -> Result<(), FileFault> {
    let path = database.join(&entry.path);
    match fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Err(FileFault::Unreadable("it is not a file".to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(FileFault::Missing),
        Err(error) => return Err(FileFault::Unreadable(error.to_string())),
    }
    let (checksum, size) = Checksum::of_file(&path).map_err(|error| FileFault::Unreadable(error.to_string()))?;
    if (size, checksum) == (entry.size_bytes, entry.checksum) {
        return Ok(());
    }
    // An empty file says nothing about where it comes from.
    let same = |other: &&FileEntry| size > 0 && (other.size_bytes, other.checksum) == (size, checksum);
    Err(match all.iter().find(same) {
        Some(other) => FileFault::Swapped { other: format!("{DATABASE}/{}", other.path) },
        None if size != entry.size_bytes => FileFault::Size { expected: entry.size_bytes, found: size },
        None => FileFault::Checksum { expected: entry.checksum, found: checksum },
    })
}

/// The first file that the manifest does not know.
fn surplus(path: &Path, manifest: &Manifest) -> Option<(String, FileFault)> {
    let below = match files::below(path) {
        Ok(below) => below,
        Err(error) => return Some((DATABASE.to_owned(), FileFault::Unreadable(error.to_string()))),
    };
    let known = |file: &str| {
        let entry = file.strip_prefix(DATABASE).and_then(|rest| rest.strip_prefix('/'));
        file == MANIFEST || entry.is_some_and(|name| manifest.files.iter().any(|entry| entry.path == name))
    };
    below.files.into_iter().find(|file| !known(file)).map(|file| (file, FileFault::Unexpected))
}
