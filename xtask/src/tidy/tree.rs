//! The checkout as the rules see it: files that people wrote, with their text.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Built, fetched or found by fuzzing: not ours to judge.
const SKIPPED: [&str; 7] = [".git", "target", "corpus", "artifacts", "coverage", "node_modules", "__pycache__"];
/// A worker's own, where it was started in the checkout; a folder of that name further down is source.
const STATE: &str = "state";
/// Recordings may be long; no rule reads their text.
const LARGEST_READ: u64 = 4 << 20;

/// One file.
#[derive(Debug)]
pub(crate) struct File {
    /// From the root, with `/`.
    pub(crate) path: String,
    /// Empty where it is not UTF-8 or very long.
    pub(crate) text: String,
    /// Anybody may execute it.
    pub(crate) executable: bool,
}

impl File {
    /// `decode/mod.rs` → `mod.rs`
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// What follows the last dot of the name, or nothing.
    pub(crate) fn extension(&self) -> &str {
        self.name().rsplit_once('.').map_or("", |(_, extension)| extension)
    }
}

/// All files, by path.
#[derive(Debug)]
pub(crate) struct Tree {
    /// Where it was read.
    pub(crate) root: PathBuf,
    /// By path.
    pub(crate) files: Vec<File>,
}

impl Tree {
    /// Reads what lies below this root.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut files = Vec::new();
        let mut directories = vec![root.to_path_buf()];
        while let Some(directory) = directories.pop() {
            let entries =
                fs::read_dir(&directory).with_context(|| format!("{} cannot be read", directory.display()))?;
            for entry in entries {
                let entry = entry?;
                let (kind, path) = (entry.file_type()?, entry.path());
                let name = entry.file_name();
                if SKIPPED.contains(&name.to_string_lossy().as_ref()) || (directory == root && name == STATE) {
                    continue;
                }
                if kind.is_dir() {
                    directories.push(path);
                } else if kind.is_file() {
                    files.push(read_file(root, &path)?);
                }
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { root: root.to_path_buf(), files })
    }

    /// The file at this path.
    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// All Rust files.
    pub(crate) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.extension() == "rs")
    }
}

fn read_file(root: &Path, path: &Path) -> Result<File> {
    let problem = || format!("{} cannot be read", path.display());
    let meta = fs::metadata(path).with_context(problem)?;
    let bytes = if meta.len() > LARGEST_READ { Vec::new() } else { fs::read(path).with_context(problem)? };
    let relative = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
    let text = String::from_utf8(bytes).unwrap_or_default();
    Ok(File { path: relative, text, executable: meta.permissions().mode() & 0o111 != 0 })
}
