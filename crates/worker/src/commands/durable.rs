//! The state of `worker run` on disk: the directory's lock, the epoch log, the database, checkpoints and savepoints. Never
//! begins with nothing where there was something.
//!
//! ```text
//! <state.dir>/lock       one worker
//! <state.dir>/db         the database
//! <state.dir>/log        the epoch log
//! <state.dir>/restored   what --restore was last given: a container that starts again restores once
//! <state.dir>/drained    timeline and epoch of a savepoint that needs no log
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::checkpoint::savepoint::{self, Occasion, Savepoint, SavepointError};
use crate::checkpoint::{
    CheckpointError, CheckpointStore, Listed, RealDisk, Refused, Verified, restore_into, same_file_system, verify,
};
use crate::config::StateSettings;
use crate::epoch::{DiskEpochLog, Keeper, LogError};
use crate::state::{RocksOptions, RocksStateStore, StateLayout, StateLock, StateStore as _, StoreError};
use crate::time::clock::Clock;

/// Why the state could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum DurableError {
    /// The lock or the database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The epoch log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A checkpoint, or where they are kept.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A savepoint.
    #[error(transparent)]
    Savepoint(#[from] SavepointError),
    /// What was to be restored does not verify.
    #[error("{0}")]
    Refused(Refused),
    /// There are checkpoints, but none that can be trusted.
    #[error(
        "there is no state in {directory}, and none of the {count} checkpoints verifies ({first}): give --restore a \
         savepoint, or begin again with --start-over (what is there is set aside)"
    )]
    NoneVerifies {
        /// The state directory.
        directory: String,
        /// How many there are.
        count: usize,
        /// What is wrong with the newest.
        first: String,
    },
    /// A file or directory of the state cannot be moved or written.
    #[error("cannot write {path}: {source}")]
    Disk {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
}

impl DurableError {
    /// Whether the state was refused; otherwise something failed.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Store(error) => !error.may_mend(),
            Self::Refused(_) | Self::NoneVerifies { .. } | Self::Savepoint(_) => true,
            Self::Log(error) => !matches!(error, LogError::Write { .. } | LogError::Read { .. }),
            Self::Checkpoint(error) => !error.may_mend(),
            Self::Disk { .. } => false,
        }
    }
}

/// What the command line says of the state.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Restoring<'a> {
    /// A checkpoint's directory or a savepoint's file.
    pub(super) from: Option<&'a Path>,
    /// What a savepoint holds and this worker does not know may be left out.
    pub(super) allow_non_restored_state: bool,
    /// Everything that is there is set aside.
    pub(super) start_over: bool,
}

/// An open state.
pub(super) struct Durable {
    pub(super) lock: StateLock,
    pub(super) log: DiskEpochLog,
    pub(super) store: Arc<RocksStateStore>,
    pub(super) keeper: DurableKeeper,
    /// The state comes from a drained savepoint and has not gone on since.
    pub(super) drained: bool,
}

/// Opens the state of a run.
pub(super) fn open(
    settings: &StateSettings,
    restoring: Restoring<'_>,
    parallelism: u16,
    clock: &'static dyn Clock,
) -> Result<Durable, DurableError> {
    let place = Place { settings, clock };
    let lock = StateLock::take(&settings.directory)?;
    if restoring.start_over {
        place.set_everything_aside()?;
    }
    let checkpoints = CheckpointStore::open(&settings.checkpoints_directory, settings.checkpoints_kept)?;
    same_file_system(&settings.directory, &settings.checkpoints_directory)?;
    if let Some(from) = restoring.from {
        place.restore(from, restoring.allow_non_restored_state)?;
    }
    if !place.database().is_dir() {
        place.restore_newest(&checkpoints)?;
    }
    let store = match RocksStateStore::open(&place.database(), place.options()) {
        Err(damaged @ StoreError::Damaged { .. }) => {
            tracing::error!("{damaged}");
            if !place.restore_newest(&checkpoints)? {
                return Err(damaged.into());
            }
            RocksStateStore::open(&place.database(), place.options())?
        }
        opened => opened?,
    };
    let log = DiskEpochLog::open(&StateLayout::of(&settings.directory).log())?;
    let store = Arc::new(store);
    let drained = place.is_drained(&store)?;
    let keeper = DurableKeeper {
        store: Arc::clone(&store),
        checkpoints,
        savepoints: settings.savepoints_directory.clone(),
        options: place.options(),
        parallelism,
        clock,
        asked: asked_by_signal(),
    };
    Ok(Durable { lock, log, store, keeper, drained })
}

