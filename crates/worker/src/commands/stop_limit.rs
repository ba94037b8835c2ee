//! A stop that does not come to its end: somebody who should take results takes nothing, a pipe that nobody reads for
//! example, and whoever waits in that write cannot be told anything. Ending the process there is what a crash would be, for
//! which state and log are made.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use super::session::summary_line;
use crate::cli::Exit;
use crate::epoch::Progress;
use crate::time::clock::{Clock as _, SystemClock};

/// How often it is looked whether the stop goes on.
const LOOK: Duration = Duration::from_millis(100);
/// How long stdout may take nothing during a stop, in milliseconds: who reads it is there or is not.
const STDOUT_LIMIT_MS: i64 = 5_000;
/// How long nothing at all may move during a stop, in milliseconds: longer than brokers are waited for at a commit.
const LIMIT_MS: i64 = 25_000;
/// How long saying so may take: stderr may be the same pipe.
const SAID_WITHIN: Duration = Duration::from_secs(1);

/// Ends the process where a stop does not end; until it is dropped.
pub(super) struct StopLimit {
    _over: Sender<()>,
}

/// What the watching thread knows.
struct Watch {
    stop: Arc<AtomicBool>,
    progress: Arc<Progress>,
    /// The state is on disk: what is logged and not delivered leaves at the next start.
    durable: bool,
    /// File for the accounting.
    summary: Option<PathBuf>,
}

impl StopLimit {
    /// Watches from the moment at which `stop` is set.
    pub(super) fn watch(
        stop: Arc<AtomicBool>,
        progress: Arc<Progress>,
        durable: bool,
        summary: Option<PathBuf>,
    ) -> std::io::Result<Self> {
        let (over, ended) = channel();
        let watch = Watch { stop, progress, durable, summary };
        thread::Builder::new().name("stop-limit".to_owned()).spawn(move || {
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                if watch.stop.load(Ordering::Relaxed) {
                    return watch.stopping(&ended);
                }
            }
        })?;
        Ok(Self { _over: over })
    }
}

impl Watch {
    /// Looks until the run is over, or nothing has moved for too long.
    fn stopping(&self, ended: &std::sync::mpsc::Receiver<()>) {
        let (mut before, mut since_ms) = (None, SystemClock.boot_ms());
        while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            if self.progress.is_delivered() {
                return;
            }
            let (telemetry, now_ms) = (&self.progress.telemetry, SystemClock.boot_ms());
            let sink = telemetry.delivering_to();
            let now = Some((telemetry.last_epoch(), self.progress.epoch(), sink));
            if now != before {
                (before, since_ms) = (now, now_ms);
            }
            let still_ms = now_ms - since_ms;
            if still_ms >= if sink == Some("stdout") { STDOUT_LIMIT_MS } else { LIMIT_MS } {
                self.give_up(sink, still_ms);
            }
        }
    }

    fn give_up(&self, sink: Option<&str>, still_ms: i64) -> ! {
        let (what, epoch) = (sink.unwrap_or("the state"), self.progress.telemetry.last_epoch());
        let then =
            if self.durable { "what is logged leaves at the next start" } else { "what was read since is not kept" };
        let summary = summary_line(&self.progress.counts());
        let line = format!(
            "{summary}\nworker: stopped with results that have not left: {what} has taken nothing for {} s; epoch {epoch} \
             was the last to be delivered, {then}\n",
            still_ms / 1_000
        );
        let (path, (said, done)) = (self.summary.clone(), channel());
        thread::spawn(move || {
            // Nobody is left to hear of a failure.
            let _written = path.map(|path| std::fs::write(path, summary + "\n"));
            let _closed = std::io::stderr().write_all(line.as_bytes());
            let _gone = said.send(());
        });
        // Where it cannot be said the exit code says it.
        let _said = done.recv_timeout(SAID_WITHIN);
        // Without destructors: the thread that waits for the sink is in the middle of things.
        signal_hook::low_level::exit(i32::from(Exit::Failed.code()))
    }
}
