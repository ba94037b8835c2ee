//! `cargo xtask bench overload`: a sink that takes a tenth of what comes. The worker must wait for it, and nothing else may
//! grow or stop: its memory, its epochs, its answers. Then the sink is freed, and everything must come through once.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::{Value, json};

use super::contestant::{self, Ring};
use super::programs::Programs;
use super::report::thousands;
use super::topic::{self, Market};
use super::turn::Results;
use super::{floors, machine, usage};
use crate::broker::Broker;
use crate::chaos::{rest, wait};
use crate::cli::OverloadBenchOptions;
use crate::process::{Group, ask};
use crate::stopwatch::Stopwatch;

const TOPIC: &str = "overload";
/// So many times what the sink takes.
const TIMES: u64 = 10;
/// Start, and queues that fill: before that nothing is compared.
const WARM_UP: Duration = Duration::from_secs(20);
const LOOK_EVERY_MS: u64 = 500;
const DRAIN_LIMIT: Duration = Duration::from_mins(10);
const TIME_TO_STOP: Duration = Duration::from_mins(1);
/// What came later than it could be taken is made up for by so much: a sleep that is too long is not the worker's.
const CATCH_UP: Duration = Duration::from_millis(100);
/// A page of the pipe: what waits between the worker and its reader is the kernel's pipe, and little else.
const BUFFER: usize = 4096;

/// Measures, and says what came of it.
pub(crate) fn run(root: &Path, options: &OverloadBenchOptions) -> Result<ExitCode> {
    let programs = Programs::build(root)?;
    let broker = Broker::start(None)?;
    let address = broker.address();
    let load = Duration::from_secs(options.seconds);
    let count = options.sink_rate * TIMES * (WARM_UP + load).as_secs();
    let market =
        Market { topic: TOPIC.to_owned(), count: 0, seed: 1, symbols: 1_000, partitions: 3, ..Market::default() };
    topic::generate(&programs, &address, &market)?;
    let place = tempfile::Builder::new().prefix("cdc-bench-overload-").tempdir()?;
    let port = rest::free_port()?;
    let ring = Ring { programs: &programs, flink: None, address: &address, number: 0 };
    let mut command = contestant::run_worker(ring, TOPIC, place.path(), &Results::Stdout);
    command.args(["--set", "raw.enabled=true", "--set", &format!("web.listen=127.0.0.1:{port}")]);
    command.stdout(Stdio::piped()).stderr(File::create(place.path().join("log"))?);
    let mut worker = Group::spawn(&mut command)?;
    let pipe = worker.take_stdout().context("the worker has no output")?;
    let mut feed = generator(&programs, &Market { count, ..market }, &address, options.sink_rate * TIMES)?;

    let (slow, lines) = (AtomicBool::new(true), AtomicU64::new(0));
    let measured = thread::scope(|scope| {
        let reader = scope.spawn(|| read(pipe, options.sink_rate, &slow, &lines));
        let measured = (|| {
            wait::pause(WARM_UP.as_millis() as u64)?;
            let halves = [watch(&mut worker, port, &lines, load / 2)?, watch(&mut worker, port, &lines, load / 2)?];
            let members = members(&broker, "bench-0")?;
            slow.store(false, Ordering::Relaxed);
            if !feed.wait(DRAIN_LIMIT)?.success() {
                bail!("the generator failed: {}", place.path().display());
            }
            wait::until("everything has been read", DRAIN_LIMIT, || {
                thread::sleep(Duration::from_millis(100));
                Ok(rest::get(port, "/api/v1/accounting")?["consumed"].as_u64() >= Some(count))
            })?;
            worker.stop(TIME_TO_STOP)?;
            Ok((halves, members))
        })();
        slow.store(false, Ordering::Relaxed);
        // Ends the pipe, and with it the thread that reads it.
        drop(worker);
        reader.join().map_err(|_| anyhow!("the thread that reads the results panicked"))??;
        measured
    });
    let (halves, members) = measured.with_context(|| {
        let log = std::fs::read_to_string(place.path().join("log")).unwrap_or_default();
        format!("the worker's log: {log}")
    })?;
    let summary = std::fs::read_to_string(place.path().join("summary.json")).context("the worker's accounting")?;
    all_came(&serde_json::from_str(&summary)?, count, lines.into_inner())?;
    let report = told(&halves, members, options.sink_rate, &machine::describe(root));
    floors::tell(options.telling, &report, || in_words(&report), floors::OVERLOAD)
}

