//! What the Kafka sink is measured beside and by: a bare transactional producer that writes what a worker has written, a
//! watcher that tells how far a sink's topics are committed, and a reader that looks at everything in them.
//! `cargo xtask bench kafka-sink` runs them.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a benchmark: it stops where it cannot go on, and reads the clock"
)]

mod check;
mod read;
#[path = "../latency/topic.rs"]
mod topic;
mod watch;
mod write;

use std::io::Write as _;

use clap::{Parser, Subcommand};

/// The streams' topics are named after a prefix: `PREFIX.raw` and so on.
const STREAMS: [&str; 5] = ["raw", "agg", "alerts", "late", "dlq"];

/// Beside the Kafka sink
#[derive(Debug, Parser)]
struct Options {
    /// Cargo says so to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Reads the topics of one prefix into memory, then writes the same messages into those of another, in transactions
    Write { bootstrap: String, from: String, to: String },
    /// A line whenever more is committed: the offsets behind RAW's last, and behind all streams' last, added up
    Watch { bootstrap: String, prefix: String },
    /// Reads all that is committed, and the source beside it; tells in JSON what is there
    Check { bootstrap: String, prefix: String, source: String },
}

fn main() {
    match Options::parse().task {
        None => say("skipped: no broker; run it as `cargo xtask bench kafka-sink`"),
        Some(Task::Write { bootstrap, from, to }) => write::run(&bootstrap, &from, &to),
        Some(Task::Watch { bootstrap, prefix }) => watch::run(&bootstrap, &prefix),
        Some(Task::Check { bootstrap, prefix, source }) => {
            say(&check::run(&bootstrap, &prefix, &source).to_string());
        }
    }
}

/// The topics of a prefix, in the order of the streams.
fn topics(prefix: &str) -> Vec<String> {
    STREAMS.iter().map(|stream| format!("{prefix}.{stream}")).collect()
}

/// A line on standard output, at once.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("somebody listens");
}
