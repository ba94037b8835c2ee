//! One run at a time under a project name; the lock names its holder.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};

use anyhow::{Context as _, Result, bail};

/// Held until dropped; the kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes it, or says who has it.
    pub(crate) fn take(project: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("e2e-{project}.lock"));
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = file.with_context(|| format!("{} cannot be opened", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                bail!(
                    "another run is at work on {project} ({}): wait for it, or choose another --project",
                    holder.trim()
                );
            }
            Err(TryLockError::Error(error)) => return Err(error).context("the lock cannot be taken"),
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "process {}", std::process::id())?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_is_first() {
        let project = format!("lock-test-{}", std::process::id());
        let first = Lock::take(&project).expect("free");
        let refused = Lock::take(&project).expect_err("held").to_string();
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        drop(first);
        Lock::take(&project).expect("free again");
        std::fs::remove_file(std::env::temp_dir().join(format!("e2e-{project}.lock"))).expect("removed");
    }
}
