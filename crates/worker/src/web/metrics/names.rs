//! Every metric once: name, type, description. The unit stands last in the name, in base units.

/// A metric: its name, type and description.
pub(in crate::web) struct Metric {
    pub(in crate::web) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
}

#[cfg(test)]
impl Metric {
    /// Whether its samples have names of their own.
    pub(in crate::web) fn is_histogram(&self) -> bool {
        self.kind == Kind::Histogram
    }
}

/// Prometheus' types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    /// The kind that the format calls so.
    pub(in crate::web) fn of_word(word: &str) -> Option<Self> {
        [Self::Counter, Self::Gauge, Self::Histogram].into_iter().find(|kind| kind.word() == word)
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Declares metrics, and the list of them all.
macro_rules! metrics {
    ($($constant:ident = $kind:ident $name:literal $help:literal;)+) => {
        $(pub(super) const $constant: Metric = Metric { name: $name, kind: Kind::$kind, help: $help };)+

        /// All of them.
        #[cfg(test)]
        pub(in crate::web) const METRICS: &[Metric] = &[$($constant),+];
    };
}

metrics! {
    CONSUMED = Counter "cdc_worker_consumed_records_total" "Records read.";
    RECORDS = Counter "cdc_worker_records_total"
        "Records by what became of them; together they are all that were read.";
    IGNORED = Counter "cdc_worker_ignored_records_total" "Records ignored, by their type.";
    ALERTS = Counter "cdc_worker_alerts_total" "Alerts, by rule.";
    WINDOWS = Counter "cdc_worker_windows_total" "Aggregates of windows given out, corrections included.";
    GENERATIONS = Counter "cdc_worker_generations_total"
        "Times that the binlog began again, after a failover or a reset.";
    WITHOUT_SOURCE_TIME = Counter "cdc_worker_without_source_time_records_total"
        "Order events without source.ts_ms that went by their record's timestamp; in event time only.";
    LOST = Counter "cdc_worker_lost_records_total"
        "Records that were deleted before they were read, at most: offsets have gaps (source.on_lost_records).";
    RECREATED = Counter "cdc_worker_recreated_topics_total"
        "Times that the topic was deleted and created anew, and read from its beginning (source.on_recreated_topic).";
    UNBALANCED = Gauge "cdc_worker_unbalanced_records"
        "Records read less those that became something: 0, or the worker has a fault.";
    DEAD_LETTERS = Counter "cdc_worker_dead_letters_total" "Dead letters, by what is wrong with them.";
    NEXT_OFFSET = Gauge "cdc_worker_next_offset" "Offset of the partition that is read next, as committed.";
    LAG = Gauge "cdc_worker_partition_lag_records" "Records between what was read of a partition and its end.";
    STALL_AGE = Gauge "cdc_worker_partition_stall_age_seconds"
        "How long a partition has stood still although there is more to read; 0 where there is nothing.";
    REPLICAS = Gauge "cdc_worker_partition_replicas" "Copies that a partition shall have, as a broker said last.";
    IN_SYNC = Gauge "cdc_worker_partition_in_sync_replicas" "Copies of a partition that are in sync, as a broker said last.";
    EPOCHS = Histogram "cdc_worker_epoch_records" "Epochs by the records in them.";
    LAST_EPOCH = Gauge "cdc_worker_epoch" "Number of the last epoch committed.";
    STEPS = Histogram "cdc_worker_step_duration_seconds" "How long each step of an epoch takes.";
    FROM_SOURCE = Histogram "cdc_worker_latency_from_source_seconds"
        "From the change in the database (source.ts_ms) to the output; some events of each epoch are measured.";
    FROM_BROKER = Histogram "cdc_worker_latency_from_broker_seconds"
        "From the broker (the record's timestamp) to the output; some records of each epoch are measured.";
    SYMBOLS = Gauge "cdc_worker_state_symbols" "Symbols held in memory.";
    CACHE_HITS = Counter "cdc_worker_state_cache_hits_total" "Times that a symbol was in memory when it was needed.";
    CACHE_MISSES = Counter "cdc_worker_state_cache_misses_total"
        "Times that it was not: it was read from the database, or was new.";
    STORED_SYMBOLS = Gauge "cdc_worker_state_stored_symbols"
        "Symbols in the database, by its own estimate; where there is one.";
    STATE_BYTES = Gauge "cdc_worker_state_size_bytes"
        "Bytes of the database, in memory and in files, by its own estimate; where there is one.";
    TIMERS = Gauge "cdc_worker_state_timers" "Ends of windows that are waited for.";
    WATERMARK = Gauge "cdc_worker_watermark_timestamp_seconds"
        "The overall watermark, in seconds since the Unix epoch; in event time only.";
    SINK_MISFITS = Counter "cdc_worker_sink_misfits_total" "Values that did not fit a sink; their rows are its dead letters.";
    SINK_WAITING = Gauge "cdc_worker_sink_waiting_bytes" "Results that wait for a sink at its own pace.";
    SINK_BEHIND = Gauge "cdc_worker_sink_behind_epochs" "Epochs that a sink has not taken yet.";
    CHECKPOINTS = Counter "cdc_worker_checkpoints_total" "Checkpoints and savepoints that were made or failed.";
    CHECKPOINT_AGE = Gauge "cdc_worker_checkpoint_age_seconds"
        "Time since the last checkpoint was begun, or since the worker started.";
    CHECKPOINT_BYTES = Gauge "cdc_worker_checkpoint_size_bytes" "Size of the last checkpoint.";
    CHECKPOINT_DURATION = Gauge "cdc_worker_checkpoint_duration_seconds" "How long the last checkpoint took.";
    DISK_AVAILABLE = Gauge "cdc_worker_state_disk_available_bytes"
        "Bytes that can still be written where the state is; where it is on disk.";
    DISK_SIZE = Gauge "cdc_worker_state_disk_size_bytes" "Size of the file system where the state is.";
    TROUBLES = Gauge "cdc_worker_logged_troubles" "Warnings and errors among the last hundred that are kept.";
    PARALLELISM = Gauge "cdc_worker_parallelism" "Shards that the state is divided into.";
    READY = Gauge "cdc_worker_ready" "1 once records have been read and committed, or there are none to read; else 0.";
    START = Gauge "cdc_worker_start_time_seconds" "When the worker started, in seconds since the Unix epoch.";
    UPTIME = Gauge "cdc_worker_uptime_seconds" "Time since the worker started.";
    BUILD = Gauge "cdc_worker_build_info" "Always 1; the label has the worker's version.";
    RESIDENT = Gauge "process_resident_memory_bytes" "Memory in use.";
    CPU = Counter "process_cpu_seconds_total" "Processor time of all threads, user and system.";
    THREADS = Gauge "process_threads" "Threads.";
    OPEN_FILES = Gauge "process_open_fds" "Open files and connections.";
}
