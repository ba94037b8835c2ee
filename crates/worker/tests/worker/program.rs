//! The worker as a program: started, fed, watched, ended.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than any of these runs takes on a slow machine; what hangs ends here, with a message.
pub(crate) const LIMIT: Duration = Duration::from_mins(2);

/// The worker, with none of the environment's configuration.
pub(crate) fn worker<A: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CDC_WORKER_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// How a run ended.
pub(crate) struct Ended {
    /// The exit code; `None` after a signal.
    pub(crate) code: Option<i32>,
    /// What it wrote to stdout.
    pub(crate) out: String,
    /// What it wrote to stderr.
    pub(crate) err: String,
}

impl Ended {
    /// Its lines on stdout.
    pub(crate) fn lines(&self) -> Vec<&str> {
        self.out.lines().collect()
    }

    /// The accounting: the last line of stderr.
    pub(crate) fn summary(&self) -> Value {
        let line = self.err.lines().next_back().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|error| panic!("no summary ({error}) in: {}", self.err))
    }

    /// Itself, if it ended with 0 and its accounting adds up.
    pub(crate) fn well(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.err);
        let summary = self.summary();
        assert!(adds_up(&summary), "I4: {summary}");
        self
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// I4: consumed = applied + duplicate + late + dead letter + ignored.
pub(crate) fn adds_up(summary: &Value) -> bool {
    let count = |value: &Value| value.as_u64().expect("a count");
    let ignored: u64 = summary["ignored"].as_object().expect("an object").values().map(count).sum();
    let ended: u64 = ["applied", "duplicate", "late", "dead_letter"].iter().map(|key| count(&summary[*key])).sum();
    count(&summary["consumed"]) == ended + ignored
}

/// Runs the worker to its end.
pub(crate) fn run<A: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = A>) -> Ended {
    worker(arguments).output().expect("the worker starts").into()
}

/// Runs `worker replay` on a file, with more arguments, and expects success.
pub(crate) fn replay(file: &Path, arguments: &[&str]) -> Ended {
    let mut command = worker(["replay"]);
    command.args(arguments).arg(file);
    Ended::from(command.output().expect("the worker starts")).well()
}

/// Runs the worker with `input` on its stdin.
pub(crate) fn run_with_stdin(arguments: &[&str], input: &[u8]) -> Ended {
    let mut child = worker(arguments).stdin(Stdio::piped()).spawn().expect("the worker starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    thread::scope(|scope| {
        // On a thread: the worker may write before it has read all.
        scope.spawn(move || stdin.write_all(input).expect("the worker reads its stdin"));
        child.wait_with_output().expect("the worker ends").into()
    })
}

/// A moment of the machine's clock, to bound waiting with.
#[expect(clippy::disallowed_methods, reason = "how long a process takes is no time that results depend on")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Waits until `done`, at most [`LIMIT`].
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let began = now();
    while !done() {
        assert!(began.elapsed() < LIMIT, "waited {LIMIT:?} for: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Waits for a process's end; one that hangs is killed.
pub(crate) fn end_of(mut child: Child, within: Duration) -> Ended {
    let began = now();
    while child.try_wait().expect("its state can be asked for").is_none() {
        if began.elapsed() > within {
            child.kill().expect("it can be killed");
            let said = Ended::from(child.wait_with_output().expect("it was killed")).err;
            panic!("still running after {within:?}; it said: {said}");
        }
        thread::sleep(Duration::from_millis(2));
    }
    child.wait_with_output().expect("the worker ended").into()
}

/// Sends a signal by its name, such as `TERM`.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status();
    assert!(sent.expect("sh runs").success());
}
