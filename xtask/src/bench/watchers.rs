//! `cargo xtask bench watchers`: what being looked at costs. The worker reads one topic without its page, with it, with fifty
//! pages open, and while connections without end take every place that it has, in turns.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::contestant::{self, Ring};
use super::expected::Windows;
use super::programs::Programs;
use super::report::{CPU_US, PEAK_MB, RATE, Report, Row};
use super::topic::{Market, Topic};
use super::turn::{self, Goal, Measured, Results};
use super::{floors, machine};
use crate::broker::Broker;
use crate::chaos::rest;
use crate::cli::WatchersBenchOptions;

/// Browsers that listen to the status, which comes once a second.
const PAGES: usize = 50;
const CONNECT_LIMIT: Duration = Duration::from_millis(50);
const PAUSE: Duration = Duration::from_millis(2);

const OFF: &str = "without the page";
const ON: &str = "with the page";
const WATCHED: &str = "with 50 pages open";
const STORMED: &str = "with connections without end";

/// Who looks at the worker while it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// There is no page.
    Off,
    /// There is one, and nobody looks.
    Nobody,
    /// So many listen.
    Pages,
    /// Connections that never ask to an end.
    Storm,
}

const TURNS: [(&str, Look); 4] = [(OFF, Look::Off), (ON, Look::Nobody), (WATCHED, Look::Pages), (STORMED, Look::Storm)];

/// Measures, and says what came of it.
pub(crate) fn run(root: &Path, options: &WatchersBenchOptions) -> Result<ExitCode> {
    let programs = Programs::build(root)?;
    let broker = Broker::start(None)?;
    let address = broker.address();
    let work = tempfile::Builder::new().prefix("cdc-bench-watchers-").tempdir()?;
    let market = Market {
        topic: "watchers".to_owned(),
        count: options.records,
        seed: 1,
        symbols: 1_000,
        partitions: 3,
        ..Market::default()
    };
    let topic = Topic::load(root, &programs, &address, market, work.path())?;
    let ring = |number| Ring { programs: &programs, flink: None, address: &address, number };
    contestant::warm_up(ring(usize::MAX), &topic)?;
    let mut report = Report::default();
    for (name, _) in TURNS {
        report.rows.push(Row { name, message_bytes: topic.message_bytes(), turns: Vec::new() });
    }
    let mut answered = 0;
    for round in 0..options.rounds {
        // Each is the first of a round as often as the others.
        for place in 0..TURNS.len() {
            let at = (round + place) % TURNS.len();
            let (Some(&(name, look)), Some(row)) = (TURNS.get(at), report.rows.get_mut(at)) else { continue };
            let (measured, seen) = turn(ring(round * TURNS.len() + at), &topic, look).context(name)?;
            answered += seen;
            eprintln!(
                "bench: round {}: {name}: {:.2} µs an event, {seen} answers seen",
                round + 1,
                measured.cpu_seconds * 1e6 / measured.records as f64
            );
            row.turns.push(measured);
        }
    }
    let told = told(&report, answered, &machine::describe(root));
    floors::tell(options.telling, &told, || report.table(), floors::WATCHERS)
}

fn told(report: &Report, answered: u64, machine: &Value) -> Value {
    let more_mb = |name| {
        let median = |name| report.number(name, PEAK_MB).map(|spread| spread.median);
        Some(median(name)? - median(OFF)?)
    };
    json!({
        "page_cpu_ratio": report.ratio((ON, OFF), CPU_US),
        "page_more_mb": more_mb(ON),
        "watched_cpu_ratio": report.ratio((WATCHED, OFF), CPU_US),
        "watched_rate_ratio": report.ratio((WATCHED, OFF), RATE),
        "watched_more_mb": more_mb(WATCHED),
        "stormed_rate_ratio": report.ratio((STORMED, OFF), RATE),
        "stormed_more_mb": more_mb(STORMED),
        "answers_seen": answered,
        "machine": machine,
    })
}

