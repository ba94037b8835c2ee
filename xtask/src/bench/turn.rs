//! One turn of a stream processor over a topic: started, watched by what it writes, stopped once everything is out.
//!
//! Nothing in it is asked while it runs. The first line says that it has begun; of each partition the last alert that comes
//! whatever the clock says tells that it is through: that is one of the last thousands of the topic's millions.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::expected::{Expected, Windows};
use super::lines::{AlertKey, Tally};
use super::usage;
use crate::process::{Group, Interrupted};
use crate::signals;
use crate::stopwatch::{Stopwatch, human};

/// The longest that a turn may take.
const LIMIT: Duration = Duration::from_mins(10);
/// How long stopping may take.
const TIME_TO_STOP: Duration = Duration::from_secs(30);
/// How often a file is looked at that results go to.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How long it may say nothing, once it has begun: windows close every few seconds.
const SILENCE: Duration = Duration::from_secs(20);
const LOG_LINES_SHOWN: usize = 20;

/// What a turn cost, from the first record to the last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// Records read.
    pub(crate) records: u64,
    /// Time that passed.
    pub(crate) seconds: f64,
    /// Processor time, user and system, of all threads.
    pub(crate) cpu_seconds: f64,
    /// Most memory resident since the process started.
    pub(crate) peak_bytes: u64,
    /// From the process's start to the first result.
    pub(crate) first_seconds: f64,
}

/// Where results go.
#[derive(Clone, Debug)]
pub(crate) enum Results {
    /// To standard output, RAW not among them.
    Stdout,
    /// To a file, RAW among them.
    File(PathBuf),
}

/// What a turn must come to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goal<'a> {
    /// The topic's.
    pub(crate) expected: &'a Expected,
    /// Which windows close.
    pub(crate) windows: Windows,
}

/// Runs a turn; `log` takes its standard error. An error if what came out is not what must.
pub(crate) fn run(mut command: Command, results: &Results, goal: Goal<'_>, log: &Path) -> Result<Measured> {
    let started = Stopwatch::start();
    command.stderr(File::create(log)?);
    command.stdout(match results {
        Results::Stdout => Stdio::piped(),
        Results::File(_) => Stdio::null(),
    });
    let mut group = Group::spawn(&mut command)?;
    let (pid, stdout) = (group.id(), group.take_stdout());
    let (complete, told) = channel();
    let (stop, lines) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut watch = Watch::new(goal, pid, started, complete, &lines);
    let watch = thread::scope(|scope| {
        let (results, stop, lines) = (&results, &stop, &lines);
        let reader = scope.spawn(move || {
            match (results, stdout) {
                (Results::File(path), _) => watch.file(path, stop)?,
                (Results::Stdout, Some(pipe)) => watch.pipe(pipe)?,
                (Results::Stdout, None) => bail!("no standard output"),
            }
            anyhow::Ok(watch)
        });
        let waited = wait(&mut group, &told, lines).with_context(|| last_lines(log));
        let stopped = waited.and_then(|()| group.stop(TIME_TO_STOP));
        stop.store(true, Ordering::Relaxed);
        // Ends the pipe, whatever happened.
        drop(group);
        let watch = reader.join().map_err(|_| anyhow::anyhow!("the thread that reads results panicked"))?;
        // Where it failed to read, that is why the rest failed.
        let watch = watch?;
        stopped?;
        anyhow::Ok(watch)
    })?;
    let mut tally = watch.tally;
    if let Results::File(path) = results {
        // While it grew only the alerts and windows were looked at.
        for line in BufReader::new(File::open(path)?).lines() {
            let line = line?;
            if line.starts_with("RAW") {
                tally.add(&line);
            }
        }
    }
    goal.expected.compare(&tally, goal.windows, matches!(results, Results::File(_)))?;
    let (Some(first), Some(last)) = (watch.first, watch.last) else { bail!("nothing came out") };
    Ok(Measured {
        records: goal.expected.records,
        seconds: last.at.saturating_sub(first.at).as_secs_f64(),
        cpu_seconds: last.cpu.saturating_sub(first.cpu).as_secs_f64(),
        peak_bytes: last.peak_bytes,
        first_seconds: first.at.as_secs_f64(),
    })
}

