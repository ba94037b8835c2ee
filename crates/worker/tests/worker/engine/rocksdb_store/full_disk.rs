//! A disk that is full, by a small file system in memory.

use super::*;

/// A small file system in memory, gone with the test.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where this user may not mount.
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = ["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"];
        let mounted = mounted_well(Command::new("mount").args(options).arg(folder.path()));
        mounted.then_some(Self(folder))
    }

    fn resize(&self, size: &str) {
        assert!(mounted_well(Command::new("mount").args(["-o", &format!("remount,size={size}")]).arg(self.0.path())));
    }
}

fn mounted_well(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        mounted_well(Command::new("umount").arg(self.0.path()));
    }
}

// The commit that found no room is tried again until there is some; nothing is lost, and it can be read meanwhile.
#[test]
fn a_full_disk_is_waited_for() {
    let Some(disk) = SmallDisk::mount("12m") else {
        eprintln!("not tested: only root may mount a small disk");
        return;
    };
    let (store, memory) = (open(&disk.0.path().join("db")), MemoryStateStore::default());
    // Values that do not compress.
    let mut noise = xxhash_rust::xxh3::Xxh3::new();
    let mut large = move |epoch: u64| {
        let bytes: Vec<u8> = (0..6_000_u64)
            .flat_map(|number| {
                noise.update(&(epoch ^ number << 32).to_le_bytes());
                noise.digest().to_le_bytes()
            })
            .collect();
        commit(epoch, &[(format!("S{epoch}").as_str(), &bytes)], &[(epoch as i64, "A", true)])
    };
    let mut full = 0;
    for epoch in 1..600 {
        let commit = large(epoch);
        if let Err(error) = store.commit(&commit) {
            full += 1;
            assert!(error.may_mend(), "{error}");
            assert!(error.to_string().contains("No space left on device"), "{error}");
            assert_eq!(store.last_commit().unwrap().unwrap().epoch, epoch - 1);
            assert!(store.symbol(&StateKey::of(0, "S1")).unwrap().is_some(), "it can be read");
            let still = store.resume().unwrap_err();
            assert!(still.may_mend() && still.to_string().contains("No space left on device"), "{still}");
            disk.resize("200m");
            store.resume().unwrap();
            store.commit(&commit).unwrap();
        }
        memory.commit(&commit).unwrap();
    }
    assert_eq!(full, 1, "it was full once, and mended");
    assert!(all(&store) == all(&memory));
    drop(store);
    assert!(all(&open(&disk.0.path().join("db"))) == all(&memory));
}