/// Set by SIGUSR1. A machine without that signal can ask by the REST API.
fn asked_by_signal() -> Arc<AtomicBool> {
    let asked = Arc::new(AtomicBool::new(false));
    if let Err(error) = signal_hook::flag::register(signal_hook::consts::SIGUSR1, Arc::clone(&asked)) {
        tracing::warn!("SIGUSR1 asks for no savepoint: {error}");
    }
    asked
}

/// The state's directory.
struct Place<'a> {
    settings: &'a StateSettings,
    clock: &'a dyn Clock,
}

impl Place<'_> {
    fn database(&self) -> PathBuf {
        StateLayout::of(&self.settings.directory).database()
    }

    fn options(&self) -> RocksOptions {
        RocksOptions { memory_bytes: self.settings.memory_bytes }
    }

    /// Moves state, log and checkpoints into a directory of their own, for whoever asks.
    fn set_everything_aside(&self) -> Result<(), DurableError> {
        let name = format!("set-aside-{}", self.clock.wall_ms());
        let aside = self.settings.directory.join(&name);
        for what in ["db", "log", "restored", "drained"] {
            let path = self.settings.directory.join(what);
            if path.exists() {
                fs::create_dir_all(&aside).map_err(|source| disk(&aside, source))?;
                fs::rename(&path, aside.join(what)).map_err(|source| disk(&path, source))?;
            }
        }
        let checkpoints = &self.settings.checkpoints_directory;
        for listed in crate::checkpoint::list(checkpoints)? {
            let aside = checkpoints.join(&name);
            fs::create_dir_all(&aside).map_err(|source| disk(&aside, source))?;
            fs::rename(&listed.path, aside.join(&listed.name)).map_err(|source| disk(&listed.path, source))?;
        }
        tracing::warn!("beginning again: what there was of a state is set aside under the name {name}");
        Ok(())
    }

    /// Restores what a person names, once: a container that starts again with the same command goes on instead.
    fn restore(&self, from: &Path, allow_non_restored_state: bool) -> Result<(), DurableError> {
        let marker = self.settings.directory.join("restored");
        if from.is_dir() {
            let verified = verify(Listed::read(from.to_owned())).map_err(DurableError::Refused)?;
            let manifest = verified.manifest();
            let identity = format!("checkpoint {}-{} {}", manifest.timeline.0, manifest.epoch, from.display());
            if self.is_done(&marker, &identity) {
                return Ok(());
            }
            self.restore_checkpoint(&verified)?;
            return self.write(&marker, &identity);
        }
        let savepoint = Savepoint::open(from, allow_non_restored_state)?;
        let header = savepoint.header().clone();
        let identity =
            format!("savepoint {}-{} {} {}", header.timeline.0, header.epoch, header.created_at, from.display());
        if self.is_done(&marker, &identity) {
            return Ok(());
        }
        let (database, loading) = (self.database(), self.settings.directory.join("db.loading"));
        if loading.exists() {
            fs::remove_dir_all(&loading).map_err(|source| disk(&loading, source))?;
        }
        let commit = savepoint.commit();
        let store = RocksStateStore::open(&loading, self.options())?;
        let (end, lost) = savepoint.load_into(&store, commit)?;
        drop(store);
        for (name, count) in lost {
            tracing::warn!(count, "not restored: {name}");
        }
        if database.exists() {
            let aside = self.settings.directory.join(format!("db.set-aside-{}", self.clock.wall_ms()));
            fs::rename(&database, &aside).map_err(|source| disk(&aside, source))?;
            tracing::warn!("the state that was there is kept in {}", aside.display());
        }
        fs::rename(&loading, &database).map_err(|source| disk(&database, source))?;
        if header.drained {
            self.write(&self.settings.directory.join("drained"), &format!("{}-{}", header.timeline.0, header.epoch))?;
        }
        tracing::info!(epoch = header.epoch, symbols = end.symbols, "restored the savepoint {}", from.display());
        self.write(&marker, &identity)
    }

    fn is_done(&self, marker: &Path, identity: &str) -> bool {
        let done = self.database().is_dir() && fs::read_to_string(marker).is_ok_and(|known| known.trim() == identity);
        if done {
            tracing::info!("restored before, going on from there: {identity}");
        }
        done
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), DurableError> {
        let write = || {
            fs::write(path, text)?;
            fs::File::open(path)?.sync_all()?;
            fs::File::open(&self.settings.directory)?.sync_all()
        };
        write().map_err(|source| disk(path, source))
    }

    /// The newest checkpoint that verifies, where there is one. `false`: there is none at all.
    fn restore_newest(&self, checkpoints: &CheckpointStore) -> Result<bool, DurableError> {
        let newest = checkpoints.newest_that_verifies()?;
        for refused in &newest.refused {
            tracing::error!("checkpoint refused: {refused}");
        }
        match (&newest.verified, newest.refused.first()) {
            (Some(verified), _) => self.restore_checkpoint(verified).map(|()| true),
            (None, Some(first)) => Err(DurableError::NoneVerifies {
                directory: self.settings.directory.display().to_string(),
                count: newest.refused.len(),
                first: first.to_string(),
            }),
            (None, None) => Ok(false),
        }
    }

    fn restore_checkpoint(&self, verified: &Verified) -> Result<(), DurableError> {
        let restored = restore_into(&RealDisk, verified, &self.database(), self.clock.wall_ms())?;
        if let Some(aside) = restored.kept_aside {
            tracing::warn!("the state that was there is kept in {}", aside.display());
        }
        tracing::warn!(epoch = verified.manifest().epoch, "restored the checkpoint {}", verified.name());
        Ok(())
    }

    fn is_drained(&self, store: &RocksStateStore) -> Result<bool, DurableError> {
        let Some(commit) = store.last_commit()? else { return Ok(false) };
        let marker = fs::read_to_string(self.settings.directory.join("drained")).unwrap_or_default();
        Ok(marker.trim() == format!("{}-{}", commit.timeline.0, commit.epoch))
    }
}

