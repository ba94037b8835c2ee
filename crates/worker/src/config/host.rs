//! What a configuration takes from the machine: the environment, files, the memory limit. Passed in, so that tests give
//! their own.

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::path::Path;

use super::memory;

/// Larger files than this are no configuration and no secret.
const LARGEST_FILE_BYTES: u64 = 1024 * 1024;

/// The machine as far as a configuration sees it.
pub struct Host<'a> {
    /// The environment's variables.
    pub environment: Vec<(OsString, OsString)>,
    /// Reads a whole file as text.
    pub read: &'a dyn Fn(&Path) -> io::Result<String>,
    /// The memory that the process may use, in bytes; `None` without a limit.
    pub memory_limit_bytes: Option<u64>,
}

impl Host<'static> {
    /// The machine that we run on.
    pub fn this() -> Self {
        let memory_limit_bytes = memory::limit_bytes(&|path| read_file(path).ok());
        Self { environment: std::env::vars_os().collect(), read: &read_file, memory_limit_bytes }
    }
}

/// Reads a text file of at most a mebibyte.
fn read_file(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    file.take(LARGEST_FILE_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST_FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 1 MiB"));
    }
    Ok(text)
}
