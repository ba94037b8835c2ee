//! The metrics of a run.

use super::exposition::{Exposition, escaped, seconds};
use super::names;
use crate::anomaly::Rule;
use crate::decode::Ignored;
use crate::telemetry::{DiskRoom, OTHER_REASONS, PartitionStatus, ProcessUse, Step, Telemetry, logs};
use crate::web::VERSION;
use crate::web::site::Site;

/// All metrics of a run.
pub(in crate::web) fn text(site: &Site) -> String {
    let (view, telemetry) = (&site.view, site.view.telemetry());
    let mut out = Exposition::new();
    accounting(&mut out, site);
    let offsets = view.next_offsets();
    out.head(&names::NEXT_OFFSET);
    for (id, next_offset) in offsets {
        let (topic, partition) = (escaped(&id.topic), id.partition);
        out.sample(&names::NEXT_OFFSET, &format!("{{topic=\"{topic}\",partition=\"{partition}\"}}"), next_offset);
    }
    partitions(&mut out, &telemetry.partitions(view.boot_ms()));
    out.single(&names::LAST_EPOCH, view.epoch());
    epochs(&mut out, telemetry);
    checkpoints(&mut out, site);
    disk(&mut out, site);
    out.single(&names::TROUBLES, logs::troubles(usize::MAX).len());
    out.single(&names::PARALLELISM, view.parallelism());
    out.single(&names::READY, u8::from(view.ready()));
    out.single(&names::START, seconds(view.started_ms()));
    out.single(&names::UPTIME, seconds(view.now_ms() - view.started_ms()));
    out.labelled(&names::BUILD, "version", [(VERSION, 1)]);
    let process = ProcessUse::now();
    out.single(&names::RESIDENT, process.resident_bytes);
    out.single(&names::CPU, process.cpu_seconds);
    out.single(&names::THREADS, process.threads);
    out.single(&names::OPEN_FILES, process.open_files);
    out.0
}

fn accounting(out: &mut Exposition, site: &Site) {
    let counts = site.view.counts();
    out.single(&names::CONSUMED, counts.consumed);
    let outcomes = [
        ("applied", counts.applied),
        ("duplicate", counts.duplicate),
        ("late", counts.late),
        ("dead_letter", counts.dead_letter),
        ("ignored", counts.ignored.iter().sum()),
    ];
    let became: u64 = outcomes.iter().map(|(_, count)| count).sum();
    out.labelled(&names::RECORDS, "outcome", outcomes);
    out.single(&names::UNBALANCED, i128::from(counts.consumed) - i128::from(became));
    out.labelled(&names::IGNORED, "type", Ignored::ALL.map(Ignored::name).into_iter().zip(counts.ignored));
    out.labelled(&names::ALERTS, "rule", Rule::ALL.map(Rule::name).into_iter().zip(counts.alerts));
    out.single(&names::WINDOWS, counts.windows);
    out.single(&names::GENERATIONS, counts.generation);
    out.single(&names::WITHOUT_SOURCE_TIME, counts.without_source_time);
    let (lost_records, recreated_topics) = site.view.telemetry().losses();
    out.single(&names::LOST, lost_records);
    out.single(&names::RECREATED, recreated_topics);
    let mut reasons = site.view.telemetry().reasons();
    // There from the start: a series that begins with its first dead letter shows no increase, and before no panel.
    reasons.entry(OTHER_REASONS.to_owned()).or_default();
    out.labelled(&names::DEAD_LETTERS, "reason", reasons);
}

fn partitions(out: &mut Exposition, partitions: &[PartitionStatus]) {
    let labels =
        |one: &PartitionStatus| format!("{{topic=\"{}\",partition=\"{}\"}}", escaped(&one.topic), one.partition);
    out.head(&names::LAG);
    for one in partitions {
        if let Some(lag_records) = one.lag_records {
            out.sample(&names::LAG, &labels(one), lag_records);
        }
    }
    out.head(&names::STALL_AGE);
    for one in partitions {
        out.sample(&names::STALL_AGE, &labels(one), seconds(one.stall_age_ms as i64));
    }
    let copies: Vec<_> = partitions.iter().filter_map(|one| Some((labels(one), one.replicas?))).collect();
    out.head(&names::REPLICAS);
    for (labels, replicas) in &copies {
        out.sample(&names::REPLICAS, labels, replicas.assigned);
    }
    out.head(&names::IN_SYNC);
    for (labels, replicas) in &copies {
        out.sample(&names::IN_SYNC, labels, replicas.in_sync);
    }
}

