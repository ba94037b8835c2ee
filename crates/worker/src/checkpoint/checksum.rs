//! Checksums of files: xxh3-128. They find what disks and people do to a file, not what an attacker would; whoever can
//! write to the directory can write a manifest, too.
//!
//! Why not SHA-256: it costs a multiple of reading the file and protects against nothing more here.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_128};

/// Its name in manifests.
pub(super) const ALGORITHM: &str = "xxh3-128";
/// What is read at once: small, so that the pipeline's own reads are not held up.
const CHUNK_BYTES: usize = 256 * 1024;

/// 128 bits; 32 hexadecimal digits as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checksum(u128);

impl Checksum {
    /// Of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(xxh3_128(bytes))
    }

    /// Of a file as it is, with its length.
    pub fn of_file(path: &Path) -> io::Result<(Self, u64)> {
        let (mut file, mut hasher) = (File::open(path)?, Xxh3Default::new());
        let (mut chunk, mut length) = (vec![0; CHUNK_BYTES], 0);
        loop {
            match file.read(&mut chunk) {
                Ok(0) => return Ok((Self(hasher.digest128()), length)),
                Ok(read) => {
                    hasher.update(chunk.get(..read).unwrap_or_default());
                    length += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Of what a hasher was fed.
    pub(super) fn of_fed(hasher: &Xxh3Default) -> Self {
        Self(hasher.digest128())
    }

    /// Reads the text form.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        digits.then(|| u128::from_str_radix(text, 16).ok()).flatten().map(Self)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for Checksum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Checksum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("a checksum is 32 hexadecimal digits"))
    }
}
