//! `cargo xtask bench backlog`: millions of messages that wait, read by a worker that may have little memory. Where the
//! machine has memory cgroups that we may write to, the kernel holds the bound, as it does for a container: what the worker
//! takes beyond is its end. Elsewhere its peak is measured, and told apart.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::contestant::{self, Ring};
use super::programs::Programs;
use super::report::thousands;
use super::topic::{self, Market};
use super::turn::Results;
use super::{machine, usage};
use crate::broker::Broker;
use crate::chaos::wait;
use crate::cli::BacklogBenchOptions;
use crate::process::Group;
use crate::stopwatch::Stopwatch;

const LIMIT: Duration = Duration::from_hours(1);
/// No new result for so long: all have been read.
const QUIET: Duration = Duration::from_secs(5);
const TIME_TO_STOP: Duration = Duration::from_mins(1);
const CGROUPS: &str = "/sys/fs/cgroup/memory";

/// Measures, and says what came of it.
pub(crate) fn run(root: &Path, options: &BacklogBenchOptions) -> Result<ExitCode> {
    let programs = Programs::build(root)?;
    let broker = Broker::start(None)?;
    let address = broker.address();
    let market = Market {
        topic: "backlog".to_owned(),
        count: options.records,
        seed: 1,
        symbols: options.symbols,
        partitions: 3,
        ..Market::default()
    };
    topic::generate(&programs, &address, &market)?;
    eprintln!("bench: {} messages wait", options.records);
    let place = tempfile::Builder::new().prefix("cdc-bench-backlog-").tempdir()?;
    let results = place.path().join("results");
    let ring = Ring { programs: &programs, flink: None, address: &address, number: 0 };
    let command = contestant::run_worker(ring, &market.topic, place.path(), &Results::File(results.clone()));
    let bound = Cgroup::of(options.memory_mb * 1_000_000);
    if let Err(why) = &bound {
        eprintln!("bench: no memory cgroup can be had ({why:#}): nothing holds the worker to {} MB", options.memory_mb);
    }
    let mut command = match &bound {
        Ok(cgroup) => cgroup.around(&command),
        Err(_) => command,
    };
    let log = place.path().join("log");
    command.stdout(Stdio::null()).stderr(File::create(&log)?);
    let measured = read(&mut Group::spawn(&mut command)?, &results, &log)?;
    all_read(&place.path().join("summary.json"), options.records)?;
    let rate = options.records as f64 / measured.seconds;
    let report = json!({
        "records": options.records,
        "symbols": options.symbols,
        "seconds": measured.seconds,
        "events_per_second": rate,
        "peak_mb": measured.peak_bytes as f64 / 1e6,
        "memory_mb": options.memory_mb,
        "bound_by_the_kernel": bound.is_ok(),
        "cgroup_peak_mb": bound.ok().and_then(|cgroup| cgroup.peak_bytes()).map(|bytes| bytes as f64 / 1e6),
        "machine": machine::describe(root),
    });
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{}", in_words(&report));
    }
    let within = measured.peak_bytes <= options.memory_mb * 1_000_000;
    Ok(if within { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn in_words(report: &Value) -> String {
    let number = |name: &str| report[name].as_f64().unwrap_or_default();
    let held = if report["bound_by_the_kernel"] == true {
        format!("held to {} MB by a memory cgroup", report["memory_mb"])
    } else {
        "held to nothing".to_owned()
    };
    format!(
        "{} messages in {:.1} s: {} events/s, {:.0} MB resident at most, {held}\n{}",
        thousands(number("records")),
        number("seconds"),
        thousands(number("events_per_second")),
        number("peak_mb"),
        report["machine"]
    )
}

struct Measured {
    /// From the process's start to the last result.
    seconds: f64,
    peak_bytes: u64,
}

/// Waits until nothing more comes, and stops the worker.
fn read(group: &mut Group, results: &Path, log: &Path) -> Result<Measured> {
    let watch = Stopwatch::start();
    let (mut length, mut last, mut peak_bytes) = (0, Duration::ZERO, 0);
    wait::until("the backlog is read", LIMIT, || {
        std::thread::sleep(Duration::from_millis(20));
        if let Some(status) = group.try_wait()? {
            let said = fs::read_to_string(log).unwrap_or_default();
            bail!("the worker ended before all was read ({status}): {said}");
        }
        let now = fs::metadata(results).map_or(0, |metadata| metadata.len());
        if now != length {
            (length, last) = (now, watch.elapsed());
            peak_bytes = usage::memory(group.id())?.peak_bytes;
        }
        Ok(length > 0 && watch.elapsed() > last + QUIET)
    })?;
    group.stop(TIME_TO_STOP)?;
    Ok(Measured { seconds: last.as_secs_f64(), peak_bytes })
}

fn all_read(summary: &Path, records: u64) -> Result<()> {
    let text = fs::read_to_string(summary).with_context(|| format!("{} cannot be read", summary.display()))?;
    let counts: Value = serde_json::from_str(&text).context("the summary is no JSON")?;
    if counts["consumed"].as_u64() != Some(records) {
        bail!("{records} messages are in the topic; the worker's accounting: {text}");
    }
    Ok(())
}

/// A memory cgroup (version 1), gone when this is dropped.
struct Cgroup(PathBuf);

impl Cgroup {
    fn of(bytes: u64) -> Result<Self> {
        let path = Path::new(CGROUPS).join(format!("cdc-bench-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        let cgroup = Self(path);
        let limit = cgroup.0.join("memory.limit_in_bytes");
        fs::write(&limit, bytes.to_string()).with_context(|| format!("{} cannot be written", limit.display()))?;
        Ok(cgroup)
    }

    /// The same command, in the group from its first moment.
    fn around(&self, inner: &Command) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", r#"echo $$ > "$0" && exec "$@""#]).arg(self.0.join("cgroup.procs"));
        command.arg(inner.get_program()).args(inner.get_args());
        if let Some(directory) = inner.get_current_dir() {
            command.current_dir(directory);
        }
        command
    }

    /// The most that it had, with what the kernel cached of files for it.
    fn peak_bytes(&self) -> Option<u64> {
        fs::read_to_string(self.0.join("memory.max_usage_in_bytes")).ok()?.trim().parse().ok()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // A process that still ends keeps it for a moment; an empty group costs nothing.
        let _stays = fs::remove_dir(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_read_is_told() {
        let place = tempfile::tempdir().expect("a directory");
        let summary = place.path().join("summary.json");
        fs::write(&summary, r#"{"consumed":9}"#).expect("written");
        all_read(&summary, 9).expect("all");
        assert!(all_read(&summary, 10).expect_err("one less").to_string().starts_with("10 messages"));
    }

    #[test]
    fn a_bound_that_nobody_held_is_told_apart() {
        let mut report = json!({
            "records": 1_000_000, "seconds": 2.0, "events_per_second": 500_000.0, "peak_mb": 80.4, "memory_mb": 256,
            "bound_by_the_kernel": true, "machine": {},
        });
        let told = in_words(&report);
        assert!(told.starts_with("1,000,000 messages in 2.0 s: 500,000 events/s, 80 MB resident at most, held to 256"));
        report["bound_by_the_kernel"] = json!(false);
        assert!(in_words(&report).contains("held to nothing"));
    }

    #[test]
    fn a_command_in_a_cgroup_is_the_same_command() {
        let cgroup = Cgroup(tempfile::tempdir().expect("a directory").keep());
        let mut inner = Command::new("echo");
        inner.args(["a b", "$c"]).current_dir("/");
        let output = cgroup.around(&inner).output().expect("sh");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "a b $c\n");
        assert!(fs::read_to_string(cgroup.0.join("cgroup.procs")).expect("written").trim().parse::<u32>().is_ok());
        fs::remove_file(cgroup.0.join("cgroup.procs")).expect("removed");
    }
}