/// One turn, with the lookers beside it; also how many pieces of an answer these have seen.
fn turn(ring: Ring<'_>, topic: &Topic, look: Look) -> Result<(Measured, u64)> {
    let directory = tempfile::Builder::new().prefix("cdc-bench-turn-").tempdir()?;
    let place = directory.path();
    let mut command = contestant::run_worker(ring, &topic.market.topic, place, &Results::Stdout);
    command.args(["--parallelism", "2", "--set", &format!("agg.window_ms={}", contestant::WINDOW_MS)]);
    let port = rest::free_port()?;
    command.args(["--set", &format!("web.listen=127.0.0.1:{port}")]);
    if look == Look::Off {
        command.args(["--set", "web.enabled=false"]);
    }
    let goal = Goal { expected: &topic.expected, windows: Windows::All };
    let (stop, seen) = (AtomicBool::new(false), AtomicU64::new(0));
    let measured = thread::scope(|scope| {
        let looking = scope.spawn(|| match look {
            Look::Off | Look::Nobody => Ok(()),
            Look::Pages => listen(port, &stop, &seen),
            Look::Storm => {
                storm(port, &stop, &seen);
                Ok(())
            }
        });
        let measured = turn::run(command, &Results::Stdout, goal, &place.join("log"));
        stop.store(true, Ordering::Relaxed);
        let looked = looking.join().map_err(|_| anyhow::anyhow!("the thread that looks panicked"))?;
        let measured = measured?;
        looked?;
        anyhow::Ok(measured)
    })?;
    contestant::all_applied(&place.join("summary.json"), topic)?;
    let seen = seen.into_inner();
    if seen == 0 && matches!(look, Look::Pages | Look::Storm) {
        bail!("nobody was answered: nothing was measured");
    }
    Ok((measured, seen))
}

/// A connection that does not block; `None` while nobody listens, or lets nobody in.
fn connect(port: u16) -> Option<TcpStream> {
    let stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), CONNECT_LIMIT).ok()?;
    stream.set_nonblocking(true).ok()?;
    Some(stream)
}

/// Fifty pages, opened as soon as there is something to open, read until told to stop.
fn listen(port: u16, stop: &AtomicBool, seen: &AtomicU64) -> Result<()> {
    let question = format!("GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
    let mut pages: Vec<TcpStream> = Vec::new();
    let mut bytes = vec![0; 64 * 1024];
    while !stop.load(Ordering::Relaxed) {
        while pages.len() < PAGES {
            let Some(mut page) = connect(port) else { break };
            page.write_all(question.as_bytes()).context("a page could not ask")?;
            pages.push(page);
        }
        for page in &mut pages {
            match page.read(&mut bytes) {
                Ok(0) => {
                    return if ends_soon(stop) { Ok(()) } else { bail!("a page's connection was closed under it") };
                }
                Ok(_) => seen.fetch_add(1, Ordering::Relaxed),
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                // The worker has ended; the turn says how.
                Err(_) => return Ok(()),
            };
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Whether the turn is over: a worker that is told to stop ends its pages before that is known here.
fn ends_soon(stop: &AtomicBool) -> bool {
    (0..500).any(|_| {
        thread::sleep(Duration::from_millis(20));
        stop.load(Ordering::Relaxed)
    })
}

/// New connections all the time: every second one asks half a question, the others ask for the metrics and do not read
/// what comes. The worker lets in as many as it has places for; the others wait, or are turned away.
fn storm(port: u16, stop: &AtomicBool, seen: &AtomicU64) {
    let half = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1";
    let whole = format!("{half}:{port}\r\n\r\n");
    let mut open: Vec<TcpStream> = Vec::new();
    let mut number = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        if let Some(mut stream) = connect(port) {
            let question = if number.is_multiple_of(2) { half } else { &whole };
            // Refused by whom it storms: that is its right.
            if stream.write_all(question.as_bytes()).is_ok() {
                open.push(stream);
            }
        }
        thread::sleep(PAUSE);
    }
    let answered =
        open.into_iter().filter_map(|mut stream| stream.read(&mut [0; 16]).ok()).filter(|length| *length > 0);
    seen.fetch_add(answered.count() as u64, Ordering::Relaxed);
}
