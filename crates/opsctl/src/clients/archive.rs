//! A compressed archive, written whole or not at all: tar (POSIX ustar) in gzip, which every system reads.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

const BLOCK: usize = 512;

/// An archive under way; nothing of it is there under its name until [`Archive::finish`].
pub(crate) struct Archive {
    out: GzEncoder<File>,
    /// In front of every name: unpacked, all lies in one directory.
    root: String,
    seconds: i64,
    path: PathBuf,
}

impl Archive {
    /// Begins one.
    pub(crate) fn create(path: &Path, root: &str, seconds: i64) -> io::Result<Self> {
        let file = File::create(unfinished(path))?;
        Ok(Self {
            out: GzEncoder::new(file, Compression::default()),
            root: root.to_owned(),
            seconds,
            path: path.to_owned(),
        })
    }

    /// Adds a file.
    pub(crate) fn add(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let header = header(&format!("{}/{name}", self.root), content.len(), self.seconds)?;
        self.out.write_all(&header)?;
        self.out.write_all(content)?;
        let rest = content.len() % BLOCK;
        if rest > 0 { self.out.write_all(&[0; BLOCK][rest..]) } else { Ok(()) }
    }

    /// Ends it and gives it its name; how many bytes it has.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        self.out.write_all(&[0; 2 * BLOCK])?;
        let file = self.out.finish()?;
        file.sync_all()?;
        fs::rename(unfinished(&self.path), &self.path)?;
        Ok(file.metadata()?.len())
    }
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".unfinished");
    PathBuf::from(name)
}

fn header(name: &str, size: usize, seconds: i64) -> io::Result<[u8; BLOCK]> {
    let mut header = [0_u8; BLOCK];
    if name.len() > 100 || !name.is_ascii() {
        return Err(io::Error::other(format!("{name}: no name for an archive")));
    }
    let mut field = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    field(0, name);
    field(100, "0000600\0");
    field(108, "0000000\0");
    field(116, "0000000\0");
    field(124, &format!("{size:011o}\0"));
    field(136, &format!("{:011o}\0", seconds.max(0)));
    // The sum counts its own place as blanks.
    field(148, "        ");
    field(156, "0");
    field(257, "ustar\0");
    field(263, "00");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(header)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn tar_itself_reads_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.tar.gz");
        let mut archive = Archive::create(&path, "root", 1_700_000_000).expect("created");
        archive.add("logs/a.log", &[b'x'; 1000]).expect("added");
        archive.add("empty", b"").expect("added");
        assert!(!path.exists(), "not there before it is whole");
        archive.finish().expect("finished");
        let listed = Command::new("tar").arg("tzvf").arg(&path).output().expect("tar runs");
        let text = String::from_utf8_lossy(&listed.stdout).into_owned();
        assert!(
            listed.status.success()
                && text.contains("1000")
                && text.contains("root/logs/a.log")
                && text.contains("root/empty"),
            "{text}"
        );
        assert!(Archive::create(&path, &"x".repeat(200), 0).expect("created").add("a", b"").is_err());
    }
}
