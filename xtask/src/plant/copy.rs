//! A copy of the tree, with build results of its own: what is planted never stands in the project's files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::plant::Bug;
use crate::process::{ask, succeeded};

/// The copy.
pub(crate) struct Copy {
    tree: PathBuf,
    target: PathBuf,
}

/// Files of the copy with a bug in them; they are as they were when this is dropped.
pub(crate) struct Planted {
    before: Vec<(PathBuf, String)>,
}

impl Copy {
    /// The tree as git sees it, changes that are not committed included. What is in the copy already and has not changed
    /// stays, so that little is built again.
    pub(crate) fn fresh(root: &Path, folder: &Path) -> Result<Self> {
        let copy = Self { tree: folder.join("tree"), target: folder.join("target") };
        let mut git = Command::new("git");
        git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
        let listed = ask(&mut git)?;
        succeeded(listed.status, "git ls-files")?;
        let names = String::from_utf8(listed.stdout).context("a file's name is not UTF-8")?;
        let names: Vec<&str> = names.split('\0').filter(|name| root.join(name).is_file()).collect();
        for name in &names {
            copy.bring(root, name).with_context(|| format!("{name} cannot be copied"))?;
        }
        copy.remove_others(&copy.tree, &names)?;
        Ok(copy)
    }

    fn bring(&self, root: &Path, name: &str) -> Result<()> {
        let (from, to) = (root.join(name), self.tree.join(name));
        let bytes = fs::read(&from)?;
        if fs::read(&to).is_ok_and(|known| known == bytes) {
            return Ok(());
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        // With the permissions: scripts are run.
        fs::copy(&from, &to)?;
        Ok(())
    }

    /// What the project no longer has would still be built.
    fn remove_others(&self, folder: &Path, names: &[&str]) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.strip_prefix(&self.tree)?.to_string_lossy().into_owned();
            if path.is_dir() {
                self.remove_others(&path, names)?;
            } else if !names.contains(&name.as_str()) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }

    /// Where it stands.
    pub(crate) fn tree(&self) -> &Path {
        &self.tree
    }

    /// Where it is built.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Puts a bug into it.
    pub(crate) fn plant(&self, bug: &Bug) -> Result<Planted> {
        let mut planted = Planted { before: Vec::new() };
        for change in &bug.changes {
            let path = self.tree.join(&change.file);
            let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", change.file))?;
            let with_bug = change.apply(&text).with_context(|| format!("planted bug {}", bug.name))?;
            planted.before.push((path.clone(), text));
            fs::write(&path, with_bug).with_context(|| format!("{} cannot be written", change.file))?;
        }
        Ok(planted)
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        // The last change first: two may be of one file.
        for (path, text) in self.before.drain(..).rev() {
            if let Err(error) = fs::write(&path, text) {
                eprintln!("xtask: {} still has a planted bug: {error}", path.display());
            }
        }
    }
}
