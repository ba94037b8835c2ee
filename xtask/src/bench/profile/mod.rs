//! `cargo xtask bench profile`: where the worker's processor time goes while it reads a loaded topic, as a table, as JSON and
//! as a flame graph. The form that ratios are of: RAW discarded, state in RocksDB, and by default parallelism 2.

mod folded;
mod perf;

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Value, json};

use self::folded::{Share, Shares};
use self::perf::Perf;
use super::contestant::{self, Ring, WINDOW_MS, run_worker};
use super::expected::Windows;
use super::machine;
use super::programs::Programs;
use super::topic::{Market, Topic};
use super::turn::{self, Goal, Results};
use crate::broker::Broker;
use crate::cli::ProfileBenchOptions;

/// Records, and tells.
pub(crate) fn run(root: &Path, options: &ProfileBenchOptions) -> Result<ExitCode> {
    // First of all: what is missing should not be told after minutes.
    let perf = Perf::find()?;
    let programs = Programs::build(root)?;
    let broker = Broker::start(None)?;
    let (address, work) = (broker.address(), tempfile::Builder::new().prefix("cdc-bench-").tempdir()?);
    let market = Market {
        topic: "bench".to_owned(),
        count: options.records,
        seed: 1,
        symbols: options.symbols,
        partitions: options.partitions,
        wrapped: options.wrapped,
        hot_permille: options.hot_permille,
        memo_bytes: options.memo_bytes,
        lean: options.lean,
    };
    let topic = Topic::load(root, &programs, &address, market, work.path())?;
    let ring = Ring { programs: &programs, flink: None, address: &address, number: 0 };
    contestant::warm_up(ring, &topic)?;
    let data = work.path().join("perf.data");
    let mut worker = run_worker(ring, &topic.market.topic, work.path(), &Results::Stdout);
    worker.args(["--parallelism", &options.parallelism.to_string()]);
    worker.args(["--set", &format!("agg.window_ms={WINDOW_MS}")]);
    // Its results are looked at as in any other turn: a profile of wrong results is of no use.
    let goal = Goal { expected: &topic.expected, windows: Windows::All };
    turn::run(perf.recorded(&worker, &data), &Results::Stdout, goal, &work.path().join("log"))?;
    contestant::all_applied(&work.path().join("summary.json"), &topic)?;
    let folded = perf.folded(&data, work.path())?;
    let shares = Shares::of(&folded);
    let what = format!(
        "worker: {} messages of {:.0} bytes, {} symbols, {} partitions, parallelism {}",
        topic.expected.records,
        topic.message_bytes(),
        options.symbols,
        options.partitions,
        options.parallelism
    );
    if let Some(path) = &options.svg {
        perf::draw(&folded, &what, path)?;
    }
    let machine = machine::describe(root);
    if options.json {
        println!("{}", serde_json::to_string_pretty(&as_json(&shares, &what, options.top, &machine))?);
    } else {
        print!("{}", table(&shares, &what, options.top));
        println!("{machine}");
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(shares: &Shares, what: &str, top: usize, machine: &Value) -> Value {
    let list = |shares: &[Share], top: usize| -> Vec<Value> {
        let told = |share: &Share| json!({ "name": share.name, "own": share.own, "total": share.total });
        shares.iter().take(top).map(told).collect()
    };
    json!({
        "what": what,
        "cpu_seconds": shares.nanoseconds as f64 / 1e9,
        "threads": list(&shares.threads, usize::MAX),
        "functions": list(&shares.functions, top),
        "machine": machine,
    })
}

fn table(shares: &Shares, what: &str, top: usize) -> String {
    let mut text = format!(
        "{what}: {:.2} s of processor time\n\n| thread | of all processor time |\n|---|---|\n",
        shares.nanoseconds as f64 / 1e9
    );
    for share in &shares.threads {
        let _infallible = writeln!(text, "| {} | {:.1} % |", share.name, share.own * 100.0);
    }
    text.push_str("\n| function | itself | with what it calls |\n|---|---|---|\n");
    for share in shares.functions.iter().take(top) {
        let _infallible =
            writeln!(text, "| `{}` | {:.1} % | {:.1} % |", share.name, share.own * 100.0, share.total * 100.0);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_and_the_json_have_the_largest_first() {
        let shares = Shares::of("poll;run;memmove 6\nshard-0;run;decode 3\nshard-0;run 1\n");
        let text = table(&shares, "worker", 2);
        assert!(
            text.starts_with("worker: 0.00 s of processor time\n")
                && text.contains("| poll | 60.0 % |\n| shard-0 | 40.0 % |\n")
        );
        assert!(text.ends_with("|\n| `memmove` | 60.0 % | 60.0 % |\n| `decode` | 30.0 % | 30.0 % |\n"), "{text}");
        let json = as_json(&shares, "worker", 1, &Value::Null);
        assert_eq!(json["functions"], json!([{ "name": "memmove", "own": 0.6, "total": 0.6 }]));
        assert_eq!((&json["cpu_seconds"], &json["threads"][1]["name"]), (&json!(1e-8), &json!("shard-0")));
    }
}
