//! What a worker writes to stdout, followed from its first line on, over restarts and replacements of its container.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};

use crate::output::Output;
use crate::process::Group;
use crate::stack::docker;
use crate::stopwatch::Stopwatch;
use crate::wait::{Look, until};

/// Between two looks for a container that is not there yet, or runs no more.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A log is taken up behind its last line: what was cut off there would stand in one line with what follows.
const NANOSECOND: SignedDuration = SignedDuration::from_nanos(1);

/// One line of stdout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// When Docker Engine read it, in milliseconds since the Unix epoch.
    pub(crate) at_ms: i64,
    /// Without its end.
    pub(crate) text: String,
}

/// Follows one service's container until dropped.
#[derive(Debug)]
pub(crate) struct Lines {
    /// The service.
    service: String,
    read: Arc<Mutex<Vec<Line>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Lines {
    /// Follows the container of this service, which may come later. The lines also go to a file in `logs`.
    pub(crate) fn follow(project: &str, service: &str, logs: &Path) -> Result<Self> {
        let path = logs.join(format!("{service}.stdout"));
        let copy = File::options().create(true).append(true).open(&path);
        let copy = copy.with_context(|| format!("{} cannot be written", path.display()))?;
        let (read, stop) = (Arc::<Mutex<Vec<Line>>>::default(), Arc::<AtomicBool>::default());
        let follower = Follower {
            project: project.to_owned(),
            service: service.to_owned(),
            read: Arc::clone(&read),
            stop: Arc::clone(&stop),
            copy,
        };
        let thread = Some(thread::spawn(move || follower.run()));
        Ok(Self { service: service.to_owned(), read, stop, thread })
    }

    /// All lines so far.
    pub(crate) fn all(&self) -> Vec<Line> {
        self.since(0)
    }

    /// Where the next line will stand: for [`Lines::since`].
    pub(crate) fn mark(&self) -> usize {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The lines from a mark on.
    pub(crate) fn since(&self, mark: usize) -> Vec<Line> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)[mark..].to_vec()
    }

    /// All lines so far, read as JSON; one that is something else is an error.
    pub(crate) fn outputs(&self) -> Result<Vec<(i64, Output)>> {
        self.outputs_since(0)
    }

    /// The same from a mark on. A line whose writer was killed in the middle of it is left out: it comes again.
    pub(crate) fn outputs_since(&self, mark: usize) -> Result<Vec<(i64, Output)>> {
        let lines = self.since(mark);
        let whole = lines.iter().filter(|line| !is_torn(&line.text));
        whole.map(|line| Ok((line.at_ms, Output::parse(&line.text)?))).collect()
    }

    /// Waits for the first line that this finds, and hands back what it found.
    pub(crate) fn wait_for<T>(
        &self,
        what: &str,
        limit: Duration,
        mut find: impl FnMut(&Line) -> Result<Option<T>>,
    ) -> Result<T> {
        let mut seen = 0;
        until(&format!("{what} from {}", self.service), limit, || {
            for line in self.since(seen) {
                seen += 1;
                if let Some(found) = find(&line)? {
                    return Ok(Look::Found(found));
                }
            }
            Ok(Look::NotYet(format!("not among its {seen} lines")))
        })
    }
}

/// JSON that ends too soon.
fn is_torn(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_err_and(|error| error.is_eof())
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed; what it read is still there.
            let _ended = thread.join();
        }
    }
}

/// The thread's part.
struct Follower {
    project: String,
    service: String,
    read: Arc<Mutex<Vec<Line>>>,
    stop: Arc<AtomicBool>,
    copy: File,
}

impl Follower {
    fn run(mut self) {
        // Where the same container's log is taken up again: the time of the last line, and the container.
        let (mut last, mut followed) = (None, String::new());
        while !self.stop.load(Ordering::Relaxed) {
            let running = docker::containers(&self.project).unwrap_or_default();
            match running.into_iter().find(|container| container.service == self.service && container.runs()) {
                Some(container) => {
                    if container.id != followed {
                        (last, followed) = (None, container.id);
                    }
                    // Ends with the container, or is stopped with us; either way it is looked at again.
                    let _ended = self.follow(&followed, &mut last);
                }
                None => thread::sleep(LOOK_EVERY),
            }
        }
    }

