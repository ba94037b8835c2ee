//! The state store in RocksDB: one write batch a commit, so all of it or nothing (I1).

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rocksdb::checkpoint::Checkpoint;
use rocksdb::properties::{CUR_SIZE_ALL_MEM_TABLES, ESTIMATE_NUM_KEYS, LIVE_SST_FILES_SIZE, PropName};
use rocksdb::{ColumnFamily, DB, ReadOptions, WriteBatch};

use super::failure::meaning;
use super::latest::latest;
use super::options::{FAMILIES, META, OUTBOX, RocksOptions, SYMBOLS, TIMERS, database};
use crate::state::directory;
use crate::state::{Commit, OutboxKey, StateKey, StateSize, StateStore, StoreError, Visit, VisitTimer};

/// Version of what a database holds and under which keys; stored in it under [`FORMAT_KEY`].
const FORMAT: u8 = 1;
const FORMAT_KEY: &[u8] = b"format";
const COMMIT_KEY: &[u8] = b"commit";
/// How much a walk reads ahead.
const READ_AHEAD_BYTES: usize = 1024 * 1024;

/// What a walk calls: keys as they are stored.
type VisitBytes<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<(), StoreError>;

/// Keeps state in a RocksDB database. The write-ahead log is on and not synced: what a crash of the machine takes from
/// its end is executed again from the epoch log.
pub struct RocksStateStore {
    directory: PathBuf,
    options: RocksOptions,
    writable: bool,
    /// Whoever uses the database holds it for that long; `None` after a [`StateStore::resume`] that failed half-way.
    database: RwLock<Option<Arc<DB>>>,
}

impl RocksStateStore {
    /// Opens the database in a directory, which is made if it is not there. The caller holds the lock of the state.
    pub fn open(directory: &Path, options: RocksOptions) -> Result<Self, StoreError> {
        directory::prepare(directory)?;
        Self::opened(directory, options, true)
    }

    /// Opens a database to look at: a checkpoint.
    pub fn open_read_only(directory: &Path, options: RocksOptions) -> Result<Self, StoreError> {
        Self::opened(directory, options, false)
    }

    fn opened(directory: &Path, options: RocksOptions, writable: bool) -> Result<Self, StoreError> {
        let database = open(directory, options, writable)?;
        let database = RwLock::new(Some(Arc::new(database)));
        Ok(Self { directory: directory.to_owned(), options, writable, database })
    }

    /// Makes a checkpoint in a directory that is not there yet, on the same file system: hard links to the files that
    /// never change, and copies of the few others. Gives the commit that it holds.
    ///
    /// What is in memory is written to files first. The alternative, a copy of the write-ahead log, would be larger (up
    /// to half of the memory budget each time, where a link costs nothing), and is not synced, while these files are.
    /// Commits go on meanwhile.
    pub fn checkpoint_into(&self, directory: &Path) -> Result<Commit, StoreError> {
        let database = self.database()?;
        Checkpoint::new(&database)
            .and_then(|checkpoint| checkpoint.create_checkpoint(directory))
            .map_err(|error| meaning(directory, &error))?;
        drop(database);
        let made = Self::open_read_only(directory, self.options)?;
        made.last_commit()?.ok_or_else(|| StoreError::Refused {
            place: self.directory.display().to_string(),
            reason: "nothing was committed yet, so there is nothing for a checkpoint".to_owned(),
        })
    }

    /// The database, for as long as it is held.
    fn database(&self) -> Result<Arc<DB>, StoreError> {
        let open = self.database.read().unwrap_or_else(PoisonError::into_inner);
        open.clone().ok_or_else(|| StoreError::Unavailable {
            place: self.directory.display().to_string(),
            reason: "it could not be opened again after an error".to_owned(),
        })
    }

    fn meaning(&self, error: &rocksdb::Error) -> StoreError {
        meaning(&self.directory, error)
    }

    fn family<'a>(&self, database: &'a DB, name: &'static str) -> Result<&'a ColumnFamily, StoreError> {
        database.cf_handle(name).ok_or_else(|| StoreError::Damaged {
            place: self.directory.display().to_string(),
            reason: format!("its column family {name} is not there"),
        })
    }

    /// Walks over the keys of a family that begin with `prefix`.
    fn walk(&self, family: &'static str, prefix: &[u8], visit: VisitBytes<'_>) -> Result<(), StoreError> {
        let database = self.database()?;
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        options.set_readahead_size(READ_AHEAD_BYTES);
        let mut items = database.raw_iterator_cf_opt(self.family(&database, family)?, options);
        items.seek(prefix);
        while let Some((key, value)) = items.item() {
            if !key.starts_with(prefix) {
                break;
            }
            visit(key, value)?;
            items.next();
        }
        items.status().map_err(|error| self.meaning(&error))
    }

    fn batch(&self, database: &DB, commit: &Commit) -> Result<WriteBatch, StoreError> {
        let mut batch = WriteBatch::default();
        let symbols = self.family(database, SYMBOLS)?;
        for (key, stored) in latest(&commit.symbols) {
            batch.put_cf(symbols, key.as_bytes(), stored);
        }
        let timers = self.family(database, TIMERS)?;
        for (timer, set) in &commit.timers {
            if *set {
                batch.put_cf(timers, timer.as_bytes(), []);
            } else {
                batch.delete_cf(timers, timer.as_bytes());
            }
        }
        let outbox = self.family(database, OUTBOX)?;
        for (key, outputs) in &commit.outbox {
            match outputs {
                Some(outputs) => batch.put_cf(outbox, key.as_bytes(), outputs),
                None => batch.delete_cf(outbox, key.as_bytes()),
            }
        }
        batch.put_cf(self.family(database, META)?, COMMIT_KEY, commit.encode()?);
        Ok(batch)
    }
}