/// Waits until the reader says that all is out, or nothing more comes: then the results are wrong, and comparing them
/// says in what.
fn wait(group: &mut Group, told: &Receiver<()>, lines: &AtomicU64) -> Result<()> {
    let watch = Stopwatch::start();
    let (mut seen, mut silent) = (0, Stopwatch::start());
    loop {
        let now = lines.load(Ordering::Relaxed);
        if now != seen {
            (seen, silent) = (now, Stopwatch::start());
        }
        if seen > 0 && silent.elapsed() > SILENCE {
            return Ok(());
        }
        match told.recv_timeout(Duration::from_millis(100)) {
            Ok(()) => return Ok(()),
            // The reader has failed, and says why itself; or the process closed its output.
            Err(RecvTimeoutError::Disconnected) => bail!("it ended before everything was out"),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if let Some(status) = group.try_wait()? {
            bail!("it ended before everything was out ({status})");
        }
        if signals::asked_to_stop() {
            bail!(Interrupted);
        }
        if watch.elapsed() > LIMIT {
            bail!("not everything was out after {}", human(LIMIT));
        }
    }
}

/// What the process had used at some moment.
#[derive(Clone, Copy, Debug)]
struct Moment {
    at: Duration,
    cpu: Duration,
    peak_bytes: u64,
}

struct Watch<'a> {
    /// How many lines have come that were looked at.
    lines: &'a AtomicU64,
    pid: u32,
    started: Stopwatch,
    tally: Tally,
    /// Alerts still to come before the topic's end is reached.
    pending: HashMap<AlertKey, u64>,
    window_orders: u64,
    first: Option<Moment>,
    last: Option<Moment>,
    complete: Option<Sender<()>>,
}

impl<'a> Watch<'a> {
    fn new(goal: Goal<'_>, pid: u32, started: Stopwatch, complete: Sender<()>, lines: &'a AtomicU64) -> Self {
        let expected = goal.expected;
        Self {
            lines,
            pid,
            started,
            tally: Tally::default(),
            pending: expected.last.iter().map(|alert| (alert.clone(), expected.times(alert))).collect(),
            window_orders: expected.window_orders(goal.windows),
            first: None,
            last: None,
            complete: Some(complete),
        }
    }

    fn pipe(&mut self, pipe: impl std::io::Read) -> Result<()> {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line)? > 0 {
            self.line(&line)?;
            line.clear();
        }
        Ok(())
    }

    /// Follows a file as it grows.
    fn file(&mut self, path: &Path, stop: &AtomicBool) -> Result<()> {
        let mut file = None;
        let (mut bytes, mut begun) = (Vec::new(), 0);
        while !stop.load(Ordering::Relaxed) {
            if file.is_none() {
                file = File::open(path).ok();
            }
            let read = file.as_mut().map_or(Ok(0), |file| file.read_to_end(&mut bytes))?;
            if read == 0 {
                thread::sleep(LOOK_EVERY);
                continue;
            }
            while let Some(length) = memchr::memchr(b'\n', &bytes[begun..]) {
                let line = begun..begun + length;
                begun = line.end + 1;
                if self.first.is_none() || !bytes[line.clone()].starts_with(b"RAW") {
                    self.line_of(&bytes[line])?;
                }
            }
            bytes.drain(..begun);
            begun = 0;
        }
        Ok(())
    }

    fn line_of(&mut self, line: &[u8]) -> Result<()> {
        if line.starts_with(b"RAW") {
            // The first of all; RAW is added up at the end.
            self.first = Some(self.moment()?);
            return Ok(());
        }
        self.line(line)
    }

    fn line(&mut self, line: &[u8]) -> Result<()> {
        self.lines.fetch_add(1, Ordering::Relaxed);
        if self.first.is_none() {
            self.first = Some(self.moment()?);
        }
        let alert = self.tally.add(String::from_utf8_lossy(line).trim_end());
        if let Some(alert) = alert
            && let Some(times) = self.pending.get_mut(&alert)
        {
            *times = times.saturating_sub(1);
            if self.last.is_none() && self.pending.values().all(|times| *times == 0) {
                self.last = Some(self.moment()?);
            }
        }
        if self.last.is_some() && self.tally.window_orders >= self.window_orders {
            // The one who waits may be gone.
            let _gone = self.complete.take().map(|complete| complete.send(()));
        }
        Ok(())
    }

    fn moment(&self) -> Result<Moment> {
        let at = self.started.elapsed();
        Ok(Moment { at, cpu: usage::processor_time(self.pid)?, peak_bytes: usage::memory(self.pid)?.peak_bytes })
    }
}

fn last_lines(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    let shown = lines.get(lines.len().saturating_sub(LOG_LINES_SHOWN)..).unwrap_or_default();
    format!("its last words:\n{}", shown.join("\n"))
}
