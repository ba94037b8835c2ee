//! An `opsctl` that goes on beside the scenario: what it says is waited for, and Ctrl-C pressed.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::process::Group;
use crate::signals::{self, Interrupted};
use crate::stack::Stack;
use crate::stopwatch::{Stopwatch, human};

/// Runs until it ends or is dropped.
pub(crate) struct Started {
    group: Group,
    lines: Receiver<String>,
    /// All that it said so far, on both streams.
    pub(crate) said: Vec<String>,
}

impl Stack {
    /// `opsctl ARGUMENTS`, as a person runs it in a terminal of their own.
    pub(crate) fn start_opsctl(&self, arguments: &[&str]) -> Result<Started> {
        let mut command = Command::new(&self.places.opsctl);
        command.args(arguments).current_dir(&self.places.root);
        command.env("CDC_PROJECT", &self.project).env("CDC_STACK_DIR", &self.places.root);
        self.set_variables(&mut command);
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut group = Group(command.spawn().context("opsctl cannot be started")?);
        let (sender, lines) = channel();
        let both = [
            group.0.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn std::io::Read + Send>),
            group.0.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn std::io::Read + Send>),
        ];
        for pipe in both.into_iter().flatten() {
            let sender = sender.clone();
            // Ends with the pipe, which ends with the group.
            thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        Ok(Started { group, lines, said: Vec::new() })
    }
}

impl Started {
    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.group.0.id()
    }

    /// Waits for the first line that this holds for.
    pub(crate) fn wait_for(&mut self, what: &str, limit: Duration, is_it: impl Fn(&str) -> bool) -> Result<String> {
        let watch = Stopwatch::start();
        loop {
            match self.lines.recv_timeout(Duration::from_millis(50)) {
                Ok(line) => {
                    self.said.push(line.clone());
                    if is_it(&line) {
                        return Ok(line);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => bail!("opsctl ended before {what}:\n{}", self.said.join("\n")),
                Err(RecvTimeoutError::Timeout) if signals::asked_to_stop() => bail!(Interrupted),
                Err(RecvTimeoutError::Timeout) if watch.elapsed() > limit => {
                    bail!("{what}: not within {}:\n{}", human(limit), self.said.join("\n"))
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Ctrl-C as a terminal gives it: to `opsctl` and to all that it has started.
    pub(crate) fn press_ctrl_c(&self) {
        if let Some(pid) = i32::try_from(self.id()).ok().and_then(Pid::from_raw) {
            // An error says that it has ended already; its exit code tells the rest.
            let _ended = kill_process_group(pid, Signal::INT);
        }
    }

    /// Waits for its end: the exit code, and all that it said.
    pub(crate) fn end(mut self, limit: Duration) -> Result<(Option<i32>, String)> {
        let status = self.group.wait("opsctl", limit)?;
        // The pipes are closed once whatever it started has ended, too.
        while let Ok(line) = self.lines.recv_timeout(Duration::from_secs(5)) {
            self.said.push(line);
        }
        Ok((status.code(), self.said.join("\n")))
    }
}