impl StateStore for RocksStateStore {
    fn size(&self) -> Option<StateSize> {
        let database = self.database().ok()?;
        let property = |family, name: &PropName| -> Option<u64> {
            database.property_int_value_cf(self.family(&database, family).ok()?, name).ok()?
        };
        let bytes = FAMILIES
            .into_iter()
            .map(|family| Some(property(family, LIVE_SST_FILES_SIZE)? + property(family, CUR_SIZE_ALL_MEM_TABLES)?));
        Some(StateSize { symbols: property(SYMBOLS, ESTIMATE_NUM_KEYS)?, bytes: bytes.sum::<Option<u64>>()? })
    }

    fn last_commit(&self) -> Result<Option<Commit>, StoreError> {
        let stored = self.database()?.get(COMMIT_KEY).map_err(|error| self.meaning(&error))?;
        Ok(stored.map(|stored| Commit::decode(&stored)).transpose()?)
    }

    fn symbol(&self, key: &StateKey) -> Result<Option<Vec<u8>>, StoreError> {
        let database = self.database()?;
        let symbols = self.family(&database, SYMBOLS)?;
        database.get_cf(symbols, key.as_bytes()).map_err(|error| self.meaning(&error))
    }

    fn for_each_symbol(&self, visit: Visit<'_, StateKey>) -> Result<(), StoreError> {
        self.walk(SYMBOLS, &[], &mut |key, stored| visit(key.into(), stored))
    }

    fn for_each_timer(&self, visit: VisitTimer<'_>) -> Result<(), StoreError> {
        self.walk(TIMERS, &[], &mut |key, _| visit(key.into()))
    }

    fn for_each_in_outbox(&self, sink: &str, visit: Visit<'_, OutboxKey>) -> Result<(), StoreError> {
        self.walk(OUTBOX, &OutboxKey::prefix(sink), &mut |key, outputs| visit(key.into(), outputs))
    }

    // The same as it is for every store, without reading what is not asked for.
    fn outbox_page(
        &self,
        sink: &str,
        behind: Option<&OutboxKey>,
        bytes_max: usize,
    ) -> Result<Vec<(OutboxKey, Vec<u8>)>, StoreError> {
        let database = self.database()?;
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        let prefix = OutboxKey::prefix(sink);
        let mut items = database.raw_iterator_cf_opt(self.family(&database, OUTBOX)?, options);
        items.seek(behind.map_or(&prefix[..], OutboxKey::as_bytes));
        let (mut page, mut bytes) = (Vec::<(OutboxKey, Vec<u8>)>::new(), 0);
        while let Some((key, outputs)) = items.item() {
            if !key.starts_with(&prefix) || (!page.is_empty() && bytes + outputs.len() > bytes_max) {
                break;
            }
            if behind.is_none_or(|behind| key > behind.as_bytes()) {
                bytes += outputs.len();
                page.push((key.into(), outputs.to_vec()));
            }
            items.next();
        }
        items.status().map_err(|error| self.meaning(&error))?;
        Ok(page)
    }

    fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        let database = self.database()?;
        let batch = self.batch(&database, commit)?;
        database.write(batch).map_err(|error| self.meaning(&error))
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.database()?.flush_wal(true).map_err(|error| self.meaning(&error))
    }

    /// After a failed write RocksDB takes no more. Its C interface has no way to take that back, so the database is
    /// closed and opened again; but not before the directory takes data, so that it can be read meanwhile.
    fn resume(&self) -> Result<(), StoreError> {
        directory::probe(&self.directory)?;
        let mut open = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = open.take()
            && let Err(in_use) = Arc::try_unwrap(database)
        {
            *open = Some(in_use);
            return Err(StoreError::Unavailable {
                place: self.directory.display().to_string(),
                reason: "it is being read, so it cannot be opened again yet".to_owned(),
            });
        }
        *open = Some(Arc::new(self::open(&self.directory, self.options, self.writable)?));
        Ok(())
    }
}

/// Opens the database and looks whether it is one of ours, in a format that we know.
fn open(directory: &Path, chosen: RocksOptions, writable: bool) -> Result<DB, StoreError> {
    let refused = |reason: String| StoreError::Refused { place: directory.display().to_string(), reason };
    let failed = |error: rocksdb::Error| meaning(directory, &error);
    let (options, families) = database(chosen);
    if directory.join("CURRENT").exists() {
        let found = DB::list_cf(&options, directory).map_err(failed)?;
        if let Some(unknown) = found.iter().find(|name| !FAMILIES.contains(&name.as_str())) {
            return Err(refused(format!(
                "it has a column family {unknown:?} that this worker does not know; use the worker that wrote it, or a savepoint"
            )));
        }
    }
    let database = if writable {
        DB::open_cf_descriptors(&options, directory, families)
    } else {
        DB::open_cf_descriptors_read_only(&options, directory, families, false)
    };
    let database = database.map_err(failed)?;
    match database.get(FORMAT_KEY).map_err(failed)?.as_deref() {
        Some([FORMAT]) => {}
        Some(found) => {
            return Err(refused(format!(
                "it has format {found:?}, this worker reads {FORMAT}; use the worker that wrote it, or a savepoint"
            )));
        }
        // A new one; or one whose first start ended before this was written.
        None if writable && is_empty(&database) => database.put(FORMAT_KEY, [FORMAT]).map_err(failed)?,
        None => return Err(refused("it is a RocksDB database, but not a worker's state".to_owned())),
    }
    Ok(database)
}

fn is_empty(database: &DB) -> bool {
    let mut items = database.raw_iterator();
    items.seek_to_first();
    !items.valid()
}
