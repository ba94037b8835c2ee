//! A small file system of its own for state, log and checkpoints, and the library between a worker and the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process::{ask, succeeded};

/// Room for a state of a few megabytes, its log and its checkpoints; soon filled.
const SIZE: &str = "size=192m";
/// Beside the tests that use it as well.
const SHIM: &str = "crates/worker/tests/worker/shim/shim.c";

/// A tmpfs, for as long as this is not dropped.
#[derive(Debug)]
pub(crate) struct Mounted(PathBuf);

impl Mounted {
    /// Mounts one. An error where nobody lets us.
    pub(crate) fn tmpfs(at: &Path) -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            bail!("only root may mount a file system");
        }
        fs::create_dir_all(at)?;
        mount(Command::new("mount").args(["-t", "tmpfs", "-o", SIZE, "tmpfs"]).arg(at))?;
        Ok(Self(at.to_owned()))
    }

    /// Mounts it again with these options, `ro` or `rw`.
    pub(crate) fn again(&self, options: &str) -> Result<()> {
        mount(Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: a worker that was killed a moment ago may still be there.
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

fn mount(command: &mut Command) -> Result<()> {
    let output = ask(command)?;
    let said = String::from_utf8_lossy(&output.stderr);
    succeeded(output.status, "mount").with_context(|| said.trim().to_owned())
}

/// Builds the library.
pub(crate) fn build_shim(root: &Path, into: &Path) -> Result<PathBuf> {
    let (source, library) = (root.join(SHIM), into.join("shim.so"));
    let mut cc = Command::new("cc");
    let output = ask(cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source))?;
    succeeded(output.status, "cc").with_context(|| String::from_utf8_lossy(&output.stderr).trim().to_owned())?;
    Ok(library)
}
