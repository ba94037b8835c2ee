//! How fast the worker decodes recorded messages and runs its whole pipeline over them, beside yardsticks.
//!
//! A harness of its own, because other work on the machine moves every number more than what is looked for: all subjects
//! take turns, round after round, and what counts is the processor time that the whole process used (user and system,
//! every thread), set against the yardstick's in the same round. Rates by the wall clock are printed beside it.

#![expect(clippy::print_stdout, reason = "a benchmark: what it prints is its result")]
#![expect(clippy::expect_used, reason = "a benchmark that cannot run says why and ends")]

mod corpus;
mod pipeline;
mod report;
mod stopwatch;
mod whole_process;
mod yardsticks;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use std::sync::Arc;

use worker::decode::{DecodeSettings, Decoded, Decoder, Ignored};
use worker::time::TimeMode;

use crate::corpus::Corpus;
use crate::pipeline::Sinking;
use crate::report::Group;
use crate::stopwatch::{Cost, Stopwatch};

/// Fewer rounds give no median.
const LEAST_ROUNDS: usize = 3;
/// Wrapped messages are six times as long: fewer of them take as long.
const WRAPPED_RECORDS: usize = 40_000;

/// Decode and the whole pipeline, in turns with yardsticks
#[derive(Debug, Parser)]
struct Options {
    /// Go on for about this long; three rounds at least
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Exactly this many rounds instead
    #[arg(long)]
    rounds: Option<usize>,
    /// One JSON object instead of the table
    #[arg(long)]
    json: bool,
    /// Only those whose `group/name` contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Only so many records at most; for instruments under which everything is slow
    #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true)]
    records: usize,
    /// Under valgrind: no processor time, nothing on disk
    #[arg(long, hide = true)]
    instrumented: bool,
    /// Recording for the whole process; else the bulk fixture, unpacked
    #[arg(long, value_name = "FILE")]
    recording: Option<PathBuf>,
    /// Cargo says so to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// What takes its turn in each round.
struct Subject<'a> {
    name: &'static str,
    run: Box<dyn FnMut() -> Cost + 'a>,
}

fn main() {
    let options = Options::parse();
    let bare = Arc::new(corpus::bulk(options.records));
    let wrapped = Arc::new(corpus::wrapped(&bare, WRAPPED_RECORDS));
    let replays = (!options.instrumented).then(|| whole_process::Replays::new(options.recording.as_deref()));
    if options.instrumented {
        stopwatch::go_without_processor_time();
    }
    let mut groups = vec![
        (Group::new("bare", bare.records(), bare.bytes()), in_memory(&bare)),
        (Group::new("wrapped", wrapped.records(), wrapped.bytes()), in_memory(&wrapped)),
    ];
    if let Some(replays) = &replays {
        groups.push((Group::new("replay", replays.records(), replays.bytes()), replays.subjects()));
    }
    if let Some(text) = &options.only {
        for (group, subjects) in &mut groups {
            let is_meant = |subject: &Subject<'_>| format!("{}/{}", group.name, subject.name).contains(text.as_str());
            if subjects.iter().any(is_meant) {
                // The first is the yardstick of the others.
                let mut first = true;
                subjects.retain(|subject| std::mem::take(&mut first) || is_meant(subject));
            } else {
                subjects.clear();
            }
        }
        groups.retain(|(_, subjects)| !subjects.is_empty());
    }
    let watch = Stopwatch::start();
    let mut round = 0;
    while match options.rounds {
        Some(rounds) => round < rounds,
        None => round < LEAST_ROUNDS || watch.lap().wall < Duration::from_secs(options.seconds),
    } {
        for (group, subjects) in &mut groups {
            for subject in subjects {
                group.add(subject.name, (subject.run)());
            }
        }
        round += 1;
    }
    let groups: Vec<Group> = groups.into_iter().map(|(group, _)| group).collect();
    print!("{}", if options.json { report::json(&groups) } else { report::table(&groups) });
}

/// Everything that runs over records in memory.
fn in_memory(corpus: &Arc<Corpus>) -> Vec<Subject<'_>> {
    use Sinking::{Json, Nothing, Text};
    use TimeMode::{Event, Processing};
    let pipeline = |parallelism, time, sinking| move || pipeline::run(corpus, parallelism, time, sinking);
    vec![
        Subject { name: "read: values into batches", run: Box::new(|| yardsticks::copy(corpus)) },
        Subject { name: "serde_json into Value", run: Box::new(|| yardsticks::into_value(corpus)) },
        Subject { name: "serde_json into a borrowed struct", run: Box::new(|| yardsticks::into_struct(corpus)) },
        Subject { name: "decode", run: Box::new(|| decode(corpus)) },
        Subject { name: "pipeline, 1 shard, no RAW", run: Box::new(pipeline(1, Processing, Nothing)) },
        Subject { name: "pipeline, 1 shard, JSON", run: Box::new(pipeline(1, Processing, Json)) },
        Subject { name: "pipeline, 2 shards, no RAW", run: Box::new(pipeline(2, Processing, Nothing)) },
        Subject { name: "pipeline, 2 shards, no RAW, event time", run: Box::new(pipeline(2, Event, Nothing)) },
        Subject { name: "pipeline, 2 shards, text", run: Box::new(pipeline(2, Processing, Text)) },
        Subject { name: "pipeline, 2 shards, JSON", run: Box::new(pipeline(2, Processing, Json)) },
    ]
}

/// Decoding alone, into memory that is used again as the engine does.
fn decode(corpus: &Corpus) -> Cost {
    let mut decoder = Decoder::new(DecodeSettings::default());
    let mut decoded: Vec<Decoded> = Vec::new();
    let mut orders = 0;
    let watch = Stopwatch::start();
    for records in corpus.batch.records.chunks(corpus::EPOCH_RECORDS) {
        decoded.resize_with(records.len(), || Decoded::Ignored(Ignored::Tombstone));
        for (place, record) in decoded.iter_mut().zip(records) {
            *place = decoder.decode(corpus.batch.value(record));
        }
        orders +=
            decoded.iter().filter(|decoded| matches!(decoded, Decoded::Change(change) if change.row.is_ok())).count();
    }
    let cost = watch.lap();
    assert_eq!(orders, corpus.orders, "a fast wrong answer is no answer");
    cost
}
