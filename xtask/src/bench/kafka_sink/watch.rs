//! A turn, watched from outside by what is committed of it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};

use crate::bench::usage;
use crate::process::{Group, Interrupted};
use crate::signals;
use crate::stopwatch::{Stopwatch, human};

/// How long nothing more must come once every event could be there.
const QUIET: Duration = Duration::from_secs(2);
/// The longest that nothing may come before that.
const PATIENCE: Duration = Duration::from_mins(2);

/// What a turn cost, from the first transaction that could be read to the last with RAW in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Turn {
    /// Messages of all streams, without the first transaction's.
    pub(super) messages: u64,
    /// RAW among them.
    pub(super) events: u64,
    pub(super) seconds: f64,
    pub(super) cpu_seconds: f64,
    /// Most memory resident, where the process was there still.
    pub(super) peak_bytes: Option<u64>,
    /// Where RAW ended.
    pub(super) ends: u64,
}

/// What is committed at a moment, and what the writer has used by then.
#[derive(Clone, Copy, Debug)]
struct Seen {
    at: Duration,
    cpu: Duration,
    raw: u64,
    all: u64,
}

/// Starts the writer and who watches it, and waits until `events` and no more are committed. The writer runs on.
pub(super) fn turn(writer: &mut Command, watcher: &mut Command, events: u64, log: &Path) -> Result<(Turn, Group)> {
    let mut group = Group::spawn(writer.stdout(File::create(log)?).stderr(File::options().append(true).open(log)?))?;
    let pid = group.id();
    let mut watcher = Group::spawn(watcher)?;
    let pipe = watcher.take_stdout().context("the watcher has no output")?;
    let (send, told) = channel();
    let seen = thread::scope(|scope| {
        let reader = scope.spawn(move || read(BufReader::new(pipe), pid, &send));
        let mut seen = Vec::new();
        let watched = (|| {
            let mut silent = Stopwatch::start();
            loop {
                match told.recv_timeout(Duration::from_millis(100)) {
                    Ok(now) => {
                        seen.push(now);
                        silent = Stopwatch::start();
                    }
                    // Why, the reader says itself.
                    Err(RecvTimeoutError::Disconnected) => bail!("the watcher ended"),
                    Err(RecvTimeoutError::Timeout) => {}
                }
                let complete = seen.last().is_some_and(|last| last.raw >= events);
                if complete && silent.elapsed() > QUIET {
                    return Ok(());
                }
                if signals::asked_to_stop() {
                    bail!(Interrupted);
                }
                let failed =
                    !complete && silent.elapsed() > QUIET && group.try_wait()?.is_some_and(|end| !end.success());
                if failed || silent.elapsed() > PATIENCE {
                    let words = std::fs::read_to_string(log).unwrap_or_default();
                    bail!("nothing more came for {}: {seen:?}\n{words}", human(silent.elapsed()));
                }
            }
        })();
        // Ends the pipe, and with it the thread that reads it.
        drop(watcher);
        let read = reader.join().map_err(|_| anyhow!("the thread that reads the watcher panicked"))?;
        read.and(watched)?;
        anyhow::Ok(seen)
    })?;
    let peak_bytes = usage::memory(pid).ok().map(|memory| memory.peak_bytes);
    let turn = cost(&seen).context("all was committed at once: more messages are needed")?;
    Ok((Turn { peak_bytes, ..turn }, group))
}

fn read(mut lines: impl BufRead, pid: u32, seen: &Sender<Seen>) -> Result<()> {
    let (watch, mut cpu, mut line) = (Stopwatch::start(), Duration::ZERO, String::new());
    while lines.read_line(&mut line)? > 0 {
        let numbers = line.trim().split_once(' ').map(|(raw, all)| (raw.parse(), all.parse()));
        let Some((Ok(raw), Ok(all))) = numbers else { bail!("the watcher says {line:?}") };
        // A bare producer may have ended: then it has used what it had.
        cpu = usage::processor_time(pid).unwrap_or(cpu);
        if seen.send(Seen { at: watch.elapsed(), cpu, raw, all }).is_err() {
            break;
        }
        line.clear();
    }
    Ok(())
}

/// From the first that had RAW to the last that had more of it than the one before.
fn cost(seen: &[Seen]) -> Option<Turn> {
    let first = seen.iter().find(|now| now.raw > 0)?;
    let last = seen.windows(2).rev().find_map(|pair| match pair {
        [before, now] if now.raw > before.raw && before.raw > 0 => Some(now),
        _ => None,
    })?;
    Some(Turn {
        messages: last.all - first.all,
        events: last.raw - first.raw,
        seconds: last.at.saturating_sub(first.at).as_secs_f64(),
        cpu_seconds: last.cpu.saturating_sub(first.cpu).as_secs_f64(),
        peak_bytes: None,
        ends: last.raw,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(ms: u64, raw: u64, all: u64) -> Seen {
        Seen { at: Duration::from_millis(ms), cpu: Duration::from_millis(ms / 2), raw, all }
    }

    #[test]
    fn the_first_transaction_is_the_start_and_windows_behind_raw_do_not_count() {
        let watched =
            [seen(10, 0, 3), seen(700, 100, 110), seen(900, 300, 330), seen(1_700, 500, 560), seen(4_000, 500, 900)];
        let turn = cost(&watched).expect("a turn");
        let expected = Turn { messages: 450, events: 400, seconds: 1.0, cpu_seconds: 0.5, peak_bytes: None, ends: 500 };
        assert_eq!(turn, expected);
    }

    #[test]
    fn one_transaction_is_no_rate() {
        assert_eq!(cost(&[seen(1, 0, 3), seen(2, 500, 510), seen(3, 500, 600)]), None);
        assert_eq!(cost(&[]), None);
    }

    #[test]
    fn lines_are_read_as_they_come() {
        let (send, told) = channel();
        read("5 7\n9 12\n".as_bytes(), std::process::id(), &send).expect("two lines");
        let all: Vec<_> = told.try_iter().map(|seen| (seen.raw, seen.all)).collect();
        assert_eq!(all, [(5, 7), (9, 12)]);
        let error = read("5 7\nnine 12\n".as_bytes(), std::process::id(), &send).expect_err("a word").to_string();
        assert_eq!(error, "the watcher says \"nine 12\\n\"");
    }
}