fn disk(path: &Path, source: std::io::Error) -> DurableError {
    DurableError::Disk { path: path.display().to_string(), source }
}

/// Makes checkpoints and savepoints of the database, beside the pipeline.
pub(super) struct DurableKeeper {
    store: Arc<RocksStateStore>,
    checkpoints: CheckpointStore,
    savepoints: PathBuf,
    options: RocksOptions,
    parallelism: u16,
    clock: &'static dyn Clock,
    asked: Arc<AtomicBool>,
}

impl Keeper for DurableKeeper {
    fn checkpoint(&mut self) -> Result<PathBuf, String> {
        let made = self.checkpoints.create(|directory| self.store.checkpoint_into(directory), self.clock.wall_ms());
        made.map(|created| self.checkpoints.directory().join(created.name)).map_err(|error| error.to_string())
    }

    /// Of a copy, so that commits go on: hard links, gone when the savepoint is written.
    fn savepoint(&mut self, directory: Option<&Path>, drained: bool) -> Result<PathBuf, String> {
        let copy = self.checkpoints.directory().join(".making-savepoint");
        if copy.exists() {
            fs::remove_dir_all(&copy).map_err(|error| format!("{}: {error}", copy.display()))?;
        }
        let made = self.savepoint_of_copy(directory, drained, &copy);
        // A copy that stays is removed before the next one.
        let _stays = fs::remove_dir_all(&copy);
        made
    }

    fn oldest_kept(&self) -> Option<u64> {
        let timeline = self.store.last_commit().ok()??.timeline;
        let manifests = self.checkpoints.list().ok()?.into_iter().filter_map(|listed| listed.manifest.ok());
        manifests.filter(|manifest| manifest.timeline == timeline).map(|manifest| manifest.epoch).min()
    }

    fn asked_by_signal(&mut self) -> bool {
        self.asked.swap(false, Ordering::Relaxed)
    }
}

impl DurableKeeper {
    fn savepoint_of_copy(&self, directory: Option<&Path>, drained: bool, copy: &Path) -> Result<PathBuf, String> {
        self.store.checkpoint_into(copy).map_err(|error| error.to_string())?;
        let store = RocksStateStore::open_read_only(copy, self.options).map_err(|error| error.to_string())?;
        let occasion = Occasion { drained, parallelism: self.parallelism, now_ms: self.clock.wall_ms() };
        let written = savepoint::write(directory.unwrap_or(&self.savepoints), &store, occasion);
        written.map(|written| written.path).map_err(|error| error.to_string())
    }
}
