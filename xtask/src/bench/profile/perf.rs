//! Linux' `perf`: whether it may be used here, recording, and its samples as folded stacks and as a picture.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use inferno::collapse::Collapse as _;
use inferno::collapse::perf::Folder;
use inferno::flamegraph;

use crate::workspace;

/// A prime, so that nothing that happens at round times is always or never seen.
const SAMPLES_A_SECOND: &str = "997";
/// From this on the kernel lets nobody but root look, not even at programs of their own.
const NOBODY: i32 = 3;

/// The tool, there and permitted.
#[derive(Debug)]
pub(crate) struct Perf(PathBuf);

impl Perf {
    /// Looks for it; an error names what is missing and the remedy.
    pub(crate) fn find() -> Result<Self> {
        let program = workspace::program("perf")
            .context("perf is not installed: apt-get install linux-perf (Debian) or linux-tools-generic (Ubuntu)")?;
        let paranoid = std::fs::read_to_string("/proc/sys/kernel/perf_event_paranoid")
            .context("this kernel has no perf events: /proc/sys/kernel/perf_event_paranoid is not there")?;
        match forbidden(paranoid.trim(), rustix::process::geteuid().is_root()) {
            Some(reason) => bail!(reason),
            None => Ok(Self(program)),
        }
    }

    /// `program` with its arguments, recorded into a file.
    ///
    /// By the clock: machines in the cloud have no counters. Stacks are found by the unwinding tables that every program has,
    /// from a copy of the stack's end: nothing need be built anew with frame pointers, RocksDB and librdkafka least of all.
    pub(crate) fn recorded(&self, command: &Command, data: &Path) -> Command {
        let mut perf = Command::new(&self.0);
        perf.args(["record", "--quiet", "-e", "cpu-clock", "-F", SAMPLES_A_SECOND, "--call-graph", "dwarf,8192", "-o"]);
        // In a session of its own the worker hears of the end from perf alone: told twice, it would not wait for its results.
        perf.arg(data).args(["--", "setsid"]).arg(command.get_program()).args(command.get_args());
        if let Some(directory) = command.get_current_dir() {
            perf.current_dir(directory);
        }
        perf
    }

    /// What was recorded, as folded stacks with the nanoseconds that each stands for.
    pub(crate) fn folded(&self, data: &Path, work: &Path) -> Result<String> {
        let script = work.join("perf.script");
        let mut command = Command::new(&self.0);
        // `--no-inline`: without debug information there is nothing to be had from looking for it, which takes minutes.
        command.args(["script", "--no-inline", "--force", "-i"]).arg(data).stdin(Stdio::null());
        let output = command.stdout(File::create(&script)?).stderr(Stdio::piped()).output()?;
        if !output.status.success() {
            bail!("perf script: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
        }
        let mut folded = Vec::new();
        Folder::default()
            .collapse(BufReader::new(File::open(&script)?), &mut folded)
            .context("perf's samples cannot be read")?;
        String::from_utf8(folded).context("perf's samples are no text")
    }
}

/// A flame graph of folded stacks.
pub(crate) fn draw(folded: &str, title: &str, path: &Path) -> Result<()> {
    let mut options = flamegraph::Options::default();
    title.clone_into(&mut options.title);
    "ns".clone_into(&mut options.count_name);
    // The same functions have the same colours in every picture, before and after.
    options.hash = true;
    let file = File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
    flamegraph::from_lines(&mut options, folded.lines(), file)
        .with_context(|| format!("{} cannot be drawn", path.display()))
}

/// Why the kernel does not let us look, with the remedy.
fn forbidden(paranoid: &str, root: bool) -> Option<String> {
    let level: i32 = paranoid.parse().ok()?;
    (level >= NOBODY && !root).then(|| {
        format!(
            "kernel.perf_event_paranoid is {level}, which keeps everybody but root from looking: \
             sudo sysctl kernel.perf_event_paranoid=1"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_look_is_told_the_remedy() {
        for (paranoid, root, may) in
            [("-1", false, true), ("2", false, true), ("3", false, false), ("4", false, false), ("4", true, true)]
        {
            assert_eq!(forbidden(paranoid, root).is_none(), may, "{paranoid} {root}");
        }
        let told = forbidden("4", false).expect("forbidden");
        assert!(told.ends_with("sudo sysctl kernel.perf_event_paranoid=1"), "{told}");
    }

    #[test]
    fn the_command_runs_where_it_was_to_run() {
        let mut worker = Command::new("/bin/worker");
        worker.args(["run", "--set", "a=b"]).current_dir("/tmp");
        let command = Perf("/bin/perf".into()).recorded(&worker, Path::new("/tmp/data"));
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect();
        assert!(
            arguments.ends_with(&["--", "setsid", "/bin/worker", "run", "--set", "a=b"].map(str::to_owned)),
            "{arguments:?}"
        );
        assert_eq!(command.get_current_dir(), Some(Path::new("/tmp")));
    }

    #[test]
    fn a_flame_graph_is_a_picture_with_its_title() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("flames.svg");
        draw("poll;run;memmove 4\nshard-0;run;decode 3\n", "the worker", &path).expect("drawn");
        let svg = std::fs::read_to_string(&path).expect("written");
        assert!(svg.contains("<svg") && svg.contains("the worker") && svg.contains("memmove"), "{svg}");
    }
}
