//! A file that grows at its end: the machine's, or one that a test makes up.

use std::fs::File;
use std::io::{self, Write as _};

/// What results and epoch records are appended to. What was appended is in the file at once, and lasts over the machine's
/// end after a sync.
pub trait AppendFile: Send + Sync {
    /// Writes behind what is there. After an error some of it may be there.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Takes away what stands behind `length` bytes.
    fn cut(&self, length: u64) -> io::Result<()>;

    /// When it returns, what was appended and cut lasts.
    fn sync(&self) -> io::Result<()>;
}

/// A file that was opened for appending.
impl AppendFile for File {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self;
        file.write_all(bytes)
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
