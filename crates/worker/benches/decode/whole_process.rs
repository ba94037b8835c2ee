//! `worker replay` as people run it, from its start to its end: processor time and the most memory that it held.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tempfile::TempDir;
use worker::source::Batch;
use worker::source::recording::{ReadOutcome, RecordingSource};

use crate::Subject;
use crate::corpus::{EPOCH_BYTES, EPOCH_RECORDS, LINE_BYTES, fixture};
use crate::stopwatch::{Cost, Stopwatch};

/// Memory is looked at this often: what is held for less does not show.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The kernel counts processor time in these when a process asks about another (`USER_HZ`, the same on every Linux).
const TICKS_PER_SECOND: u64 = 100;

/// A plain recording, and what is in it.
pub(crate) struct Replays {
    path: PathBuf,
    records: usize,
    bytes: usize,
    _directory: TempDir,
}

impl Replays {
    /// Over a recording of one's own, or the bulk one, unpacked: unpacking would hide the rest.
    pub(crate) fn new(recording: Option<&Path>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = recording.map_or_else(
            || {
                let path = directory.path().join("bulk.ndjson");
                let packed = File::open(fixture("bulk_200k.ndjson.gz")).expect("the bulk recording");
                let mut plain = File::create(&path).expect("a file");
                std::io::copy(&mut MultiGzDecoder::new(packed), &mut plain).expect("room for it");
                path
            },
            Path::to_owned,
        );
        let bytes = fs::metadata(&path).expect("a recording").len() as usize;
        let records = BufReader::new(File::open(&path).expect("a recording")).split(b'\n').count();
        Self { path, records, bytes, _directory: directory }
    }

    /// Lines of the recording.
    pub(crate) fn records(&self) -> usize {
        self.records
    }

    /// Bytes of its lines.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Each way to run it, after the yardstick: reading alone.
    pub(crate) fn subjects(&self) -> Vec<Subject<'_>> {
        let replay = |arguments: &'static [&'static str]| Box::new(|| self.replay(arguments));
        vec![
            Subject { name: "read: lines into batches", run: Box::new(|| self.read()) },
            Subject { name: "worker replay, no RAW", run: replay(&["--set", "raw.enabled=false"]) },
            Subject { name: "worker replay, text", run: replay(&["--format", "text"]) },
            Subject { name: "worker replay, JSON", run: replay(&["--format", "json"]) },
        ]
    }

    fn read(&self) -> Cost {
        let mut source = RecordingSource::open(std::slice::from_ref(&self.path), LINE_BYTES).expect("a recording");
        let mut batch = Batch::default();
        let watch = Stopwatch::start();
        while source.read(&mut batch, EPOCH_RECORDS, EPOCH_BYTES).expect("a recording") == ReadOutcome::More {
            batch.clear();
        }
        watch.lap()
    }

    fn replay(&self, arguments: &[&str]) -> Cost {
        let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
        command.arg("replay").args(arguments).arg(&self.path);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let watch = Stopwatch::start();
        let mut child = command.spawn().expect("the worker");
        let resident_bytes = watch_memory(&child);
        let (wall, cpu) = (watch.lap().wall, processor_time(&child));
        assert!(child.wait().expect("its end").success(), "worker replay failed: {command:?}");
        Cost { wall, cpu, resident_bytes }
    }
}

/// Looks at the child's memory until it has ended, without collecting it.
fn watch_memory(child: &Child) -> u64 {
    let mut most_bytes = 0;
    let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    let pid = Pid::from_child(child);
    while waitid(WaitId::Pid(pid), ended).expect("our child").is_none() {
        if let Some(resident_bytes) = high_water_mark(child.id()) {
            most_bytes = resident_bytes;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    most_bytes
}

fn high_water_mark(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok().map(|kib: u64| kib * 1024)
}

/// User and system time of a child that has ended and has not been collected.
fn processor_time(child: &Child) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("our child");
    // The program's name, in brackets, may hold anything; utime and stime are the 14th and 15th field.
    let (_, fields) = stat.rsplit_once(')').expect("a line of stat");
    let ticks: u64 =
        fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
}
