//! The worker as a process on a disk that is full, read-only, slow, or fails: it pauses, says so, goes on when the disk is
//! well again, and every result stands in its file once.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::life::{Life, SOON, under_load};
use super::support::Real;
use crate::program::{Ended, end_of, signal, wait_until, worker};
use crate::shim::{shimmed, shimmed_while};

const A_SECOND: u32 = 2_000;
/// What it says while it waits for the disk, and once it need not.
const WAITS: &str = "nothing leaves and nothing is read until this is mended";
const GOES_ON: &str = "well again: going on";

/// A worker whose log is read as it is written.
struct Watched {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Watched {
    fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let (stderr, said) = (child.stderr.take().unwrap(), Arc::new(Mutex::new(String::new())));
        let into = Arc::clone(&said);
        // Ends with the process.
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                into.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Self { child, said }
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    fn says(&mut self, what: &str) {
        wait_until(what, || {
            assert!(self.child.try_wait().unwrap().is_none(), "it ended: {}", self.said());
            self.said().contains(what)
        });
    }

    /// Stopped by SIGTERM, it must end well.
    fn stop(self) -> String {
        signal(&self.child, "TERM");
        let said = Arc::clone(&self.said);
        let Ended { code, .. } = end_of(self.child, SOON);
        let said = said.lock().unwrap().clone();
        assert_eq!(code, Some(0), "{said}");
        said
    }
}

/// Waits until results come.
fn results_come(life: &Life<'_>) {
    let before = life.length();
    wait_until("results come", || life.length() > before);
}

/// Nothing comes while the disk is not well: some may still be on their way.
fn nothing_comes(life: &Life<'_>) {
    std::thread::sleep(Duration::from_millis(300));
    let before = life.length();
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(life.length(), before, "results leave although the disk is not well");
}

/// Every checkpoint that is there is whole.
fn checkpoints_are_whole(folder: &Path) {
    let directory = folder.join("checkpoints");
    let ended: Ended = worker(["checkpoint", "verify", "--dir", directory.to_str().unwrap()]).output().unwrap().into();
    assert_eq!(ended.code, Some(0), "{} {}", ended.out, ended.err);
    assert!(ended.out.contains("sound"), "{}", ended.out);
}

/// Calls that fail, with the error of the disk: on the log, the state, the results.
const FAULTS: [(&str, &str); 7] = [
    ("the log's sync fails", "sync|*/log/*.epochs|eio|0"),
    ("the log's disk is full", "write|*/log/*.epochs|enospc|0"),
    ("the log is read-only, and what is half written cannot be cut off", "write|*/log/*|erofs|0;cut|*/log/*|erofs|0"),
    ("the state's disk is full", "write|*/db/*|enospc|0;write|*/db/probe|enospc|0"),
    ("the state's disk fails", "write|*/db/*|eio|0;sync|*/db/*|eio|0"),
    ("the results' disk is full", "write|*/results|enospc|0"),
    ("everything is read-only", "write|*/state/*|erofs|0;write|*/results|erofs|0;sync|*/state/*|erofs|0"),
];

#[test]
fn i1_a_disk_that_fails_is_waited_for() {
    let Some(real) = Real::broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let life = Life::of(real.topic(3), folder.path());
    let flag = folder.path().join("not-well");
    let written = under_load(&life, A_SECOND, || {
        for (fault, rules) in FAULTS {
            let mut command = life.command(&[]);
            shimmed_while(&mut command, rules, &flag);
            let mut worker = Watched::start(command);
            results_come(&life);
            File::create(&flag).unwrap();
            worker.says(WAITS);
            nothing_comes(&life);
            fs::remove_file(&flag).unwrap();
            worker.says(GOES_ON);
            results_come(&life);
            let said = worker.stop();
            assert!(said.matches(WAITS).count() < 5, "{fault}: it floods the log: {said}");
        }
    });
    checkpoints_are_whole(folder.path());
    life.must_be_right(written);
}

// The checkpoints' disk is nothing that results wait for. None is made meanwhile, none is torn, and later one is made.
#[test]
fn i6_checkpoints_that_cannot_be_made_hold_nothing_up() {
    let Some(real) = Real::broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let life = Life::of(real.topic(3), folder.path());
    let flag = folder.path().join("not-well");
    let written = under_load(&life, A_SECOND, || {
        for rules in ["write|*/checkpoints/*|enospc|0", "sync|*/checkpoints/*|eio|0", "rename|*/chk-*|erofs|0"] {
            let mut command = life.command(&[("state.checkpoint_interval_ms", "100")]);
            shimmed_while(&mut command, rules, &flag);
            let mut worker = Watched::start(command);
            worker.says("checkpoint made");
            File::create(&flag).unwrap();
            worker.says("no checkpoint was made");
            results_come(&life);
            checkpoints_are_whole(folder.path());
            fs::remove_file(&flag).unwrap();
            let made = |said: String| said.matches("checkpoint made").count();
            let before = made(worker.said());
            wait_until("a checkpoint again", || made(worker.said()) > before);
            worker.stop();
            checkpoints_are_whole(folder.path());
        }
    });
    life.must_be_right(written);
}

// Syncs of a third of a second each: epochs grow, nothing else changes.
#[test]
fn a_slow_disk_changes_no_result() {
    let Some(real) = Real::broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let life = Life::of(real.topic(3), folder.path());
    let written = under_load(&life, A_SECOND, || {
        let mut command = life.command(&[]);
        shimmed(&mut command, "sync|*|slow-300|0");
        let worker = Watched::start(command);
        for _ in 0..4 {
            results_come(&life);
        }
        worker.stop();
    });
    life.must_be_right(written);
}

// What was written of the results may be lost, and nobody can say how much: the run ends, and the next one goes on from the
// commit before.
#[test]
fn i1_results_that_cannot_be_synced_end_the_run_and_are_written_again() {
    let Some(real) = Real::broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let life = Life::of(real.topic(3), folder.path());
    let written = under_load(&life, A_SECOND, || {
        for number in [1, 9, 30] {
            let mut command = life.command(&[]);
            shimmed(&mut command, &format!("sync|*/results|eio|{number}"));
            let ended = end_of(command.stderr(Stdio::piped()).spawn().unwrap(), SOON);
            assert_eq!(ended.code, Some(1), "{}", ended.err);
            assert!(ended.err.contains("at the next start what it may have lost is written again"), "{}", ended.err);
        }
    });
    life.must_be_right(written);
}

/// A file system of its own, for as long as it is not dropped.
struct Mounted(PathBuf);

impl Mounted {
    /// `None` where nobody may mount: said, and skipped.
    fn tmpfs(at: &Path, options: &str) -> Option<Self> {
        if !is_root() {
            println!("skipped: only root may mount a file system");
            return None;
        }
        fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at).status().unwrap();
        assert!(mounted.success(), "a tmpfs cannot be mounted at {}", at.display());
        Some(Self(at.to_owned()))
    }

