//! One worker a state directory: an exclusive lock that ends with the process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use super::{StoreError, directory};

/// The lock's file within the state directory.
const LOCK: &str = "lock";
/// No name of a holder is longer.
const HOLDER_BYTES: u64 = 256;

/// Whoever holds it owns the state directory.
#[derive(Debug)]
pub struct StateLock {
    /// Locked for as long as it is open.
    _file: File,
}

impl StateLock {
    /// Takes the lock of a state directory, which is made if it is not there. Refused while another process holds it.
    pub fn take(state_directory: &Path) -> Result<Self, StoreError> {
        directory::prepare(state_directory)?;
        let unavailable = |error: std::io::Error| StoreError::Unavailable {
            place: state_directory.display().to_string(),
            reason: format!("{LOCK}: {error}"),
        };
        let mut options = OpenOptions::new();
        // Not truncated: until the lock is ours it names another holder.
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(state_directory.join(LOCK)).map_err(unavailable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let place = state_directory.display().to_string();
                return Err(StoreError::InUse { place, holder: holder(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(unavailable(error)),
        }
        let named = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", ourselves()));
        named.map_err(unavailable)?;
        Ok(Self { _file: file })
    }
}

fn ourselves() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("pid {} on host {}\n", std::process::id(), host.trim())
}

fn holder(file: &mut File) -> String {
    let mut name = String::new();
    // It is for people: where it cannot be read, the refusal does without.
    let _unread = file.take(HOLDER_BYTES).read_to_string(&mut name);
    match name.trim() {
        "" => "another process".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_worker_is_refused_and_told_who_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = StateLock::take(folder.path()).unwrap();
        let refusal = StateLock::take(folder.path()).unwrap_err().to_string();
        let holder = format!("is in use by pid {} on host ", std::process::id());
        assert!(refusal.contains(&holder) && refusal.contains("one worker a state directory"), "{refusal}");
        drop(first);
        StateLock::take(folder.path()).unwrap();
    }
}
