//! The directory that state stands in: made, and found to be ours to write, before the first message is read.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::StoreError;

/// The file that [`probe`] writes, and takes away again.
const PROBE: &str = "probe";
/// As much as a file system may still promise although it is full: more than its spare blocks.
const PROBE_BYTES: usize = 1024 * 1024;

/// Makes a directory with those around it, and sees that it can be written.
pub(crate) fn prepare(directory: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(directory).map_err(|error| meaning(directory, &error))?;
    probe(directory)
}

/// Writes a file of some size to a directory, synced, and takes it away again: a disk that was full or failed is well.
pub(crate) fn probe(directory: &Path) -> Result<(), StoreError> {
    let path = directory.join(PROBE);
    let written = File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0; PROBE_BYTES])?;
        file.sync_data()
    });
    // Taken away in either case; what it cannot take away it could not make.
    let removed = fs::remove_file(&path);
    written.and(removed).map_err(|error| meaning(directory, &error))
}

/// What it means that a directory cannot be made or written.
fn meaning(directory: &Path, error: &io::Error) -> StoreError {
    let place = directory.display().to_string();
    match error.kind() {
        ErrorKind::PermissionDenied => StoreError::Refused { place, reason: foreign(directory) },
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists | ErrorKind::InvalidInput => {
            StoreError::Refused { place, reason: format!("{error}; name a directory") }
        }
        _ => StoreError::Unavailable { place, reason: error.to_string() },
    }
}

/// Whose the directory is, and how it becomes ours. Where it is not there, the one that it would stand in.
fn foreign(directory: &Path) -> String {
    let ours = rustix::process::geteuid().as_raw();
    // Whole: where the working directory itself is somebody else's, nothing can be seen from within, not even it.
    let whole = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let there = whole.ancestors().find_map(|path| fs::metadata(path).ok().map(|metadata| (path, metadata)));
    let Some((path, metadata)) = there else {
        return format!("the worker, uid {ours}, may not look at it; name another directory");
    };
    format!(
        "{path} belongs to uid {owner} (mode {mode:o}) and the worker runs as uid {ours}, which may not write to it; \
         run `chown -R {ours} {path}` as root, or name another directory",
        path = path.display(),
        owner = metadata.uid(),
        mode = metadata.mode() & 0o7777,
    )
}
