//! Making checkpoints: written beside, every file and directory synced, the manifest last, renamed; the newest are kept.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::layout::{self, DATABASE, MAKING, MANIFEST, REMOVING};
use super::listing::Listed;
use super::{
    CheckpointError, Checksum, Disk, FileEntry, Manifest, Newest, RealDisk, files, listing, newest_that_verifies,
    verify,
};
use crate::state::{Commit, StoreError};

/// The ending of files that the database never changes once they are written.
const IMMUTABLE: &str = ".sst";

/// A directory of checkpoints. One process writes to it at a time: the one that holds the state's lock.
#[derive(Debug)]
pub struct CheckpointStore {
    directory: PathBuf,
    keep: usize,
    disk: Box<dyn Disk>,
}

/// A checkpoint that was made.
#[derive(Debug)]
pub struct Created {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub manifest: Manifest,
    /// Bytes whose checksum was known from the checkpoint before: the same files, linked again.
    pub reused_bytes: u64,
    /// Names of the checkpoints that were removed for it.
    pub removed: Vec<String>,
}

impl CheckpointStore {
    /// Opens a directory, which is made if it is not there, and clears away what crashed attempts left. Keeps the newest
    /// `keep` checkpoints, at least one.
    pub fn open(directory: &Path, keep: usize) -> Result<Self, CheckpointError> {
        Self::open_on(Box::new(RealDisk), directory, keep)
    }

