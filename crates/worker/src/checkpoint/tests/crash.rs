//! A crash at every step of making a checkpoint, with the loss of what was not synced: what is seen afterwards is the
//! old set or the new one, and all of it verifies (I6). A disk that lies about one kind of sync must be found out.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::*;

/// A kind of step; `Nothing` is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    Nothing,
    SyncFile,
    SyncDir,
    SyncManifest,
}

/// A disk that counts steps, stops at one (the machine is gone), and knows what was synced until then.
#[derive(Clone, Debug)]
struct FailingDisk {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    steps: Vec<(&'static str, PathBuf)>,
    dies_at: usize,
    lie: Lie,
    /// Files and directories (by inode) whose content survives the machine.
    synced: HashSet<u64>,
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}

impl FailingDisk {
    fn new(dies_at: usize, lie: Lie) -> Self {
        let shared = Shared { steps: Vec::new(), dies_at, lie, synced: HashSet::new() };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    /// Takes a step, unless the machine is gone.
    fn step(&self, what: &'static str, path: &Path, act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut shared = self.shared.lock().unwrap();
        if shared.steps.len() >= shared.dies_at {
            return Err(io::Error::other("power lost"));
        }
        shared.steps.push((what, path.to_owned()));
        drop(shared);
        act()
    }

    fn sync(&self, what: &'static str, path: &Path, lies: bool) -> io::Result<()> {
        self.step(what, path, || {
            if !lies {
                self.shared.lock().unwrap().synced.insert(inode(path));
            }
            Ok(())
        })
    }

    fn lie(&self) -> Lie {
        self.shared.lock().unwrap().lie
    }

    fn steps(&self) -> Vec<(&'static str, PathBuf)> {
        self.shared.lock().unwrap().steps.clone()
    }

    /// What the machine's end does: files that were not synced are empty, directories that were not synced too.
    fn lose_what_was_not_synced(&self, directory: &Path) {
        let synced = self.shared.lock().unwrap().synced.clone();
        let below = files::below(directory).unwrap();
        for inner in below.directories.iter().rev() {
            let path = directory.join(inner);
            if !synced.contains(&inode(&path)) {
                fs::remove_dir_all(&path).unwrap();
                fs::create_dir(&path).unwrap();
            }
        }
        for file in files::below(directory).unwrap().files {
            let path = directory.join(file);
            if !synced.contains(&inode(&path)) {
                // Not in place: the database synced what it shares with us.
                fs::remove_file(&path).unwrap();
                fs::write(&path, "").unwrap();
            }
        }
    }
}

impl Disk for FailingDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.step("create_dir", path, || RealDisk.create_dir(path))
    }
    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.step("write_new", path, || RealDisk.write_new(path, bytes))
    }
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("hard_link", to, || RealDisk.hard_link(from, to))
    }
    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("copy", to, || RealDisk.copy(from, to))
    }
    fn sync_file(&self, path: &Path) -> io::Result<()> {
        let lies = match self.lie() {
            Lie::SyncFile => !path.ends_with("manifest.json"),
            Lie::SyncManifest => path.ends_with("manifest.json"),
            Lie::Nothing | Lie::SyncDir => false,
        };
        self.sync("sync_file", path, lies)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.sync("sync_dir", path, self.lie() == Lie::SyncDir)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("rename", to, || RealDisk.rename(from, to))
    }
    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.step("remove_dir", path, || RealDisk.remove_dir(path))
    }
    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.step("remove_dir_all", path, || RealDisk.remove_dir_all(path))
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.step("remove_file", path, || RealDisk.remove_file(path))
    }
}

/// Makes checkpoint 4 beside 1, 2 and 3 on a disk that dies at a step. `true` if it was made before.
fn made_until(dies_at: usize, lie: Lie) -> (tempfile::TempDir, FailingDisk, bool) {
    let (root, _) = with_checkpoints(&[1, 2, 3]);
    let directory = root.path().join("checkpoints");
    let disk = FailingDisk::new(dies_at, lie);
    // What was there before is on the disk.
    let before = files::below(&directory).unwrap();
    let all = before.files.iter().map(PathBuf::from).chain(before.directories.iter().cloned());
    disk.shared.lock().unwrap().synced.extend(all.map(|path| inode(&directory.join(path))));
    let store = CheckpointStore::open_on(Box::new(disk.clone()), &directory, 3).unwrap();
    let made = store.create(fill(root.path(), 4), 0).is_ok();
    (root, disk, made)
}

