//! The folder that Docker builds from: what the repository has, and beside it what Maven or cargo made.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

/// A build's folder; goes when dropped.
#[derive(Debug)]
pub(crate) struct BuildContext {
    directory: TempDir,
}

impl BuildContext {
    /// A copy of this folder of the repository.
    pub(crate) fn of(folder: &Path, beside: &Path) -> Result<Self> {
        fs::create_dir_all(beside).with_context(|| format!("{} cannot be made", beside.display()))?;
        let directory = tempfile::Builder::new().prefix("context-").tempdir_in(beside)?;
        copy(folder, directory.path())?;
        Ok(Self { directory })
    }

    /// Puts a file or a whole folder into it, under this name.
    pub(crate) fn add(&self, name: &str, from: &Path) -> Result<()> {
        copy(from, &self.directory.path().join(name))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Hard links where it can, for it is megabytes of jars; the modes come along.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let failed = || format!("{} cannot be copied to {}", from.display(), to.display());
    if !from.is_dir() {
        return fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop)).with_context(failed);
    }
    fs::create_dir_all(to).with_context(failed)?;
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(from).with_context(failed)? {
        entries.push(entry?.path());
    }
    for entry in entries {
        if let Some(name) = entry.file_name() {
            copy(&entry, &to.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_repositorys_files_and_the_others_stand_side_by_side() {
        let place = tempfile::tempdir().expect("a directory");
        let folder = place.path().join("kafka");
        fs::create_dir_all(folder.join("bin")).expect("made");
        fs::write(folder.join("bin/tool"), "#!").expect("written");
        fs::set_permissions(folder.join("bin/tool"), fs::Permissions::from_mode(0o755)).expect("set");
        let jars = place.path().join("jars");
        fs::create_dir(&jars).expect("made");
        fs::write(jars.join("a.jar"), "jar").expect("written");

        let context = BuildContext::of(&folder, &place.path().join("cache")).expect("a context");
        context.add("libs", &jars).expect("added");
        assert_eq!(fs::read_to_string(context.path().join("libs/a.jar")).expect("there"), "jar");
        let mode = fs::metadata(context.path().join("bin/tool")).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o755);

        let path = context.path().to_path_buf();
        drop(context);
        assert!(!path.exists() && jars.join("a.jar").is_file());
    }
}
