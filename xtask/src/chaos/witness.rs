//! What stood in the results when the worker died must stand there for ever: somebody may have read it.

use std::hash::Hasher as _;
use std::io::Read as _;
use std::path::Path;

use anyhow::Result;

use super::life::bytes_of;

/// Remembers what it saw, piece by piece.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    pieces: Vec<Piece>,
    to: u64,
}

#[derive(Debug)]
struct Piece {
    from: u64,
    to: u64,
    hash: u64,
    at_seconds: f64,
}

impl Witness {
    /// Looks at a file, up to its end now; gives how long it is.
    pub(crate) fn look(&mut self, file: &Path, at_seconds: f64) -> Result<u64> {
        let length = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
        if length > self.to {
            let hash = hash(file, self.to, length)?;
            self.pieces.push(Piece { from: self.to, to: length, hash, at_seconds });
            self.to = length;
        }
        Ok(length)
    }

    /// What it saw that is not there now.
    pub(crate) fn misses(&self, file: &Path) -> Result<Vec<String>> {
        let mut missed = Vec::new();
        for Piece { from, to, hash: seen, at_seconds } in &self.pieces {
            if hash(file, *from, *to)? != *seen {
                missed.push(format!("results seen at {at_seconds:.1} s are others now: bytes {from} to {to}"));
            }
        }
        Ok(missed)
    }
}

fn hash(file: &Path, from: u64, to: u64) -> Result<u64> {
    let mut bytes = bytes_of(file, from, to)?;
    let (mut hasher, mut buffer) = (std::hash::DefaultHasher::new(), vec![0; 1 << 16]);
    loop {
        match bytes.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            read => hasher.write(buffer.get(..read).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_that_changes_later_is_missed_and_one_that_comes_later_is_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("results");
        let mut witness = Witness::default();
        assert_eq!(witness.look(&file, 0.0).expect("nothing there"), 0);
        for (text, length) in [("one\n", 4), ("one\ntwo\n", 8), ("one\n", 4)] {
            std::fs::write(&file, text).expect("written");
            assert_eq!(witness.look(&file, 1.0).expect("seen"), length);
        }
        std::fs::write(&file, "one\ntwo\nthree\n").expect("written");
        assert!(witness.misses(&file).expect("read").is_empty());
        std::fs::write(&file, "one\ntwi\nthree\n").expect("written");
        assert_eq!(witness.misses(&file).expect("read"), ["results seen at 1.0 s are others now: bytes 4 to 8"]);
        std::fs::write(&file, "one\n").expect("written");
        assert_eq!(witness.misses(&file).expect("read").len(), 1);
    }
}