/// The epochs that are seen after the machine's end; `Err` names what is torn.
fn seen_after(root: &Path, disk: &FailingDisk) -> Result<Vec<u64>, Refused> {
    let directory = root.join("checkpoints");
    disk.lose_what_was_not_synced(&directory);
    let store = CheckpointStore::open(&directory, 3).unwrap();
    let seen = store.list().unwrap().into_iter().map(|listed| Ok(verify(listed)?.manifest().epoch)).collect();
    // Whatever happened, the next one can be made.
    store.create(fill(root, 5), 0).unwrap();
    assert_eq!(store.newest_that_verifies().unwrap().verified.unwrap().manifest().epoch, 5);
    seen
}

/// Steps of a whole run.
fn steps() -> usize {
    let (_root, disk, made) = made_until(usize::MAX, Lie::Nothing);
    assert!(made);
    disk.steps().len()
}

#[test]
fn i6_a_crash_at_every_step_leaves_the_old_set_or_the_new_one() {
    let steps = steps();
    assert!(steps > 12, "{steps}");
    let mut sets = Vec::new();
    for dies_at in 0..=steps {
        let (root, disk, made) = made_until(dies_at, Lie::Nothing);
        let seen = seen_after(root.path(), &disk).unwrap_or_else(|torn| panic!("step {dies_at}: {torn}"));
        // In the middle, the oldest may still be there beside the new one.
        let sound: [&[u64]; 3] = [&[3, 2, 1], &[4, 3, 2, 1], &[4, 3, 2]];
        assert!(sound.contains(&seen.as_slice()), "step {dies_at}: {seen:?}");
        assert!(!made || seen == [4, 3, 2], "told that it was made");
        sets.push(seen.len());
    }
    assert!(sets.first() == Some(&3) && sets.contains(&4) && sets.last() == Some(&3), "{sets:?}");
}

// The planted bugs: each kind of sync left out must leave a torn checkpoint that is seen.
#[test]
fn i6_a_sync_left_out_is_found() {
    for lie in [Lie::SyncFile, Lie::SyncDir, Lie::SyncManifest] {
        let torn = (0..=steps()).any(|dies_at| {
            let (root, disk, _) = made_until(dies_at, lie);
            seen_after(root.path(), &disk).is_err()
        });
        assert!(torn, "{lie:?} left out changes nothing: this test would not see it");
    }
}

/// What is wrong with the order of steps; empty if nothing.
fn disorder(steps: &[(&'static str, PathBuf)]) -> Vec<&'static str> {
    let at = |what: &str, is: &dyn Fn(&Path) -> bool| steps.iter().position(|(step, path)| *step == what && is(path));
    let named = |name: &'static str| move |path: &Path| path.ends_with(name);
    let rename = at("rename", &|path| named("chk-00000000000000000004")(path));
    let write = at("write_new", &named("manifest.json"));
    let last_file = steps.iter().rposition(|(step, path)| *step == "sync_file" && !path.ends_with("manifest.json"));
    let sync_manifest = at("sync_file", &named("manifest.json"));
    let sync_making = at("sync_dir", &named(".making-checkpoint"));
    let sync_set = rename.and_then(|rename| {
        let after =
            steps.iter().skip(rename).position(|(step, path)| *step == "sync_dir" && path.ends_with("checkpoints"));
        after.map(|after| rename + after)
    });
    let remove =
        steps.iter().position(|(step, path)| *step == "rename" && path.to_string_lossy().contains(".removing-"));
    let order = [
        ("files are synced", last_file),
        ("then the manifest is written", write),
        ("then it is synced", sync_manifest),
        ("then the directory", sync_making),
        ("then it gets its name", rename),
        ("then the name is synced", sync_set),
        ("only then an old one goes", remove),
    ];
    let wrong = |pair: &&[(&'static str, Option<usize>)]| !(pair[0].1.is_some() && pair[0].1 < pair[1].1);
    order.windows(2).filter(wrong).map(|pair| pair[1].0).collect()
}

#[test]
fn i6_the_order_of_steps_is_kept() {
    let (_root, disk, _) = made_until(usize::MAX, Lie::Nothing);
    let steps = disk.steps();
    assert_eq!(disorder(&steps), Vec::<&str>::new(), "{steps:#?}");
    // Planted: any two neighbours of the order changed, or one left out, must be seen.
    let rename = steps.iter().position(|step| step.0 == "rename").unwrap();
    for at in rename - 3..=rename {
        let mut planted = steps.clone();
        planted.swap(at, at + 1);
        assert_ne!(disorder(&planted), Vec::<&str>::new(), "steps {at} and {} changed", at + 1);
        let mut planted = steps.clone();
        planted.remove(at);
        assert_ne!(disorder(&planted), Vec::<&str>::new(), "step {at} left out");
    }
}