fn generator(programs: &Programs, market: &Market, address: &str, rate: u64) -> Result<Group> {
    let mut command = topic::generator(&programs.worker, market, address);
    command.args(["--set", &format!("kafka.topic={TOPIC}"), "--log-level", "warn", "--rate", &rate.to_string()]);
    Group::spawn(command.stdout(Stdio::null()))
}

/// Takes so many lines a second while it is slow, then as many as come.
fn read(pipe: impl Read, a_second: u64, slow: &AtomicBool, lines: &AtomicU64) -> Result<()> {
    let (mut pipe, mut line, watch) = (BufReader::with_capacity(BUFFER, pipe), Vec::new(), Stopwatch::start());
    let mut due = Duration::ZERO;
    while pipe.read_until(b'\n', &mut line).context("the worker's output")? > 0 {
        line.clear();
        lines.fetch_add(1, Ordering::Relaxed);
        if slow.load(Ordering::Relaxed) {
            due = (due + Duration::from_secs(1) / a_second as u32).max(watch.elapsed().saturating_sub(CATCH_UP));
            thread::sleep(due.saturating_sub(watch.elapsed()));
        }
    }
    Ok(())
}

/// What was seen in one half of the load.
#[derive(Clone, Copy, Debug, Default)]
struct Half {
    seconds: f64,
    lines: u64,
    resident_bytes: u64,
    answer: Duration,
    /// Epochs that left, and the seconds that the sinks took for them.
    epochs: f64,
    delivering_seconds: f64,
}

fn watch(worker: &mut Group, port: u16, lines: &AtomicU64, how_long: Duration) -> Result<Half> {
    let (watch, before, lines_before) = (Stopwatch::start(), deliveries(port)?, lines.load(Ordering::Relaxed));
    let mut half = Half::default();
    while watch.elapsed() < how_long {
        wait::pause(LOOK_EVERY_MS)?;
        if let Some(status) = worker.try_wait()? {
            bail!("the worker ended: {status}");
        }
        half.resident_bytes = half.resident_bytes.max(usage::memory(worker.id())?.resident_bytes);
        let asked = Stopwatch::start();
        rest::get(port, "/api/v1/status")?;
        half.answer = half.answer.max(asked.elapsed());
    }
    let after = deliveries(port)?;
    half.seconds = watch.elapsed().as_secs_f64();
    half.lines = lines.load(Ordering::Relaxed) - lines_before;
    (half.epochs, half.delivering_seconds) = (after.0 - before.0, after.1 - before.1);
    Ok(half)
}

/// How many epochs the sinks have, and the seconds that they took.
fn deliveries(port: u16) -> Result<(f64, f64)> {
    let metrics = rest::get_text(port, "/metrics")?;
    let of = |what: &str| sample(&metrics, &format!("cdc_worker_step_duration_seconds_{what}{{step=\"deliver\"}}"));
    Ok((of("count")?, of("sum")?))
}

fn sample(metrics: &str, name: &str) -> Result<f64> {
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.with_context(|| format!("/metrics has no {name}"))
}

/// Members of the worker's group: a rebalance needs some.
fn members(broker: &Broker, group: &str) -> Result<usize> {
    let mut command = broker.tool("kafka.admin.ConsumerGroupCommand")?;
    let output =
        ask(command.args(["--bootstrap-server", &broker.address(), "--describe", "--members", "--group", group]))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    members_in(&text, group).with_context(|| format!("Kafka's tool says of group {group}: {text}"))
}

/// A line for each, or words that there are none; else it does not know the group.
fn members_in(text: &str, group: &str) -> Option<usize> {
    let count = text.lines().filter(|line| line.split_whitespace().next() == Some(group)).count();
    (count > 0 || text.contains("has no active members")).then_some(count)
}

/// An error unless every record was read, and every result came once.
fn all_came(summary: &Value, count: u64, lines: u64) -> Result<()> {
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let alerts: u64 = summary["alerts"].as_object().into_iter().flatten().map(|(_, value)| number(value)).sum();
    let results = number(&summary["applied"]) + number(&summary["windows"]) + alerts;
    if number(&summary["consumed"]) != count || results != lines {
        bail!("{count} records were sent and {lines} lines came; the worker's accounting: {summary}");
    }
    Ok(())
}