    fn follow(&mut self, id: &str, last: &mut Option<Timestamp>) -> Result<()> {
        use std::os::unix::process::CommandExt as _;
        let mut command = Command::new("docker");
        command.args(["logs", "--follow", "--timestamps"]);
        if let Some(after) = last.and_then(|last| last.checked_add(NANOSECOND).ok()) {
            command.args(["--since", &format!("{after:.9}")]);
        }
        command.arg(id).process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut group = Group(command.spawn()?);
        let stdout = group.0.stdout.take().context("no pipe")?;
        let ended = AtomicBool::new(false);
        thread::scope(|scope| {
            // Reading blocks while nothing is written, so somebody else looks whether we are to stop.
            let (stop, ended) = (Arc::clone(&self.stop), &ended);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) && !ended.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(20));
                }
                drop(group);
            });
            let mut lines = BufReader::new(stdout);
            let mut bytes = Vec::new();
            while lines.read_until(b'\n', &mut bytes).is_ok_and(|read| read > 0) {
                self.take(&String::from_utf8_lossy(&bytes), last);
                bytes.clear();
            }
            ended.store(true, Ordering::Relaxed);
        });
        Ok(())
    }

    /// `2026-11-27T01:02:03.123456789Z text`. Every line counts: a clock that is set back gives later lines earlier times.
    fn take(&mut self, line: &str, last: &mut Option<Timestamp>) {
        // The copy is for people; that it cannot be written does not change what is judged.
        let _ = self.copy.write_all(line.as_bytes());
        let mut next = parts(line);
        while let Some((time, text)) = next {
            *last = Some(time);
            let (text, behind) = text.split_at(joined(text).unwrap_or(text.len()));
            let line = Line { at_ms: time.as_millisecond(), text: text.to_owned() };
            self.read.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            next = parts(behind);
        }
    }
}

/// Where the next entry of the log begins in the text of one whose writer was killed in the middle of a line: Docker puts it
/// behind, with its time and a space. No time in the worker's lines has nine places.
fn joined(text: &str) -> Option<usize> {
    const TIME: usize = "2026-11-27T01:02:03.123456789Z".len();
    let ends = text.match_indices("Z ").map(|(at, _)| at + 1);
    let begins =
        ends.filter_map(|end| end.checked_sub(TIME).filter(|begin| text.is_char_boundary(*begin)).zip(Some(end)));
    let is_time = |(begin, end): &(usize, usize)| text[*begin..*end].parse::<Timestamp>().is_ok();
    begins.filter(is_time).map(|(begin, _)| begin).next()
}

fn parts(line: &str) -> Option<(Timestamp, &str)> {
    let (at, text) = line.trim_end_matches('\n').split_once(' ')?;
    Some((at.parse().ok()?, text))
}

/// Waits until nothing was written for this long: for what must not come.
pub(crate) fn settle(lines: &Lines, quiet: Duration, limit: Duration) -> Result<()> {
    let (mut mark, mut since) = (lines.mark(), Stopwatch::start());
    until("no more lines", limit, || {
        if lines.mark() != mark {
            (mark, since) = (lines.mark(), Stopwatch::start());
        }
        Ok(if since.elapsed() >= quiet { Look::Found(()) } else { Look::NotYet(format!("{mark} lines")) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follower() -> Follower {
        let copy = tempfile::tempfile().expect("a file");
        let (project, service) = ("p".to_owned(), "s".to_owned());
        Follower { project, service, read: Arc::default(), stop: Arc::default(), copy }
    }

    #[test]
    fn no_line_is_left_out_where_the_clock_is_set_back() {
        let (mut follower, mut last) = (follower(), None);
        let read = Arc::clone(&follower.read);
        for line in
            ["2026-11-27T01:02:03.000000005Z a\n", "2026-11-27T01:02:03.000000005Z b\n", "2026-11-27T01:02:02.9Z c d\n"]
        {
            follower.take(line, &mut last);
        }
        let texts: Vec<String> = read.lock().expect("no panic").iter().map(|line| line.text.clone()).collect();
        assert_eq!(texts, ["a", "b", "c d"]);
    }

    // As Docker handed it out after a kill, on 2026-11-27.
    #[test]
    fn a_line_that_was_cut_off_does_not_take_the_next_one_with_it() {
        let (mut follower, mut last) = (follower(), None);
        let read = Arc::clone(&follower.read);
        follower.take(
            "2026-11-27T20:06:43.262145301Z {\"id\":\"삼\",\"threshold\":\"2026-11-27T20:06:50.004145301Z {\"at\":\"2026-11-27T20:06:43.262Z\",\"x\":\"Z \"}\n",
            &mut last,
        );
        assert_eq!(last.map(|last| last.to_string()).as_deref(), Some("2026-11-27T20:06:50.004145301Z"));
        let lines = read.lock().expect("no panic").clone();
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        let [torn, whole] = texts[..] else { panic!("{texts:?}") };
        assert!(is_torn(torn) && torn.ends_with("\"threshold\":\""), "{torn}");
        assert_eq!(whole, "{\"at\":\"2026-11-27T20:06:43.262Z\",\"x\":\"Z \"}");
    }
}