    /// The same on another disk.
    pub fn open_on(disk: Box<dyn Disk>, directory: &Path, keep: usize) -> Result<Self, CheckpointError> {
        crate::state::directory::prepare(directory)?;
        let store = Self { directory: directory.to_owned(), keep: keep.max(1), disk };
        store.clear_leftovers()?;
        Ok(store)
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// All checkpoints, newest first.
    pub fn list(&self) -> Result<Vec<Listed>, CheckpointError> {
        listing::list(&self.directory)
    }

    /// The newest checkpoint that verifies, and those that were refused.
    pub fn newest_that_verifies(&self) -> Result<Newest, CheckpointError> {
        newest_that_verifies(&self.directory)
    }

    /// Makes a checkpoint. `fill` puts the state's files into a directory that is not there yet, by hard links where it
    /// can, and says which commit they hold. A sound checkpoint of that very commit stays as
    /// it is.
    ///
    /// Takes as long as reading the files that the checkpoint before did not have: for a thread beside the pipeline.
    pub fn create(
        &self,
        fill: impl FnOnce(&Path) -> Result<Commit, StoreError>,
        now_ms: i64,
    ) -> Result<Created, CheckpointError> {
        self.clear_leftovers()?;
        let making = self.directory.join(format!("{MAKING}checkpoint"));
        let made = self.make(&making, fill, now_ms);
        if made.is_err() {
            // What does not go now goes at the next start. The first error is the one to tell.
            let _left = self.disk.remove_dir_all(&making);
        }
        made
    }

    fn make(
        &self,
        making: &Path,
        fill: impl FnOnce(&Path) -> Result<Commit, StoreError>,
        now_ms: i64,
    ) -> Result<Created, CheckpointError> {
        let before = self.list()?;
        self.disk.create_dir(making).map_err(CheckpointError::disk("make", making))?;
        let database = making.join(DATABASE);
        let commit = fill(&database)?;
        let (entries, reused_bytes) = self.sync_files(&database, &known_checksums(&before))?;
        let sequence = before.iter().filter_map(Listed::sequence).max().unwrap_or(0) + 1;
        let manifest = Manifest::of(&commit, entries, sequence, now_ms);
        let path = making.join(MANIFEST);
        self.disk.write_new(&path, &manifest.encode()?).map_err(CheckpointError::disk("write", &path))?;
        self.disk.sync_file(&path).map_err(CheckpointError::disk("sync", &path))?;
        self.disk.sync_dir(making).map_err(CheckpointError::disk("sync", making))?;
        let name = free_name(&before, &commit);
        if let Some(existing) = self.same_and_sound(&name) {
            self.disk.remove_dir_all(making).map_err(CheckpointError::disk("remove", making))?;
            let reused_bytes = existing.total_bytes;
            return Ok(Created { name, manifest: existing, reused_bytes, removed: Vec::new() });
        }
        self.publish(making, &name)?;
        let removed = self.prune()?;
        Ok(Created { name, manifest, reused_bytes, removed })
    }

    /// Syncs what is below a directory, deepest first, and makes the manifest's entries.
    fn sync_files(
        &self,
        database: &Path,
        known: &HashMap<(u64, u64, u64), Checksum>,
    ) -> Result<(Vec<FileEntry>, u64), CheckpointError> {
        let below = files::below(database)?;
        let (mut entries, mut reused_bytes) = (Vec::with_capacity(below.files.len()), 0);
        for file in below.files {
            let path = database.join(&file);
            self.disk.sync_file(&path).map_err(CheckpointError::disk("sync", &path))?;
            let metadata = fs::metadata(&path).map_err(CheckpointError::disk("look at", &path))?;
            let same = known.get(&(metadata.dev(), metadata.ino(), metadata.len()));
            let (checksum, size_bytes) = match same.filter(|_| file.ends_with(IMMUTABLE)) {
                Some(checksum) => {
                    reused_bytes += metadata.len();
                    (*checksum, metadata.len())
                }
                None => Checksum::of_file(&path).map_err(CheckpointError::disk("read", &path))?,
            };
            entries.push(FileEntry { path: file, size_bytes, checksum });
        }
        for directory in below.directories.iter().rev() {
            let path = database.join(directory);
            self.disk.sync_dir(&path).map_err(CheckpointError::disk("sync", &path))?;
        }
        self.disk.sync_dir(database).map_err(CheckpointError::disk("sync", database))?;
        Ok((entries, reused_bytes))
    }

    /// The checkpoint of that name, if there is one and nothing is wrong with it.
    fn same_and_sound(&self, name: &str) -> Option<Manifest> {
        let path = self.directory.join(name);
        let sound = path.exists().then(|| verify(Listed::read(path)).ok()).flatten();
        sound.map(|verified| verified.manifest().clone())
    }

    /// Gives a finished checkpoint its name.
    fn publish(&self, making: &Path, name: &str) -> Result<(), CheckpointError> {
        let path = self.directory.join(name);
        if path.exists() {
            // It was found damaged: nothing is lost between its end and the other's beginning.
            self.remove(name)?;
        }
        self.disk.rename(making, &path).map_err(CheckpointError::disk("rename", &path))?;
        self.sync()
    }

    /// Removes what is older than the newest `keep`. A checkpoint whose manifest cannot be read counts as none of them,
    /// and goes once it is older than all of them.
    fn prune(&self) -> Result<Vec<String>, CheckpointError> {
        let (mut kept, mut removed) = (0, Vec::new());
        for listed in self.list()? {
            if kept == self.keep {
                self.remove(&listed.name)?;
                removed.push(listed.name);
            } else if listed.manifest.is_ok() {
                kept += 1;
            }
        }
        Ok(removed)
    }

    /// Out of sight in one step, then away.
    fn remove(&self, name: &str) -> Result<(), CheckpointError> {
        let (path, removing) = (self.directory.join(name), self.directory.join(format!("{REMOVING}{name}")));
        self.disk.rename(&path, &removing).map_err(CheckpointError::disk("rename", &path))?;
        self.sync()?;
        self.disk.remove_dir_all(&removing).map_err(CheckpointError::disk("remove", &removing))
    }

    fn clear_leftovers(&self) -> Result<(), CheckpointError> {
        let directory = &self.directory;
        for entry in fs::read_dir(directory).map_err(CheckpointError::disk("read", directory))? {
            let entry = entry.map_err(CheckpointError::disk("read", directory))?;
            if layout::is_leftover(&entry.file_name().to_string_lossy()) {
                self.disk.remove_dir_all(&entry.path()).map_err(CheckpointError::disk("remove", &entry.path()))?;
            }
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), CheckpointError> {
        self.disk.sync_dir(&self.directory).map_err(CheckpointError::disk("sync", &self.directory))
    }
}

/// Checksums of the newest checkpoint's files, by device, inode and size: what is linked again need not be read again.
fn known_checksums(before: &[Listed]) -> HashMap<(u64, u64, u64), Checksum> {
    let newest = before.iter().find_map(|listed| Some((listed, listed.manifest.as_ref().ok()?)));
    let Some((listed, manifest)) = newest else { return HashMap::new() };
    let database = listed.path.join(DATABASE);
    let known = |entry: &FileEntry| {
        let metadata = fs::metadata(database.join(&entry.path)).ok().filter(|it| it.len() == entry.size_bytes)?;
        Some(((metadata.dev(), metadata.ino(), metadata.len()), entry.checksum))
    };
    manifest.files.iter().filter_map(known).collect()
}

/// The name for a commit's checkpoint: another timeline may have an epoch of that number.
fn free_name(before: &[Listed], commit: &Commit) -> String {
    let name = layout::name(commit.epoch);
    let foreign = before
        .iter()
        .filter(|listed| listed.name == name)
        .any(|listed| listed.manifest.as_ref().is_ok_and(|manifest| manifest.timeline != commit.timeline));
    if foreign { layout::name_in_timeline(commit.epoch, commit.timeline) } else { name }
}
