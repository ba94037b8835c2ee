//! Running other programs so that none outlives us: an own process group, a deadline, Ctrl-C passed on.

use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::signals;
use crate::stopwatch::{Stopwatch, human};

const LOOK_EVERY: Duration = Duration::from_millis(20);
const TIME_TO_END: Duration = Duration::from_secs(10);

/// Somebody pressed Ctrl-C or sent SIGTERM.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted; what was running is stopped")
    }
}

impl std::error::Error for Interrupted {}

/// A child that leads a process group of its own; the group ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Group {
    child: Child,
    name: String,
    /// From SIGTERM to SIGKILL.
    time_to_end: Duration,
}

impl Group {
    /// Starts it without standard input.
    pub(crate) fn spawn(command: &mut Command) -> Result<Self> {
        Self::spawn_with(command, Stdio::null())
    }

    /// Starts it with a pipe for its standard input, which is given beside it.
    pub(crate) fn spawn_fed(command: &mut Command) -> Result<(Self, ChildStdin)> {
        let mut group = Self::spawn_with(command, Stdio::piped())?;
        let pipe = group.child.stdin.take().with_context(|| format!("{} has no standard input", group.name))?;
        Ok((group, pipe))
    }

    fn spawn_with(command: &mut Command, stdin: Stdio) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child =
            command.process_group(0).stdin(stdin).spawn().with_context(|| format!("{name} cannot be started"))?;
        Ok(Self { child, name, time_to_end: TIME_TO_END })
    }

    /// The leader's process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard output, where the command was given a pipe for it.
    pub(crate) fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Asks it to end and waits for that.
    pub(crate) fn stop(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM);
        self.wait(limit)
    }

    /// How it ended, if it has.
    pub(crate) fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("{} cannot be waited for", self.name))
    }

    /// Waits for its end, for `limit` at most; fails with [`Interrupted`] when asked to stop.
    pub(crate) fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let ended = self.wait_at_most(limit)?;
        ended.with_context(|| format!("{} did not end within {}", self.name, human(limit)))
    }

    /// The same where not to end is an answer too: `None`.
    pub(crate) fn wait_at_most(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let watch = Stopwatch::start();
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(Some(status));
            }
            if signals::asked_to_stop() {
                bail!(Interrupted);
            }
            if watch.elapsed() > limit {
                return Ok(None);
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// `kill -9` to all of it, and waits until it is gone.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.signal(Signal::KILL);
        self.child.wait().map(drop).with_context(|| format!("{} cannot be waited for", self.name))
    }

    /// Sends all of it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // An error here says that nobody is left to hear it.
            let _ = kill_process_group(pid, signal);
        }
    }
}

impl Drop for Group {
    /// SIGTERM, its time to end, SIGKILL; the last for whatever the leader left behind, too.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::TERM);
            let watch = Stopwatch::start();
            while matches!(self.child.try_wait(), Ok(None)) && watch.elapsed() < self.time_to_end {
                thread::sleep(LOOK_EVERY);
            }
        }
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

/// Runs it to its end, its output passing through.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Result<ExitStatus> {
    Group::spawn(command)?.wait(limit)
}

/// The same, and hands the lines of its standard output to `see` as well.
pub(crate) fn run_seen(command: &mut Command, limit: Duration, see: impl FnMut(&str) + Send) -> Result<ExitStatus> {
    run_patiently(command, limit, TIME_TO_END, see)
}

/// The same for a program that takes longer to clean up when it is asked to stop.
pub(crate) fn run_patiently(
    command: &mut Command,
    limit: Duration,
    time_to_end: Duration,
    see: impl FnMut(&str) + Send,
) -> Result<ExitStatus> {
    let mut group = Group::spawn(command.stdout(Stdio::piped()))?;
    group.time_to_end = time_to_end;
    let stdout = group.child.stdout.take();
    thread::scope(|scope| {
        if let Some(pipe) = stdout {
            scope.spawn(|| pass_on(pipe, see));
        }
        let status = group.wait(limit);
        // Ends the group, and with it the pipe that the thread reads.
        drop(group);
        status
    })
}

fn pass_on(pipe: impl Read, mut see: impl FnMut(&str)) {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line);
        print!("{text}");
        see(text.trim_end());
        line.clear();
    }
}

/// Runs a short question to its end and hands back what it printed.
pub(crate) fn ask(command: &mut Command) -> Result<Output> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).output().with_context(|| format!("{name} cannot be started"))
}

/// An error that names the command if it did not succeed.
pub(crate) fn succeeded(status: ExitStatus, what: &str) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    bail!("{what}: {status}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn lines_are_seen_and_the_exit_code_is_kept() {
        let mut lines = Vec::new();
        let status = run_seen(&mut sh("echo one; echo two; exit 3"), Duration::from_secs(10), |line| {
            lines.push(line.to_owned());
        });
        assert_eq!((lines, status.expect("ran").code()), (vec!["one".to_owned(), "two".to_owned()], Some(3)));
    }

    #[test]
    fn a_deadline_ends_the_whole_group() {
        let directory = tempfile::tempdir().expect("a directory");
        let pid_file = directory.path().join("pid");
        let script = format!("sleep 600 & echo $! > '{}'; wait", pid_file.display());
        let error = run(&mut sh(&script), Duration::from_secs(2)).expect_err("too slow");
        assert_eq!(error.to_string(), "sh did not end within 2.0 s");
        let pid = std::fs::read_to_string(&pid_file).expect("the sleeper's id");
        // Gone, or a zombie that nobody has collected yet; the kernel may take a moment.
        let gone =
            || std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).map_or(true, |stat| stat.contains(") Z "));
        let watch = Stopwatch::start();
        while !gone() {
            assert!(watch.elapsed() < TIME_TO_END, "the group's second process is still there");
            thread::sleep(LOOK_EVERY);
        }
    }

    #[test]
    fn a_killed_group_is_gone_at_once() {
        let mut group = Group::spawn(&mut sh("trap '' TERM; sleep 600")).expect("started");
        group.kill().expect("killed");
        let status = group.try_wait().expect("asked").expect("it has ended");
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(&mut Command::new("no-such-program-anywhere"), Duration::from_secs(1)).expect_err("not there");
        assert_eq!(error.to_string(), "no-such-program-anywhere cannot be started");
    }
}
