//! A checkpoint made the state again: a fresh directory beside, synced, swapped in by rename. What was there is kept
//! aside.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{CheckpointError, Disk, Verified, files};
use crate::time::write_rfc3339;

/// The ending of files that the database never changes: those can share their bytes with the checkpoint.
const IMMUTABLE: &str = ".sst";

/// What restoring did.
#[derive(Debug)]
pub struct Restored {
    /// Where the state that was there before is now; `None` if there was none.
    pub kept_aside: Option<PathBuf>,
}

/// Puts a checkpoint's files into `database`, the state's database directory, which nobody may have open. What is there
/// is renamed to `<name>.refused-<time>`, or removed if it is an empty directory.
pub fn restore_into(
    disk: &dyn Disk,
    checkpoint: &Verified,
    database: &Path,
    now_ms: i64,
) -> Result<Restored, CheckpointError> {
    let parent = match database.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let fresh = beside(database, ".restoring");
    if fresh.exists() {
        disk.remove_dir_all(&fresh).map_err(CheckpointError::disk("remove", &fresh))?;
    }
    fill(disk, &checkpoint.database(), &fresh)?;
    let kept_aside = put_aside(disk, database, now_ms)?;
    disk.rename(&fresh, database).map_err(CheckpointError::disk("rename", &fresh))?;
    disk.sync_dir(parent).map_err(CheckpointError::disk("sync", parent))?;
    Ok(Restored { kept_aside })
}

fn fill(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), CheckpointError> {
    let below = files::below(from)?;
    disk.create_dir(to).map_err(CheckpointError::disk("make", to))?;
    for directory in &below.directories {
        let path = to.join(directory);
        disk.create_dir(&path).map_err(CheckpointError::disk("make", &path))?;
    }
    for file in &below.files {
        let (source, path) = (from.join(file), to.join(file));
        let linked = file.ends_with(IMMUTABLE) && link(disk, &source, &path)?;
        if !linked {
            disk.copy(&source, &path).map_err(CheckpointError::disk("copy to", &path))?;
        }
        disk.sync_file(&path).map_err(CheckpointError::disk("sync", &path))?;
    }
    for directory in below.directories.iter().rev() {
        let path = to.join(directory);
        disk.sync_dir(&path).map_err(CheckpointError::disk("sync", &path))?;
    }
    disk.sync_dir(to).map_err(CheckpointError::disk("sync", to))
}

/// Links a file; `false` where the checkpoint was brought here from another file system, and must be copied.
fn link(disk: &dyn Disk, from: &Path, to: &Path) -> Result<bool, CheckpointError> {
    match disk.hard_link(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => Ok(false),
        Err(error) => Err(CheckpointError::disk("link", to)(error)),
    }
}

fn put_aside(disk: &dyn Disk, database: &Path, now_ms: i64) -> Result<Option<PathBuf>, CheckpointError> {
    match fs::read_dir(database).map(|mut entries| entries.next().is_none()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(true) => {
            disk.remove_dir(database).map_err(CheckpointError::disk("remove", database))?;
            return Ok(None);
        }
        // Not a directory, or one that cannot be read: kept aside all the same.
        Ok(false) | Err(_) => {}
    }
    let mut time = Vec::new();
    write_rfc3339(now_ms, &mut time);
    let time = String::from_utf8_lossy(&time).replace(':', "");
    let mut aside = beside(database, &format!(".refused-{time}"));
    let mut number = 1;
    while aside.exists() {
        number += 1;
        aside = beside(database, &format!(".refused-{time}-{number}"));
    }
    disk.rename(database, &aside).map_err(CheckpointError::disk("rename", database))?;
    Ok(Some(aside))
}

/// A path beside another: its name with an ending.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