fn told(halves: &[Half; 2], members: usize, sink_rate: u64, machine: &Value) -> Value {
    let [first, second] = halves;
    let epoch = |half: &Half| half.delivering_seconds / half.epochs;
    let peak = first.resident_bytes.max(second.resident_bytes);
    let seconds = first.seconds + second.seconds;
    let rate = (first.lines + second.lines) as f64 / seconds;
    json!({
        "seconds": seconds,
        "times": TIMES,
        "delivered_per_second": rate,
        "delivered_ratio": rate / sink_rate as f64,
        "rss_peak_mb": peak as f64 / 1e6,
        "memory_growth_ratio": second.resident_bytes as f64 / first.resident_bytes as f64,
        "epoch_seconds": epoch(second),
        "epoch_growth_ratio": epoch(second) / epoch(first),
        "answer_ms_max": first.answer.max(second.answer).as_secs_f64() * 1e3,
        "group_members": members,
        "machine": machine,
    })
}

fn in_words(report: &Value) -> String {
    let number = |name: &str| report[name].as_f64().unwrap_or_default();
    format!(
        "{} times what the sink takes, for {:.0} s: {} lines/s left ({:.2} of what it takes); {:.0} MB resident at most, \
         second half beside the first {:.3}; an epoch {:.2} s, beside the first half {:.3}; slowest answer {:.0} ms; \
         {} members in the group; then everything came through once\n{}",
        report["times"],
        number("seconds"),
        thousands(number("delivered_per_second")),
        number("delivered_ratio"),
        number("rss_peak_mb"),
        number("memory_growth_ratio"),
        number("epoch_seconds"),
        number("epoch_growth_ratio"),
        number("answer_ms_max"),
        report["group_members"],
        report["machine"]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_too_few_or_a_record_not_read_is_told() {
        let summary = json!({"consumed": 12, "applied": 9, "windows": 2, "alerts": {"A": 1, "B": 3}});
        all_came(&summary, 12, 15).expect("all came");
        for (count, lines) in [(12, 14), (12, 16), (13, 15)] {
            let error = all_came(&summary, count, lines).expect_err("not all").to_string();
            assert!(error.starts_with(&format!("{count} records were sent and {lines} lines came")), "{error}");
        }
    }

    #[test]
    fn halves_are_compared() {
        let half = |lines, resident_bytes, delivering_seconds| Half {
            seconds: 10.0,
            lines,
            resident_bytes,
            answer: Duration::from_millis(4),
            epochs: 2.0,
            delivering_seconds,
        };
        let report = told(&[half(900, 40_000_000, 8.0), half(1_000, 44_000_000, 10.0)], 0, 100, &json!({}));
        for (name, value) in [
            ("delivered_per_second", 95.0),
            ("delivered_ratio", 0.95),
            ("rss_peak_mb", 44.0),
            ("memory_growth_ratio", 1.1),
            ("epoch_seconds", 5.0),
            ("epoch_growth_ratio", 1.25),
            ("answer_ms_max", 4.0),
        ] {
            let found = report[name].as_f64().expect(name);
            assert!((found - value).abs() < 1e-9, "{name}: {found}");
        }
    }

    #[test]
    fn a_slow_reader_takes_its_time_and_a_freed_one_does_not() {
        let lines = "x\n".repeat(20);
        let count = AtomicU64::new(0);
        read(lines.as_bytes(), 1, &AtomicBool::new(false), &count).expect("read");
        let watch = Stopwatch::start();
        read(lines.as_bytes(), 100, &AtomicBool::new(true), &count).expect("read");
        assert!(watch.elapsed() >= Duration::from_millis(200), "{:?}", watch.elapsed());
        assert_eq!(count.into_inner(), 40);
    }

    #[test]
    fn a_group_that_nobody_knows_is_no_group_without_members() {
        let one = "GROUP CONSUMER-ID HOST\nbench-0 rdkafka-1 /127.0.0.1\n";
        assert_eq!(members_in(one, "bench-0"), Some(1));
        assert_eq!(members_in("Consumer group 'bench-0' has no active members.\n", "bench-0"), Some(0));
        assert_eq!(members_in("Error: Consumer group 'bench-0' does not exist.\n", "bench-0"), None);
    }

    #[test]
    fn a_metric_is_found_by_its_whole_name() {
        let metrics = "# HELP a\na_sum{step=\"commit\"} 1\na_sum{step=\"deliver\"} 2.5\n";
        assert!((sample(metrics, "a_sum{step=\"deliver\"}").expect("there") - 2.5).abs() < 1e-9);
        assert!(sample(metrics, "a_count").is_err());
    }
}
