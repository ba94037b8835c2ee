//! Running other programs so that none outlives us: an own process group, a deadline, Ctrl-C looked at while waiting.

use std::io::{Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::signals::{self, Interrupted};
use crate::stopwatch::{Stopwatch, human};

const LOOK_EVERY: Duration = Duration::from_millis(10);
const TIME_TO_END: Duration = Duration::from_secs(10);
/// Lines of a failed program's messages that an error shows.
const LINES_SHOWN: usize = 12;

/// How a program ended and what it printed.
#[derive(Debug)]
pub(crate) struct Finished {
    /// What the error of [`Finished::succeeded`] calls it.
    what: String,
    /// Its exit status.
    pub(crate) status: ExitStatus,
    /// All of its standard output.
    pub(crate) stdout: String,
    /// All of its standard error.
    pub(crate) stderr: String,
}

impl Finished {
    /// Its standard output, or an error with the end of what it said.
    pub(crate) fn succeeded(self) -> Result<String> {
        if self.status.success() {
            return Ok(self.stdout);
        }
        let said = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
        let end = lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n  ");
        bail!("{}: {}\n  {end}", self.what, self.status)
    }
}

/// Runs it to its end with this standard input, for `limit` at most.
pub(crate) fn finish(command: &mut Command, input: Option<String>, limit: Duration) -> Result<Finished> {
    let what = described(command);
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    let spawned = command.process_group(0).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut group = Group(spawned.with_context(|| format!("{what} cannot be started"))?);
    let (stdin, stdout, stderr) = (group.0.stdin.take(), group.0.stdout.take(), group.0.stderr.take());
    thread::scope(|scope| {
        scope.spawn(move || {
            // Whoever does not read all of it says so by its exit status.
            stdin.zip(input).map(|(mut stdin, input)| stdin.write_all(input.as_bytes()))
        });
        let stdout = scope.spawn(|| read(stdout));
        let stderr = scope.spawn(|| read(stderr));
        let status = group.wait(&what, limit);
        // Ends what is left of the group, and with it the pipes that the threads read.
        drop(group);
        let joined = |thread: thread::ScopedJoinHandle<'_, String>| thread.join().unwrap_or_default();
        Ok(Finished { what, status: status?, stdout: joined(stdout), stderr: joined(stderr) })
    })
}

fn read(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // What was read until an error is still worth showing.
        let _ = pipe.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Program and first arguments: enough to find it, no secrets (they never stand in arguments).
fn described(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit('/').next().unwrap_or_default().to_owned();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    let text = [program].into_iter().chain(arguments).collect::<Vec<_>>().join(" ");
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(160).collect()
}

/// A child that leads a process group of its own; the group ends when this is dropped.
pub(crate) struct Group(pub(crate) Child);

impl Group {
    /// Waits for its leader's end.
    pub(crate) fn wait(&mut self, what: &str, limit: Duration) -> Result<ExitStatus> {
        let watch = Stopwatch::start();
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            if signals::asked_to_stop() {
                bail!(Interrupted);
            }
            if watch.elapsed() > limit {
                bail!("{what}: did not end within {}", human(limit));
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            // An error here says that nobody is left to hear it.
            let _ = kill_process_group(pid, signal);
        }
    }
}

impl Drop for Group {
    /// SIGTERM, ten seconds, SIGKILL; the last for whatever the leader left behind, too.
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.signal(Signal::TERM);
            let watch = Stopwatch::start();
            while matches!(self.0.try_wait(), Ok(None)) && watch.elapsed() < TIME_TO_END {
                thread::sleep(LOOK_EVERY);
            }
        }
        self.signal(Signal::KILL);
        let _ = self.0.wait();
    }
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
    fn input_goes_in_and_both_outputs_come_out() {
        let finished = finish(&mut sh("cat; echo said >&2"), Some("given".to_owned()), Duration::from_secs(10));
        let finished = finished.expect("ran");
        assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("given", "said\n"));
    }

    #[test]
    fn a_failure_shows_the_end_of_what_was_said() {
        let finished = finish(&mut sh("seq 100 >&2; exit 3"), None, Duration::from_secs(10)).expect("ran");
        let error = finished.succeeded().expect_err("3").to_string();
        assert!(error.starts_with("sh -c seq 100"), "{error}");
        assert_eq!((error.lines().count(), error.lines().last()), (1 + LINES_SHOWN, Some("  100")));
    }

    #[test]
    fn a_deadline_is_told() {
        let error = finish(&mut sh("sleep 600"), None, Duration::from_millis(50)).expect_err("too slow").to_string();
        assert_eq!(error, "sh -c sleep 600: did not end within 0.1 s");
    }
}
