//! How RocksDB is set up: one budget for all its memory, few files, few threads, little said.

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType, DBRecoveryMode, LogLevel, LruCacheOptions,
    Options, WriteBufferManager,
};

/// Symbols' states, by state key.
pub(super) const SYMBOLS: &str = "symbols";
/// Timers, by timer key; nothing is stored under them.
pub(super) const TIMERS: &str = "timers";
/// Outputs that a sink has not acknowledged, by outbox key.
pub(super) const OUTBOX: &str = "outbox";
/// What is said of the state as a whole: its format, the last commit. RocksDB's own family, which is always there.
pub(super) const META: &str = "default";

/// All column families. Part of the state format.
pub(super) const FAMILIES: [&str; 4] = [META, SYMBOLS, TIMERS, OUTBOX];

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// What may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RocksOptions {
    /// Memory for write buffers, cached blocks, indexes and filters together, in bytes.
    pub memory_bytes: usize,
}

/// RocksDB's options, with its column families. Memory is shared between all of them.
pub(super) fn database(chosen: RocksOptions) -> (Options, Vec<ColumnFamilyDescriptor>) {
    // In one piece: by default it is cut into 64, and a file's filter fits into none of them, so that each look for a
    // symbol would read it from the file again.
    let mut lru = LruCacheOptions::default();
    lru.set_capacity(chosen.memory_bytes);
    lru.set_num_shard_bits(0);
    let cache = Cache::new_lru_cache_opts(&lru);
    let buffers_bytes = chosen.memory_bytes / 2;
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    // Write buffers are charged to the cache: one budget. Writers do not wait for it: a disk that is full would keep
    // them for ever, where each family's own bound makes them wait only while files are being written.
    options.set_write_buffer_manager(&WriteBufferManager::new_write_buffer_manager_with_cache(
        buffers_bytes,
        false,
        cache.clone(),
    ));
    // A write-ahead log that ends in the middle of a record, as after a crash, is good up to there: the epoch log has
    // the rest.
    options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    // Families that are seldom written would keep old logs for ever. It also bounds what a start reads again.
    options.set_max_total_wal_size((buffers_bytes.max(8 * MIB)) as u64);
    // One thread writes, so nothing is to be had from these but memory and spinning.
    options.set_allow_concurrent_memtable_write(false);
    options.set_enable_write_thread_adaptive_yield(false);
    options.set_max_background_jobs(2);
    options.set_max_open_files(128);
    options.set_max_file_opening_threads(1);
    options.set_bytes_per_sync(MIB as u64);
    options.set_max_manifest_file_size(4 * MIB);
    options.set_manifest_preallocation_size(64 * KIB);
    // What RocksDB has to say in its own log: warnings, in two files of a mebibyte.
    options.set_log_level(LogLevel::Warn);
    options.set_max_log_file_size(MIB);
    options.set_keep_log_file_num(2);
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    let families = FAMILIES.map(|name| ColumnFamilyDescriptor::new(name, family(name, buffers_bytes, &cache))).into();
    (options, families)
}

fn family(name: &str, buffers_bytes: usize, cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    if name == SYMBOLS {
        // Most symbols that are asked for and not in memory are there, but a new one is in no file: no file is read for it.
        table.set_bloom_filter(10.0, false);
        table.set_optimize_filters_for_memory(true);
    }
    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    options.set_compression_type(DBCompressionType::Lz4);
    // The largest one is flushed when the buffers together are full, so a family may have up to half of them.
    options.set_write_buffer_size((buffers_bytes / 2).max(64 * KIB));
    // Memory is taken in blocks: small ones, since three of the families hold little.
    options.set_arena_block_size((buffers_bytes / 64).clamp(32 * KIB, MIB));
    options.set_max_write_buffer_number(2);
    options.set_target_file_size_base(16 * MIB as u64);
    options.set_max_bytes_for_level_base(64 * MIB as u64);
    options
}
