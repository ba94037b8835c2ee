//! One opsctl at a time changes a stack; the lock names its holder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process;

use jiff::Timestamp;

use crate::failure::{Failure, Result};

/// Held until dropped; the kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the stack's lock for this command, or says who has it.
    pub(crate) fn take(project: &str, command: &str) -> Result<Self> {
        Self::take_at(&path(project), command)
    }

    fn take_at(path: &PathBuf, command: &str) -> Result<Self> {
        let denied = |error: &std::io::Error| {
            Failure::could_not_run(format!("the lock {} cannot be opened: {error}", path.display()))
        };
        // Everybody on this host shares it: two people's `up` harm each other as much as one person's two.
        // Without O_CREAT first: in a sticky directory the kernel refuses it on somebody else's file (fs.protected_regular).
        let open = || OpenOptions::new().read(true).write(true).open(path);
        let make = || OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o666).open(path);
        let mut file = open().or_else(|_| make()).map_err(|error| denied(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Whoever holds it may be about to write its name; then it has none yet.
                let _ = file.read_to_string(&mut holder);
                return Err(held_by(holder.trim()));
            }
            Err(TryLockError::Error(error)) => return Err(denied(&error)),
        }
        // The umask took bits away; only the owner can give them, and only the owner made the file.
        let _ = file.set_permissions(std::fs::Permissions::from_mode(0o666));
        let holder = format!("opsctl {command}, process {}, since {:.0}", process::id(), Timestamp::now());
        let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{holder}"));
        written.map_err(|error| denied(&error))?;
        Ok(Self { _file: file })
    }
}

fn path(project: &str) -> PathBuf {
    std::env::temp_dir().join(format!("opsctl-{project}.lock"))
}

fn held_by(holder: &str) -> Failure {
    let holder = if holder.is_empty() { "another opsctl" } else { holder };
    Failure::could_not_run(format!("this stack is being worked on by {holder}"))
        .hint("wait until it is done, then run this again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_is_first() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("lock");
        let first = Lock::take_at(&path, "up").expect("free");
        let refused = Lock::take_at(&path, "down").expect_err("held");
        assert_eq!(refused.exit, crate::failure::Exit::CouldNotRun);
        assert!(refused.message.contains(&format!("opsctl up, process {}", process::id())), "{refused}");
        drop(first);
        Lock::take_at(&path, "down").expect("free again");
    }
}