fn epochs(out: &mut Exposition, telemetry: &Telemetry) {
    out.head(&names::EPOCHS);
    out.histogram(&names::EPOCHS, "", &telemetry.epoch_records(), 1);
    out.head(&names::STEPS);
    for step in Step::ALL {
        let counts = telemetry.steps.durations_us(step);
        out.histogram(&names::STEPS, &format!("step=\"{}\"", step.name()), &counts, 1_000_000);
    }
    let [from_source, from_broker] = telemetry.latency_ms();
    for (metric, counts) in [(&names::FROM_SOURCE, from_source), (&names::FROM_BROKER, from_broker)] {
        out.head(metric);
        out.histogram(metric, "", &counts, 1_000);
    }
    let (symbols, timers) = telemetry.held();
    out.single(&names::SYMBOLS, symbols);
    out.single(&names::TIMERS, timers);
    let cache = telemetry.cache_use();
    out.single(&names::CACHE_HITS, cache.hits);
    out.single(&names::CACHE_MISSES, cache.misses);
    let stored = telemetry.stored();
    for (metric, value) in [
        (&names::STORED_SYMBOLS, stored.map(|size| size.symbols)),
        (&names::STATE_BYTES, stored.map(|size| size.bytes)),
    ] {
        out.head(metric);
        if let Some(value) = value {
            out.sample(metric, "", value);
        }
    }
    out.head(&names::WATERMARK);
    if let Some(watermark_ms) = telemetry.watermark_ms() {
        out.sample(&names::WATERMARK, "", seconds(watermark_ms));
    }
    let last_epoch = telemetry.last_epoch();
    let sinks = telemetry.sinks();
    let behind = sinks.iter().map(|sink| (sink.name, last_epoch.saturating_sub(sink.epoch)));
    out.labelled(&names::SINK_BEHIND, "sink", behind);
    out.labelled(&names::SINK_MISFITS, "sink", sinks.iter().map(|sink| (sink.name, sink.misfits)));
    out.labelled(&names::SINK_WAITING, "sink", sinks.iter().map(|sink| (sink.name, sink.waiting_bytes)));
}

fn disk(out: &mut Exposition, site: &Site) {
    // A demo has the key, and no state there.
    let directory = site.view.about().state_directory.as_ref().filter(|_| site.view.control().is_some());
    let room = directory.and_then(|directory| DiskRoom::of(directory));
    out.head(&names::DISK_AVAILABLE);
    if let Some(room) = room {
        out.sample(&names::DISK_AVAILABLE, "", room.available_bytes);
    }
    out.head(&names::DISK_SIZE);
    if let Some(room) = room {
        out.sample(&names::DISK_SIZE, "", room.size_bytes);
    }
}

fn checkpoints(out: &mut Exposition, site: &Site) {
    let (view, checkpoints) = (&site.view, &site.view.telemetry().checkpoints);
    let (completed, failed) = checkpoints.counts();
    out.labelled(&names::CHECKPOINTS, "outcome", [("completed", completed), ("failed", failed)]);
    let last = checkpoints.last_completed();
    out.head(&names::CHECKPOINT_AGE);
    // A worker that makes none has no age to be alarmed about.
    if view.control().is_some() {
        let since_ms = last.as_ref().map_or(view.started_ms(), |one| one.begun_ms);
        out.sample(&names::CHECKPOINT_AGE, "", seconds(view.now_ms() - since_ms));
    }
    out.head(&names::CHECKPOINT_BYTES);
    out.head(&names::CHECKPOINT_DURATION);
    if let Some(one) = last {
        let bytes = one.outcome.as_ref().map_or(0, |(_, bytes)| *bytes);
        out.sample(&names::CHECKPOINT_BYTES, "", bytes);
        out.sample(&names::CHECKPOINT_DURATION, "", seconds(one.duration_ms as i64));
    }
}