    fn again(&self, options: &str) {
        let mounted = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0).status().unwrap();
        assert!(mounted.success(), "{options}");
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: a worker of a test that failed may still be there.
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

fn is_root() -> bool {
    let user = Command::new("id").arg("-u").output().unwrap().stdout;
    user == b"0\n"
}

// Filled to the last byte by somebody else, in the middle of work; state, log, checkpoints and results are on it.
#[test]
fn i1_a_full_file_system_is_waited_for() {
    let Some(real) = Real::broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let small = folder.path().join("small");
    let Some(mounted) = Mounted::tmpfs(&small, "size=256m") else { return };
    let life = Life::of(real.topic(3), &small);
    let written = under_load(&life, A_SECOND, || {
        let mut worker = Watched::start(life.command(&[]));
        for _ in 0..3 {
            results_come(&life);
            let filler = small.join("filler");
            let mut file = File::create(&filler).unwrap();
            let before = worker.said().matches(WAITS).count();
            // Until nothing more fits; what the worker gives up for its log is taken too.
            wait_until("it waits, and nothing comes", || {
                while file.write_all(&[0; 4096]).is_ok() {}
                let length = life.length();
                std::thread::sleep(Duration::from_millis(700));
                worker.said().matches(WAITS).count() > before && life.length() == length
            });
            drop(file);
            let going_on = worker.said().matches(GOES_ON).count();
            fs::remove_file(&filler).unwrap();
            wait_until("it goes on", || worker.said().matches(GOES_ON).count() > going_on);
        }
        worker.says(GOES_ON);
        results_come(&life);
        worker.stop();
    });
    checkpoints_are_whole(&small);
    life.must_be_right(written);
    drop(mounted);
}

// A file system that nothing may be written to is told at the start, before any message is read.
#[test]
fn a_read_only_file_system_is_told_at_the_start() {
    let Some(real) = Real::broker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mount = folder.path().join("mount");
    let Some(mounted) = Mounted::tmpfs(&mount, "size=64m") else { return };
    let life = Life::of(real.topic(3), &mount);
    let written = under_load(&life, A_SECOND, || {
        let worker = Watched::start(life.command(&[]));
        results_come(&life);
        worker.stop();
        mounted.again("ro");
        let length = life.length();
        let ended = end_of(life.command(&[]).stderr(Stdio::piped()).spawn().unwrap(), SOON);
        assert!(ended.code.is_some_and(|code| code != 0), "{}", ended.err);
        assert!(ended.err.contains("Read-only file system"), "{}", ended.err);
        assert_eq!(life.length(), length);
        mounted.again("rw");
        let worker = Watched::start(life.command(&[]));
        results_come(&life);
        worker.stop();
    });
    life.must_be_right(written);
}
